"""A ledger on a PostgreSQL server: the chains of many robots, with a table of their heads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.backend import Pen, Stored, Unwritable, robots_in
from transfer_audit.ledger.chain import NOTHING, Entry, Head
from transfer_audit.ledger.tables import SCHEMA, entries, metadata

PATIENCE: dict[str, Any] = {
    'connect_timeout': 5,
    'keepalives_idle': 5,
    'keepalives_interval': 2,
    'keepalives_count': 3,
    'tcp_user_timeout': 15_000,
    'application_name': 'transfer_audit',
}
"""How long a server that fell silent is waited for (s, and ms for the last but one); the URL may say otherwise."""
SETTINGS = '-c synchronous_commit=on -c lock_timeout=20s -c idle_in_transaction_session_timeout=60s'
"""A commit that returned is on the server's disk, and who stops in the middle of one leaves the chain to others."""

server = sa.MetaData()
heads = sa.Table(
    'ledger_heads',
    server,
    sa.Column('robot', sa.Text, primary_key=True),
    sa.Column('sequence', sa.BigInteger, nullable=False),
    sa.Column('sha256', sa.String(64), nullable=False),
    # Whether the chain is a copy of one that is kept elsewhere, so that nothing is put into it here.
    sa.Column('copies', sa.Boolean, nullable=False),
)
schema = sa.Table('ledger_schema', server, sa.Column('version', sa.Integer, primary_key=True, autoincrement=False))
_HEADS = sa.select(heads.c.robot, heads.c.sequence, heads.c.sha256)
_HEAD = sa.select(heads).where(heads.c.robot == sa.bindparam('chain')).with_for_update()
_CREATING = sa.text('SELECT pg_advisory_xact_lock(8377610475)')


class PostgresBackend:
    """See `Backend`. A writer holds the row of its chain's head; writers of other chains do not wait for it."""

    path: Path | None = None

    def __init__(self, url: sa.URL, own: str) -> None:
        self.own, self.name = own, _shown(url)
        self._settled: set[str] = set()
        given = {key: value for key, value in PATIENCE.items() if key not in url.query and not _set(key)}
        try:
            self._engine = sa.create_engine(
                url, connect_args={'options': SETTINGS, **given}, pool_size=1, max_overflow=2, pool_pre_ping=True
            )
        except ModuleNotFoundError as error:
            raise LedgerError(f'{self.name}: a server needs psycopg; install transfer_audit[postgres]') from error
        self._reads = self._engine.execution_options(isolation_level='REPEATABLE READ', postgresql_readonly=True)

    def event(self, robot: str, round_: int | None, body: str) -> Entry | None:
        """See `Backend`."""
        return None

    def connect(self, read_only: bool) -> None:
        """See `Backend`."""
        try:
            with self._told():
                with self._reads.begin() as connection:
                    there = self._is_ledger(connection)
                if not there and read_only:
                    raise LedgerError(f'{self.name}: holds no ledger yet; name the ledger of a live run or an audit')
                if not there:
                    self._create()
        except LedgerError:
            self.close()
            raise

    def _create(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(_CREATING)
            if not self._is_ledger(connection):
                metadata.create_all(connection, [entries], checkfirst=False)
                server.create_all(connection, checkfirst=False)
                connection.execute(schema.insert(), {'version': SCHEMA})

    def _is_ledger(self, connection: sa.Connection) -> bool:
        tables = [sa.inspect(connection).has_table(table) for table in (schema.name, entries.name)]
        if not tables[0]:
            if tables[1]:
                raise LedgerError(f'{self.name}: has a table of entries, but is no ledger; choose another database')
            return False
        version = int(connection.execute(sa.select(sa.func.max(schema.c.version))).scalar() or 0)
        if version > SCHEMA:
            raise LedgerError(
                f'{self.name}: was written by a newer transfer_audit '
                f'(schema {version}, this one knows {SCHEMA}); upgrade it'
            )
        return True

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """See `Backend`."""
        with self._told(), self._reads.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, robot: str, copies: bool = False) -> Iterator[Pen]:
        """See `Backend`."""
        with self._told():
            with self._engine.begin() as connection:
                head, copied = self._locked(connection, robot, copies)
                if copied and not copies:
                    raise LedgerError(
                        f'{self.name}: the chain of {robot} is a copy of the ledger that this robot keeps; write there '
                        f'and send it with `transfer-audit ledger sync`, or name another robot'
                    )
                pen = Pen(connection, robot, _stored(robot, head))
                if robot in self._settled and pen.last != head:
                    raise LedgerError(f'{self.name}: the chain of {robot} does not end with its head; see `verify`')
                yield pen
                if pen.wrote or pen.last != head or copies != copied:
                    values = {'sequence': pen.last.sequence, 'sha256': pen.last.sha256, 'copies': copies}
                    connection.execute(heads.update().where(heads.c.robot == robot), values)
            self._settled.add(robot)

    def _locked(self, connection: sa.Connection, robot: str, copies: bool) -> tuple[Head, bool]:
        row = connection.execute(_HEAD, {'chain': robot}).first()
        if row is None:
            fresh = {'robot': robot, 'sequence': 0, 'sha256': NOTHING, 'copies': copies}
            connection.execute(insert(heads).on_conflict_do_nothing(), fresh)
            row = connection.execute(_HEAD, {'chain': robot}).one()
        return Head(row.sequence, row.sha256), bool(row.copies)

    def stored(self, connection: sa.Connection) -> Mapping[str, Stored]:
        """See `Backend`."""
        kept = {row.robot: Head(row.sequence, row.sha256) for row in connection.execute(_HEADS)}
        return {robot: _stored(robot, kept.get(robot)) for robot in {*kept, *robots_in(connection, entries)}}

    def close(self) -> None:
        """See `Backend`."""
        self._engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            said = ' '.join(str(getattr(error, 'orig', None) or error).split())
            advice = next((advice for words, advice in _ADVICE.items() if words in said), said)
            raise Unwritable(f'{self.name}: {advice}') from error


def _stored(robot: str, head: Head | None) -> Stored:
    return Stored(head, f'the head of {robot}', together=True)


def _shown(url: sa.URL) -> str:
    """The URL without what is secret in it."""
    secret = {key: '***' for key in url.query if 'pass' in key}
    return url.update_query_dict(secret).render_as_string(hide_password=True)


def _set(key: str) -> bool:
    """Whether the environment says how long to wait; libpq reads it."""
    return key == 'connect_timeout' and 'PGCONNECT_TIMEOUT' in os.environ


_ADVICE = {
    'password authentication failed': 'refuses this user or password; put it into the URL or into ~/.pgpass',
    'no password supplied': 'asks for a password; put it into the URL or into ~/.pgpass',
    'Connection refused': 'the server does not answer; check that it runs and that host and port are right',
    'could not translate host name': 'the host is not known; check its name',
    'failed to resolve host': 'the host is not known; check its name',
    'timeout expired': 'the server does not answer; check that it runs and can be reached',
    'No such file or directory': 'the server does not answer; check that it runs and that its socket is right',
    'permission denied': 'the user may not do this; let the user own the database',
    'lock timeout': 'the chain is held by another writer for more than 20 s; end that first',
    'read-only transaction': 'the server only lets read; name the one that takes writes',
    'server closed the connection': 'the server ended the connection; try again once it is back',
    'the database system is': 'the server is starting or stopping; try again in a moment',
    'terminating connection': 'the server ended the connection; try again once it is back',
    'No space left': "the server's disk is full; free some space",
}
