"""Outcomes -> intervals of 95 % of shares, means and their differences, and the smallest difference they could show."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from transfer_audit.core.types import Array

Interval = tuple[float, float]

CONFIDENCE = 0.95
POWER = 0.80
RESAMPLES = 2000
FEW, MANY = 8, 1000
"""Pairs from which, and up to which, pairs are resampled."""
_Z = float(stats.norm.ppf(0.5 + CONFIDENCE / 2))
_Z_POWER = float(stats.norm.ppf(POWER))


def wilson(successes: float, rounds: int) -> Interval | None:
    """Wilson's score interval of a share (Wilson 1927); None without rounds."""
    if not rounds:
        return None
    share, weight = successes / rounds, _Z**2 / rounds
    centre = (share + weight / 2) / (1 + weight)
    half = _Z / (1 + weight) * math.sqrt(share * (1 - share) / rounds + weight / (4 * rounds))
    return max(0.0, centre - half), min(1.0, centre + half)


def success_gap_interval(sim: Array, real: Array) -> Interval | None:
    """Interval of sim - real success from the Wilson intervals of both (Newcombe 1998, method 10).

    :param sim: outcomes, shape (N,), shares in [0, 1]; `real` likewise, of any length
    """
    sides = [(_mean(side), wilson(float(side.sum()), len(side))) for side in (sim, real)]
    (p, p_interval), (q, q_interval) = sides
    if p is None or q is None or p_interval is None or q_interval is None:
        return None
    low = p - q - math.hypot(p - p_interval[0], q_interval[1] - q)
    high = p - q + math.hypot(p_interval[1] - p, q - q_interval[0])
    return max(-1.0, low), min(1.0, high)


def smallest_visible_gap(sim: Array, real: Array) -> float | None:
    """The smallest success gap that as many rounds would show, at 5 % two-sided error, with 80 % power.

    (z_0.975 + z_0.80) * sqrt(p (1 - p) / n + q (1 - q) / m), the normal approximation for n simulated and m real
    rounds. p and q are the shares of success with two successes and two failures added (Agresti, Coull 1998), so that
    a handful of successes does not promise certainty.
    """
    if not len(sim) or not len(real):
        return None
    variance = 0.0
    for side in (sim, real):
        share = (float(side.sum()) + 2) / (len(side) + 4)
        variance += share * (1 - share) / len(side)
    return min(1.0, (_Z + _Z_POWER) * math.sqrt(variance))


def t_interval(centre: float, *samples: Array) -> Interval:
    """Student's interval of a mean, or Welch's of a difference of means, within [-1, 1].

    :param samples: each of shape (N,), N > 1
    """
    errors = [float(sample.var(ddof=1)) / len(sample) for sample in samples]
    total = sum(errors)
    if total == 0:
        return centre, centre
    freedom = total**2 / sum(error**2 / (len(sample) - 1) for error, sample in zip(errors, samples, strict=True))
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * math.sqrt(total)
    return max(-1.0, centre - half), min(1.0, centre + half)


def paired_success_interval(sim: Array, real: Array) -> Interval:
    """Interval of sim - real success over pairs of single trials (Agresti, Min 2005: half a pair more in each cell).

    :param sim: 0 or 1, shape (N,), N > 0; `real` likewise, pair by pair
    """
    lost, won = _discordant(sim, real)
    count = len(sim) + 2
    centre = (lost - won) / count
    half = _Z * math.sqrt(max(0.0, (lost + won + 1) - (lost - won) ** 2 / count)) / count
    return max(-1.0, centre - half), min(1.0, centre + half)


def mcnemar(sim: Array, real: Array) -> float:
    """Exact two-sided p of McNemar's test (1947) that neither side succeeds more often; 1 without discordant pairs."""
    lost, won = _discordant(sim, real)
    return float(stats.binomtest(lost, lost + won).pvalue) if lost + won else 1.0


def _discordant(sim: Array, real: Array) -> tuple[int, int]:
    """Pairs that succeeded only in simulation, and only on the hand."""
    return int(np.sum((sim == 1) & (real == 0))), int(np.sum((sim == 0) & (real == 1)))


def paired_interval(differences: Array) -> Interval | None:
    """Interval of the mean of paired differences: the studentized bootstrap of pairs; None below two pairs.

    Efron, Tibshirani (1993), 12.5; BCa intervals of 20 pairs cover 90 % instead of 95 %. Of few pairs, where resampling
    says little, and of many, where it says the same, it is Student's interval.

    :param differences: shape (N,), in [-1, 1]
    """
    count = len(differences)
    if count < 2:
        return None
    centre, spread = float(differences.mean()), float(differences.std(ddof=1))
    if not FEW <= count < MANY or spread < 1e-12:
        return t_interval(centre, differences)
    drawn = differences[np.random.default_rng(0).integers(0, count, (RESAMPLES, count))]
    spreads = drawn.std(axis=1, ddof=1)
    studentized = (drawn.mean(axis=1) - centre)[spreads > 1e-12] / spreads[spreads > 1e-12]
    low, high = np.quantile(studentized, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    return max(-1.0, centre - float(high) * spread), min(1.0, centre - float(low) * spread)


def smallest_paired_gap(differences: Array, discrete: bool) -> float | None:
    """The smallest mean difference that as many pairs would show, at 5 % two-sided error, with 80 % power.

    (z_0.975 + z_0.80) * s / sqrt(N). Of single trials s^2 is the share of discordant pairs, with one of two pairs added
    that is (Connor 1987); of rates s is the standard deviation of the differences. None below two pairs.

    :param differences: shape (N,); `discrete` if they are -1, 0 or 1
    """
    count = len(differences)
    if count < 2:
        return None
    discordant = (float(np.abs(differences).sum()) + 1) / (count + 2)
    variance = discordant if discrete else float(differences.var(ddof=1))
    return min(1.0, (_Z + _Z_POWER) * math.sqrt(variance / count))


def _mean(values: Array) -> float | None:
    return float(values.mean()) if len(values) else None
