"""A sample -> its quantiles with intervals, and what does not belong to it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from transfer_audit.core.calibrate.quantities import LEVEL
from transfer_audit.core.types import Array

Mask = npt.NDArray[np.bool_]
_OUTLYING = 3.0
_NORMAL = 1.4826
_REPEATS = 2000


def quantile(values: Array, share: float) -> tuple[float, float, float]:
    """A quantile and its interval by order statistics: no shape of the distribution is assumed.

    The number of values below the true quantile is binomial (David and Nagaraja, Order Statistics, 2003, section 7.1).
    Where the sample is too small to bound it, the interval ends at the smallest or largest value.

    :param values: shape (N,), N >= 1
    """
    ordered, count = np.sort(values), len(values)
    low, high = binom.ppf([(1 - LEVEL) / 2, (1 + LEVEL) / 2], count, share)
    first, last = max(0, int(low) - 1), min(count - 1, int(high))
    return float(np.quantile(values, share)), float(ordered[first]), float(ordered[last])


def late(values: Array, resolution: float) -> Mask:
    """Which values lie so far above the median that they are of another kind.

    The identifier of Hampel (1974): more than three scaled median absolute deviations; one-sided, since nothing starts
    too early.

    :param resolution: how finely the values are known; deviations are never taken for smaller
    """
    middle = float(np.median(values))
    spread = max(_NORMAL * float(np.median(np.abs(values - middle))), resolution)
    return np.asarray(values > middle + _OUTLYING * spread)


def share(part: int, whole: int) -> tuple[float, float, float]:
    """A share and its interval (Wilson 1927)."""
    z2, p = 1.6448536**2, part / whole
    centre = (p + z2 / (2 * whole)) / (1 + z2 / whole)
    half = math.sqrt(z2 * (p * (1 - p) / whole + z2 / (4 * whole**2))) / (1 + z2 / whole)
    return p, max(0.0, centre - half), min(1.0, centre + half)


def median(values: Array, groups: npt.ArrayLike | None = None) -> tuple[float, float, float]:
    """The median and its interval by a bootstrap over groups of values that belong together, such as recordings.

    :param values: shape (N,); `groups` a label for each, or None where each stands for itself
    """
    if groups is None:
        return quantile(values, 0.5)
    _, at = np.unique(np.asarray(groups), return_inverse=True)
    members = [np.flatnonzero(at == group) for group in range(at.max() + 1)]
    if len(members) < 2:
        return quantile(values, 0.5)
    draws = np.random.default_rng(0).integers(0, len(members), (_REPEATS, len(members)))
    found = [float(np.median(values[np.concatenate([members[g] for g in drawn])])) for drawn in draws]
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(np.median(values)), float(low), float(high)
