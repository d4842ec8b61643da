"""Which way each actuator presses while a force budget is spent."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.gate.servos import Servos
from transfer_audit.core.types import Array


class Pressing:
    """Decided once, when a budget is crossed: the first opening motions turn every later difference around.

    An actuator's pressing direction is

    1. the sign of (last sent command - rest), if that is more than the joint's noise: static pressing is what a
       servo does when its joint cannot follow;
    2. else the sign of (last sent command - last command sent while no element was in contact);
    3. else unknown: the actuator may not move either way.

    Every actuator of the hand counts, whichever tip is over: a thumb presses an object into the index, too.
    """

    def __init__(self, servos: Servos) -> None:
        self._servos = servos
        self.direction: Array = np.zeros(len(servos.low))

    def decide(self, anew: bool, sent: Array | None, joints: Array, free: Array | None) -> None:
        """Look at the hand as a budget is crossed; unless `anew`, only directions still unknown are decided.

        :param sent: the last command sent, shape (A,), or None; `free` likewise the last one without any contact
        :param joints: measured joints, shape (J,), NaN where unknown
        """
        now = self._look(sent, joints, free)
        self.direction = now if anew else np.where(np.isfinite(self.direction), self.direction, now)

    @property
    def known(self) -> bool:
        """Whether something is known of every actuator."""
        return not np.isnan(self.direction).any()

    def _look(self, sent: Array | None, joints: Array, free: Array | None) -> Array:
        """-1, 1; 0 if it presses neither way, NaN if nothing is known of it."""
        if sent is None:
            return np.full(len(self._servos.low), np.nan)
        push = sent - self._servos.rest(joints)
        direction = np.where(np.abs(push) > self._servos.blur, np.sign(push), np.where(np.isnan(push), np.nan, 0.0))
        if free is None:
            return np.asarray(direction)
        moved = sent - free
        closed = np.where(np.abs(moved) > self._servos.blur, np.sign(moved), direction)
        return np.where(np.abs(direction) == 1, direction, closed)

    def opened(self, motion: Array) -> Array:
        """Which actuators may make a motion while a budget is spent: those that stand still or let go.

        :param motion: command - last sent, shape (A,), model units
        :returns: shape (A,), bool
        """
        return np.asarray((motion == 0) | (self.direction * motion < 0))
