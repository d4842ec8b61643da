"""A command that may move the hand now -> what leaves, within every budget; and what a hold sends instead."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from transfer_audit.core.gate.parts import Parts
from transfer_audit.core.gate.watch import NEVER
from transfer_audit.core.gate.words import Decision, Hold
from transfer_audit.core.types import Array, to_ns


class Passage:
    """The way out, and what was sent last: `sent`, shape (A,), model units, None before the first, at `sent_ns`."""

    def __init__(self, parts: Parts, names: Sequence[str]) -> None:
        self._parts, self._names = parts, tuple(names)
        self._motion, self._forces = parts.motion, parts.forces
        alive_hz = parts.spec.keep_alive_hz
        self._period_ns = to_ns(1.0 / alive_hz) if alive_hz > 0 else None
        self.sent: Array | None = None
        self.sent_ns = self._out_ns = NEVER
        self._force_trip = False

    def decide(self, asked: Array, steady_ns: int) -> Decision:
        """What becomes of a command that nothing forbids."""
        origin = self.sent if self.sent is not None else self._start(steady_ns)
        return self.hold(origin, steady_ns) if isinstance(origin, Hold) else self._within(asked, origin, steady_ns)

    def leave_as_it_is(self, asked: Array, steady_ns: int) -> Decision:
        """A command that the corridor admitted, after an earlier one."""
        assert self.sent is not None
        self._force_trip = False
        return self._leave(asked, self.sent, self._motion.granted_ns(steady_ns - self.sent_ns), '', steady_ns)

    def _start(self, steady_ns: int) -> Array | Hold:
        """Where the hand is before anything was sent, as the nearest command that the model allows."""
        silent = self._parts.joints.silent(steady_ns)
        if silent:
            return Hold('start', f'where the hand stands is not known: {silent}')
        servos = self._parts.servos
        rest = servos.rest(self._parts.joints.values)
        if np.isfinite(rest).all():
            return np.clip(rest, servos.least, servos.most)
        name = self._names[int(np.argmin(np.isfinite(rest)))]
        return Hold('start', f'where {name} stands is not known: its joint is not measured')

    def _within(self, asked: Array, origin: Array, steady_ns: int) -> Decision:
        """Eases in, clamps range, speed and acceleration; a spent force budget holds what closes."""
        time_ns = self._motion.granted_ns(None if self.sent is None else steady_ns - self.sent_ns)
        ease, share = self._parts.ease, self._parts.budgets.speed_share
        eased = asked
        if ease.active and not self._forces.any_over:
            eased = ease.toward(asked, origin, time_ns)
        leaving, reason = self._motion.clamp(eased, origin, time_ns, share)
        if eased is not asked and not reason and not (leaving == asked).all():
            reason = 'easing in after a hold'
        if not self._forces.any_over:
            self._force_trip = False
            return self._send(leaving, origin, time_ns, reason, steady_ns)
        opened = self._parts.pressing.opened(leaving, origin)
        if (opened == leaving).all():
            return self._send(leaving, origin, time_ns, reason, steady_ns)
        return self._pressed(opened, origin, time_ns, steady_ns)

    def _pressed(self, opened: Array, origin: Array, time_ns: int, steady_ns: int) -> Decision:
        """A force budget is spent and some actuator would close: only what opens may go."""
        if not self._force_trip:
            self._force_trip = True
            self._parts.trip()
        said = self._forces.said()
        if self._parts.stop.why is not None or (opened == origin).all():
            return self.hold(Hold('force', f'{said}: closing held'), steady_ns)
        self._parts.ease.hold()
        return self._send(opened, origin, time_ns, f'{said}: only what opens passes', steady_ns)

    def _send(self, leaving: Array, origin: Array, time_ns: int, reason: str, steady_ns: int) -> Decision:
        """The way out for a new command."""
        wrong = self._motion.forbidden(leaving)
        if wrong:
            return self.hold(Hold('range', f'{wrong} would leave its range'), steady_ns)
        return self._leave(leaving, origin, time_ns, reason, steady_ns)

    def _leave(self, leaving: Array, origin: Array, time_ns: int, reason: str, steady_ns: int) -> Decision:
        leaving.flags.writeable = False
        self._motion.moved(leaving, origin, time_ns)
        self.sent, self.sent_ns, self._out_ns = leaving, steady_ns, steady_ns
        return self._parts.note(Decision(leaving, 'clamped' if reason else 'passed', reason))

    def hold(self, hold: Hold, steady_ns: int) -> Decision:
        """Nothing new may leave."""
        self.rest()
        changed = self._keep(True, steady_ns)
        again = self.sent if changed or self._period_ns is not None else None
        if again is not None:
            self._out_ns = steady_ns
        return self._parts.note(Decision(again, 'held', hold.reason))

    def again(self, held: bool, steady_ns: int) -> Decision | None:
        """As time goes by: what a hold sends now, or the last command again to keep the hand alive.

        :param held: nothing may pass now
        """
        if held:
            self.rest()
        changed = (held or self._forces.any_over) and self._keep(held, steady_ns)
        if self.sent is None or not (changed or self._due(steady_ns)):
            return None
        self._out_ns = steady_ns
        return Decision(self.sent, 'held', 'holding' if changed else 'keep alive')

    def rest(self) -> None:
        """What follows begins from standstill."""
        self._parts.ease.hold()
        self._motion.stopped()

    def _keep(self, held: bool, steady_ns: int) -> bool:
        """Bring the last command to what a hold sends now; whether it changed."""
        if self.sent is None:
            return False
        kept = self._parts.kept(self.sent, held, steady_ns, steady_ns - self.sent_ns)
        if kept is self.sent or (kept == self.sent).all():
            return False
        kept.flags.writeable = False
        self.sent, self.sent_ns = kept, steady_ns
        self.rest()
        return True

    def _due(self, steady_ns: int) -> bool:
        return self._period_ns is not None and steady_ns - self._out_ns >= self._period_ns
