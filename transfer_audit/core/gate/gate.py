"""Command + measurement -> allowed command. Every rule reads `if good: go on`, so that nonsense ends in a hold."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.errors import UnknownElement
from transfer_audit.core.gate.budgets import Budgets
from transfer_audit.core.gate.forces import Forces
from transfer_audit.core.gate.motion import Motion
from transfer_audit.core.gate.reading import Reading
from transfer_audit.core.gate.servos import Servos
from transfer_audit.core.gate.watch import NEVER, Watch
from transfer_audit.core.gate.words import BudgetsLeft, Decision, GateStatus, Hold, Latch, Level
from transfer_audit.core.types import NS, Array, to_ns


class Gate:
    """Lets commands through within force, speed and failure budgets. It is not a certified safety device.

    Events come in the order in which they happened. `stamp_ns` and `now_ns` are ROS time and decide about age;
    `steady_ns` is the steady clock and decides about silence and speed. An actuator without a speed budget is not
    slowed. A hold leaves the hand at the last command sent, which suits position servos.
    """

    def __init__(self, binding: Binding, latch: Latch) -> None:
        spec = binding.profile.gate
        self._names = binding.command.names
        self._channels = tuple(plan.name for plan in binding.channels)
        self._spec, self._latch = spec, latch
        self._stale_ns = to_ns(spec.stale_s)
        self._period_ns = to_ns(1.0 / spec.keep_alive_hz) if spec.keep_alive_hz > 0 else None
        self._servos = Servos(binding)
        self._reading = Reading(self._names, self._stale_ns)
        self._motion = Motion(self._names, self._servos, spec.speed_budget)
        self._forces = Forces(binding, self._servos, self._stale_ns)
        self._joints = Watch(binding, self._servos.joints, self._stale_ns)
        self._budgets = Budgets(spec)
        self._stopped = latch.read()
        self._forgetful = ''
        self._recorded, self._recorder = False, 'the recorder has not been heard'
        self._sent: Array | None = None
        self._free: Array | None = None
        self._sent_ns = self._out_ns = self._heard_ns = self._steady_ns = NEVER
        self._mute = False
        self._last: Decision | None = None
        self._force_trip = False
        self._trips = self._passed = self._clamped = self._held = 0
        self._reason = ''

    @property
    def watched(self) -> frozenset[str]:
        """The channels whose measurements the gate looks at."""
        return self._joints.channels | self._forces.watch.channels

    # events

    def command(self, values: Array, stamp_ns: int, now_ns: int, steady_ns: int) -> Decision:
        """Decide about a command, at once.

        :param values: shape (A,), model units, in the profile's order; NaN: the message did not name that element
        """
        self._hear(steady_ns)
        asked = self._reading.values(values)
        if isinstance(asked, Hold):
            return self._hold(asked)
        hold = self._reading.age(stamp_ns, now_ns) or self._forbidden()
        if hold is not None:
            return self._hold(hold)
        origin = self._sent if self._sent is not None else self._start()
        if isinstance(origin, Hold):
            return self._hold(origin)
        return self._within(asked, origin)

    def refuse(self, reason: str, now_ns: int, steady_ns: int) -> Decision:
        """A command came that could not be read at all: hold."""
        self._hear(steady_ns)
        return self._hold(Hold('message', reason))

    def measured(self, channel: str, values: Array, stamp_ns: int, now_ns: int, steady_ns: int) -> None:
        """Note a measurement, as `ChannelPlan.measured` carries it, one row, shape (M,).

        :raises UnknownElement: if the profile has no such channel
        """
        if channel not in self._channels:
            raise UnknownElement('gate', 'channel', channel, self._channels)
        self._see(steady_ns)
        self._joints.take(channel, values, stamp_ns, now_ns, steady_ns)
        if self._forces.watch.take(channel, values, stamp_ns, now_ns, steady_ns):
            self._judge()

    def divergence(self, kind: str, element: str, why: str) -> None:
        """Simulation and hand have parted: cut the budgets."""
        self._budgets.diverged(f'{kind} of {element} diverged' + (f': {why}' if why else ''))
        self._judge()

    def round_ended(self, success: bool | None, diverged: bool) -> None:
        """Count a round; the last failure the budget allows stops the hand until `rearm`."""
        self._budgets.round_ended(success, diverged)
        self._judge()
        if self._budgets.failures_left == 0:
            self._stop(f'{self._budgets.failures} rounds failed in a row, budget {self._spec.failure_budget}')

    def recording(self, ok: bool, why: str = '') -> None:
        """The recorder says whether rounds can be recorded. Its silence is the caller's to notice."""
        self._recorded, self._recorder = ok is True, why or 'rounds cannot be recorded'

    def stop(self, why: str) -> None:
        """Hold everything until `rearm`, over restarts too."""
        self._stop(why or 'stopped')

    def rearm(self) -> tuple[bool, str]:
        """Open a latched stop, unless its cause persists; failures are counted anew.

        :returns: whether the gate is armed now, and a sentence
        """
        silent = self._forces.watch.silent(self._steady_ns)
        unrecorded = '' if self._recording_suffices() else self._recorder
        persists = self._forces.over() or silent or unrecorded
        if persists:
            return False, f'not rearmed: {persists}'
        try:
            self._latch.clear()
        except OSError as error:
            return False, f'not rearmed: the latch cannot be cleared: {error}'
        was, self._stopped = self._stopped, None
        self._budgets.forgive()
        return True, 'rearmed' + (f' after: {was}' if was else '; nothing was latched')

    def tick(self, now_ns: int, steady_ns: int) -> Decision | None:
        """Watch the time: the last command again to keep the hand alive, and a word once commands fall silent."""
        self._see(steady_ns)
        why = self._silence()
        mute, self._mute = self._mute, bool(why)
        if self._sent is not None and self._period_ns is not None and steady_ns - self._out_ns >= self._period_ns:
            self._out_ns = steady_ns
            return Decision(self._sent, 'held', 'keep alive' + (f': {why}' if why else ''))
        return Decision(None, 'held', why) if why and not mute else None

    # rules, in order

    def _forbidden(self) -> Hold | None:
        """Reasons to hold whatever the command says."""
        if self._stopped is not None:
            return Hold('latched', f'stopped until rearmed: {self._stopped}{self._forgetful}')
        if not self._budgets.failures_left > 0:
            return Hold('failures', 'the failure budget is spent')
        if not self._recording_suffices():
            return Hold('unrecorded', self._recorder)
        if len(self._forces.watch):
            silent = self._forces.watch.silent(self._steady_ns) or self._joints.silent(self._steady_ns)
            return Hold('silent', silent) if silent else None
        return None

    def _start(self) -> Array | Hold:
        """Where the hand is before anything was sent, as the nearest allowed command."""
        silent = self._joints.silent(self._steady_ns)
        if silent:
            return Hold('start', f'where the hand stands is not known: {silent}')
        rest = self._servos.rest(self._joints.values)
        if np.isfinite(rest).all():
            return np.clip(rest, self._servos.low, self._servos.high)
        name = self._names[int(np.argmin(np.isfinite(rest)))]
        return Hold('start', f'where {name} stands is not known: its joint is not measured')

    def _within(self, asked: Array, origin: Array) -> Decision:
        """Range and speed clamp a command; a spent force budget holds what closes."""
        elapsed_ns = None if self._sent is None else self._steady_ns - self._sent_ns
        leaving, reason = self._motion.clamp(asked, origin, elapsed_ns, self._budgets.speed_share)
        if not self._forces.any_over:
            self._force_trip = False
            return self._send(leaving, reason)
        may = self._forces.opened(leaving - origin)
        return self._send(leaving, reason) if may.all() else self._pressed(leaving, origin, may)

    def _pressed(self, leaving: Array, origin: Array, may: Array) -> Decision:
        """A force budget is spent and some actuator would close: only what opens may go."""
        self._trips += not self._force_trip
        self._force_trip = True
        opened = np.where(may, leaving, origin)
        if (opened == origin).all():
            return self._hold(Hold('force', f'{self._forces.over()}: closing held'))
        return self._send(opened, f'{self._forces.over()}: only what opens passes')

    # consequences

    def _send(self, leaving: Array, reason: str) -> Decision:
        """The only way out for a new command."""
        wrong = self._motion.forbidden(leaving)
        if wrong:
            return self._hold(Hold('range', f'{wrong} would leave its range'))
        leaving.flags.writeable = False
        self._sent, self._sent_ns, self._out_ns = leaving, self._steady_ns, self._steady_ns
        self._forces.noted(self._steady_ns)
        if self._forces.contact_free:
            self._free = leaving
        self._passed += not reason
        self._clamped += bool(reason)
        self._reason = reason or self._reason
        self._last = Decision(leaving, 'clamped' if reason else 'passed', reason)
        return self._last

    def _hold(self, hold: Hold) -> Decision:
        self._held += 1
        self._reason = hold.reason
        again = self._sent if self._period_ns is not None else None
        if again is not None:
            self._out_ns = self._steady_ns
        self._last = Decision(again, 'held', hold.reason)
        return self._last

    def _stop(self, why: str) -> None:
        """Stopped in memory first, then durably; a stop given again is written again, under the first reason."""
        self._trips += self._stopped is None
        self._stopped = why = self._stopped or why
        try:
            self._latch.set(why)
            self._forgetful = ''
        except OSError as error:
            self._forgetful = f' (a restart would forget this: {error})'

    def _judge(self) -> None:
        self._forces.judge(self._budgets.force_share, self._sent, self._joints.values, self._free)

    def _recording_suffices(self) -> bool:
        return self._recorded or self._spec.unrecorded == 'pass'

    def _see(self, steady_ns: int) -> None:
        self._steady_ns = max(self._steady_ns, steady_ns)

    def _hear(self, steady_ns: int) -> None:
        self._see(steady_ns)
        self._heard_ns = self._steady_ns

    def _silence(self) -> str:
        """Who has fallen silent: commands, or measurements that a budget needs."""
        hold = self._forbidden()
        if hold is not None and hold.rule == 'silent':
            return hold.reason
        if self._heard_ns == NEVER:
            return 'no command yet'
        silence_ns = self._steady_ns - self._heard_ns
        return f'no command for {silence_ns / NS:.3g} s' if silence_ns > self._stale_ns else ''

    # words

    def budgets(self) -> BudgetsLeft:
        """What is left of each budget as a share of what the profile declares."""
        force = 0.0 if self._forces.watch.silent(self._steady_ns) else self._forces.left()
        speed = 1.0 if self._motion.budget is None else self._budgets.speed_share
        return BudgetsLeft(force, speed, self._budgets.failures_left / self._spec.failure_budget)

    def status(self) -> GateStatus:
        """The gate as of the last event."""
        level, message = self._standing()
        declared = self._motion.budget
        fastest = None if declared is None else declared * self._budgets.speed_share
        return GateStatus(
            level=level,
            message=message,
            latched=self._stopped is not None,
            reason=self._reason,
            trips=self._trips,
            passed=self._passed,
            clamped=self._clamped,
            held=self._held,
            force_budget=self._forces.budget,
            speed_budget=fastest,
            failures_left=self._budgets.failures_left,
            cut=self._budgets.cut,
            overshoot=self._forces.overshoot(fastest),
        )

    def _standing(self) -> tuple[Level, str]:
        hold = self._forbidden()
        if hold is not None:
            return ('stale' if hold.rule == 'silent' else 'error'), f'holding: {hold.reason}'
        if self._forces.any_over:
            return 'error', f'only opening: {self._forces.over()}'
        silence = self._silence()
        if silence or self._last is None:
            return 'stale', silence
        if self._last.action != 'passed':
            return 'warn', f'{self._last.action}: {self._last.reason}'
        return ('warn', f'passing, budgets cut: {self._budgets.cut}') if self._budgets.cut else ('ok', 'passing')
