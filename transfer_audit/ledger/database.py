"""Where a ledger is: a path or a URL -> the database that holds it, and the name of a robot's chain in it."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import sqlalchemy as sa

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.backend import Backend
from transfer_audit.ledger.sqlite import SqliteBackend

SERVERS = ('postgresql', 'postgresql+psycopg')
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]{0,62}')


def backend_of(where: str | Path) -> Backend:
    """The database of a path, or of a `sqlite:///` or `postgresql+psycopg://` URL.

    :raises LedgerError: if it is none of them
    """
    if not is_server(where):
        return SqliteBackend(locate(where))
    from transfer_audit.ledger.postgres import PostgresBackend

    return PostgresBackend(_url(str(where)).set(drivername='postgresql+psycopg'), this_robot())


def is_server(where: str | Path) -> bool:
    """Whether a ledger is on a server, not in a file."""
    return isinstance(where, str) and where.partition('://')[0] in SERVERS and '://' in where


def locate(where: str | Path) -> Path:
    """The database file of a path or of a `sqlite:///` URL.

    :raises LedgerError: if the URL speaks of another database
    """
    text = str(where)
    scheme, separator, rest = text.partition(':///')
    if '://' in text and (scheme != 'sqlite' or not separator or not rest):
        raise LedgerError(
            f'{_without_password(text)}: a ledger is a file, sqlite:///FILE or postgresql+psycopg://HOST/DATABASE; '
            'no other database is supported'
        )
    return Path(rest) if separator else Path(text)


def this_robot() -> str:
    """The name of this machine, as that of a chain."""
    name = re.sub(r'[^A-Za-z0-9._-]+', '-', platform.node()).strip('.-_')[:63]
    return name or 'robot'


def checked_robot(name: str) -> str:
    """A robot's name, which is also that of a chain and of files.

    :raises LedgerError: if it is none
    """
    if not _NAME.fullmatch(name):
        raise LedgerError(
            f'{name!r} is no name of a robot; expected up to 63 letters, digits, dots, dashes and underscores, '
            'beginning with a letter or a digit'
        )
    return name


def _url(text: str) -> sa.URL:
    try:
        return sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise LedgerError(
            f'{_without_password(text)}: is no URL; expected postgresql+psycopg://USER@HOST:PORT/DATABASE'
        ) from error


def _without_password(text: str) -> str:
    return re.sub(r'(://[^:/@]*):.*@', r'\1:***@', text)
