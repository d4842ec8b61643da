"""Measured forces against their budgets, and which way every actuator presses while one is spent."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.gate.servos import Servos
from transfer_audit.core.gate.watch import Watch, wanted
from transfer_audit.core.types import NS, Array


class Forces:
    """The force elements that have a budget, E of them.

    An element is *over* from |force| >= budget until |force| falls below the budget by three deviations of its noise.
    While any is over, the hand may only open. What opens is decided once, when the budget is crossed, because the first
    opening motions turn every later difference of command and joint around. An actuator's pressing direction is

    1. the sign of (last sent command - rest), if that is more than the joint's noise: static pressing is what a
       servo does when its joint cannot follow;
    2. else the sign of (last sent command - last command sent while no element was in contact);
    3. else unknown: the actuator may not move either way.

    Every actuator of the hand counts, whichever tip is over: a thumb presses an object into the index, too.
    """

    def __init__(self, binding: Binding, servos: Servos, stale_ns: int) -> None:
        declared = binding.profile.gate.force_budget
        self.watch = Watch(binding, wanted(binding, 'force', labels=declared), stale_ns)
        self.labels = tuple(column.label for column in self.watch.columns)
        self._servos = servos
        self._declared = np.array([declared[label] for label in self.labels])
        self._noise = np.array([column.noise for column in self.watch.columns])
        self._touch = np.array([column.tolerance for column in self.watch.columns])
        self._share = 1.0
        self._over = np.zeros(len(self.labels), bool)
        self._direction: Array = np.zeros(len(servos.low))
        self.any_over = False
        self.contact_free = False
        self._excess = np.zeros(len(self.labels))
        self._latency_ns = 0

    @property
    def budget(self) -> dict[str, float]:
        """What each element may press now, N."""
        return dict(zip(self.labels, (self._declared * self._share).tolist(), strict=True))

    def judge(self, share: float, sent: Array | None, joints: Array, free: Array | None) -> None:
        """Compare the newest forces with `share` of their budgets.

        :param sent: the last command sent, shape (A,), or None; `free` likewise the last one without any contact
        :param joints: measured joints, shape (J,), NaN where unknown
        """
        self._share, budget = share, self._declared * share
        size = np.abs(self.watch.values)
        limit = np.where(self._over, np.maximum(budget - 3.0 * self._noise, 0.5 * budget), budget)
        over = ~(size < limit) & ~np.isnan(size)
        fresh = bool((over & ~self._over).any())
        self._over, first = over, not self.any_over
        self.any_over = bool(over.any())
        self.contact_free = bool((size <= self._touch).all())
        self._excess = np.fmax(self._excess, size - budget)
        if self.any_over and (fresh or np.isnan(self._direction).any()):
            now = self._pressing(sent, joints, free)
            self._direction = now if first else np.where(np.isfinite(self._direction), self._direction, now)

    def _pressing(self, sent: Array | None, joints: Array, free: Array | None) -> Array:
        """Which way each actuator presses: -1, 1; 0 if it presses neither way, NaN if nothing is known of it."""
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
        return np.asarray((motion == 0) | (self._direction * motion < 0))

    def noted(self, steady_ns: int) -> None:
        """A command leaves on the strength of the forces known now: how old are they?"""
        if self.labels:
            self._latency_ns = max(self._latency_ns, self.watch.age_ns(steady_ns))

    def left(self) -> float:
        """The smallest share of a declared budget that the measured forces leave, 0..1; 0 while any is not known."""
        if not self.labels:
            return 1.0
        share = ((self._declared * self._share - np.abs(self.watch.values)) / self._declared).min()
        return float(np.clip(share, 0.0, 1.0)) if np.isfinite(share) else 0.0

    def over(self) -> str:
        """Which budgets are spent, as a sentence; empty if none is."""
        spent = [
            f'{label} presses {abs(value):.3g} N, budget {budget:.3g} N'
            for label, value, budget, over in zip(
                self.labels, self.watch.values, self._declared * self._share, self._over, strict=True
            )
            if over
        ]
        return '; '.join(spent)

    def overshoot(self, speed: float | None) -> str:
        """How far past its budget a tip may get before the gate can act.

        :param speed: the smallest speed budget in force, model units per second, or None
        """
        if not self.labels:
            return 'no force budget'
        latency_s = self._latency_ns / NS
        travel = '' if speed is None else f', {speed * latency_s:.3g} rad or m of closing at the speed budget'
        worst = int(np.argmax(self._excess))
        seen = f'{self.labels[worst]} by {self._excess[worst]:.3g} N' if self._excess[worst] > 0 else 'none'
        return f'forces acted on were up to {latency_s * 1e3:.1f} ms old{travel}; seen over budget: {seen}'
