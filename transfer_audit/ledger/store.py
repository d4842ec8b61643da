"""The ledger: rounds are started, told their outcome, closed or aborted; nothing is ever changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import sqlalchemy as sa

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.backend import Pen
from transfer_audit.ledger.chain import Entry, Head, Kind
from transfer_audit.ledger.database import backend_of
from transfer_audit.ledger.place import checked_robot
from transfer_audit.ledger.reader import LedgerReader
from transfer_audit.ledger.record import RoundRecord, StartRecord, canonical
from transfer_audit.ledger.rounds import fold
from transfer_audit.ledger.simulated import PANEL, SimOutcome
from transfer_audit.ledger.tables import OF_ROUND, OPEN_ROUNDS, entries


class Ledger(LedgerReader):
    """An append-only book of rounds in a SQLite file or on a PostgreSQL server, for use by one thread at a time.

    Whatever a method wrote is on the disk when it returns. Several processes may write to one ledger.
    `lost` says what was found missing when it was opened, if it was opened to recover that; `last` is the end of its
    chain when it last wrote.
    """

    def __init__(
        self, path_or_url: str | Path, read_only: bool = False, recover: bool = False, robot: str | None = None
    ) -> None:
        """Open or create the ledger.

        :param recover: go on with a ledger whose tail was lost; what was lost is its next entry, and stays a problem
        :param robot: the chain that is written, and the only one that is read; by default a file's own, or this
            machine's on a server, is written, and all are read

        :raises LedgerError: if it is missing, no ledger, of a newer schema or cannot be written, or does not
            match its stored head
        """
        backend = backend_of(path_or_url)
        super().__init__(backend, checked_robot(robot) if robot else robot)
        self._read_only, self.lost, self.last = read_only, '', Head()
        self._begun: set[int] = set()
        backend.connect(read_only)
        if not read_only:
            try:
                self._settle(recover)
            except LedgerError:
                self.disconnect()
                raise

    @classmethod
    def open(
        cls, path_or_url: str | Path, read_only: bool = False, recover: bool = False, robot: str | None = None
    ) -> Ledger:
        """The same as the constructor, for those who read verbs."""
        return cls(path_or_url, read_only, recover, robot)

    def start(self, start: StartRecord) -> int:
        """Begin a round.

        :returns: its number; numbers rise and are never used twice
        """
        return int(self._append('start', start.model_dump(mode='json'), Pen.next_round) or 0)

    def outcome(self, number: int, success: bool, end_ns: int) -> None:
        """Say how an open round ended on hardware, before it is judged."""
        body = {'event': 'outcome', 'data': {'success': bool(success), 'end_ns': int(end_ns)}}
        self._append('event', body, self._open(number, 'its outcome cannot be said', once='outcome'))

    def close(self, number: int, record: RoundRecord) -> None:
        """Keep what was judged of an open round. To leave the database itself, see `disconnect`."""
        if record.round != number:
            raise LedgerError(f'{self.name}: the record of round {record.round} cannot close round {number}')
        self._append('close', record.model_dump(mode='json'), self._open(number, 'it cannot be closed'))

    def abort(self, number: int, reason: str) -> None:
        """End an open round that will not be judged."""
        self._append('abort', {'reason': reason}, self._open(number, 'it cannot be aborted'))

    def event(self, number: int | None, kind: str, body: Mapping[str, Any]) -> None:
        """Keep something that happened in a round, or (None) between rounds."""
        if kind == 'outcome':
            raise LedgerError(f'{self.name}: an outcome is told with `outcome`, not as an event')
        self._may_write()
        told = {'event': kind, 'data': dict(body)}
        if self._pen is None and (number is None or number in self._begun):
            written = self._backend.event(self.robot, number, self._text('event', told))
            if written is not None:
                self.last = written.head
                return
        self._append('event', told, (lambda _: None) if number is None else self._started(number))
        self._begun.update(() if number is None else (number,))

    def abort_open(self, reason: str) -> list[int]:
        """Abort the rounds that a crash left open. For the start of the one process that runs rounds."""
        with self.together() as pen:
            left = [int(row.round) for row in pen.connection.execute(OPEN_ROUNDS, {'chain': self.robot})]
            for number in left:
                self.abort(number, reason)
        return left

    def import_simulated(self, file: str, sha256: str, outcomes: Sequence[SimOutcome]) -> None:
        """Keep the outcomes of a task panel in a simulator.

        :raises LedgerError: if the same file was imported before
        """
        if any(event.data['sha256'] == sha256 for event in self._panels()):
            raise LedgerError(f'{self.name}: {file} was imported already')
        rows = [outcome.model_dump(mode='json', exclude_none=True) for outcome in outcomes]
        self.event(None, PANEL, {'file': file, 'sha256': sha256, 'rows': rows})

    @contextmanager
    def together(self) -> Iterator[Pen]:
        """What is written within is committed at once: when it ends, all of it is durable, or nothing if it raises.

        What the ledger itself refuses within may be caught there, and leaves the rest as it is.

        :raises Unwritable: if the disk or the database refuses
        """
        self._may_write()
        with self._writing() as pen:
            self._pen = pen
            try:
                yield pen
            finally:
                self._pen = None

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disconnect()

    def _append(self, kind: Kind, body: Mapping[str, Any], choose: Callable[[Pen], int | None]) -> int | None:
        """Seal and store one entry; `choose` gives its round, or raises, under the lock it is written under."""
        self._may_write()
        text = self._text(kind, body)
        if self._pen is not None:
            return self._pen.append(kind, choose(self._pen), text).round
        with self._writing() as pen:
            return pen.append(kind, choose(pen), text).round

    def _text(self, kind: Kind, body: Mapping[str, Any]) -> str:
        try:
            return canonical(body).decode()
        except (TypeError, ValueError) as error:
            raise LedgerError(f'{self.name}: a {kind} entry cannot be written as JSON: {error}') from error

    @contextmanager
    def _writing(self) -> Iterator[Pen]:
        with self._backend.writing(self.robot) as pen:
            yield pen
        self.last = pen.last

    def _may_write(self) -> None:
        if self._read_only:
            raise LedgerError(f'{self.name}: was opened for reading only')

    def _open(self, number: int, consequence: str, once: str | None = None) -> Callable[[Pen], int]:
        """`number`, if that round is open and had no event `once` yet."""

        def choose(pen: Pen) -> int:
            found = pen.connection.execute(OF_ROUND, {'chain': pen.robot, 'number': number})
            rounds = fold((Entry(*row) for row in found), self.name)
            state = rounds[0].state if rounds else 'unknown'
            if state != 'open':
                raise LedgerError(f'{self.name}: round {number} is {state}, so {consequence}')
            if any(event.kind == once for event in rounds[0].events):
                raise LedgerError(f'{self.name}: round {number} has an {once} already, so {consequence}')
            return number

        return choose

    def _started(self, number: int) -> Callable[[Pen], int]:
        def choose(pen: Pen) -> int:
            if pen.connection.execute(_STARTED, {'chain': pen.robot, 'number': number}).first() is None:
                raise LedgerError(f'{self.name}: round {number} was never started, so nothing can happen in it')
            return number

        return choose

    def _settle(self, recover: bool) -> None:
        """Bring a head that a crash left behind up to the entries.

        :raises LedgerError: if more than a crash parts the two, and they are not to be recovered
        """
        with self._writing() as pen:
            problem = pen.problem()
            if problem and not recover:
                raise LedgerError(
                    f'{self.name}: does not match {pen.stored.where if pen.stored else "its head"}: {problem}; see '
                    f'`transfer-audit ledger verify`, keep both (and any -wal file) for evidence, then go on with a '
                    f'new ledger, or with this one after `transfer-audit ledger recover`, which keeps the loss on '
                    f'record'
                )
            if problem:
                pen.lose(problem)
                self.lost = problem


# Built once: to build a query takes as long as to run it.
_STARTED = (
    sa.select(entries.c.sequence)
    .where(entries.c.robot == sa.bindparam('chain'), entries.c.round == sa.bindparam('number'))
    .limit(1)
)
