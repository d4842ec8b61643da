"""Where a ledger is, what its robot is called there, and where that robot records: a file of its own, in any case."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from transfer_audit.core.errors import LedgerError

SERVERS = ('postgresql', 'postgresql+psycopg')
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]{0,62}')


def is_server(where: str | Path) -> bool:
    """Whether a ledger is on a server, not in a file."""
    scheme, separator, _ = str(where).partition('://')
    return bool(separator) and scheme in SERVERS


def locate(where: str | Path) -> Path:
    """The database file of a path or of a `sqlite:///` URL.

    :raises LedgerError: if the URL speaks of another database
    """
    text = str(where)
    scheme, separator, rest = text.partition(':///')
    if '://' in text and (scheme != 'sqlite' or not separator or not rest):
        raise LedgerError(
            f'{without_password(text)}: a ledger is a file, sqlite:///FILE or postgresql+psycopg://HOST/DATABASE; '
            'no other database is supported'
        )
    return Path(rest) if separator else Path(text)


def own_book(where: str, robot: str = '') -> Path:
    """The file of a ledger; for one on a server, the file that is sent there: `~/.ros/transfer_audit/<robot>.db`.

    :param robot: its name on the server, by default this machine's
    :raises LedgerError: if the ledger is neither a file nor on a server that is supported, or the name is none
    """
    if not is_server(where):
        return locate(where)
    home = Path(os.environ.get('ROS_HOME') or Path.home() / '.ros')
    return home / 'transfer_audit' / f'{checked_robot(robot or this_robot())}.db'


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


def without_password(text: str) -> str:
    """A URL that may be shown, even if it is none."""
    return re.sub(r'(://[^:/@]*):.*@', r'\1:***@', text)
