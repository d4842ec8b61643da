"""A ledger's SQLite database: opened, checked, created; what SQLite says against it in sentences."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from transfer_audit.core.errors import LedgerError

SCHEMA = 2
"""2 added to what is kept of a round, see `record.upgraded`; the table is that of 1."""
APPLICATION = 0x7441_4C67
"""`PRAGMA application_id`: what tells a ledger from any other SQLite database."""

metadata = sa.MetaData()
entries = sa.Table(
    'entries',
    metadata,
    sa.Column('sequence', sa.Integer, primary_key=True, autoincrement=False),
    sa.Column('kind', sa.Text, nullable=False),
    sa.Column('round', sa.Integer, index=True),
    sa.Column('body', sa.Text, nullable=False),
    sa.Column('previous_sha256', sa.String(64), nullable=False),
    sa.Column('sha256', sa.String(64), nullable=False),
)


class Unwritable(LedgerError):
    """The disk or the database refuses, not the ledger: the same may be tried again later."""


def locate(path_or_url: str | Path) -> Path:
    """The database file of a path or of a `sqlite:///` URL.

    :raises LedgerError: if the URL speaks of another database
    """
    text = str(path_or_url)
    scheme, separator, rest = text.partition(':///')
    if '://' in text and (scheme != 'sqlite' or not separator or not rest):
        raise LedgerError(f'{text}: a ledger is a file, or sqlite:///FILE; no other database is supported')
    return Path(rest) if separator else Path(text)


def connect(path: Path, read_only: bool) -> sa.Engine:
    """Open a ledger's database, creating it if it is to be written and there is none.

    :raises LedgerError: if it is missing, no ledger, of a newer schema or cannot be written
    """
    _look(path, read_only)
    engine = _engine(path, read_only)
    try:
        with told(path), engine.execution_options(writes=not read_only).begin() as connection:
            if not _is_ledger(path, connection):
                if read_only:
                    raise LedgerError(f'{path}: holds no ledger yet; name the ledger of a live run or an audit')
                _create(connection)
            elif not read_only:
                connection.exec_driver_sql(f'PRAGMA user_version = {SCHEMA}')
    except LedgerError:
        engine.dispose()
        raise
    return engine


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


def _is_ledger(path: Path, connection: sa.Connection) -> bool:
    version = _pragma(connection, 'user_version')
    tables = connection.exec_driver_sql('SELECT count(*) FROM sqlite_master').scalar_one()
    if not tables and not version:
        return False
    if _pragma(connection, 'application_id') != APPLICATION:
        raise LedgerError(f'{path}: is a SQLite database, but no ledger; choose another file')
    if version > SCHEMA:
        raise LedgerError(
            f'{path}: was written by a newer transfer_audit (schema {version}, this one knows {SCHEMA}); upgrade it'
        )
    return True


def _create(connection: sa.Connection) -> None:
    metadata.create_all(connection)
    connection.exec_driver_sql(f'PRAGMA application_id = {APPLICATION}')
    connection.exec_driver_sql(f'PRAGMA user_version = {SCHEMA}')


def _pragma(connection: sa.Connection, name: str) -> int:
    value: Any = connection.exec_driver_sql(f'PRAGMA {name}').scalar_one()
    return int(value)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what the database or the disk says into one sentence with the file and what to do."""
    try:
        yield
    except (sa.exc.DBAPIError, sqlite3.Error, UnicodeDecodeError) as error:
        said = str(getattr(error, 'orig', None) or error)
        advice = next((advice for words, advice in _ADVICE.items() if words in said), said)
        raise Unwritable(f'{path}: {advice}') from error
    except OSError as error:
        raise Unwritable(f'{error.filename or path}: {error.strerror}; check the disk and the permissions') from error


_DAMAGED = 'is damaged; keep it (and any -wal file) for evidence and go on with a new ledger'
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
