"""Thresholds from a budget of false alarms: how high the statistic climbs on data that agree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.signal import lfilter

from transfer_audit.core.types import Array

HALF_SHIFT = 0.5
"""What the statistic loses per row, in standard deviations of white noise: a shift of twice this is found fastest."""
MOST_DRIFT = 1.5
"""The same for noise that persists: its root mean square over long sums, but no more than it may reach in one row."""
_OVERSHOOT = 1.166
"""Siegmund's correction for the jump over the level: twice 0.5826, for a normal random walk."""
_STREAMS, _ROWS, _REPEATS = 400, 6000, 3
_EVENTS = 150
_SIDES = 2


@dataclass(frozen=True)
class Law:
    """What the statistic of each element loses per row, where it alarms, and the most that one row can add: shape (C,),
    in units of noise."""

    drift: Array
    level: Array
    most: Array

    @staticmethod
    def of(drift: Array, level: Array) -> Law:
        """One row adds half the level at most, so that a single outlier never alarms."""
        return Law(drift, level, level / 2)

    def __getitem__(self, element: int) -> Law:
        """The law of one element."""
        one = slice(element, element + 1)
        return Law(self.drift[one], self.level[one], self.most[one])


def law_of(
    false_alarms_per_hour: float, rate_hz: float, correlation_s: Array, share: Array | None = None
) -> Law:  # fmt: skip
    """Levels that keep a budget of false alarms over all elements together, each element having an equal part in it.

    The worst data that still agree lie at the very edge of the envelope (with an envelope of no width: at both edges),
    so that the increments of the statistic are the measurement's own noise less the drift. For white noise the mean
    number of rows between alarms is Siegmund's (Sequential Analysis, 1985, eq. 2.57),
    (exp(b) - 1 - b) / (2 k^2) with b = 2 k (h + 1.166). For coloured noise, a first-order autoregression with the
    declared correlation time, see `coloured_level`.

    :param correlation_s: correlation time of each element's noise, shape (C,); 0: white
    :param share: of each element in the budget, shape (C,), sums to 1
    """
    count = max(len(correlation_s), 1)
    parts = np.full(len(correlation_s), 1.0 / count) if share is None else share
    drift, level = np.empty(len(correlation_s)), np.empty(len(correlation_s))
    for index, (correlation, part) in enumerate(zip(correlation_s.tolist(), parts.tolist(), strict=True)):
        rows_between = _SIDES * rate_hz * 3600.0 / (false_alarms_per_hour * part)
        persistence = math.exp(-1.0 / (correlation * rate_hz)) if correlation > 0 else 0.0
        drift[index] = _drift(persistence)
        level[index] = white_level(rows_between) if persistence < 0.05 else coloured_level(persistence, rows_between)
    return Law.of(drift, level)


def white_level(rows_between: float) -> float:
    """The level that white noise reaches once in so many rows on average, in units of noise."""

    def surplus(h: float) -> float:
        b = 2 * HALF_SHIFT * (h + _OVERSHOOT)
        return (math.exp(b) - 1 - b) / (2 * HALF_SHIFT**2) - rows_between

    return float(brentq(surplus, 0.1, 200.0)) if surplus(0.1) < 0 else 0.1


def coloured_level(persistence: float, rows_between: float) -> float:
    """The level that autoregressive noise x[t] = persistence * x[t-1] + e[t] of unit variance reaches once in so many
    rows on average.

    The rate of excursions of the statistic above a level h falls as exp(-t h) with t = 2 k / v, k the drift and
    v = (1 + persistence) / (1 - persistence) the variance of long sums per row (Gaussian large deviations; for CUSUMs
    of such noise see Johnson and Bagshaw, Technometrics 16, 1974). How often a low level is reached is counted in a
    simulation of fixed seed, and carried on to the level asked for by that rate.
    """
    low, every = _counted(round(persistence, 3))
    decay = 2 * _drift(persistence) * (1 - persistence) / (1 + persistence)
    return low + max(0.0, math.log(rows_between / every)) / decay


def _drift(persistence: float) -> float:
    return min(MOST_DRIFT, HALF_SHIFT * math.sqrt((1 + persistence) / (1 - persistence)))


@lru_cache(maxsize=64)
def _counted(persistence: float) -> tuple[float, float]:
    """A level, and the mean number of rows between the excursions that reach it, by simulation."""
    found = []
    for seed in range(_REPEATS):
        driven = np.random.default_rng(seed).standard_normal((_STREAMS, _ROWS)) * math.sqrt(1 - persistence**2)
        driven[:, 0] /= math.sqrt(1 - persistence**2)
        noise = lfilter([1.0], [1.0, -persistence], driven, axis=1)
        sums = np.cumsum(noise - _drift(persistence), axis=1)
        found.append(_peaks(sums - np.minimum(np.minimum.accumulate(sums, axis=1), 0.0)))
    peaks = np.sort(np.concatenate(found))
    return float(peaks[-_EVENTS]), _REPEATS * _STREAMS * _ROWS / _EVENTS


def _peaks(statistic: Array) -> Array:
    """The highest value of each excursion from zero, rows of `statistic` being streams."""
    flat = np.pad(statistic, ((0, 0), (1, 1))).ravel()
    starts = np.flatnonzero((flat[1:] > 0) & (flat[:-1] == 0)) + 1
    return np.asarray(np.maximum.reduceat(flat, starts)) if len(starts) else np.empty(0)


def raised(law: Law, scores: Array, rate_hz: float, false_alarms_per_hour: float) -> Law:
    """A law whose levels are no lower than data known to agree demand, with their real autocorrelation.

    Peaks of the statistic over its excursions from zero have an exponential tail: fitted to their highest fifth (peaks
    over threshold; Siffer et al., KDD 2017), it tells the level reached as often as the budget allows. Where fewer than
    25 excursions were seen the highest one, half as much again, stands in. A level is never lowered: what a short,
    quiet recording did not show is not proven absent.

    :param scores: of the agreeing rows under `law`, shape (N, C), 1.0 = its level
    """
    level = law.level.copy()
    rows_between = rate_hz * 3600.0 * scores.shape[1] / false_alarms_per_hour
    for index in range(scores.shape[1]):
        peaks = np.sort(_peaks(np.nan_to_num(scores[:, index])[None]))
        if len(peaks) == 0:
            continue
        highest = 1.5 * peaks[-1]
        if len(peaks) >= 25:
            tail = peaks[-max(5, len(peaks) // 5) :]
            beyond = float((tail[1:] - tail[0]).mean())
            highest = tail[0] + beyond * max(0.0, math.log(rows_between * len(tail) / len(scores)))
        level[index] *= max(1.0, float(highest))
    return Law(law.drift, level, law.most)
