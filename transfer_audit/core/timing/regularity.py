"""When the messages of one topic came: rate, gaps, jitter, drops, and steps of its clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transfer_audit.core.types import NS, Columns, Stamps

_PER_OCTAVE = 64
_BINS = 44 * _PER_OCTAVE


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
