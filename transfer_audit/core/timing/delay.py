"""How late one motion follows another, to a fraction of a sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal
from scipy.special import stdtrit

from transfer_audit.core.types import Array

Mask = npt.NDArray[np.bool_]
MAX_DELAY_S = 0.5
"""Delays are looked for up to this much on either side."""
_SETTLED = 1e-3
"""Samples: a step this short is the last one."""
_NEAR = 5
"""Steps, of a sample at most, from a delay that is known already."""
_STRETCHES = 10
_FEWEST = 5
_LEAST_GAIN = 0.05


@dataclass(frozen=True)
class Delay:
    """How much later the real motion comes than the simulated one, s, with a 90 % interval.

    :param explained: share of the squared residual that vanishes once the simulated motion is moved by `delay_s`
    """

    delay_s: float
    low_s: float
    high_s: float
    explained: float


@dataclass(frozen=True)
class _Line:
    """The motion about a lag: y = gain * x(t - lag) + offset - step * gain * slope + rest.

    :param free: what of the slope neither gain nor offset can mimic, shape (M,); `rest` likewise
    """

    step: float
    gain: float
    free: Array
    rest: Array


def delay_between(real: Array, shadow: Array, rate_hz: float, noise: float) -> Delay | None:
    """How much later the real motion comes than the simulated one.

    The best lag of the cross-correlation is refined by Gauss-Newton steps on the squared residual with a free gain and
    offset; the interval comes from the scatter of ten stretches of equal information.

    :param real: shape (N,), NaN allowed; `shadow` likewise
    :returns: positive if the real hand is later; None if too little moves to tell
    """
    return _delay(real, shadow, rate_hz, noise, None)


def delay_near(real: Array, shadow: Array, rate_hz: float, noise: float, guess_s: float) -> Delay | None:
    """`delay_between` where the delay is known to within a sample or two."""
    return _delay(real, shadow, rate_hz, noise, guess_s)


def _delay(real: Array, shadow: Array, rate_hz: float, noise: float, guess_s: float | None) -> Delay | None:
    known = ~(np.isnan(real) | np.isnan(shadow))
    if np.count_nonzero(known) < 20:
        return None
    index = np.arange(len(real))
    x = np.interp(index, index[known], shadow[known])
    y = np.interp(index, index[known], real[known])
    if min(np.ptp(x), np.ptp(y)) < 10 * noise:
        return None
    reach = min(round(MAX_DELAY_S * rate_hz), len(x) // 3)
    if guess_s is None:
        found = _refined(x, y, known, _best_lag(x, y, reach), reach)
    else:
        found = _near(x, y, known, guess_s * rate_hz)
    if found is None or not found[1] < MAX_DELAY_S / 2 * rate_hz:
        return None
    lag, half = found
    return Delay(lag / rate_hz, (lag - half) / rate_hz, (lag + half) / rate_hz, _explained(x, y, known, lag))


def _refined(x: Array, y: Array, known: Mask, lag: float, reach: int) -> tuple[float, float] | None:
    """The lag where the steps have come to rest, and half of its interval; None if they do not within `reach`.

    A single motion without a turn correlates best near no lag at all, so that the way may be long.
    """
    for _ in range(2 * reach + _NEAR):
        line = _line(x, y, known, lag)
        if line is None or abs(lag) > reach + 1:
            return None
        step = _clipped(line)
        lag += step
        if abs(step) < _SETTLED:
            return lag, _half_width(line)
    return None


def _near(x: Array, y: Array, known: Mask, lag: float) -> tuple[float, float] | None:
    """The lag near one that is known, and half of its interval, wherever else the residual would lead."""
    half = np.inf
    for _ in range(_NEAR):
        line = _line(x, y, known, lag)
        if line is None:
            return None
        lag, half = lag + _clipped(line), _half_width(line)
    return lag, half


def _clipped(line: _Line) -> float:
    return float(np.clip(line.step, -1.0, 1.0))


def _half_width(line: _Line) -> float:
    """Half of the 90 % interval of the lag from its score summed over ten stretches of equal information.

    Ten sums allow for residuals that are not white (White 1980, clustered), Student's quantile for being only ten.
    """
    information = np.cumsum(line.free**2)
    stretch = np.minimum((_STRETCHES * information / information[-1]).astype(np.int_), _STRETCHES - 1)
    sums = np.bincount(stretch, line.free * line.rest, _STRETCHES)
    error = np.sqrt((sums**2).sum() * _STRETCHES / (_STRETCHES - 1)) / (information[-1] * line.gain)
    return float(stdtrit(_STRETCHES - 1, 0.95) * error)


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


def _line(x: Array, y: Array, known: Mask, lag: float) -> _Line | None:
    """Least squares about a lag with gain and offset free; None if too little moves."""
    index = np.arange(len(x))
    moved = np.interp(index - lag, index, x)
    inside = known & (index - lag >= 0) & (index - lag <= len(x) - 1)
    slope = np.gradient(moved)[inside]
    if len(slope) < _FEWEST:
        return None
    design = np.stack([moved[inside], np.ones(len(slope)), -slope], axis=1)
    solution, _, rank, _ = np.linalg.lstsq(design, y[inside], rcond=None)
    if rank < 3 or solution[0] <= _LEAST_GAIN:
        return None
    free = slope - design[:, :2] @ np.linalg.lstsq(design[:, :2], slope, rcond=None)[0]
    return _Line(float(solution[2] / solution[0]), float(solution[0]), free, y[inside] - design @ solution)
