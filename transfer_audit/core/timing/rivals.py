"""What else makes a motion come later: a slower hand, friction or play, another gain or offset."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal

from transfer_audit.core.types import Array

_LAGS_S = np.geomspace(0.004, 1.0, 13)
_PLAYS = np.geomspace(0.002, 0.3, 13)
"""Half-widths of play, as shares of the span of the motion."""


def rival_residual(real: Array, median: Array, rows: npt.NDArray[np.bool_], rate_hz: float) -> float:
    """The least sum of squares that an explanation without any delay leaves.

    Each rival may choose gain and offset freely. A slower hand is `a x + b lowpass(x)` with a, b >= 0 (a lead-lag,
    which is what another damping or gain makes of a servo; without the bounds it would mimic a delay). Friction and
    backlash are play, which follows once the motion has turned by the width (Krasnosel'skii and Pokrovskii, 1989).

    :param real: shape (N,), NaN allowed; `median` likewise
    :param rows: which rows count, both known there, shape (N,)
    """
    known = ~np.isnan(median)
    index = np.arange(len(median))
    x = np.interp(index, index[known], median[known])
    slower = [_slower(x, tau, rate_hz) for tau in _LAGS_S]
    widths = _PLAYS * float(np.ptp(x))
    played = [play for motion in (x, *slower[::3]) for play in _play(motion, widths).T]
    faster = [x - slow for slow in slower]
    parts = [[x], *([play] for play in played)]
    parts += [[x, other] for other in (*slower, *faster)] + [[slow] for slow in slower]
    return min(_least_squares(real[rows], np.stack(part, axis=1)[rows]) for part in parts)


def free_residual(real: Array, median: Array) -> float:
    """Sum of squares that a motion leaves with gain and offset free, shape (N,) both."""
    return _least_squares(real, median[:, None])


def _least_squares(y: Array, parts: Array) -> float:
    """Residual of y = offset + parts @ weights, weights >= 0 (infinite if one would be negative)."""
    design = np.column_stack([parts, np.ones(len(y))])
    weights, *_ = np.linalg.lstsq(design, y, rcond=None)
    if (weights[:-1] < 0).any():
        return float('inf')
    return float(((y - design @ weights) ** 2).sum())


def _slower(x: Array, tau_s: float, rate_hz: float) -> Array:
    """First-order lag, exact for a motion that is constant over a row, at rest before the first."""
    keep = float(np.exp(-1.0 / (tau_s * rate_hz)))
    return np.asarray(signal.lfilter([1 - keep], [1, -keep], x, zi=[keep * x[0]])[0])


def _play(x: Array, widths: Array) -> Array:
    """Play of each half-width about a motion, shape (N, W)."""
    out = np.empty((len(x), len(widths)))
    at = np.full(len(widths), x[0])
    for row, value in enumerate(x):
        at = np.minimum(np.maximum(at, value - widths), value + widths)
        out[row] = at
    return out
