"""The ledger: rounds are started, told their outcome, closed or aborted; nothing is ever changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import sqlalchemy as sa

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.chain import BOUNDARIES, Entry, Head, Kind, head_problem, seal
from transfer_audit.ledger.database import connect, entries, locate, told
from transfer_audit.ledger.head import HeadFile
from transfer_audit.ledger.record import RoundRecord, StartRecord, canonical
from transfer_audit.ledger.rounds import LedgerEvent, LedgerRound, event_of, fold
from transfer_audit.ledger.signing import signed_heads
from transfer_audit.ledger.simulated import PANEL, SimOutcome
from transfer_audit.ledger.verify import Verification, known_problem, last_of, verify


class Ledger:
    """An append-only book of rounds in one SQLite file, for use by one thread at a time.

    Whatever a method wrote is on the disk when it returns. Several processes may write to one ledger.
    `lost` says what was found missing when it was opened, if it was opened to recover that.
    """

    def __init__(self, path_or_url: str | Path, read_only: bool = False, recover: bool = False) -> None:
        """Open or create the ledger.

        :param recover: go on with a ledger whose tail was lost; what was lost is its next entry, and stays a problem

        :raises LedgerError: if it is missing, no ledger, of a newer schema or cannot be written, or does not
            match its stored head
        """
        self.path = locate(path_or_url)
        self._read_only = read_only
        self._file = HeadFile(self.path)
        self._head = Head()
        self.lost = ''
        engine = connect(self.path, read_only)
        self._reads, self._writes = engine, engine.execution_options(writes=True)
        if not read_only:
            try:
                self._settle_head(recover)
            except LedgerError:
                self.disconnect()
                raise

    @classmethod
    def open(cls, path: str | Path, read_only: bool = False, recover: bool = False) -> Ledger:
        """The same as the constructor, for those who read verbs."""
        return cls(path, read_only, recover)

    def start(self, start: StartRecord) -> int:
        """Begin a round.

        :returns: its number; numbers rise and are never used twice
        """
        return self._append('start', start.model_dump(mode='json'), _next_number)

    def outcome(self, number: int, success: bool, end_ns: int) -> None:
        """Say how an open round ended on hardware, before it is judged."""
        body = {'event': 'outcome', 'data': {'success': bool(success), 'end_ns': int(end_ns)}}
        self._append('event', body, self._open(number, 'its outcome cannot be said', once='outcome'))

    def close(self, number: int, record: RoundRecord) -> None:
        """Keep what was judged of an open round. To leave the database itself, see `disconnect`."""
        if record.round != number:
            raise LedgerError(f'{self.path}: the record of round {record.round} cannot close round {number}')
        self._append('close', record.model_dump(mode='json'), self._open(number, 'it cannot be closed'))

    def abort(self, number: int, reason: str) -> None:
        """End an open round that will not be judged."""
        self._append('abort', {'reason': reason}, self._open(number, 'it cannot be aborted'))

    def event(self, number: int | None, kind: str, body: Mapping[str, Any]) -> None:
        """Keep something that happened in a round, or (None) between rounds."""
        if kind == 'outcome':
            raise LedgerError(f'{self.path}: an outcome is told with `outcome`, not as an event')
        choose = (lambda _: None) if number is None else self._started(number)
        self._append('event', {'event': kind, 'data': dict(body)}, choose)

    def abort_open(self, reason: str) -> list[int]:
        """Abort the rounds that a crash left open. For the start of the one process that runs rounds."""
        left = [round_.number for round_ in self.rounds() if round_.state == 'open']
        for number in left:
            self.abort(number, reason)
        return left

    def rounds(self) -> list[LedgerRound]:
        """Every round, in the order of their numbers."""
        with self._reading(sa.select(entries).where(entries.c.round.is_not(None))) as found:
            return fold(found, str(self.path))

    def round(self, number: int) -> LedgerRound:
        """One round.

        :raises LedgerError: if there is none of that number
        """
        with self._reading(sa.select(entries).where(entries.c.round == number)) as found:
            rounds = fold(found, str(self.path))
        if not rounds:
            raise LedgerError(f'{self.path}: there is no round {number}; `transfer-audit ledger list` shows all')
        return rounds[0]

    def events(self) -> list[LedgerEvent]:
        """Every event, also those between rounds, as they were told."""
        with self._reading(sa.select(entries).where(entries.c.kind == 'event')) as found:
            return [event_of(entry) for entry in found]

    def import_simulated(self, file: str, sha256: str, outcomes: Sequence[SimOutcome]) -> None:
        """Keep the outcomes of a task panel in a simulator.

        :raises LedgerError: if the same file was imported before
        """
        if any(event.data['sha256'] == sha256 for event in self._panels()):
            raise LedgerError(f'{self.path}: {file} was imported already')
        rows = [outcome.model_dump(mode='json', exclude_none=True) for outcome in outcomes]
        self.event(None, PANEL, {'file': file, 'sha256': sha256, 'rows': rows})

    def simulated(self) -> list[SimOutcome]:
        """Every outcome that was imported."""
        return [SimOutcome.model_validate(row) for event in self._panels() for row in event.data['rows']]

    def _panels(self) -> list[LedgerEvent]:
        wanted = (entries.c.kind == 'event') & entries.c.round.is_(None)
        with self._reading(sa.select(entries).where(wanted)) as found:
            return [event for event in map(event_of, found) if event.kind == PANEL]

    @property
    def head(self) -> Head:
        """The last entry, as reports print it."""
        with told(self.path), self._reads.begin() as connection:
            return last_of(connection)

    def verify(self, known: Head | None = None) -> Verification:
        """Follow the whole chain, compare its end with the stored head, and with one `known` from a report."""
        with told(self.path), self._reads.begin() as connection:
            return verify(connection, self._file, known)

    def verify_signatures(self, key: Path) -> tuple[int, list[str]]:
        """Whether every head that was signed is one of this chain.

        :param key: public Ed25519 key, PEM
        :returns: the last entry that a signature vouches for, and what is wrong
        """
        heads, problems = signed_heads(self.path, key)
        good = [0]
        with told(self.path), self._reads.begin() as connection:
            last = last_of(connection)
            for head in heads:
                problem = known_problem(connection, head, last)
                problems += [f'signed, but not of this chain: {problem}'] if problem else []
                good += [] if problem else [head.sequence]
        return max(good), problems

    def disconnect(self) -> None:
        """Leave the database."""
        self._reads.dispose()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disconnect()

    def _append(self, kind: Kind, body: Mapping[str, Any], choose: Callable[[sa.Connection], Any]) -> Any:
        """Seal and store one entry; `choose` gives its round, or raises, under the lock it is written under."""
        if self._read_only:
            raise LedgerError(f'{self.path}: was opened for reading only')
        try:
            text = canonical(body).decode()
        except (TypeError, ValueError) as error:
            raise LedgerError(f'{self.path}: a {kind} entry cannot be written as JSON: {error}') from error
        with told(self.path), self._file.locked():
            with self._writes.begin() as connection:
                last = last_of(connection)
                if last != self._head:  # another process wrote, or our own last head could not be written
                    self._file.replace(last)
                entry = seal(last, kind, choose(connection), text)
                connection.execute(_INSERT, entry._asdict())
                if kind in BOUNDARIES:  # a disk that is too full for the head refuses the entry
                    self._file.prepare(entry.head)
            if kind in BOUNDARIES:
                self._file.put()
            else:
                self._file.overwrite(entry.head)
            self._head = entry.head
        return entry.round

    def _open(self, number: int, consequence: str, once: str | None = None) -> Callable[[sa.Connection], int]:
        """`number`, if that round is open and had no event `once` yet."""

        def choose(connection: sa.Connection) -> int:
            rounds = fold((Entry(*row) for row in connection.execute(_OF_ROUND, {'number': number})), str(self.path))
            state = rounds[0].state if rounds else 'unknown'
            if state != 'open':
                raise LedgerError(f'{self.path}: round {number} is {state}, so {consequence}')
            if any(event.kind == once for event in rounds[0].events):
                raise LedgerError(f'{self.path}: round {number} has an {once} already, so {consequence}')
            return number

        return choose

    def _started(self, number: int) -> Callable[[sa.Connection], int]:
        def choose(connection: sa.Connection) -> int:
            if connection.execute(_STARTED, {'number': number}).first() is None:
                raise LedgerError(f'{self.path}: round {number} was never started, so nothing can happen in it')
            return number

        return choose

    @contextmanager
    def _reading(self, query: sa.Select[Any]) -> Iterator[Iterator[Entry]]:
        with told(self.path), self._reads.begin() as connection:
            ordered = query.order_by(entries.c.sequence).execution_options(yield_per=500)
            yield (Entry(*row) for row in connection.execute(ordered))

    def _settle_head(self, recover: bool) -> None:
        """Bring a head that a crash left behind up to the table.

        :raises LedgerError: if more than a crash parts the two, and they are not to be recovered
        """
        with told(self.path), self._file.locked():
            try:
                stored, problem = self._file.read() or Head(), ''
            except LedgerError as error:
                stored, problem = Head(), str(error)
            with self._writes.begin() as connection:
                last = last_of(connection)
                if not problem:
                    tail = sa.select(entries).where(entries.c.sequence >= stored.sequence).order_by(entries.c.sequence)
                    problem = head_problem(stored, [Entry(*row) for row in connection.execute(tail)], last)
                if problem and recover:
                    entry = _loss(connection, stored, last, problem)
                    connection.execute(_INSERT, entry._asdict())
                    self.lost, last, problem = problem, entry.head, ''
            if problem:
                raise LedgerError(
                    f'{self.path}: does not match {self._file.path.name}: {problem}; see `transfer-audit ledger '
                    f'verify`, keep both (and any -wal file) for evidence, then go on with a new ledger, or with this '
                    f'one after `transfer-audit ledger recover`, which keeps the loss on record'
                )
            if stored != last:
                self._file.replace(last)
            self._head = last


# Built once: to build a query takes as long as to run it.
_INSERT = entries.insert()
_HIGHEST = sa.select(sa.func.max(entries.c.round))
_OF_ROUND = sa.select(entries).where(entries.c.round == sa.bindparam('number')).order_by(entries.c.sequence)
_STARTED = sa.select(entries.c.sequence).where(entries.c.round == sa.bindparam('number')).limit(1)


def _next_number(connection: sa.Connection) -> int:
    return int(connection.execute(_HIGHEST).scalar() or 0) + 1


def _loss(connection: sa.Connection, stored: Head, last: Head, problem: str) -> Entry:
    """What is known of a lost tail. Its round is one that none of the lost entries can have started, so that no number
    is used twice.
    """
    number = _next_number(connection) + max(0, stored.sequence - last.sequence)
    return seal(last, 'loss', number, canonical({'head': str(stored), 'problem': problem}).decode())
