"""Measured forces against their budgets: those that are over, and those that would be before a hold could act."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.gate.latency import Latency
from transfer_audit.core.gate.limits import Limits
from transfer_audit.core.gate.rates import Rates
from transfer_audit.core.gate.watch import NEVER, Watch, wanted
from transfer_audit.core.types import NS, Array


class Forces:
    """The force elements that have a budget, E of them.

    With the loop's latency L and the age a of a measurement, a force that rises at r reaches |force| + r * (L + a)
    before a hold can act. An element is *over* while

    - |force| >= budget, until it falls below the budget by three deviations of its noise;
    - it is in contact (|force| over its channel's tolerance) and the force it will reach is >= budget, for at least L,
      because nothing that is measured sooner can show what the hold did;
    - it is in contact and r is over its budget of rate, likewise.

    While any is over, the hand may only open.
    """

    def __init__(self, binding: Binding, latency: Latency, stale_ns: int) -> None:
        spec = binding.profile.gate
        labels = {**spec.force_budget, **spec.force_rate_budget}
        self.watch = Watch(binding, wanted(binding, 'force', labels=labels), stale_ns)
        self.labels = tuple(column.label for column in self.watch.columns)
        self.limits = Limits('force_budget', self.labels, spec.force_budget)
        self.rate_limits = Limits('force_rate_budget', self.labels, spec.force_rate_budget)
        self._latency = latency
        self._noise = np.array([column.noise for column in self.watch.columns])
        self._touch = np.array([column.tolerance for column in self.watch.columns])
        self.rates = Rates(self._noise)
        self._share = 1.0
        count = len(self.labels)
        self._spent, self._until_ns = np.zeros(count, bool), np.full(count, NEVER, np.int64)
        self._reached = np.zeros(count)
        self.over = np.zeros(count, bool)
        self.any_over = self.any_spent = False
        self.since_ns = NEVER
        self.contact_free = False
        self.excess, self.steepest = np.zeros(count), np.zeros(count)
        self.oldest_ns = 0

    @property
    def budget(self) -> Array:
        """What each element may press now, shape (E,), N."""
        return self.limits.now * self._share

    def see(self) -> None:
        """A force message was taken."""
        self.rates.see(np.abs(self.watch.values), self.watch.born_ns)

    def judge(self, share: float, steady_ns: int) -> None:
        """Compare the newest forces with `share` of their budgets."""
        self._share, budget = share, self.limits.now * share
        size, rising = np.abs(self.watch.values), self.rates.rising
        limit = np.where(self._spent, np.maximum(budget - 3.0 * self._noise, 0.5 * budget), budget)
        limit = np.where(np.isinf(budget), np.inf, limit)
        was = self.any_spent
        self._spent = ~(size < limit) & ~np.isnan(size) & np.isfinite(budget)
        self.any_spent = bool(self._spent.any())
        if self.any_spent and not was:
            self.since_ns = steady_ns
        self._foresee(size, rising, budget, steady_ns)
        self.over = self._spent | (self._until_ns > steady_ns)
        self.any_over = bool(self.over.any())
        self.contact_free = bool((size <= self._touch).all())
        self._remember(size, rising, budget)

    def _foresee(self, size: Array, rising: Array, budget: Array, steady_ns: int) -> None:
        """Where a contact will be over before a hold can act: over from now on, for as long as a hold needs to show."""
        contact = size > self._touch
        horizon_s = (self._latency.ns + np.clip(steady_ns - self.watch.born_ns, 0, NS)) / NS
        self._reached = size + rising * horizon_s
        soon = contact & (self._reached >= budget) if self._latency.known else np.zeros(len(size), bool)
        soon |= contact & (rising > self.rate_limits.now)
        self._until_ns = np.where(soon, steady_ns + self._latency.ns + 1, self._until_ns)

    def _remember(self, size: Array, rising: Array, budget: Array) -> None:
        with np.errstate(invalid='ignore'):
            self.excess = np.fmax(self.excess, size - budget)
        self.steepest = np.where(size > self._touch, np.fmax(self.steepest, rising), self.steepest)

    def noted(self, steady_ns: int) -> None:
        """A command leaves on the strength of the forces known now: how old are they?"""
        if self.labels:
            self.oldest_ns = max(self.oldest_ns, self.watch.age_ns(steady_ns))

    def left(self) -> float:
        """The smallest share of a declared budget that the measured forces leave, 0..1; 0 while any is not known."""
        limited = ~np.isinf(self.limits.declared)
        if not limited.any():
            return 1.0
        left = (self.budget - np.abs(self.watch.values))[limited] / self.limits.declared[limited]
        return float(np.clip(left.min(), 0.0, 1.0)) if np.isfinite(left).all() else 0.0

    def said(self) -> str:
        """Which budgets are spent, as a sentence; empty if none is."""
        return '; '.join(self._says(row) for row in np.flatnonzero(self.over).tolist())

    def _says(self, row: int) -> str:
        label, value, budget = self.labels[row], abs(self.watch.values[row]), self.budget[row]
        if self._spent[row]:
            return f'{label} presses {value:.3g} N, budget {budget:.3g} N'
        if self._reached[row] >= budget:
            return (
                f'{label} presses {value:.3g} N and reaches {self._reached[row]:.3g} N before a hold acts, '
                f'budget {budget:.3g} N'
            )
        if self.rates.rising[row] > self.rate_limits.now[row]:
            return f'{label} rises by {self.rates.rising[row]:.3g} N/s, budget {self.rate_limits.now[row]:.3g} N/s'
        return f'{label} presses {value:.3g} N, budget {budget:.3g} N, and a hold has not yet shown its effect'
