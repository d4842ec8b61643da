"""How far and how fast: the range of each actuator and its speed budget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from transfer_audit.core.gate.servos import Servos
from transfer_audit.core.types import NS, Array

PAUSE_NS = 100_000_000
"""The longest pause that buys a motion: a step is at most what the speed budget allows in this time."""
FIRST_NS = 10_000_000
"""How far the very first command may move the hand from its measured joints, as time at the speed budget."""


class Motion:
    """Clamps the motion of A actuators; one without a speed budget is not slowed."""

    def __init__(self, names: Sequence[str], servos: Servos, speed_budget: float | dict[str, float] | None) -> None:
        each = [speed_budget.get(name) if isinstance(speed_budget, dict) else speed_budget for name in names]
        self._names, self._low, self._high = tuple(names), servos.low, servos.high
        self._free = np.array([value is None for value in each])
        self._speed = np.array([0.0 if value is None else value for value in each])
        self.budget: float | None = min((value for value in each if value is not None), default=None)

    def clamp(self, asked: Array, origin: Array, elapsed_ns: int | None, share: float) -> tuple[Array, str]:
        """The nearest allowed command to the one asked for, and why it differs.

        :param asked: shape (A,), finite; `origin` the last command sent, likewise, within the range
        :param elapsed_ns: since `origin` was sent; None: it never was, the hand only stands there
        :param share: of the speed budgets in force
        :returns: shape (A,), between `origin` and `asked`, and a sentence, empty if nothing was altered
        """
        time_ns = FIRST_NS if elapsed_ns is None else min(max(elapsed_ns, 0), PAUSE_NS)
        reach = self._speed * (share * time_ns / NS)
        reach[self._free] = np.inf
        ranged = np.clip(asked, self._low, self._high)
        leaving = np.clip(ranged, origin - reach, origin + reach)
        return leaving, '' if (leaving == asked).all() else self._why(asked, ranged, leaving, share)

    def _why(self, asked: Array, ranged: Array, leaving: Array, share: float) -> str:
        outside, fast = int(np.argmax(np.abs(asked - ranged))), int(np.argmax(np.abs(ranged - leaving)))
        said = []
        if asked[outside] != ranged[outside]:
            limits = f'{self._low[outside]:g} to {self._high[outside]:g}'
            said.append(f'{self._names[outside]}: {asked[outside]:.4g} is outside {limits}')
        if ranged[fast] != leaving[fast]:
            said.append(f'{self._names[fast]}: faster than {self._speed[fast] * share:.3g} per second')
        return '; '.join(said)

    def forbidden(self, leaving: Array) -> str:
        """The last look at what is about to leave: an actuator that is not within its range, or empty."""
        good = (leaving >= self._low) & (leaving <= self._high) & np.isfinite(leaving)
        return '' if good.all() else self._names[int(np.argmin(good))]
