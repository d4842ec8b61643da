"""Who has to be heard, and since when they were not."""

from __future__ import annotations

from transfer_audit.core.gate.watch import FOREVER, NEVER
from transfer_audit.core.types import NS


class Hearing:
    """One side that speaks without carrying numbers of its own: the policy, or the divergence.

    :param limit_ns: how long it may be silent; None: nobody waits for it
    """

    def __init__(self, what: str, limit_ns: int | None) -> None:
        self._what, self._limit_ns = what, limit_ns
        self.heard_ns = NEVER

    def hear(self, steady_ns: int) -> bool:
        """It spoke; whether it had been silent for too long."""
        late = bool(self.silent(steady_ns))
        self.heard_ns = steady_ns
        return late

    @property
    def good_until_ns(self) -> int:
        """Until when it may stay silent."""
        return FOREVER if self._limit_ns is None else self.heard_ns + self._limit_ns

    def silent(self, steady_ns: int) -> str:
        """A sentence if it was not heard for longer than its limit; empty if it was."""
        if self._limit_ns is None or steady_ns - self.heard_ns <= self._limit_ns:
            return ''
        if self.heard_ns == NEVER:
            return f'no {self._what} yet'
        return f'no {self._what} for {(steady_ns - self.heard_ns) / NS:.3g} s'
