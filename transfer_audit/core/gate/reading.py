"""The first rules: is this a command for this hand, in numbers, of now?"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from transfer_audit.core.gate.watch import NEVER
from transfer_audit.core.gate.words import Hold
from transfer_audit.core.types import NS, Array


class Reading:
    """Reads the A values of a command and the age of its stamp; `newest_ns` is the newest stamp."""

    def __init__(self, names: Sequence[str], stale_ns: int) -> None:
        self._names = tuple(names)
        self._stale_ns = stale_ns
        self.newest_ns = NEVER

    def values(self, values: Array) -> Array | Hold:
        """Shape and names, then finite: the command as a fresh array, shape (A,)."""
        try:
            asked = np.array(values, np.float64)
        except (TypeError, ValueError) as error:
            return Hold('shape', f'not a row of numbers: {error}')
        if asked.shape != (len(self._names),):
            return Hold('shape', f'{len(self._names)} values expected, found shape {asked.shape}')
        if isfinite(sum(asked.tolist())):
            return asked
        finite = np.isfinite(asked)
        if finite.all():
            return asked
        worst = int(np.argmin(finite))
        what = 'is missing or NaN' if np.isnan(asked[worst]) else 'is infinite'
        return Hold('finite', f'{self._names[worst]} {what}')

    def restart(self) -> None:
        """ROS time stepped: the stamps of before say nothing about order."""
        self.newest_ns = NEVER

    def age(self, stamp_ns: int, now_ns: int) -> Hold | None:
        """Hold what is stale, of the future, or older than its predecessor; a longer step back is the clock's."""
        age_ns = now_ns - stamp_ns
        if not -self._stale_ns <= age_ns <= self._stale_ns:
            side = 'future' if age_ns < 0 else 'past'
            allowed = f'allowed {self._stale_ns / NS:g} s'
            return Hold('age', f'stamped {abs(age_ns) / NS:.3g} s in the {side}, {allowed}')
        if 0 < self.newest_ns - stamp_ns <= self._stale_ns:
            return Hold('age', 'overtaken by a newer command')
        self.newest_ns = stamp_ns
        return None
