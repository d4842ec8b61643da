"""How long the hand takes from a command to the motion that it causes."""

from __future__ import annotations

from collections import deque

import numpy as np

from transfer_audit.core.gate.servos import Servos
from transfer_audit.core.types import NS, Array

REST_NS = 500_000_000
"""A hand that was sent the same for this long rests: what moves next, moves because of the next command."""
GIVE_UP_NS = 1_000_000_000
"""A hand that has not moved for so long after a command will not; it is blocked."""
KEPT = 9
"""The latency is the median of so many starts."""


class Latency:
    """The loop's latency: what the profile declares, or more if the joints are seen to follow later than that.

    Estimated at starts of motion: from the first command that leaves a rest by more than three deviations of noise
    until any commanded joint has moved as far; the median of the last nine. Slow starts make it longer, never shorter.
    """

    def __init__(self, servos: Servos, declared_s: float | None) -> None:
        self._servos, self._blur = servos, servos.blur.tolist()
        self._declared_ns = None if declared_s is None else round(declared_s * NS)
        self._found: deque[int] = deque(maxlen=KEPT)
        self._rest: Array | None = None
        self._stood: Array | None = None
        self._gone: np.ndarray | None = None
        self._rest_ns = self._since_ns = 0
        self.known = declared_s is not None
        self.ns = self._declared_ns or 0

    def sent(self, leaving: Array, steady_ns: int) -> None:
        """A command leaves, shape (A,)."""
        if self._rest is None:
            self._rest, self._rest_ns = leaving, steady_ns
            return
        if not self._left(leaving, self._rest):
            return
        if steady_ns - self._rest_ns >= REST_NS:
            gone = np.abs(leaving - self._rest) > self._servos.blur
            self._gone, self._since_ns, self._stood = gone, steady_ns, None
        self._rest, self._rest_ns = leaving, steady_ns

    def _left(self, leaving: Array, rest: Array) -> bool:
        """Whether any actuator moved by more than its blur."""
        for value, stood, blur in zip(leaving.tolist(), rest.tolist(), self._blur, strict=True):
            if abs(value - stood) > blur:
                return True
        return False

    def measured(self, joints: Array, born_ns: int) -> None:
        """The joints as they were at `born_ns` on the steady clock, shape (J,)."""
        if self._gone is None:
            return
        where = self._servos.rest(joints)
        if self._stood is None:
            self._stood = where
        elif bool((self._gone & (np.abs(where - self._stood) > self._servos.blur)).any()):
            self._note(born_ns - self._since_ns)
        elif born_ns - self._since_ns > GIVE_UP_NS:
            self._gone = None

    def _note(self, took_ns: int) -> None:
        self._gone = None
        if took_ns <= 0:
            return
        self._found.append(took_ns)
        self.known, self.ns = True, max(self._declared_ns or 0, int(np.median(self._found)))
