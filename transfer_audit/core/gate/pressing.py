"""Which way each actuator presses while a force budget is spent."""

from __future__ import annotations

from collections import deque

import numpy as np

from transfer_audit.core.gate.forces import Forces
from transfer_audit.core.gate.latency import Latency
from transfer_audit.core.gate.servos import Servos
from transfer_audit.core.types import Array

SETTLE_NS = 100_000_000
"""A joint that is only late has begun to follow its command this long after the loop's latency."""


class Pressing:
    """Decided once for each contact: the first opening motions turn every later difference around.

    That is when a budget is crossed, and again when the hand, that was free of contact since, touches something while
    the spell lasts: which way it pressed before says nothing about what it presses now. An actuator's pressing
    direction is

    1. the sign of (last sent command - rest), if that is more than the joint's noise and the joint does not follow:
       every command since the loop's latency and SETTLE_NS lay on that side of where the joint is now, and it came no
       nearer. A joint that is only late in a free motion looks the same in a single reading;
    2. else the sign of (last sent command - last command sent while no element was in contact);
    3. else unknown: the actuator may not move either way, and every later reading is asked again.

    Every actuator of the hand counts, whichever tip is over: a thumb presses an object into the index, too. Torque
    motors and velocity servos have no joint to wait for: what they are told is what they press.
    """

    def __init__(self, servos: Servos, latency: Latency) -> None:
        self._servos, self._latency = servos, latency
        self._past: deque[tuple[int, Array, Array]] = deque()
        self._over = self._free = False
        self.direction: Array = np.zeros(len(servos.low))

    def see(self, forces: Forces, sent: Array | None, joints: Array, free: Array | None, steady_ns: int) -> None:
        """Forces were judged: decide, if a spell or, within one, a contact begins, or if something is still unknown.

        :param sent: the last command sent, shape (A,), or None; `free` likewise the last one without any contact
        :param joints: measured joints, shape (J,), NaN where unknown
        """
        touched, self._free = self._free and not forces.contact_free, forces.contact_free
        anew, self._over = forces.any_over and (touched or not self._over), forces.any_over
        self._keep(sent, joints, steady_ns)
        if anew:
            self.direction = self._look(sent, joints, free, steady_ns)
        elif forces.any_over and np.isnan(self.direction).any():
            now = self._look(sent, joints, free, steady_ns)
            self.direction = np.where(np.isnan(self.direction), now, self.direction)

    def _keep(self, sent: Array | None, joints: Array, steady_ns: int) -> None:
        """Remember commands and joints for as long as a joint may be late, and the last ones before."""
        if sent is None:
            return
        self._past.append((steady_ns, sent, joints.copy()))
        while len(self._past) > 1 and self._past[1][0] <= self._since_ns(steady_ns):
            self._past.popleft()

    def _since_ns(self, steady_ns: int) -> int:
        return steady_ns - self._latency.ns - SETTLE_NS

    def _look(self, sent: Array | None, joints: Array, free: Array | None, steady_ns: int) -> Array:
        """-1, 1; 0 if it presses neither way, NaN if nothing is known of it."""
        if sent is None:
            return np.full(len(self._servos.low), np.nan)
        rest, blur = self._servos.rest(joints), self._servos.blur
        push = sent - rest
        sure = self._servos.forceless | self._stuck(push, rest, steady_ns)
        direction = np.where(np.abs(push) <= blur, 0.0, np.where(sure, np.sign(push), np.nan))
        if free is None:
            return direction
        moved = sent - free
        closed = np.where(np.abs(moved) > blur, np.sign(moved), direction)
        return np.where(np.abs(direction) == 1, direction, closed)

    def _stuck(self, push: Array, rest: Array, steady_ns: int) -> np.ndarray:
        """Which joints certainly do not follow their commands, shape (A,), bool.

        :param push: last sent command - `rest`, where each actuator exerts no static force; both of shape (A,)
        """
        began_ns, _, joints = self._past[0]
        if began_ns > self._since_ns(steady_ns):
            return np.zeros(len(push), bool)
        way, blur = np.sign(push), self._servos.blur
        nearest = np.min([way * (sent - rest) for _, sent, _ in self._past], axis=0)
        came = way * (rest - self._servos.rest(joints))
        return np.asarray((nearest > blur) & (came <= blur))

    def opened(self, motion: Array) -> Array:
        """Which actuators may make a motion while a budget is spent: those that stand still or let go.

        :param motion: command - last sent, shape (A,), model units
        :returns: shape (A,), bool
        """
        return np.asarray((motion == 0) | (self.direction * motion < 0))
