"""Who moves first: how much later one stream does what another does."""

from __future__ import annotations

import numpy as np
from scipy.signal import correlate, correlation_lags

from transfer_audit.core.interview.streams import GRID_HZ
from transfer_audit.core.types import Array

FARTHEST_S = 1.0
"""Nothing follows later than this."""


def lag_s(first: Array, second: Array) -> tuple[float, float]:
    """By how much the second follows the first, s (below 0: it leads), and how alike they then are, 0 to 1.

    The peak of the cross-correlation of what changes, summed over entries that both have, refined by a parabola.

    :param first: on the grid, shape (T, E); `second` likewise
    """
    a, b = _changes(first), _changes(second)
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    if len(a) < 2 or not norm > 0:
        return 0.0, 0.0
    total = np.sum([correlate(b[:, e], a[:, e], method='fft') for e in range(a.shape[1])], axis=0) / norm
    lags = correlation_lags(len(b), len(a))
    near = np.abs(lags) <= FARTHEST_S * GRID_HZ
    total, lags = total[near], lags[near]
    at = int(np.argmax(np.abs(total)))
    return (float(lags[at]) + _peak(np.abs(total), at)) / GRID_HZ, float(abs(total[at]))


def _changes(values: Array) -> Array:
    """Speeds, each entry to its own scale, so that steps and slow motions weigh alike; smoothed over 50 ms."""
    speeds = np.diff(values, axis=0)
    window = np.ones(5) / 5
    smooth = [np.convolve(column, window, 'same') for column in speeds.T] if len(speeds) > 5 else list(speeds.T)
    out = np.stack(smooth, axis=1)
    scale = np.linalg.norm(out, axis=0)
    return np.asarray(out / np.where(scale > 0, scale, 1.0))


def _peak(values: Array, at: int) -> float:
    """How far the top of a parabola through three samples lies from the middle one, in samples."""
    if not 0 < at < len(values) - 1:
        return 0.0
    left, middle, right = values[at - 1 : at + 2]
    bend = left - 2 * middle + right
    return float(0.5 * (left - right) / bend) if bend < 0 else 0.0
