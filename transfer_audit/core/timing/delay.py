"""How late one motion follows another, to a fraction of a sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from transfer_audit.core.types import Array

Mask = npt.NDArray[np.bool_]
MAX_DELAY_S = 0.5
"""Delays are looked for up to this much on either side."""


@dataclass(frozen=True)
class Delay:
    """How much later the real motion comes than the simulated one, s, with a 90 % interval.

    :param explained: share of the squared residual that vanishes once the simulated motion is moved by `delay_s`
    """

    delay_s: float
    low_s: float
    high_s: float
    explained: float


def delay_between(real: Array, shadow: Array, rate_hz: float, noise: float) -> Delay | None:
    """How much later the real motion comes than the simulated one.

    The best lag of the cross-correlation is refined by Gauss-Newton steps on the squared residual with a free gain and
    offset; the interval comes from the scatter of ten stretches, each weighted by its information.

    :param real: shape (N,), NaN allowed; `shadow` likewise
    :returns: positive if the real hand is later; None if too little moves to tell
    """
    known = ~(np.isnan(real) | np.isnan(shadow))
    if np.count_nonzero(known) < 20:
        return None
    index = np.arange(len(real))
    x = np.interp(index, index[known], shadow[known])
    y = np.interp(index, index[known], real[known])
    if min(np.ptp(x), np.ptp(y)) < 10 * noise:
        return None
    lag = _best_lag(x, y, min(round(MAX_DELAY_S * rate_hz), len(x) // 3))
    for _ in range(4):
        step, information = _step(x, y, known, lag)
        if not np.isfinite(step) or information == 0.0:
            return None
        lag += float(np.clip(step, -1.0, 1.0))
    half = 1.645 * _scatter(x, y, known, lag)
    if not half < MAX_DELAY_S / 2 * rate_hz:
        return None
    return Delay(lag / rate_hz, (lag - half) / rate_hz, (lag + half) / rate_hz, _explained(x, y, known, lag))


def _scatter(x: Array, y: Array, known: Mask, lag: float) -> float:
    """Standard error of the lag from ten stretches."""
    parts = np.array_split(np.arange(len(x)), 10)
    found = np.nan_to_num(np.array([_step(x, y, known & _mask(part, len(x)), lag) for part in parts]))
    offsets, weights = found[:, 0], found[:, 1]
    return float(np.sqrt((weights**2 * offsets**2).sum()) / weights.sum()) if weights.sum() > 0 else float('inf')


def _explained(x: Array, y: Array, known: Mask, lag: float) -> float:
    index = np.arange(len(x))
    inside = known & (index - lag >= 0) & (index - lag <= len(x) - 1)
    before = float(((y - x)[inside] ** 2).sum())
    after = float(((y - np.interp(index - lag, index, x))[inside] ** 2).sum())
    return 1.0 - after / before if before > 0 else 0.0


def _best_lag(x: Array, y: Array, reach: int) -> float:
    x0, y0 = x - x.mean(), y - y.mean()
    full = signal.correlate(y0, x0, mode='full', method='fft')
    centre = len(x0) - 1
    window = full[centre - reach : centre + reach + 1]
    return float(int(window.argmax()) - reach)


def _step(x: Array, y: Array, known: Mask, lag: float) -> tuple[float, float]:
    """Gauss-Newton step for the lag with gain and offset free, and its information."""
    index = np.arange(len(x))
    moved = np.interp(index - lag, index, x)
    slope = np.gradient(moved)
    inside = known & (index - lag >= 0) & (index - lag <= len(x) - 1)
    if np.count_nonzero(inside) < 5:
        return np.nan, 0.0
    design = np.stack([moved[inside], np.ones(np.count_nonzero(inside)), -slope[inside]], axis=1)
    solution, _, rank, _ = np.linalg.lstsq(design, y[inside], rcond=None)
    if rank < 3 or solution[0] <= 0.05:
        return np.nan, 0.0
    free = slope[inside] - design[:, :2] @ np.linalg.lstsq(design[:, :2], slope[inside], rcond=None)[0]
    return float(solution[2] / solution[0]), float(free @ free)


def _mask(part: npt.NDArray[np.int_], length: int) -> Mask:
    mask = np.zeros(length, bool)
    mask[part] = True
    return mask
