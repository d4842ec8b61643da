"""How far, how fast and how suddenly: position limits, speed and acceleration budgets of each actuator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from transfer_audit.core.gate.limits import Limits
from transfer_audit.core.gate.servos import Servos
from transfer_audit.core.profile import GateSpec
from transfer_audit.core.types import NS, Array

PAUSE_NS = 100_000_000
"""The longest pause that buys a motion: a step is at most what the speed budget allows in this time."""
FIRST_NS = 10_000_000
"""How far the very first command may move the hand from its measured joints, as time at the speed budget."""


class Motion:
    """Clamps the motion of A actuators; one without a budget is not slowed.

    The acceleration budget limits how speed builds up. Stopping is always allowed at once: a hold must not wait for it,
    and a command that had to brake would pass what was asked for.
    """

    def __init__(self, names: Sequence[str], servos: Servos, spec: GateSpec) -> None:
        self._names, self._servos = tuple(names), servos
        self.speed = Limits('speed_budget', names, spec.speed_budget)
        self.acceleration = Limits('acceleration_budget', names, spec.acceleration_budget)
        self._velocity: Array = np.zeros(len(self._names))
        self.low, self.high = _listed(servos.low), _listed(servos.high)
        self._least, self._most = _listed(servos.least), _listed(servos.most)

    def speeds(self, share: float) -> list[float]:
        """How fast each actuator may move with `share` of the budgets; inf: as fast as it likes."""
        return self.speed.listed if share == 1.0 else [speed * share for speed in self.speed.listed]

    @property
    def build_up(self) -> list[tuple[float, float]]:
        """How fast each actuator moves and how fast that may grow (inf: at once); empty without such a budget."""
        if not self.acceleration.any:
            return []
        return list(zip(self._velocity.tolist(), self.acceleration.listed, strict=True))

    def clamp(self, asked: Array, origin: Array, time_ns: int, share: float) -> tuple[Array, str]:
        """The nearest allowed command to the one asked for, and why it differs.

        A hand found outside its position limits may come back into them, and go no further out.

        :param asked: shape (A,), finite; `origin` the last command sent, likewise
        :param time_ns: for which motion is granted, see `granted_ns`
        :param share: of the speed budgets in force
        :returns: shape (A,), between `origin` and `asked`, and a sentence, empty if nothing was altered
        """
        low, high = np.minimum(self._servos.low, origin), np.maximum(self._servos.high, origin)
        ranged = np.minimum(np.maximum(asked, low), high)
        down, up = self._reach(time_ns / NS, share)
        leaving = np.minimum(np.maximum(ranged, origin + down), origin + up)
        return leaving, '' if (leaving == asked).all() else self._why(asked, ranged, leaving, share)

    def _reach(self, time_s: float, share: float) -> tuple[Array, Array]:
        """How far each actuator may go down and up in a time."""
        speed = np.where(self.speed.none, np.inf, self.speed.now * share)
        up, down = speed, -speed
        if self.acceleration.any:
            gain = np.where(self.acceleration.none, np.inf, self.acceleration.now * time_s)
            up = np.minimum(speed, np.maximum(self._velocity, 0.0) + gain)
            down = np.maximum(-speed, np.minimum(self._velocity, 0.0) - gain)
        free = np.isinf(up)
        return np.where(free, -np.inf, down * time_s), np.where(free, np.inf, up * time_s)

    @staticmethod
    def granted_ns(elapsed_ns: int | None) -> int:
        """The time for which a command may move: since the last one was sent; None: none ever was."""
        return FIRST_NS if elapsed_ns is None else min(max(elapsed_ns, 0), PAUSE_NS)

    def moved(self, leaving: Array, origin: Array, time_ns: int) -> None:
        """A command left, shape (A,), after `origin`."""
        if self.acceleration.any and time_ns > 0:
            self._velocity = (leaving - origin) * (NS / time_ns)

    def stopped(self) -> None:
        """The hand is being held: speed builds up from zero again."""
        self._velocity = np.zeros(len(self._names))

    def _why(self, asked: Array, ranged: Array, leaving: Array, share: float) -> str:
        outside, fast = int(np.argmax(np.abs(asked - ranged))), int(np.argmax(np.abs(ranged - leaving)))
        said = []
        if asked[outside] != ranged[outside]:
            limits = f'{self._servos.low[outside]:g} to {self._servos.high[outside]:g}'
            said.append(f'{self._names[outside]}: {asked[outside]:.4g} is outside {limits}')
        if ranged[fast] != leaving[fast]:
            said.append(f'{self._names[fast]}: {self._too(fast, share)}')
        return '; '.join(said)

    def _too(self, at: int, share: float) -> str:
        if self.acceleration.any and not self.acceleration.none[at]:
            return f'faster than {self.speed.now[at] * share:.3g} per second or sped up by more than ' + (
                f'{self.acceleration.now[at]:.3g} per second squared'
            )
        return f'faster than {self.speed.now[at] * share:.3g} per second'

    def forbidden(self, leaving: Array) -> str:
        """The last look at what is about to leave: an actuator that is not within its range, or empty."""
        for name, value, least, most in zip(self._names, leaving.tolist(), self._least, self._most, strict=True):
            if not least <= value <= most:
                return name
        return ''


def _listed(bounds: Array) -> list[float]:
    """As Python's numbers; what has no bound must be finite all the same."""
    most = np.finfo(np.float64).max
    return [float(bound) for bound in np.clip(bounds, -most, most)]
