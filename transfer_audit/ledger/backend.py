"""What the ledger asks of a database, whichever it is; and the one way an entry gets into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.chain import BOUNDARIES, Entry, Head, Kind, digest, head_note, head_problem, seal
from transfer_audit.ledger.record import canonical
from transfer_audit.ledger.tables import FROM, HIGHEST_ROUND, INSERT, LAST


class Unwritable(LedgerError):
    """The disk or the database refuses, not the ledger: the same may be tried again later."""


@dataclass(frozen=True)
class Stored:
    """The head that is kept apart from the entries.

    :param head: None if there is none
    :param where: what holds it, for sentences
    :param problem: why it cannot be read, or ''
    :param together: whether it is written in one transaction with the entries, so that no crash leaves it behind
    """

    head: Head | None
    where: str
    problem: str = ''
    together: bool = False

    def against(self, tail: Sequence[Entry], last: Head) -> str:
        """Why a chain that ends with `last` cannot have this head, or ''.

        :param tail: the entries from the head's own on
        """
        if self.problem:
            return self.problem
        head = self.head or Head()
        note = head_note(head, last) if self.together else ''
        return head_problem(head, tail, last) or (f'{note}, which was written with it' if note else '')


class Pen:
    """Writes at the end of one chain, within one transaction in which nobody else does.

    :param last: the last entry
    :param stored: the head that is kept apart; only for a chain that was not written before
    """

    def __init__(self, connection: sa.Connection, robot: str, stored: Stored | None = None) -> None:
        self.connection, self.robot, self.stored = connection, robot, stored
        self.last = last_of(connection, robot)
        self.wrote = self.bounded = False

    def append(self, kind: Kind, round_: int | None, body: str) -> Entry:
        """Seal an entry and write it."""
        entry = seal(self.last, kind, round_, body, self.robot)
        self._wrote([entry])
        return entry

    def copy(self, entries: Sequence[Entry]) -> None:
        """Write entries that were sealed elsewhere, as they are.

        :raises LedgerError: if they do not follow the last one, or are not what was sealed
        """
        last = self.last
        for entry in entries:
            if (entry.sequence, entry.previous_sha256) != (last.sequence + 1, last.sha256):
                raise LedgerError(f'{entry} does not follow entry {last.sequence}; see `transfer-audit ledger verify`')
            if digest(entry) != entry.sha256:
                raise LedgerError(f'{entry} is not what was written; see `transfer-audit ledger verify`')
            last = entry.head
        self._wrote([entry._replace(robot=self.robot) for entry in entries])

    def _wrote(self, entries: Sequence[Entry]) -> None:
        if entries:
            rows = [entry._asdict() for entry in entries]
            self.connection.execute(INSERT, rows if len(rows) > 1 else rows[0])
            self.last, self.wrote = entries[-1].head, True
            self.bounded = self.bounded or any(entry.kind in BOUNDARIES for entry in entries)

    def next_round(self) -> int:
        """A number that no round of this chain has; they rise."""
        return int(self.connection.execute(HIGHEST_ROUND, {'chain': self.robot}).scalar() or 0) + 1

    def problem(self) -> str:
        """Why the chain cannot have the head that is stored, or ''."""
        if self.stored is None:
            return ''
        first = self.stored.head.sequence if self.stored.head else 0
        tail = self.connection.execute(FROM, {'chain': self.robot, 'first': first})
        return self.stored.against([Entry(*row) for row in tail], self.last)

    def lose(self, problem: str) -> None:
        """Put on record that a tail was lost. Its round is one that none of the lost entries can have started, so that
        no number is used twice."""
        head = (self.stored and self.stored.head) or Head()
        number = self.next_round() + max(0, head.sequence - self.last.sequence)
        self.append('loss', number, canonical({'head': str(head), 'problem': problem}).decode())


class Backend(Protocol):
    """One database with chains in it. Every method turns what the database says into one sentence.

    :param name: the ledger as sentences call it, without a password
    :param own: the chain that is written where no robot is named
    """

    name: str
    own: str

    @property
    def path(self) -> Path | None:
        """Its file, None if it is none."""

    def connect(self, read_only: bool) -> None:
        """Open it, and create or bring it up to date if it is to be written.

        :raises LedgerError: if it is missing, no ledger, of a newer schema or cannot be written
        """

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that sees all chains as they are at one moment.

        :raises Unwritable: if the database does not do it
        """

    def writing(self, robot: str, copies: bool = False) -> AbstractContextManager[Pen]:
        """A transaction that alone writes to a chain. What was written, and the head that is kept apart, is durable
        when it ends, or neither is.

        :param copies: whether entries of another ledger are written
        :raises Unwritable: if the database does not do it
        """

    def event(self, robot: str, round_: int | None, body: str) -> Entry | None:
        """Write one event behind the entry that this backend wrote last, durable when it returns; None, and nothing
        written, if it knows of none, if another writer's came in between, or if there is no shorter way than `writing`.

        :raises Unwritable: if the database does not do it
        """

    def stored(self, connection: sa.Connection) -> Mapping[str, Stored]:
        """The stored head of every chain, at the moment that a `reading` connection sees which has not read yet."""

    def close(self) -> None:
        """Leave the database."""


def last_of(connection: sa.Connection, robot: str) -> Head:
    """The last entry of a chain."""
    row = connection.execute(LAST, {'chain': robot}).first()
    return Head(*row) if row else Head()


def robots_in(connection: sa.Connection, table: Any) -> list[str]:
    """Every robot that a table names, in order. One after the other: a scan of all rows would take much longer."""
    found: list[str] = []
    query = sa.select(sa.func.min(table.c.robot))
    name = connection.execute(query).scalar()
    while name is not None:
        found.append(name)
        name = connection.execute(query.where(table.c.robot > name)).scalar()
    return found
