"""What must never leave a gate, said again in plain words and by nothing of the gate's own code."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.gate import Decision
from transfer_audit.core.types import NS, Array

PAUSE_S, FIRST_S = 0.1, 0.01
FAR = -(1 << 60)
LONGEST_S = 1.2
"""Longer than any latency: a force that was foretold before may still forbid to close, and opening does not wait."""
KEEPS = 'keep alive'
"""The last command again while nothing is wrong: no hold."""


class Broken(AssertionError):
    """The gate did what it must never do."""


@dataclass
class World:
    """What is true around the gate: what was sent to it and when, by the steady clock.

    :param pressing: the first actuator presses against something; closing is its positive direction
    """

    steady_ns: int
    joints_ns: Array = field(default_factory=lambda: np.full(3, float(FAR)))
    force_ns: int = FAR
    policy_ns: int = FAR
    divergence_ns: int = FAR
    stepped_ns: int = FAR
    touched_ns: int = FAR
    joints: Array = field(default_factory=lambda: np.full(3, np.nan))
    force: float = np.nan
    pressing: bool = False
    stopped: bool = False
    failures: int = 0
    recorded: bool = False
    cuts: set[str] = field(default_factory=set)
    agreed: int = 0
    diverged: bool = False
    tight_speed: float = np.inf


class Referee:
    """Judges everything that leaves the gate of one hand.

    :raises Broken: in one sentence, at the first thing that must not be
    """

    def __init__(self, binding: Binding) -> None:
        self.spec = spec = binding.profile.gate
        names, rows = binding.command.names, list(binding.command.actuators)
        self._range = binding.model.actuator_ctrlrange[rows]
        self._limits = np.array(
            [spec.position_limits.get(name, pair) for name, pair in zip(names, self._range, strict=True)]
        )
        self._speed = _each(spec.speed_budget, names)
        self._gain = _each(spec.acceleration_budget, names)
        self._servo = np.array([name.startswith('act') for name in names])
        self._servos = bool(self._servo.all())
        self._budget = spec.force_budget.get('tip', np.inf)
        self.last: Array | None = None
        self._last_ns = FAR
        self._velocity: Array = np.zeros(len(names))
        self._held = True
        self._over_ns = FAR

    # what the world does

    def share(self, world: World, kind: str) -> float:
        """What the cuts leave of a budget."""
        return min((getattr(getattr(self.spec.cut, cut), kind) for cut in world.cuts), default=1.0)

    def felt(self, world: World) -> None:
        """A force came, or a budget changed: is it spent?"""
        budget = self._budget * self.share(world, 'force')
        if abs(world.force) > 0.3:
            world.touched_ns = world.steady_ns
        if abs(world.force) >= budget:
            if self._over_ns == FAR:
                self._over_ns = world.steady_ns
        elif abs(world.force) < 0.5 * budget:
            self._over_ns = FAR

    # what the gate does

    def judge(self, decision: Decision, world: World, asked: Array | None, fault: str) -> None:
        """Look at a decision about a command (or, where `asked` is None, of a tick).

        :param fault: what is wrong with this very command; empty if nothing is
        """
        values = decision.values
        if decision.action != 'held':
            self._may_pass(world, fault)
        if values is None:
            self._must(decision.action == 'held', 'nothing left, and it is not called a hold')
        else:
            self._sane(values)
            if decision.action == 'held':
                self._kept(values, world, decision.reason != KEEPS)
            else:
                self._moved(values, world, asked)
        if decision.action == 'held' and decision.reason != KEEPS:
            self.paused()

    def paused(self) -> None:
        """Nothing passes: what follows begins from standstill."""
        self._held, self._velocity = True, np.zeros(len(self._velocity))

    @staticmethod
    def _must(good: bool, what: str) -> None:
        if not good:
            raise Broken(what)

    def _may_pass(self, world: World, fault: str) -> None:
        """Whatever is wrong, nothing passes."""
        ages, default, now_ns = self.spec.age_limits, self.spec.stale_s, world.steady_ns
        self._must(not fault, f'passed though {fault}')
        self._must(not world.stopped, 'passed though stopped')
        self._must(world.failures < self.spec.failure_budget, 'passed though too many rounds failed')
        self._must(world.recorded, 'passed though nothing is recorded')
        oldest_ns = float(world.joints_ns[: len(self._servo)][self._servo].min())
        self._must(now_ns - oldest_ns <= (ages.joints or default) * NS, 'passed though the joints are silent')
        if self.spec.force_budget:
            self._must(now_ns - world.force_ns <= (ages.force or default) * NS, 'passed though the force is silent')
        if ages.divergence:
            self._must(now_ns - world.divergence_ns <= ages.divergence * NS, 'passed though the divergence is silent')
        self._must(now_ns - world.stepped_ns >= default * NS, 'passed right after a step of ROS time')

    def _sane(self, values: Array) -> None:
        self._must(bool(np.isfinite(values).all()), f'{values} left')
        self._must(not values.flags.writeable, 'what left can still be written to')
        inside = (values >= self._range[:, 0]) & (values <= self._range[:, 1])
        self._must(bool(inside.all()), f'{values} left, outside the range of the model')

    def _kept(self, values: Array, world: World, holds: bool) -> None:
        """A hold repeats the last command of a servo, or opens it; of others it leaves nothing that drives."""
        self._must(self.last is not None, 'a hold began a motion')
        assert self.last is not None
        moved = np.where(self._servo, values - self.last, 0.0)
        if moved.any():
            late = self.spec.back_off is not None and world.steady_ns - self._over_ns > self.spec.back_off.after_s * NS
            self._must(late, f'a hold moved by {moved} though no force was over for long')
            assert self.spec.back_off is not None
            time_s = min((world.steady_ns - self._last_ns) / NS, PAUSE_S)
            self._must(bool((np.abs(moved) <= self.spec.back_off.speed * time_s + 1e-12).all()), 'backed off too fast')
            self._must(not (world.pressing and moved[0] > 0), 'backed off by closing')
        if not self._servos and holds:
            self._must(values[2] == 0.0, f'a velocity servo is held at {values[2]}')
        if not (values == self.last).all():
            self._last_ns = world.steady_ns
        self.last = values

    def _moved(self, values: Array, world: World, asked: Array | None) -> None:
        assert asked is not None
        first = self.last is None
        origin = (
            np.clip(np.where(self._servo, world.joints[: len(values)], 0.0), *self._range.T) if first else self.last
        )
        assert origin is not None
        time_s = FIRST_S if first else min(max(world.steady_ns - self._last_ns, 0) / NS, PAUSE_S)
        moved = values - origin
        slack = 1e-12
        outward = ((values > self._limits[:, 1]) & (moved > slack)) | ((values < self._limits[:, 0]) & (moved < -slack))
        self._must(not outward.any(), f'{values} left, further outside the position limits')
        speed = np.minimum(self._speed, world.tight_speed) * self.share(world, 'speed')
        self._must(bool((np.abs(moved) <= speed * time_s + slack).all()), f'a step of {moved} in {time_s} s')
        self._gained(moved, time_s)
        beyond = (values - origin) * (values - asked) > slack
        self._must(not beyond.any(), f'{values} left, beyond what was asked for')
        untouched = world.steady_ns - world.touched_ns > LONGEST_S * NS
        if self._held and self.spec.ease_in_s > 0 and untouched:
            self._must(bool((np.abs(moved) <= slack).all()), f'a release began with a jump of {moved}')
        if self._over_ns != FAR and abs(world.force) >= self._budget * self.share(world, 'force'):
            self._must(not (world.pressing and moved[0] > 0), f'{moved} closes at {world.force:.3g} N')
        self._held, self.last, self._last_ns = False, values, world.steady_ns

    def _gained(self, moved: Array, time_s: float) -> None:
        """Speed builds up within the acceleration budget."""
        if time_s <= 0 or not np.isfinite(self._gain).any():
            return
        speed = moved / time_s
        up = np.maximum(self._velocity, 0.0) + self._gain * time_s + 1e-9
        down = np.minimum(self._velocity, 0.0) - self._gain * time_s - 1e-9
        self._must(bool(((speed <= up) & (speed >= down)).all()), f'from {self._velocity} to {speed} in {time_s} s')
        self._velocity = speed


def _each(budget: float | dict[str, float] | None, names: tuple[str, ...]) -> Array:
    """One budget for each actuator; inf: none."""
    each = [budget.get(name) if isinstance(budget, dict) else budget for name in names]
    return np.array([np.inf if value is None else value for value in each])
