"""Where the hand lies in each round, with the ranges kept, with none kept, and with one parameter released."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.coverage.misfit import Misfit, misfit
from transfer_audit.core.coverage.scan import CLEARLY, along, best_of
from transfer_audit.core.coverage.search import Place, locate
from transfer_audit.core.coverage.space import Space
from transfer_audit.core.types import Array

LEVEL = 0.99
"""Of the intervals by which a parameter is called outside of its range."""
MARGIN = 0.05
"""How far outside, in widths of its range, a parameter must be to be called so."""
FIRST = 16
"""Members of the first wave."""
SMALLEST_ERROR = 0.01
"""What is left of errors that a round does not see, in widths of the range."""


@dataclass
class RoundPlaces:
    """One round, searched.

    :param free: the best place wherever it is; `inside` the best one within the ranges
    :param error: standard error of `free`, shape (P,), units of the ranges; `half_width` of its interval at LEVEL
    """

    trace: Trace
    binding: Binding
    space: Space
    free: Place
    inside: Place
    error: Array
    half_width: Array
    blocks: int
    threads: int = 1
    _released: dict[int, Place] = field(default_factory=dict)

    def run(self, units: Array) -> Misfit:
        """Simulate members at points, shape (K, P)."""
        return misfit([self.trace], self.binding, self.space, units, self.threads)

    def released(self, index: int) -> Place:
        """The best place with one parameter released, all others kept within their ranges."""
        if index not in self._released:
            self._released[index] = self._release(index)
        return self._released[index]

    def _release(self, index: int) -> Place:
        low, high = np.zeros(len(self.space.names)), np.ones(len(self.space.names))
        low[index], high[index] = -np.inf, np.inf
        start = np.clip(self.free.units, low, high)
        if np.allclose(start, self.free.units, atol=1e-9):
            return self.free
        points = np.vstack([start, self.inside.units, along(self.space, self.inside.units, [index])])
        found = locate(self.space, self.run, best_of(self.run, points), low, high)
        return min(found, self.inside, key=lambda place: place.cost)


def search(trace: Trace, binding: Binding, space: Space, threads: int = 1) -> RoundPlaces:
    """Find the places of one round.

    :param binding: the hand, `reaching` as far as the space
    :raises Unsimulated: if no member can be simulated in it
    """
    zeros, ones = np.zeros(len(space.names)), np.ones(len(space.names))

    def run(units: Array) -> Misfit:
        return misfit([trace], binding, space, units, threads)

    points = np.vstack([np.full(len(zeros), 0.5), space.spread(zeros, ones, FIRST - 1, 0)])
    start = best_of(run, points)
    begin = best_of(run, np.vstack([start, along(space, start, range(len(start)))]), CLEARLY)
    free = locate(space, run, begin, space.least, space.most)
    inside = free
    if ((free.units < 0) | (free.units > 1)).any():
        starts = [np.clip(free.units, 0, 1), start][: 1 + _far(free)]
        inside = min((locate(space, run, point, zeros, ones) for point in starts), key=lambda place: place.cost)
        free = min(free, inside, key=lambda place: place.cost)
    blocks = len(np.unique(free.emulator.blocks))
    error = np.sqrt(np.diag(free.emulator.covariance(free.units)))
    quantile = float(stats.t.ppf(0.5 + LEVEL / 2, max(1, blocks - len(zeros))))
    return RoundPlaces(trace, binding, space, free, inside, error, error * quantile, blocks, threads)


def _far(free: Place) -> bool:
    """Whether a place lies so far off the ranges that the nearest point of these is no good start."""
    return bool((np.maximum(free.units - 1, -free.units) > 1.0).any())


@dataclass(frozen=True)
class Pooled:
    """What rounds say together of each parameter, shape (P,), units of the ranges.

    :param low: interval of the mean at LEVEL; `high` likewise
    :param spread: standard deviation between rounds beyond what their errors explain
    """

    mean: Array
    low: Array
    high: Array
    spread: Array


def pooled(rounds: Sequence[RoundPlaces]) -> Pooled:
    """Estimates of rounds, each by its error and by how far rounds differ beyond that (DerSimonian, Laird 1986),
    with Student's interval over the blocks of all rounds."""
    units = np.array([one.free.units for one in rounds])
    variance = np.maximum(np.array([one.error for one in rounds]), SMALLEST_ERROR) ** 2
    weight = 1 / variance
    total, freedom = weight.sum(axis=0), len(units) - 1
    mean = (weight * units).sum(axis=0) / total
    excess = (weight * (units - mean) ** 2).sum(axis=0) - freedom
    between = np.maximum(0.0, excess / np.maximum(total - (weight**2).sum(axis=0) / total, 1e-9)) * (freedom > 0)
    weight = 1 / (variance + between)
    total = weight.sum(axis=0)
    mean = (weight * units).sum(axis=0) / total
    spare = max(1, sum(one.blocks - units.shape[1] for one in rounds))
    half = stats.t.ppf(0.5 + LEVEL / 2, spare) / np.sqrt(total)
    return Pooled(mean, mean - half, mean + half, np.sqrt(between))
