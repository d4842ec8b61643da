"""What all verbs share: examples in their help, `--quiet`, and a next step behind each complaint."""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Iterator
from contextlib import AbstractContextManager

from transfer_audit.cli.progress import say
from transfer_audit.core.errors import AuditError, BagError, LedgerError, ModelError, ProfileError

NEXT = {
    ProfileError: 'mend what is named above, then: transfer-audit profile check PROFILE',
    ModelError: 'name the right MJCF or URDF with --model FILE, or in the profile under model',
    BagError: 'give a bag folder, an .mcap or a .db3 file; what it holds: ros2 bag info BAG',
    LedgerError: 'name a ledger with --ledger FILE; is it whole? transfer-audit ledger verify',
}
"""What to try after each kind of error."""


def next_step(error: AuditError) -> str:
    """What to do after an error, as the end of its sentence, or behind its list; or nothing."""
    found = next((text for kind, text in NEXT.items() if isinstance(error, kind)), '')
    between = '\n  ' if '\n' in str(error) else '; '
    return f'{between}next: {found}' if found else ''


def inner(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The verbs directly under a parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers that take arguments for work: a verb, or the verbs under it."""
    below = inner(parser)
    if not below:
        yield parser
    for sub in below.values():
        yield from leaves(sub)


def with_examples(parser: argparse.ArgumentParser, examples: str) -> None:
    """Show each verb under a verb those of the examples that speak of it, where it has none of its own."""
    for name, sub in inner(parser).items():
        lines = [line for line in examples.splitlines() if f'{parser.prog} {name} ' in f'{line} ']
        if lines and 'examples:' not in (sub.epilog or ''):
            sub.epilog = '\n'.join([*filter(None, [sub.epilog]), 'examples:', *lines])
            sub.formatter_class = argparse.RawDescriptionHelpFormatter


def with_quiet(parser: argparse.ArgumentParser) -> None:
    """Give each verb that prints what it finds a `--quiet`, if it has none."""
    for leaf in leaves(parser):
        if '--quiet' not in leaf._option_string_actions:
            leaf.add_argument('--quiet', action='store_true', help='print nothing but errors')
            leaf.set_defaults(silenced=True)


def hushed(arguments: argparse.Namespace) -> AbstractContextManager[object]:
    """Silence for `--quiet`: of progress everywhere, of stdout where the verb does not see to that itself.

    JSON that was asked for on stdout is printed all the same.
    """
    say.quiet = bool(getattr(arguments, 'quiet', False))
    wanted = getattr(arguments, 'json', None) in ('-', True)
    if say.quiet and getattr(arguments, 'silenced', False) and not wanted:
        return contextlib.redirect_stdout(io.StringIO())
    return contextlib.nullcontext()
