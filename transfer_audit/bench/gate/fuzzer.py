"""A policy, a hand, a recorder and an operator that misbehave: what an attack on the gate throws."""

from __future__ import annotations

from collections import Counter

import numpy as np

from transfer_audit.bench.gate.referee import Broken, Referee, World
from transfer_audit.core.binding import Binding
from transfer_audit.core.gate import Decision, Gate
from transfer_audit.core.types import NS, Array

MS = 1_000_000
ROS = 1_700_000_000 * NS
KINDS = ('force', 'pose', 'slip', 'timing')
WALL = 0.4
"""Where finger a meets something, rad; it presses 30 N/rad."""


class Memory:
    """A latch in memory, that outlives its gate."""

    def __init__(self) -> None:
        self.reason: str | None = None

    def read(self) -> str | None:
        """Why the gate is stopped, or None."""
        return self.reason

    def set(self, reason: str) -> None:
        """Remember a stop."""
        self.reason = reason

    def clear(self) -> None:
        """Forget it."""
        self.reason = None


class Fuzzer:
    """A policy, a hand, a recorder and an operator, each of them good most of the time."""

    def __init__(self, binding: Binding, seed: int) -> None:
        self._binding, self._rng = binding, np.random.default_rng(seed)
        self._latch = Memory()
        self.gate = Gate(binding, self._latch)
        self.referee, self.world = Referee(binding), World(steady_ns=5 * NS)
        self._ros = ROS
        self._limits_s = binding.profile.gate
        self._count = len(binding.command.names)
        self._target: Array = np.zeros(self._count)
        self._place: Array = np.zeros(3)
        self.messages = self.faults = 0
        self._malice, self._pace, self._grasps = 0.1, 0.008, 0.003
        self.actions: Counter[str] = Counter()
        self._record(True)

    def step(self) -> None:
        """Some milliseconds of the world."""
        dice = self._rng.random(8)
        if dice[2] > 0.98:
            self._change_mood()
        bad = self._malice
        self.world.steady_ns += int(MS * (dice[0] * 12 if dice[1] < 1 - 0.03 * bad else dice[0] * 400))
        if dice[2] < 1 - 0.1 * bad:
            self._joints(float(dice[3]) ** bad)
        if dice[4] < 1 - 0.1 * bad:
            self._force(float(dice[5]) ** bad)
        if bad < 1.0 or self._rng.random() < 0.01:
            self._compare()
        if dice[6] < 0.001 + 0.02 * bad:
            self._other(int(self._rng.integers(8)))
        if self.world.stopped and dice[6] > 0.8:
            self._rearm()
        if dice[6] > 0.7:
            self._tick()
        self._command(float(dice[7]) ** bad)

    def _change_mood(self) -> None:
        """How bad the world is, how fast the policy wanders and how often it grasps."""
        self._malice = float(self._rng.choice((0.0, 0.1, 1.0)))
        self._pace = float(self._rng.choice((0.001, 0.008)))
        self._grasps = float(self._rng.choice((0.0, 0.003, 0.03)))

    @property
    def _now(self) -> int:
        return self._ros + self.world.steady_ns

    def _measured(self, channel: str, values: Array, age_ns: int = 0) -> None:
        self.messages += 1
        self.gate.measured(channel, values, self._now - age_ns, self._now, self.world.steady_ns)

    def _joints(self, dice: float) -> None:
        """Joints follow the last command with a lag, finger a up to the wall."""
        world, last = self.world, self.referee.last
        if last is not None:
            goal = np.where(self._binding_servo, last[: len(last)], 0.0)
            self._place[: len(last)] += 0.2 * (goal - self._place[: len(last)])
            self._place[0] = min(self._place[0], WALL + 0.02)
        if dice > 0.03:
            world.joints, world.joints_ns = self._place.copy(), np.full(3, float(world.steady_ns))
            self._measured('joints', self._place.copy())
        else:
            self.faults += 1
            self._measured(*self._broken_sensor('joints', 3, dice / 0.03))

    @property
    def _binding_servo(self) -> np.ndarray:
        return np.array([name.startswith('act') for name in self._binding.command.names])

    def _force(self, dice: float) -> None:
        """Finger a presses while its joint is at the wall; now and then a reading jumps."""
        world, last = self.world, self.referee.last
        if dice > 0.03:
            pressed = 0.0
            if last is not None and self._place[0] > WALL:
                pressed = max(float(last[0]), float(self._place[0])) - WALL
            world.pressing = pressed > 0.02
            jumps = self._rng.random() < 0.005 * min(1.0, 10 * self._malice)
            self._feel(9.0 if jumps else 30.0 * pressed + 0.05 * float(self._rng.standard_normal()))
        else:
            self.faults += 1
            self._measured(*self._broken_sensor('tips', 1, dice / 0.03))

    def _feel(self, force: float) -> None:
        self.world.force, self.world.force_ns = force, self.world.steady_ns
        self.referee.felt(self.world)
        self._measured('tips', np.array([force]))

    def _broken_sensor(self, channel: str, count: int, dice: float) -> tuple[str, Array, int]:
        if dice < 0.3:
            return channel, np.full(count, np.nan), 0
        if dice < 0.6:
            return channel, np.zeros(int(self._rng.integers(0, 6)) + count + 1), 0
        return channel, np.zeros(count), int((200 + 10_000 * dice) * MS) * (1 if dice < 0.8 else -1)

    def _command(self, dice: float) -> None:
        """A wandering target, now and then far away, at or off the wall, and all that is no command."""
        rng, world = self._rng, self.world
        self._target += self._pace * rng.standard_normal(self._count)
        self._target = np.clip(self._target, -1.4, 1.4)
        if self._rng.random() > 0.995:
            self._target = rng.uniform(-1.5, 1.5, self._count)
        if self._rng.random() < self._grasps:
            self._target[0] = rng.choice((WALL - 0.8, WALL - 0.2, WALL + 0.2))
        values, age_ns, fault = self._target.copy(), int(20 * MS * dice * self._malice), ''
        if dice < 0.06:
            values, age_ns, fault = self._no_command(values, dice / 0.06)
            self.faults += 1
        self.messages += 1
        asked = values if values.shape == (self._count,) else np.zeros(self._count)
        decision = self.gate.command(values, self._now - age_ns, self._now, world.steady_ns)
        world.policy_ns = world.steady_ns
        self._judge(decision, asked, fault)

    def _no_command(self, values: Array, dice: float) -> tuple[Array, int, str]:
        if dice < 0.4:
            values[int(self._rng.integers(self._count))] = (np.nan, np.inf, -np.inf)[int(self._rng.integers(3))]
            return values, 0, 'a value is no number'
        if dice < 0.6:
            return np.zeros((0, 1, self._count + 1)[int(self._rng.integers(3))]), 0, 'the length is wrong'
        if dice < 0.8:
            return values, int((200 + 1e6 * dice) * MS), 'it is old'
        return values, -int((200 + 1e6 * dice) * MS), 'it is of the future'

    def _judge(self, decision: Decision | None, asked: Array | None, fault: str) -> None:
        if decision is None:
            return
        self._notice_stops()
        if asked is not None:
            self.actions[decision.action] += 1
        self.referee.judge(decision, self.world, asked, fault)

    def _tick(self) -> None:
        self.messages += 1
        self._judge(self.gate.tick(self._now, self.world.steady_ns), None, '')

    def _notice_stops(self) -> None:
        """A stop that the gate decided itself."""
        if self._latch.reason is not None:
            self.world.stopped = True
        elif self.world.stopped:
            raise Broken('the latch was lost')

    def _other(self, which: int) -> None:
        """The operator, the recorder, the divergence, the clock, and the power."""
        gate, world, rng = self.gate, self.world, self._rng
        self.faults += 1
        if which == 0:
            gate.stop('an operator said so')
            world.stopped = True
        elif which == 1:
            self._record(bool(rng.random() < 0.8))
        elif which == 2:
            self._diverge(KINDS[int(rng.integers(4))])
        elif which == 3:
            self._end_round(bool(rng.random() < 0.9), bool(rng.random() < 0.2))
        elif which == 4 and rng.random() < 0.5:
            self._tick()
            self._ros += int(rng.uniform(0.3, 1e4) * NS * (1 if rng.random() < 0.5 else -1))
            world.stepped_ns = world.steady_ns
            self._tick()
        elif which == 5:
            self._kill()
        elif which == 6 and rng.random() < 0.3:
            value = float(rng.uniform(0.2, 3.0))
            if gate.tighten('speed_budget', value)[0]:
                world.tight_speed = min(world.tight_speed, value)
        self._rearm()

    def _compare(self) -> None:
        self.gate.compared(self.world.steady_ns)
        self.world.divergence_ns = self.world.steady_ns

    def _record(self, good: bool) -> None:
        self.world.recorded = good
        self.gate.recording(good, 'the disk is full')

    def _diverge(self, kind: str) -> None:
        self.world.cuts.add(kind)
        self.world.diverged, self.world.agreed = True, 0
        self.referee.felt(self.world)
        self.gate.divergence(kind, 'a', '')

    def _end_round(self, success: bool, diverged: bool) -> None:
        world = self.world
        if diverged and not world.diverged:
            world.cuts |= set(KINDS)
            world.diverged = True
        world.failures = 0 if success else world.failures + 1
        world.agreed = 0 if world.diverged else world.agreed + 1
        world.diverged = False
        if world.agreed >= self._binding.profile.gate.cut.restore_after_rounds:
            world.cuts.clear()
        self.gate.round_ended(success, diverged)
        self.referee.felt(world)
        self._notice_stops()

    def _kill(self) -> None:
        """kill -9: a new gate with the same latch, that knows nothing."""
        world = self.world
        self.gate = Gate(self._binding, self._latch)
        self.referee = Referee(self._binding)
        self.world = World(world.steady_ns, stopped=world.stopped)
        self._record(True)

    def _rearm(self) -> None:
        if self.gate.rearm()[0]:
            world = self.world
            if not world.recorded:
                raise Broken('rearmed though nothing is recorded')
            world.stopped, world.failures, world.tight_speed = False, 0, np.inf
            if self._latch.reason is not None:
                raise Broken('rearmed, and the latch is still set')
