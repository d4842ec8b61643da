"""Sends a robot's own book to the server, whenever that is there, without anyone waiting for it."""

from __future__ import annotations

import threading
from pathlib import Path

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.chain import Head
from transfer_audit.ledger.store import Ledger
from transfer_audit.ledger.sync import Copy

FIRST_S, LONGEST_S = 0.5, 30.0
"""How long a server that failed is left alone: at first, and at most."""
FAREWELL_S = 3.0
"""How long the end of the book may take to be sent when the robot stops."""


class Courier(threading.Thread):
    """A thread with connections of its own.

    `problem` says why entries wait, or ''; `sent` is the last entry that is known to be on the server, None before
    it was reached.
    """

    def __init__(self, book: Path, where: str, robot: str) -> None:
        super().__init__(name='courier', daemon=True)
        self._book, self._where, self._robot = book, where, robot
        self.problem: str = ''
        self.sent: Head | None = None
        self._copy: Copy | None = None
        self._woken, self._ending = threading.Event(), threading.Event()

    def wake(self) -> None:
        """There are new entries."""
        self._woken.set()

    def stop(self) -> None:
        """Send what is left, if the server is there, and end."""
        self._ending.set()
        self._woken.set()
        self.join(FAREWELL_S)

    def run(self) -> None:
        """Send until the end."""
        pause_s = FIRST_S
        try:
            with Ledger.open(self._book, read_only=True) as book:
                while not self._ending.is_set():
                    self._woken.clear()
                    if self._send(book):
                        pause_s = FIRST_S
                        self._woken.wait()
                    else:
                        self._ending.wait(pause_s)
                        pause_s = min(2 * pause_s, LONGEST_S)
                if not self.problem:
                    self._send(book)
        finally:
            self._leave()
            self.problem = self.problem or 'nothing is sent any more'

    def _send(self, book: Ledger) -> bool:
        """Send what is lacking on the server; whether all of it is there now."""
        try:
            if self._copy is None:
                self._copy = Copy(self._where, self._robot)
            self._copy.update(book, self._told)
        except LedgerError as error:
            self.problem = str(error)
            self._leave()
            return False
        self.problem = ''
        return True

    def _leave(self) -> None:
        if self._copy is not None:
            self._copy.close()
            self._copy = None

    def _told(self, head: Head) -> None:
        self.sent = head
