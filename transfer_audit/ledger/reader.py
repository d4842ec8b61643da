"""What a ledger holds: rounds, events and imported panels of all its robots, or of one; and whether it is whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.backend import Backend, Pen, last_of, robots_in
from transfer_audit.ledger.chain import Entry, Head
from transfer_audit.ledger.rounds import LedgerEvent, LedgerRound, event_of, fold
from transfer_audit.ledger.signing import signed_heads
from transfer_audit.ledger.simulated import PANEL, SimOutcome
from transfer_audit.ledger.tables import BETWEEN_ROUNDS, FROM, HASHED, OF_ROUND, STARTS, entries
from transfer_audit.ledger.verify import Verification, known_problem, verify


class ForeignHead(LedgerError):
    """A chain does not have a head that is known from elsewhere."""

    def __init__(self, name: str, known: Head, last: Head) -> None:
        self.known, self.last = known, last
        other = 'is another one' if last.sequence >= known.sequence else f'is not there: {last.sequence} is the last'
        super().__init__(f'{name}: entry {known.sequence} {other}')


class LedgerReader:
    """The half of a ledger that changes nothing.

    :param name: the ledger as sentences call it; `path`: its file, None on a server
    :param robot: the chain that is its own: '' in a file, this machine's on a server, or the one that was asked for
    """

    def __init__(self, backend: Backend, only: str | None) -> None:
        """Read a database that is connected.

        :param only: the robot whose chain is read, all if None
        """
        self._backend, self._only = backend, only
        self._pen: Pen | None = None
        self.name, self.path = backend.name, backend.path
        self.robot = backend.own if only is None else only

    def rounds(self) -> list[LedgerRound]:
        """Every round, in the order of robots and their numbers."""
        with self._reading() as connection:
            return fold(self._found(connection, entries.c.round.is_not(None)), self.name)

    def round(self, number: int) -> LedgerRound:
        """One round.

        :raises LedgerError: if there is none of that number, or several robots have one
        """
        with self._reading() as connection:
            rounds = fold(self._each(connection, OF_ROUND, number=number), self.name)
        if not rounds:
            raise LedgerError(f'{self.name}: there is no round {number}; `transfer-audit ledger list` shows all')
        if len(rounds) > 1:
            robots = ', '.join(round_.robot or "the ledger's own" for round_ in rounds)
            raise LedgerError(f'{self.name}: several robots have a round {number} ({robots}); name one with --robot')
        return rounds[0]

    def events(self) -> list[LedgerEvent]:
        """Every event, also those between rounds, as they were told."""
        with self._reading() as connection:
            return [event_of(entry) for entry in self._found(connection, entries.c.kind == 'event')]

    def simulated(self) -> list[SimOutcome]:
        """Every outcome that was imported; once, if several robots imported it."""
        panels = {event.data['sha256']: event for event in self._panels()}
        return [SimOutcome.model_validate(row) for event in panels.values() for row in event.data['rows']]

    def _panels(self) -> list[LedgerEvent]:
        with self._reading() as connection:
            between = self._each(connection, BETWEEN_ROUNDS)
            return [event for event in map(event_of, between) if event.kind == PANEL]

    def unhashed(self) -> dict[str, list[int]]:
        """Recordings of rounds of its own chain whose hash is not kept yet, with the numbers of their rounds."""
        with self._reading() as connection:
            hashed = {row.round for row in connection.execute(HASHED, {'chain': self.robot})}
            starts = connection.execute(STARTS, {'chain': self.robot})
            found: dict[str, list[int]] = {}
            for row in starts:
                start = json.loads(row.body)
                if start.get('bag') and not start.get('bag_sha256') and row.round not in hashed:
                    found.setdefault(start['bag'], []).append(row.round)
        return found

    def robots(self) -> list[str]:
        """Every robot that has a chain here; '' is a file's own."""
        with self._reading() as connection:
            return robots_in(connection, entries)

    @property
    def head(self) -> Head:
        """The last entry of its own chain, as reports print it."""
        with self._reading() as connection:
            return last_of(connection, self.robot)

    def after(self, known: Head, most: int) -> list[Entry]:
        """Some entries that follow a head in the ledger's own chain; none if it is the last.

        :raises ForeignHead: if the chain does not have this head
        """
        with self._reading() as connection:
            last = last_of(connection, self.robot)
            problem = known_problem(connection, self.robot, known, last)
            if problem and known != Head():
                raise ForeignHead(self.name, known, last)
            rows = connection.execute(FROM.limit(most), {'chain': self.robot, 'first': known.sequence + 1})
            return [Entry(*row) for row in rows]

    def verify(self, known: Head | None = None) -> Verification:
        """Follow every chain, compare its end with the stored head, and with one `known` from a report."""
        with self._backend.reading() as connection:
            return verify(self._backend, connection, self.robot, self._only, known)

    def verify_signatures(self, key: Path) -> tuple[int, list[str]]:
        """Whether every head that was signed is one of the ledger's own chain.

        :param key: public Ed25519 key, PEM
        :returns: the last entry that a signature vouches for, and what is wrong
        """
        heads, problems = signed_heads(self.file(), key, self.robot)
        good = [0]
        with self._reading() as connection:
            last = last_of(connection, self.robot)
            for head in heads:
                problem = known_problem(connection, self.robot, head, last)
                problems += [f'signed, but not of this chain: {problem}'] if problem else []
                good += [] if problem else [head.sequence]
        return max(good), problems

    def file(self) -> Path:
        """Its file, for what lies beside it.

        :raises LedgerError: if it is on a server
        """
        if self.path is None:
            raise LedgerError(f"{self.name}: is no file; signatures lie beside a robot's own ledger, so name that")
        return self.path

    def disconnect(self) -> None:
        """Leave the database."""
        self._backend.close()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        if self._pen is not None:
            yield self._pen.connection
            return
        with self._backend.reading() as connection:
            yield connection

    def _each(self, connection: sa.Connection, query: sa.Select[Any], **values: int) -> Iterator[Entry]:
        """What a query finds in each chain that is read."""
        for robot in robots_in(connection, entries) if self._only is None else [self._only]:
            yield from (Entry(*row) for row in connection.execute(query, {'chain': robot, **values}))

    def _found(self, connection: sa.Connection, wanted: sa.ColumnElement[bool]) -> Iterator[Entry]:
        """Every entry of that kind in the chains that are read, in their order."""
        ours = sa.true() if self._only is None else entries.c.robot == self._only
        query = sa.select(entries).where(wanted & ours).order_by(entries.c.robot, entries.c.sequence)
        return (Entry(*row) for row in connection.execute(query.execution_options(yield_per=500)))
