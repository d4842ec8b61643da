"""One robot's chain -> a copy of it in another ledger: what is lacking there, in order, as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.backend import Backend, Pen
from transfer_audit.ledger.chain import Entry, Head
from transfer_audit.ledger.database import backend_of
from transfer_audit.ledger.place import checked_robot
from transfer_audit.ledger.reader import ForeignHead, LedgerReader

MOST = 2000
"""Entries in one transaction."""
BYTES = 16_000_000
"""Text in one transaction, so that memory stays small."""


class Copy:
    """The chain of a robot in another ledger, which is kept open. For use by one thread at a time.

    :raises LedgerError: if that ledger cannot be opened for writing
    """

    def __init__(self, where: str | Path, robot: str) -> None:
        self._backend: Backend = backend_of(where)
        self.robot, self.name = checked_robot(robot), self._backend.name
        self._backend.connect(read_only=False)

    def update(self, source: LedgerReader, told: Callable[[Head], None] = lambda _: None) -> int:
        """Send what is lacking of the source's own chain, in transactions that follow each other. It may be broken off
        at any instant and be called again, also by several at once.

        :param told: called with the end of the copy whenever that is known
        :returns: the number of entries that were sent
        :raises LedgerError: if the copy does not begin as the source does, or either of them cannot be used
        """
        sent = 0
        while True:
            with self._backend.writing(self.robot, copies=True) as pen:
                found = self._lacking(source, pen)
                pen.copy(found)
            told(pen.last)
            if not found:
                return sent
            sent += len(found)

    def _lacking(self, source: LedgerReader, pen: Pen) -> list[Entry]:
        problem = pen.problem()
        if problem:
            raise LedgerError(f'{self.name}: the chain of {self.robot} is not whole there: {problem}')
        try:
            found = source.after(pen.last, MOST)
        except ForeignHead as error:
            raise LedgerError(
                f'{self.name}: has a chain of {self.robot} that is not the beginning of this one ({error}); two '
                f'ledgers were kept under one name, or a tail was lost: send this one under another name'
            ) from error
        return found[: _fitting(found)]

    def close(self) -> None:
        """Leave the other ledger."""
        self._backend.close()


def _fitting(entries: list[Entry]) -> int:
    """How many of them go into one transaction: at least one."""
    size = 0
    for count, entry in enumerate(entries):
        size += len(entry.body)
        if size > BYTES and count:
            return count
    return len(entries)
