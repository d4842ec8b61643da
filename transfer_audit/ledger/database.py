"""A path or a URL -> the database that holds the ledger."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.backend import Backend
from transfer_audit.ledger.place import is_server, locate, this_robot, without_password
from transfer_audit.ledger.sqlite import SqliteBackend


def backend_of(where: str | Path) -> Backend:
    """The database of a path, or of a `sqlite:///` or `postgresql+psycopg://` URL.

    :raises LedgerError: if it is none of them
    """
    if not is_server(where):
        return SqliteBackend(locate(where))
    from transfer_audit.ledger.postgres import PostgresBackend

    try:
        url = sa.make_url(str(where)).set(drivername='postgresql+psycopg')
    except (sa.exc.ArgumentError, ValueError) as error:
        raise LedgerError(
            f'{without_password(str(where))}: is no URL; expected postgresql+psycopg://USER@HOST:PORT/DATABASE'
        ) from error
    return PostgresBackend(url, this_robot())
