"""The heads of a ledger file, stored beside it: what makes a cut-off tail visible."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.chain import Head

HEAD = '.head'


def beside(ledger: Path, robot: str, ending: str) -> Path:
    """Where something about one chain of a ledger is kept."""
    resolved = ledger.resolve()
    return resolved.with_name(resolved.name + (f'@{robot}' if robot else '') + ending)


def head_files(ledger: Path) -> list[str]:
    """The robots whose heads are stored beside a ledger, in order."""
    resolved = ledger.resolve()
    others = resolved.parent.glob(f'{escape(resolved.name)}@*{HEAD}')
    robots = [path.name[len(resolved.name) + 1 : -len(HEAD)] for path in others]
    return sorted([*robots, *([''] if beside(ledger, '', HEAD).exists() else [])])


class HeadFile:
    """`<ledger>.head`: sequence and digest of the last entry, one line of fixed length. That of another chain than the
    file's own is `<ledger>@<robot>.head`.
    """

    def __init__(self, ledger: Path, robot: str = '') -> None:
        ledger = ledger.resolve()
        self.path = beside(ledger, robot, HEAD)
        self._fresh = self.path.with_name(self.path.name + '.tmp')
        self._folder = ledger.parent
        self._lock: _Descriptor | None = None
        self._kept: _Descriptor | None = None

    def read(self) -> Head | None:
        """The stored head, or None if there is no file.

        :raises LedgerError: if the file cannot be read or is no head
        """
        try:
            words = self.path.read_text(encoding='utf-8', errors='replace').split()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LedgerError(f'{self.path}: cannot be read: {error.strerror}') from error
        if len(words) != 2:
            raise LedgerError(f'{self.path}: is no head of a ledger; expected a sequence and a SHA-256')
        return Head.parse(':'.join(words))

    def replace(self, head: Head) -> None:
        """Store a head so that it survives a power cut at any moment: the old one or the new one is there."""
        self.prepare(head)
        self.put()

    def prepare(self, head: Head) -> None:
        """Write a head beside the stored one: all that needs space, before the entry it speaks of is committed."""
        with self._fresh.open('wb') as file:
            file.write(_line(head))
            file.flush()
            os.fsync(file.fileno())

    def put(self) -> None:
        """Put the prepared head in the place of the stored one."""
        self._fresh.replace(self.path)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def overwrite(self, head: Head) -> None:
        """Store a head so that it survives the end of the process, at no cost.

        The line lies within one sector, so that a power cut leaves an older head but no torn one.
        """
        if self._kept is None or not os.fstat(self._kept.number).st_nlink:
            try:
                self._kept = _Descriptor(self.path, os.O_WRONLY)
            except FileNotFoundError:
                self.replace(head)
                return
        os.pwrite(self._kept.number, _line(head), 0)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers of the folder's ledgers out between an entry and its head."""
        if self._lock is None:
            self._lock = _Descriptor(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock.number, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock.number, fcntl.LOCK_UN)


class _Descriptor:
    """A file that stays open as long as this does: to open it again for each entry takes as long as the entry."""

    def __init__(self, path: Path, flags: int) -> None:
        self.number = -1
        self.number = os.open(path, flags | os.O_CLOEXEC)

    def __del__(self) -> None:
        if self.number >= 0:
            os.close(self.number)


def _line(head: Head) -> bytes:
    return f'{head.sequence:<20}{head.sha256}\n'.encode('ascii')
