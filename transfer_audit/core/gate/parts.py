"""The parts of a gate, and the questions that need several of them."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.gate.budgets import Budgets
from transfer_audit.core.gate.clock import Clock
from transfer_audit.core.gate.ease import Ease
from transfer_audit.core.gate.forces import Forces
from transfer_audit.core.gate.hearing import Hearing
from transfer_audit.core.gate.holding import BackOff, Holding
from transfer_audit.core.gate.latency import Latency
from transfer_audit.core.gate.limits import Limits
from transfer_audit.core.gate.motion import Motion
from transfer_audit.core.gate.pressing import Pressing
from transfer_audit.core.gate.servos import Servos
from transfer_audit.core.gate.stops import Stop
from transfer_audit.core.gate.watch import NEVER, Watch
from transfer_audit.core.gate.words import BudgetsLeft, Decision, Hold, Latch
from transfer_audit.core.types import Array, to_ns


class Parts:
    """What a gate is made of, and what it counts."""

    def __init__(self, binding: Binding, latch: Latch) -> None:
        self.spec = spec = binding.profile.gate
        ages = spec.age_limits
        self.servos = Servos(binding)
        self.motion = Motion(binding.command.names, self.servos, spec)
        self.ease = Ease(to_ns(spec.ease_in_s))
        self.latency = Latency(self.servos, spec.latency_s)
        self.forces = Forces(binding, self.latency, to_ns(ages.force or spec.stale_s))
        self.pressing = Pressing(self.servos, self.latency)
        self.joints = Watch(binding, self.servos.joints, to_ns(ages.joints or spec.stale_s))
        self.policy = Hearing('command', to_ns(ages.policy or spec.stale_s))
        self.divergence = Hearing('word of the divergence', to_ns(ages.divergence) if ages.divergence else None)
        self.clock = Clock(to_ns(spec.clock_step_s or spec.stale_s), to_ns(spec.stale_s))
        self.holding = Holding(binding, self.servos, to_ns(ages.joints or spec.stale_s))
        self.back_off = BackOff(binding, self.servos, self.holding.keeps)
        self.budgets = Budgets(spec)
        self.stop = Stop(latch)
        self.outside: dict[str, str] = {}
        self.recorded, self.recorder = False, 'the recorder has not been heard'
        self.trips = self.passed = self.clamped = self.held = 0
        self.last: Decision | None = None
        self.reason = ''
        self.tightened: dict[str, float] = {}

    # may anything move?

    def forbidden(self, steady_ns: int) -> Hold | None:
        """Reasons to hold whatever the command says."""
        if self.stop.why is not None:
            return Hold('latched', self.stop.sentence)
        for rule, why in self.outside.items():
            return Hold(rule, why)
        if not self.budgets.failures_left > 0:
            return Hold('failures', 'the failure budget is spent')
        if self._unrecorded():
            return Hold('unrecorded', self.recorder)
        fault = self.clock.fault(steady_ns)
        if fault:
            return Hold('clock', fault)
        silent = self.unheard(steady_ns)
        return Hold('silent', silent) if silent else None

    def free_until(self, steady_ns: int) -> int:
        """Until when, if no more is heard, a command passes that is fresh, within its range and within its speed."""
        if self.ease.active or self.forces.any_over or self.forbidden(steady_ns):
            return NEVER
        heard = (self.forces.watch, self.joints, self.divergence, self.policy, self.clock)
        return min(each.good_until_ns for each in heard)

    def unheard(self, steady_ns: int) -> str:
        """Which measurement, or whether the divergence, has fallen silent; empty if none has."""
        return self.forces.watch.silent(steady_ns) or self.joints.silent(steady_ns) or self.divergence.silent(steady_ns)

    def silence(self, steady_ns: int) -> str:
        """Who has fallen silent: measurements that are needed, or commands."""
        return self.unheard(steady_ns) or self.policy.silent(steady_ns)

    def persists(self, steady_ns: int) -> str:
        """Why a stop may not be opened now; empty if it may."""
        unrecorded = self.recorder if self._unrecorded() else '; '.join(self.outside.values())
        return self.forces.said() or self.unheard(steady_ns) or self.clock.fault(steady_ns) or unrecorded

    def _unrecorded(self) -> bool:
        return not self.recorded and self.spec.unrecorded == 'hold'

    # stops

    def stopped(self, why: str) -> str:
        """Stop until rearmed; returns why a restart would forget that, empty if it will not."""
        self.trips += self.stop.set(why or 'stopped')
        return self.stop.forgetful

    def trip(self) -> None:
        """A force budget made the gate hold."""
        self.trips += 1
        self.budgets.trips += 1
        self.stop_if_spent()

    def stop_if_spent(self) -> None:
        """The last failure, or trip, that a budget allows stops the hand."""
        spent = self.budgets.spent()
        if spent:
            self.stopped(spent)

    def restart(self) -> None:
        """ROS time stepped: stamps of before say nothing about order."""
        self.joints.restart()
        self.forces.watch.restart()
        self.holding.restart()

    # what a hold sends

    def kept(self, sent: Array, held: bool, steady_ns: int, elapsed_ns: int) -> Array:
        """The next command of a hand that is held, or that presses for too long, shape (A,).

        :param sent: the last command sent, shape (A,), `elapsed_ns` ago
        :param held: nothing may pass now; else only what closes may not
        """
        kept = self.holding.values(sent, steady_ns) if held else sent
        forces = self.forces
        if self.back_off.due(forces.any_spent, forces.since_ns, steady_ns) and not self.unheard(steady_ns):
            speed = self.motion.speed.now * self.budgets.speed_share
            speed = np.where(np.isnan(speed), np.inf, speed)
            kept = self.back_off.step(kept, self.pressing.away(kept), elapsed_ns, speed)
        return kept

    # budgets

    def _limits(self) -> dict[str, Limits]:
        each = (self.motion.speed, self.motion.acceleration, self.forces.limits, self.forces.rate_limits)
        return {limits.kind: limits for limits in each}

    def declared(self) -> dict[str, dict[str, float]]:
        """See `Gate.limits`."""
        found = {kind: dict(zip(each.names, each.now.tolist(), strict=True)) for kind, each in self._limits().items()}
        trips = self.budgets.trip_budget
        found['failure_budget'] = {'': float(self.budgets.failure_budget)}
        found['trip_budget'] = {'': float('inf') if trips is None else float(trips)}
        return found

    def tighten(self, kind: str, value: float, name: str | None) -> tuple[bool, str]:
        """See `Gate.tighten`."""
        limits = self._limits()
        if kind in limits:
            refused = limits[kind].tighten(name, value)
        elif kind in ('failure_budget', 'trip_budget') and name is None:
            refused = self.budgets.tighten(kind, value)
        else:
            refused = f'no {kind!r} to tighten' + (f' for {name!r}' if name is not None else '')
        if refused:
            return False, refused
        place = kind if name is None else f'{kind} of {name}'
        self.tightened[place] = value
        return True, f'{place} is {value:g} now, until rearm'

    def rearmed(self) -> None:
        """Everything as the profile declares; a cut stays until rounds agree."""
        self.budgets.rearmed()
        for limits in self._limits().values():
            limits.reset()
        self.tightened.clear()

    def left(self, steady_ns: int) -> BudgetsLeft:
        """What is left of each budget as a share of what the profile declares."""
        force = 0.0 if self.forces.watch.silent(steady_ns) else self.forces.left()
        speed = 1.0 if self.motion.speed.smallest is None else self.budgets.speed_share
        return BudgetsLeft(force, speed, self.budgets.failures_left / self.spec.failure_budget)

    # memory

    def note(self, decision: Decision) -> Decision:
        """Count a decision about a command."""
        self.passed += decision.action == 'passed'
        self.clamped += decision.action == 'clamped'
        self.held += decision.action == 'held'
        self.reason = decision.reason or self.reason
        self.last = decision
        return decision
