"""An audit as a bag that every tool opens: both sides, residual, score and events on the real time line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from transfer_audit.bags.reader import open_bag
from transfer_audit.bags.writer import BagWriter
from transfer_audit.core.binding import Binding
from transfer_audit.core.errors import AuditError
from transfer_audit.core.judge import Scored
from transfer_audit.report.evidence.events import EventWriter
from transfer_audit.report.evidence.messages import Messages
from transfer_audit.report.evidence.rows import RowWriter

__all__ = ['Evidence', 'evidence_path', 'open_evidence']


def evidence_path(out: Path, bag: Path, bags: Sequence[Path]) -> Path:
    """Where the evidence of one of these bags goes: `out` itself for one bag, a bag of its name in `out` for many.

    :raises AuditError: if it exists already, or two bags would share it
    """
    if len(bags) > 1:
        if out.suffix == '.mcap':
            raise AuditError(f'{out}: one file cannot hold the evidence of {len(bags)} bags; give a folder')
        names = [each.stem for each in map(Path.absolute, bags)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise AuditError(f'--evidence: two bags are called {twice[0]}; give them their own folders')
        out = out / bag.absolute().stem
    if out.exists():
        raise AuditError(f'{out}: exists already, evidence is only written to a new path')
    return out


class Evidence:
    """An evidence bag that is being written. `watch` is shown every row; `conclude` ends it."""

    def __init__(self, binding: Binding, writer: BagWriter) -> None:
        messages = Messages(writer.typestore)
        self._rows = RowWriter(binding, writer, messages)
        self._events = EventWriter(binding.profile.hand, writer, messages)

    def watch(self, scored: Scored) -> None:
        """Take judged rows, in order of time."""
        self._rows.watch(scored)

    def conclude(self, document: Mapping[str, Any]) -> None:
        """Take the verdict document, and from its bag what the gate said."""
        for verdict in document['rounds']:
            self._events.verdict(verdict)
        with open_bag(document['bag']) as bag:
            self._events.copy_gate(bag)


@contextmanager
def open_evidence(out: Path, binding: Binding) -> Iterator[Evidence]:
    """Write evidence to a new bag folder with `out.name`.mcap in it, or to that file alone if `out` ends in .mcap.

    It appears when it is whole: until then, and after an error, nothing is there.

    :raises AuditError: if something exists there, or it cannot be written
    """
    if out.exists():
        raise AuditError(f'{out}: exists already, evidence is only written to a new path')
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix='.evidence_', dir=out.parent) as place:
            folder = Path(place, out.name)
            with BagWriter(folder, compressed=True) as writer:
                yield Evidence(binding, writer)
            (folder / f'{folder.name}.mcap' if out.suffix == '.mcap' else folder).rename(out)
    except OSError as error:
        raise AuditError(f'{out}: the evidence cannot be written: {error.strerror or error}') from error
