"""What can go wrong, in sentences. Each error is built from facts and names place, expectation and choices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class AuditError(Exception):
    """Something a person can mend: said in one sentence, exit code 2."""


def choices(name: str, known: Iterable[str]) -> str:
    """The nearest match and all that exists, as the end of a sentence."""
    options = [str(option) for option in known]
    nearest = get_close_matches(name, options, n=1)
    hint = f'; did you mean {nearest[0]!r}?' if nearest else ''
    listed = ', '.join(options[:40]) + (f', … ({len(options)} in all)' if len(options) > 40 else '')
    return f'{hint} (known: {listed or "none"})'


class UnknownElement(AuditError):
    """Something names what the model, the message or the bag does not have."""

    def __init__(self, where: str, what: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f'{where}: no {what} {name!r}{choices(name, known)}')


class ProfileError(AuditError):
    """A profile cannot be used. `problems` lists every one found, each with its place."""

    def __init__(self, path: str, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        lines = ''.join(f'\n  {problem}' for problem in self.problems)
        count = 'a problem' if len(self.problems) == 1 else f'{len(self.problems)} problems'
        super().__init__(f'{path}: {count} in the profile:{lines}')


class FieldError(AuditError):
    """A path does not lead to numbers in a message."""


class BagError(AuditError):
    """A bag cannot be read or lacks what the audit needs."""


class ModelError(AuditError):
    """A MuJoCo model does not compile or lacks what the profile asks of it."""


class LedgerError(AuditError):
    """The ledger cannot be read or written."""
