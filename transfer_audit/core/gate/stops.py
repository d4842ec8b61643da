"""The latched stop: in memory first, then where a restart does not reach."""

from __future__ import annotations

from transfer_audit.core.gate.words import Latch


class Stop:
    """Why the gate is stopped, or None."""

    def __init__(self, latch: Latch) -> None:
        self._latch = latch
        self.why: str | None = latch.read()
        self.forgetful = ''

    @property
    def sentence(self) -> str:
        """Why, for people; empty if the gate is not stopped."""
        if self.why is None:
            return ''
        forgets = f' (a restart would forget this: {self.forgetful})' if self.forgetful else ''
        return f'stopped until rearmed: {self.why}{forgets}'

    def set(self, why: str) -> bool:
        """Stop; a stop given again is written again, under the first reason. Whether it is the first."""
        first = self.why is None
        self.why = self.why or why
        try:
            self._latch.set(self.why)
            self.forgetful = ''
        except OSError as error:
            self.forgetful = str(error)
        return first

    def clear(self) -> str:
        """Forget the stop; returns why it cannot be, empty if it was."""
        try:
            self._latch.clear()
        except OSError as error:
            return f'the latch cannot be cleared: {error}'
        self.why = None
        return ''
