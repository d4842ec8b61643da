"""How far the real hand is from what the family can explain."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.types import Array


def departures(real: Array, lower: Array, upper: Array, noise: Array) -> Array:
    """Signed distances beyond both bounds of the envelope, in units of noise: positive outside, negative inside.

    :param real: measurement, shape (N, C), channel units
    :param lower: family envelope widened by the tolerance, shape (N, C); `upper` likewise, lower <= upper
    :param noise: standard deviation of the measurement, shape (C,), > 0
    :returns: beyond `upper` and beyond `lower`, shape (2, N, C); NaN where any is NaN
    """
    return np.stack([real - upper, lower - real]) / noise


def excess(real: Array, lower: Array, upper: Array, noise: Array) -> Array:
    """Distance to the envelope in units of noise, shape (N, C): 0 inside, NaN where any is NaN; see `departures`."""
    return np.asarray(np.maximum(departures(real, lower, upper, noise).max(axis=0), 0.0))
