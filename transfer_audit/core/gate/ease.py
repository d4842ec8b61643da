"""The way back from a hold: no jump, no jerk."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.gate.motion import PAUSE_NS
from transfer_audit.core.types import Array


class Ease:
    """Blends from where the hand was held to what is asked for, over `duration_ns` of commands.

    x = anchor + s(t/T) * (asked - anchor) with s(u) = 10u^3 - 15u^4 + 6u^5, the minimum-jerk course between two rests
    (Flash & Hogan 1985): speed and acceleration begin at zero. A pause between commands counts as PAUSE_NS at most.
    """

    def __init__(self, duration_ns: int) -> None:
        self._duration_ns = duration_ns
        self._gone_ns = 0
        self._anchor: Array | None = None
        self.active = duration_ns > 0

    def hold(self) -> None:
        """The hand is being held: the next command begins a new course."""
        self.active, self._anchor = self._duration_ns > 0, None

    def toward(self, asked: Array, origin: Array, elapsed_ns: int) -> Array:
        """The command on the course, while `active`; never away from what is asked for.

        :param asked: shape (A,); `origin` the last command sent, likewise
        :param elapsed_ns: since the last command was sent
        """
        if self._anchor is None:
            self._anchor, self._gone_ns = origin, 0
        else:
            self._gone_ns += min(max(elapsed_ns, 0), PAUSE_NS)
        u = self._gone_ns / self._duration_ns
        if u >= 1.0:
            self.active = False
            return asked
        course = self._anchor + (u * u * u * (10.0 - 15.0 * u + 6.0 * u * u)) * (asked - self._anchor)
        return np.asarray(np.minimum(np.maximum(course, np.minimum(origin, asked)), np.maximum(origin, asked)))
