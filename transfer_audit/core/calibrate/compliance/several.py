"""Many presses -> one value with an interval that rests on presses, never on samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from transfer_audit.core.calibrate.quantities import LEVEL
from transfer_audit.core.types import Array

_REPEATS = 1000
_MOST = 1000


@dataclass(frozen=True)
class Mean:
    """The mean of what presses say.

    :param half: half of its interval
    :param spread: standard deviation between presses, beyond what the noise of each explains
    :param differ: whether recordings differ by more than presses of one do
    """

    value: float
    half: float
    spread: float
    differ: bool

    @property
    def low(self) -> float:
        """Lower end of the interval; `high` the other."""
        return self.value - self.half

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.value + self.half


def mean(values: Array, groups: Sequence[str], errors: Array | None = None) -> Mean:
    """The mean of presses that differ among themselves, each with an error of its own.

    Their spread by DerSimonian and Laird (1986), the interval by Hartung and Knapp (2001), which is Student's where all
    errors are alike. Where presses of different recordings differ by more than those of one do (analysis of variance,
    one in a hundred), a recording counts once.

    :param values: shape (N,), N >= 2; `groups` the recording of each; `errors` standard deviations; None: all alike
    """
    names = sorted(set(groups))
    labels = np.array([names.index(group) for group in groups])
    spread = 0.0 if errors is None else _spread(values, errors)
    weights = np.ones(len(values)) if errors is None else 1.0 / (errors**2 + spread**2)
    centres = np.bincount(labels, weights * values) / np.bincount(labels, weights)
    differ = _differ(values, labels, centres, weights)
    if differ:
        values, weights = centres, np.ones(len(centres))
    centre = float(np.average(values, weights=weights))
    scatter = float(weights @ (values - centre) ** 2 / (len(values) - 1) / weights.sum())
    return Mean(centre, students(len(values)) * np.sqrt(scatter), spread, differ)


def edges(value: float, half: float) -> tuple[float, float]:
    """The ends of an interval whose logarithm is known."""
    return value * float(np.exp(-half)), value * float(np.exp(half))


def students(count: int) -> float:
    """Half of an interval over the standard error, for so many values."""
    return float(t_distribution.ppf((1 + LEVEL) / 2, count - 1))


def needed(half: float, count: int, wanted: float) -> int:
    """How many presses like these would bring half an interval down to what is wanted; at most _MOST."""
    one = half * np.sqrt(count) / students(count)
    return next((n for n in range(count, _MOST) if students(n) * one <= wanted * np.sqrt(n)), _MOST)


def _spread(values: Array, errors: Array) -> float:
    weights = 1.0 / errors**2
    centre = np.average(values, weights=weights)
    beyond = float(weights @ (values - centre) ** 2) - (len(values) - 1)
    return float(np.sqrt(max(beyond / (weights.sum() - (weights**2).sum() / weights.sum()), 0.0)))


def _differ(values: Array, labels: Array, centres: Array, weights: Array) -> bool:
    free = len(values) - len(centres)
    if len(centres) < 2 or free < 3:
        return False
    within = float(weights @ (values - centres[labels]) ** 2) / free
    between = float(weights @ (centres[labels] - np.average(values, weights=weights)) ** 2) / (len(centres) - 1)
    return within == 0.0 or bool(f_distribution.sf(between / within, len(centres) - 1, free) < 0.01)


def least(powers: Array, costs: Array) -> tuple[float, float, float]:
    """Where the summed cost of all presses is least, and its interval by a bootstrap over presses.

    :param powers: shape (P,), rising; `costs` shape (N, P)
    """
    draws = np.random.default_rng(0).integers(0, len(costs), (_REPEATS, len(costs)))
    found = [_lowest(powers, costs[drawn].sum(axis=0)) for drawn in draws]
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return _lowest(powers, costs.sum(axis=0)), float(low), float(high)


def _lowest(powers: Array, costs: Array) -> float:
    """The lowest point of the parabola through the least cost and its neighbours."""
    at = int(np.clip(np.argmin(costs), 1, len(powers) - 2))
    curvature, slope, _ = np.polyfit(powers[at - 1 : at + 2], costs[at - 1 : at + 2], 2)
    if not curvature > 0:
        return float(powers[np.argmin(costs)])
    return float(np.clip(-slope / (2 * curvature), powers[0], powers[-1]))
