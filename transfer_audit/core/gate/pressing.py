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
    the spell lasts: which way it pressed before says nothing about what it presses now. An actuator presses

    1. in the direction of (last sent command - rest), if that is more than the joint's noise and the joint does not
       follow: every command since the loop's latency and SETTLE_NS lay on that side of where the joint is now, and it
       came no nearer. A joint that is only late in a free motion looks the same in a single reading. Opening is the
       other way, without bounds;
    2. else in a direction that is not known, and every later reading is asked again. Until then it may go back towards
       where its joint was when no element was in contact, and not past that.

    Every actuator of the hand counts, whichever tip is over: a thumb presses an object into the index, too. Torque
    motors and velocity servos have no joint to wait for: what they are told is what they press.

    `direction`: -1, 1; 0: not known, shape (A,).
    """

    def __init__(self, servos: Servos, latency: Latency) -> None:
        self._servos, self._latency = servos, latency
        self._past: deque[tuple[int, Array, Array]] = deque()
        self._over = self._untouched = False
        self._free: tuple[Array | None, Array] | None = None
        self.direction: Array = np.zeros(len(servos.low))

    def see(self, forces: Forces, sent: Array | None, joints: Array, steady_ns: int) -> None:
        """Forces were judged: decide, if a spell or, within one, a contact begins, or if something is still unknown.

        :param sent: the last command sent, shape (A,), or None
        :param joints: measured joints, shape (J,), NaN where unknown
        """
        anew = not self._over or (self._untouched and not forces.contact_free)
        self._untouched, self._over = forces.contact_free, forces.any_over
        if forces.contact_free:
            self._free = sent, joints.copy()
        if sent is None:
            return
        self._keep(sent, joints, steady_ns)
        if forces.any_over and (anew or not self.direction.all()):
            now = self._look(sent, joints, steady_ns)
            self.direction = now if anew else np.where(self.direction == 0, now, self.direction)

    def _keep(self, sent: Array, joints: Array, steady_ns: int) -> None:
        """Remember commands and joints for as long as a joint may be late, and the last ones before."""
        self._past.append((steady_ns, sent, joints.copy()))
        while len(self._past) > 1 and self._past[1][0] <= self._since_ns(steady_ns):
            self._past.popleft()

    def _since_ns(self, steady_ns: int) -> int:
        return steady_ns - self._latency.ns - SETTLE_NS

    def _look(self, sent: Array, joints: Array, steady_ns: int) -> Array:
        """What can be told of each actuator now, as `direction`."""
        rest = self._servos.rest(joints)
        push = sent - rest
        pressed = (np.abs(push) > self._servos.blur) & (self._servos.forceless | self._stuck(push, rest, steady_ns))
        return np.where(pressed, np.sign(push), 0.0)

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

    def away(self, sent: Array) -> Array:
        """Where letting go leads, at the farthest, shape (A,), control units; inf: without bounds.

        :param sent: the last command sent, shape (A,)
        """
        back = sent if self._free is None else self._was_free(*self._free, sent)
        return np.where(self.direction == 0, back, np.copysign(np.inf, -self.direction))

    def _was_free(self, told: Array | None, joints: Array, sent: Array) -> Array:
        """Where each actuator stood without contact; where its joint is not known, what it was told, if it was."""
        rest = self._servos.rest(joints)
        return np.where(np.isfinite(rest), rest, sent if told is None else told)

    def opened(self, asked: Array, sent: Array) -> Array:
        """The nearest command to the one asked for to which every actuator stands still or lets go, shape (A,).

        :param asked: shape (A,), control units; `sent` the last command sent, likewise
        """
        away = self.away(sent)
        return np.minimum(np.maximum(asked, np.minimum(sent, away)), np.maximum(sent, away))
