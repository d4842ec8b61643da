"""One gate for one hand: who comes second does not come up."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import socket
from pathlib import Path

from transfer_audit.core.errors import AuditError

REMEMBERED = 50
"""Gates that had this claim before, by the ids of their publishers."""


class Claim:
    """Held until the process ends, however it ends: a lock on a file, and a name that this machine gives only once.

    The file lies beside the latch, so that no two gates share one; the name stands for the topic of the hand in its ROS
    domain, so that two gates with different ledgers collide, too. Gates on different machines see each other on the
    topic. The file remembers the publishers of earlier holders: they are dead, however long discovery lists them.

    :raises AuditError: if another gate has it
    """

    def __init__(self, path: Path, domain: int, topic: str) -> None:
        self._name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        digest = hashlib.sha256(f'{domain} {topic}'.encode()).hexdigest()[:32]
        try:
            self._name.bind(f'\0transfer_audit/gate/{digest}')
        except OSError as error:
            raise AuditError(f'another gate already guards {topic} in ROS domain {domain}: end it first') from error
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, 'a+', encoding='utf-8')  # noqa: SIM115 - open as long as the lock is held
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AuditError(f'another gate already holds {path}: end it first, or give a ledger of its own') from error

    def dead(self) -> list[str]:
        """The publishers of gates that held this claim before."""
        self._file.seek(0)
        try:
            found = json.loads(self._file.read() or '[]')
        except ValueError:
            return []
        return [str(each) for each in found] if isinstance(found, list) else []

    def remember(self, publisher: str) -> None:
        """This gate's own publisher, for the one that comes after it."""
        kept = [*self.dead(), publisher][-REMEMBERED:]
        self._file.truncate(0)
        self._file.write(json.dumps(kept))
        self._file.flush()
        os.fsync(self._file.fileno())

    def release(self) -> None:
        """Let another gate have it."""
        self._file.close()
        self._name.close()
