"""Many presses -> one value with an interval that rests on presses, never on samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from transfer_audit.core.calibrate.quantities import LEVEL
from transfer_audit.core.types import Array

_REPEATS = 1000


def mean(values: Array, groups: Sequence[str]) -> tuple[float, float, float, bool]:
    """The mean, its interval by Student's t, and whether the groups differ.

    Samples of one press share its onset and its noise, so a press counts once. Where presses of different recordings
    differ by more than those of one do (analysis of variance, one in a hundred), a recording counts once.

    :param values: shape (N,), N >= 2; `groups` the recording of each
    """
    names = sorted(set(groups))
    labels = np.array([names.index(group) for group in groups])
    parts = [values[labels == index] for index in range(len(names))]
    differ = _differ(values, parts)
    if differ:
        values = np.array([part.mean() for part in parts])
    half = float(t_distribution.ppf((1 + LEVEL) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    centre = float(values.mean())
    return centre, centre - half, centre + half, differ


def _differ(values: Array, parts: Sequence[Array]) -> bool:
    free = len(values) - len(parts)
    if len(parts) < 2 or free < 3:
        return False
    within = sum(float(((part - part.mean()) ** 2).sum()) for part in parts) / free
    between = sum(len(part) * float(part.mean() - values.mean()) ** 2 for part in parts) / (len(parts) - 1)
    return within == 0.0 or bool(f_distribution.sf(between / within, len(parts) - 1, free) < 0.01)


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
