"""A ledger in a SQLite file, with a file for each head beside it."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.backend import Pen, Stored, Unwritable, robots_in
from transfer_audit.ledger.chain import Entry, Head, seal
from transfer_audit.ledger.head import HeadFile, head_files
from transfer_audit.ledger.place import checked_robot
from transfer_audit.ledger.tables import SCHEMA, entries, metadata

APPLICATION = 0x7441_4C67
"""`PRAGMA application_id`: what tells a ledger from any other SQLite database."""


_INSERT = f'INSERT INTO entries ({", ".join(Entry._fields)}) VALUES ({", ".join("?" * len(Entry._fields))})'


class SqliteBackend:
    """See `Backend`. Several processes may write to one file."""

    own = ''

    def __init__(self, path: Path) -> None:
        self.path: Path = path
        self.name = str(path)
        self._files: dict[str, HeadFile] = {}
        self._heads: dict[str, Head] = {}
        self._driver: sqlite3.Connection | None = None

    def connect(self, read_only: bool) -> None:
        """See `Backend`."""
        _look(self.path, read_only)
        self._reads = _engine(self.path, read_only)
        self._writes = self._reads.execution_options(writes=True)
        try:
            with self._told(), (self._reads if read_only else self._writes).begin() as connection:
                version = _version(self.path, connection)
                if read_only:
                    _readable(self.path, connection, version)
                else:
                    _bring_up(connection, version)
                    self._driver = connection.connection.driver_connection
        except LedgerError:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """See `Backend`."""
        with self._told(), self._reads.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, robot: str, copies: bool = False) -> Iterator[Pen]:
        """See `Backend`. A disk that is too full for the head refuses the entries."""
        file = self._file(robot)
        with self._told(), file.locked():
            known = self._heads.get(robot)
            with self._writes.begin() as connection:
                pen = Pen(connection, robot, self._stored(robot) if known is None else None)
                if known is not None and pen.last != known:
                    # Another process wrote, or our own last head could not be written.
                    file.replace(pen.last)
                yield pen
                if pen.bounded:
                    file.prepare(pen.last)
            if pen.bounded:
                file.put()
            elif pen.wrote:
                file.overwrite(pen.last)
            elif pen.stored is not None and (pen.stored.head or Head()) != pen.last:
                file.replace(pen.last)
            self._heads[robot] = pen.last

    def event(self, robot: str, round_: int | None, body: str) -> Entry | None:
        """See `Backend`. That nobody else wrote is told by the key: the next entry is not there yet."""
        known = self._heads.get(robot)
        if known is None or self._driver is None:
            return None
        entry, file = seal(known, 'event', round_, body, robot), self._file(robot)
        with self._told(), file.locked():
            if not _inserted(self._driver, entry):
                return None
            file.overwrite(entry.head)
            self._heads[robot] = entry.head
        return entry

    def stored(self, connection: sa.Connection) -> Mapping[str, Stored]:
        """See `Backend`."""
        with self._file(self.own).locked():
            robots = {*robots_in(connection, entries), *head_files(self.path)}
            return {robot: self._stored(robot) for robot in robots}

    def close(self) -> None:
        """See `Backend`."""
        self._reads.dispose()

    def _file(self, robot: str) -> HeadFile:
        if robot not in self._files:
            self._files[robot] = HeadFile(self.path, robot)
        return self._files[robot]

    def _stored(self, robot: str) -> Stored:
        try:
            file = self._file(checked_robot(robot) if robot else '')
            return Stored(file.read(), str(file.path))
        except LedgerError as error:
            return Stored(None, f'the head of {robot!r}', str(error))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.DBAPIError, sqlite3.Error, UnicodeDecodeError) as error:
            said = str(getattr(error, 'orig', None) or error)
            advice = next((advice for words, advice in _ADVICE.items() if words in said), said)
            raise Unwritable(f'{self.name}: {advice}') from error
        except OSError as error:
            where = error.filename or self.name
            other = f'{error.strerror}; check the disk and the permissions'
            advice = _ADVICE['full'] if error.errno in _FULL else other
            raise Unwritable(f'{where}: {advice}') from error


def _inserted(driver: sqlite3.Connection, entry: Entry) -> bool:
    """One entry in a transaction of its own, without the layers between, which take longer than it does; False if there
    is one of its sequence."""
    driver.execute('BEGIN IMMEDIATE')
    try:
        driver.execute(_INSERT, entry)
        driver.execute('COMMIT')
    except sqlite3.IntegrityError:
        driver.execute('ROLLBACK')
        return False
    except sqlite3.Error:
        if driver.in_transaction:
            driver.execute('ROLLBACK')
        raise
    return True


def _look(path: Path, read_only: bool) -> None:
    folder = path.absolute().parent
    if path.is_dir():
        raise LedgerError(f'{path}: is a folder; name the ledger file in it')
    if read_only and not path.exists():
        raise LedgerError(f'{path}: there is no ledger here; name one with --ledger')
    if not folder.is_dir():
        raise LedgerError(f'{path}: the folder {folder} does not exist; create it first')
    if not read_only and not _writable(folder):
        raise LedgerError(f'{path}: the folder {folder} cannot be written; choose another or change its permissions')
    if not read_only and path.exists() and not _writable(path):
        raise LedgerError(f'{path}: is read-only; choose another ledger or change its permissions')


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _engine(path: Path, read_only: bool) -> sa.Engine:
    def open_() -> sqlite3.Connection:
        connection = sqlite3.connect(_uri(path, read_only), uri=True, isolation_level=None, check_same_thread=False)
        connection.text_factory = _text
        connection.execute('PRAGMA busy_timeout = 10000')
        connection.execute('PRAGMA temp_store = MEMORY')
        if not read_only:
            connection.execute('PRAGMA journal_mode = WAL')
            connection.execute('PRAGMA synchronous = FULL')
        return connection

    engine = sa.create_engine('sqlite://', creator=open_, poolclass=sa.pool.StaticPool)
    sa.event.listen(engine, 'begin', _begin)
    return engine


def _text(raw: bytes) -> str:
    """Bytes that are no text stay tellable from text, so that `verify` can say where they are."""
    return raw.decode('utf-8', 'surrogateescape')


def _begin(connection: sa.Connection) -> None:
    """pysqlite would begin too late: what a write rests on is read under the lock it is written under."""
    writes = connection.get_execution_options().get('writes')
    connection.exec_driver_sql('BEGIN IMMEDIATE' if writes else 'BEGIN')


def _uri(path: Path, read_only: bool) -> str:
    where = f'file:{quote(str(path.absolute()))}'
    if not read_only:
        return f'{where}?mode=rwc'
    log = path.with_name(path.name + '-wal')
    settled = not log.exists() or log.stat().st_size == 0
    # On a read-only medium SQLite cannot make the index of the log, and needs none if there is no log.
    return f'{where}?mode=ro&immutable=1' if settled and not _writable(path.absolute().parent) else f'{where}?mode=ro'


def _version(path: Path, connection: sa.Connection) -> int:
    """The schema version; 0 for a file that holds nothing."""
    version = _pragma(connection, 'user_version')
    tables = connection.exec_driver_sql('SELECT count(*) FROM sqlite_master').scalar_one()
    if not tables and not version:
        return 0
    if _pragma(connection, 'application_id') != APPLICATION:
        raise LedgerError(f'{path}: is a SQLite database, but no ledger; choose another file')
    if version > SCHEMA:
        raise LedgerError(
            f'{path}: was written by a newer transfer_audit (schema {version}, this one knows {SCHEMA}); upgrade it'
        )
    return version


def _pragma(connection: sa.Connection, name: str) -> int:
    value: Any = connection.exec_driver_sql(f'PRAGMA {name}').scalar_one()
    return int(value)


_COLUMNS = 'sequence, kind, round, body, previous_sha256, sha256'


def _readable(path: Path, connection: sa.Connection, version: int) -> None:
    """Let a ledger of an older schema be read like one of today, without touching it."""
    if not version:
        raise LedgerError(f'{path}: holds no ledger yet; name the ledger of a live run or an audit')
    if version < SCHEMA:
        connection.exec_driver_sql(f"CREATE TEMP VIEW entries AS SELECT {_COLUMNS}, '' AS robot FROM main.entries")


def _bring_up(connection: sa.Connection, version: int) -> None:
    """Create the table, or move the entries of an older one into it as they are."""
    if version == SCHEMA:
        return
    if version:
        connection.exec_driver_sql('DROP INDEX IF EXISTS ix_entries_round')
        connection.exec_driver_sql('ALTER TABLE entries RENAME TO entries_before')
    metadata.create_all(connection, [entries])
    if version:
        connection.exec_driver_sql(f'INSERT INTO entries ({_COLUMNS}) SELECT {_COLUMNS} FROM entries_before')
        connection.exec_driver_sql('DROP TABLE entries_before')
    connection.exec_driver_sql(f'PRAGMA application_id = {APPLICATION}')
    connection.exec_driver_sql(f'PRAGMA user_version = {SCHEMA}')


_DAMAGED = 'is damaged; keep it (and any -wal file) for evidence and go on with a new ledger'
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ADVICE = {
    'not a database': 'is no SQLite database, so no ledger; choose another file',
    'unable to open': 'cannot be opened; check that the file and its folder can be read and written',
    'readonly': 'cannot be written; check the permissions of the file and its folder',
    'locked': 'is held by another process for more than 10 s; end that process first',
    'full': 'the disk is full; free some space',
    'malformed': _DAMAGED,
    'codec': _DAMAGED,
    'disk I/O error': 'the disk is full or does not answer; free some space or check it',
    'no such table': 'lacks the table of entries; keep it for evidence and go on with a new ledger',
}
