"""When messages came and how late a motion follows: timing is a channel of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from transfer_audit.core.types import NS, Array, Columns, Stamps

Mask = npt.NDArray[np.bool_]
_PER_OCTAVE = 64
_BINS = 44 * _PER_OCTAVE
MAX_DELAY_S = 0.5
"""Delays are looked for up to this much on either side."""


@dataclass(frozen=True)
class TimingReport:
    """Regularity of one topic over a round."""

    rate_hz: float | None
    drops: int
    longest_gap_s: float | None
    jitter_s: float | None


@dataclass(frozen=True)
class Gap:
    """A stretch without messages that is longer than allowed."""

    start_ns: int
    end_ns: int


class Timing:
    """Periods between the messages of one topic, kept as a histogram: memory does not grow with the round."""

    def __init__(self, max_gap_ns: int, hold_back_ns: int = 0) -> None:
        self._max_gap_ns = max_gap_ns
        self._hold_back_ns = hold_back_ns
        self._latest: Columns | None = None
        self.clock_steps: list[tuple[int, int]] = []
        self.start(0)

    def arrived(self, columns: Columns) -> None:
        """Note where the stamps jump against the time of receipt (`clock_steps`: when, and the size of each jump, ns).

        Messages that were only held up on their way keep their stamps a period apart and are no clock step. A step is
        dated by its stamp, or, where that lies further back than the hold-back, by its arrival less the hold-back.
        """
        if len(columns) == 0:
            return
        latest = columns[:1] if self._latest is None else self._latest
        self._latest = columns[-1:]
        periods = np.diff(np.concatenate((latest.stamp_ns, columns.stamp_ns)))
        jumps = periods - np.diff(np.concatenate((latest.receive_ns, columns.receive_ns)))
        when = np.maximum(columns.stamp_ns, columns.receive_ns - self._hold_back_ns)
        for index in np.flatnonzero((np.abs(jumps) > self._max_gap_ns) & (np.abs(periods) > self._max_gap_ns)):
            self.clock_steps.append((int(when[index]), int(jumps[index])))

    def start(self, start_ns: int) -> None:
        """Begin a round."""
        self._start_ns = self._last_ns = start_ns
        self._seen = 0
        self._counts = np.zeros(_BINS, np.int64)
        self._sums_us = np.zeros(_BINS, np.int64)
        self._squares_us = np.zeros(_BINS, np.int64)
        self._longest_ns = 0
        self.gaps: list[Gap] = []

    def take(self, stamps: Stamps, until_ns: int) -> slice:
        """Count the messages stamped after the last one taken and at or before `until_ns`; return which they are."""
        begin = int(np.searchsorted(stamps, self._last_ns, side='right' if self._seen else 'left'))
        end = int(np.searchsorted(stamps, until_ns, side='right'))
        if end <= begin:
            return slice(0, 0)
        taken = stamps[begin:end]
        periods = np.diff(np.concatenate(([self._last_ns], taken)))
        self._gaps(taken - periods, taken)
        if self._seen == 0:
            periods = periods[1:]
        self._seen += len(taken)
        self._last_ns = int(taken[-1])
        self._count(periods)
        return slice(begin, end)

    def finish(self, end_ns: int) -> None:
        """Close the round: the silence up to its end counts as well."""
        self._gaps(np.array([self._last_ns]), np.array([end_ns]))

    def _gaps(self, begins: Stamps, ends: Stamps) -> None:
        for index in np.flatnonzero(ends - begins > self._max_gap_ns):
            self.gaps.append(Gap(int(begins[index]), int(ends[index])))
        self._longest_ns = max(self._longest_ns, int((ends - begins).max()))

    def _count(self, periods: Stamps) -> None:
        micros = np.maximum(periods // 1000, 1)
        bins = np.minimum((np.log2(micros) * _PER_OCTAVE).astype(np.int64), _BINS - 1)
        np.add.at(self._counts, bins, 1)
        np.add.at(self._sums_us, bins, micros)
        np.add.at(self._squares_us, bins, micros * micros)

    def report(self) -> TimingReport:
        """Rate from the median period; drops and jitter against it (a period over 1.5 medians is not jitter)."""
        total = int(self._counts.sum())
        longest = self._longest_ns / NS if self._seen else None
        if total == 0:
            return TimingReport(None, 0, longest, None)
        middle = int(np.searchsorted(np.cumsum(self._counts), (total + 1) // 2))
        median = self._sums_us[middle] / self._counts[middle]
        filled = np.flatnonzero(self._counts)
        means = self._sums_us[filled] / self._counts[filled]
        usual = filled[means <= 1.5 * median]
        n, mean = self._counts[usual].sum(), self._sums_us[usual].sum() / self._counts[usual].sum()
        jitter = float(np.sqrt(max(0.0, self._squares_us[usual].sum() / n - mean * mean)))
        missing = (np.rint(means / median) - 1.0) * self._counts[filled]
        drops = int(missing[means > 1.5 * median].sum())
        return TimingReport(1e6 / float(median), drops, longest, jitter / 1e6)


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
