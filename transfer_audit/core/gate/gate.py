"""Command + measurement -> allowed command. Every rule reads `if good: go on`, so that nonsense ends in a hold."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.errors import UnknownElement
from transfer_audit.core.gate.corridor import Corridor
from transfer_audit.core.gate.parts import Parts
from transfer_audit.core.gate.passage import Passage
from transfer_audit.core.gate.reading import Reading
from transfer_audit.core.gate.standing import standing
from transfer_audit.core.gate.watch import NEVER
from transfer_audit.core.gate.words import BudgetsLeft, Decision, GateStatus, Hold, Latch
from transfer_audit.core.types import Array, to_ns

P = ParamSpec('P')
R = TypeVar('R')


def event(method: Callable[Concatenate[Gate, P], R]) -> Callable[Concatenate[Gate, P], R]:
    """Something happens to a gate: first what is pending, then that, then a look ahead to the next command."""

    @functools.wraps(method)
    def happens(gate: Gate, *arguments: P.args, **named: P.kwargs) -> R:
        gate._look_back()
        try:
            return method(gate, *arguments, **named)
        finally:
            gate.settle()

    return happens


class Gate:
    """Lets commands through within position, speed, force and failure budgets. It is not a certified safety device.

    Events come in the order in which they happened. `stamp_ns` and `now_ns` are ROS time and decide about age;
    `steady_ns` is the steady clock and decides about silence and speed. An actuator without a budget is not limited.
    A hold leaves position servos at the last command sent; see `Holding` for others.
    """

    def __init__(self, binding: Binding, latch: Latch) -> None:
        spec = binding.profile.gate
        self._names = binding.command.names
        self._channels = tuple(plan.name for plan in binding.channels)
        self._parts = parts = Parts(binding, latch)
        stale_ns = to_ns(spec.age_limits.policy or spec.stale_s)
        self._reading = Reading(self._names, stale_ns)
        self._corridor = Corridor(stale_ns, to_ns(spec.clock_step_s or spec.stale_s))
        self._passed: tuple[Sequence[float], int, int, int] | None = None
        self._passage = Passage(parts, self._names)
        self._forces, self._budgets = parts.forces, parts.budgets
        self._steady_ns = NEVER
        self._mute = self._unsettled = False

    @property
    def watched(self) -> frozenset[str]:
        """The channels whose measurements the gate looks at."""
        return self._parts.joints.channels | self._forces.watch.channels | self._parts.holding.channels

    @property
    def sent(self) -> Array | None:
        """The last command sent, shape (A,), model units; None before the first."""
        self._look_back()
        return self._passage.sent

    # events

    def command(self, values: Array, stamp_ns: int, now_ns: int, steady_ns: int) -> Decision:
        """Decide about a command, at once.

        :param values: shape (A,), model units, in the profile's order; NaN: the message did not name that element
        """
        asked = self._reading.values(values)
        if not isinstance(asked, Hold) and self.passes(asked.tolist(), stamp_ns, now_ns, steady_ns):
            return self._taken()
        self._hear(now_ns, steady_ns)
        if isinstance(asked, Hold):
            return self._passage.hold(asked, self._steady_ns)
        hold = self._parts.forbidden(self._steady_ns) or self._reading.age(stamp_ns, now_ns)
        if hold is not None:
            return self._passage.hold(hold, self._steady_ns)
        decision = self._passage.decide(asked, self._steady_ns)
        self._unsettled = decision.action != 'held'
        return decision

    def passes(self, values: Sequence[float], stamp_ns: int, now_ns: int, steady_ns: int) -> bool:
        """The short way of `command`: whether it certainly passes as it is. If so, it counts as sent; if not, nothing
        has happened yet and `command` decides.

        :param values: length A, Python's floats, model units, in the profile's order
        """
        if self._passed is not None:
            self.settle()
        if not self._corridor.admits(values, stamp_ns, now_ns, steady_ns):
            return False
        self._corridor.shut()
        self._passed = values, stamp_ns, now_ns, steady_ns
        return True

    def settle(self) -> None:
        """Note what follows from the command that just left, and look ahead to the next. Called as soon as the command
        is on its way, it costs the hand no time."""
        self._look_back()
        sent = self._passage.sent
        if sent is not None:
            self._corridor.open(self._parts, sent.tolist(), self._passage.sent_ns, self._reading.newest_ns)

    def _taken(self) -> Decision:
        """What `passes` let through leaves, as it would by the rules."""
        assert self._passed is not None
        (values, stamp_ns, now_ns, steady_ns), self._passed = self._passed, None
        self._parts.clock.see(now_ns, steady_ns)
        self._parts.policy.hear(steady_ns)
        self._reading.newest_ns, self._steady_ns = stamp_ns, steady_ns
        self._unsettled = True
        return self._passage.leave_as_it_is(np.array(values, np.float64), steady_ns)

    def _look_back(self) -> None:
        """What the command that left says of latency and age. Nothing is sure of the next one any more."""
        self._corridor.shut()
        if self._passed is not None:
            self._taken()
        sent, self._unsettled, new = self._passage.sent, False, self._unsettled
        if new and sent is not None:
            self._forces.noted(self._passage.sent_ns)
            self._parts.latency.sent(sent, self._passage.sent_ns)

    def refuse(self, reason: str, now_ns: int, steady_ns: int) -> Decision:
        """A command came that could not be read at all, or not be trusted: hold."""
        self._hear(now_ns, steady_ns)
        return self._passage.hold(Hold('message', reason), self._steady_ns)

    @event
    def measured(self, channel: str, values: Array, stamp_ns: int, now_ns: int, steady_ns: int) -> None:
        """Note a measurement, as `ChannelPlan.measured` carries it, one row, shape (M,).

        :raises UnknownElement: if the profile has no such channel
        """
        if channel not in self._channels:
            raise UnknownElement('gate', 'channel', channel, self._channels)
        self._see(now_ns, steady_ns)
        parts = self._parts
        if parts.joints.take(channel, values, stamp_ns, now_ns, self._steady_ns):
            parts.latency.measured(parts.joints.values, int(parts.joints.born_ns.min()))
        parts.holding.measured(channel, values, stamp_ns, now_ns, self._steady_ns)
        if self._forces.watch.take(channel, values, stamp_ns, now_ns, self._steady_ns):
            self._forces.see()
            self._judge()

    @event
    def compared(self, steady_ns: int) -> None:
        """The divergence is at work: it said something, whatever it was."""
        self._parts.divergence.hear(max(self._steady_ns, steady_ns))

    @event
    def divergence(self, kind: str, element: str, why: str) -> None:
        """Simulation and hand have parted: cut the budgets as the profile says for that kind."""
        self._budgets.diverged(kind, f'{kind} of {element} diverged' + (f': {why}' if why else ''))
        self._judge()

    @event
    def round_ended(self, success: bool | None, diverged: bool) -> None:
        """Count a round; the last failure the budget allows stops the hand until `rearm`."""
        self._budgets.round_ended(success, diverged)
        self._judge()
        self._parts.stop_if_spent()

    @event
    def recording(self, ok: bool, why: str = '') -> None:
        """The recorder says whether rounds can be recorded. Its silence is the caller's to notice."""
        self._parts.recorded, self._parts.recorder = ok is True, why or 'rounds cannot be recorded'

    @event
    def outside(self, rule: str, why: str) -> None:
        """Something that only the caller sees forbids all motion, under the name `rule`; an empty `why` ends that."""
        if why:
            self._parts.outside[rule] = why
        else:
            self._parts.outside.pop(rule, None)

    @event
    def stop(self, why: str) -> str:
        """Hold everything until `rearm`; returns why a restart would forget that, empty if it will not."""
        return self._parts.stopped(why)

    @event
    def tighten(self, kind: str, value: float, name: str | None = None) -> tuple[bool, str]:
        """Lower a budget of the profile until `rearm`: of one actuator or tip, or of all.

        :param kind: as in the profile: `speed_budget`, `force_budget`, `failure_budget`, …
        :returns: whether it was done, and a sentence; more budget than now is refused
        """
        done, sentence = self._parts.tighten(kind, value, name)
        self._judge()
        self._parts.stop_if_spent()
        return done, sentence

    @event
    def rearm(self) -> tuple[bool, str]:
        """Open a latched stop, unless its cause persists; failures and trips count anew, budgets are the profile's.

        :returns: whether the gate is armed now, and a sentence
        """
        persists = self._parts.persists(self._steady_ns)
        was = self._parts.stop.why
        why_not = persists or self._parts.stop.clear()
        if why_not:
            return False, f'not rearmed: {why_not}'
        self._parts.rearmed()
        self._judge()
        return True, 'rearmed' + (f' after: {was}' if was else '; nothing was latched')

    @event
    def tick(self, now_ns: int, steady_ns: int) -> Decision | None:
        """Watch the time: what a hold sends, the last command again to keep the hand alive, a word of silence."""
        self._see(now_ns, steady_ns)
        why = self._parts.silence(self._steady_ns)
        mute, self._mute = self._mute, bool(why)
        held = bool(why) or self._parts.forbidden(self._steady_ns) is not None
        again = self._passage.again(held, self._steady_ns)
        if again is not None:
            return again._replace(reason=again.reason + (f': {why}' if why else ''))
        return Decision(None, 'held', why) if why and not mute else None

    # between events

    def _judge(self) -> None:
        """Hold the forces known against the budgets in force."""
        forces, joints = self._forces, self._parts.joints.values
        forces.judge(self._budgets.force_share, self._steady_ns)
        self._parts.pressing.see(forces, self._passage.sent, joints, self._steady_ns)

    def _see(self, now_ns: int, steady_ns: int) -> None:
        self._look_back()
        self._steady_ns = max(self._steady_ns, steady_ns)
        if self._parts.clock.see(now_ns, self._steady_ns):
            self._reading.restart()
            self._parts.restart()

    def _hear(self, now_ns: int, steady_ns: int) -> None:
        self._see(now_ns, steady_ns)
        if self._parts.policy.hear(self._steady_ns):
            self._passage.rest()

    # words

    def limits(self) -> dict[str, dict[str, float]]:
        """What `tighten` may lower: kind -> name -> budget before cuts, inf: none; name '': of the hand."""
        return self._parts.declared()

    def budgets(self) -> BudgetsLeft:
        """What is left of each budget as a share of what the profile declares."""
        return self._parts.left(self._steady_ns)

    def status(self) -> GateStatus:
        """The gate as of the last event."""
        self.settle()
        return standing(self._parts, self._steady_ns)
