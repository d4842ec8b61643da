"""When the messages of one topic came: rate, gaps, jitter, drops, and steps of its clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from transfer_audit.core.timing.clock import ClockStep, ClockWatch
from transfer_audit.core.timing.faults import (
    ALLOWED_SHARE,
    Fault,
    Gap,
    Kind,
    broken,
    drift_fault,
    gap_faults,
    share_faults,
    step_faults,
    unexplained,
)
from transfer_audit.core.types import NS, Array, Columns, Stamps

COUNTED = ('late', 'out_of_order', 'duplicates')
MOST_SHOWN = 20
"""The verdict shows at most this many steps of a clock."""
_PER_OCTAVE = 64
_BINS = 44 * _PER_OCTAVE


@dataclass(frozen=True)
class TimingReport:
    """Regularity of one topic over a round."""

    rate_hz: float | None
    drops: int
    longest_gap_s: float | None
    jitter_s: float | None


class Timing:
    """Periods between the messages of one topic and the clock that stamps them.

    Periods are kept as a histogram with exact sums: memory does not grow with the round.
    """

    def __init__(self, max_gap_ns: int, hold_back_ns: int = 0) -> None:
        self._max_gap_ns = max_gap_ns
        self._hold_back_ns = hold_back_ns
        self.clock = ClockWatch()
        self.start(0)

    def arrived(self, columns: Columns) -> None:
        """Note messages in order of arrival, late ones too: their stamps against the time of receipt."""
        self.clock.arrived(columns)

    def start(self, start_ns: int) -> None:
        """Begin a round."""
        self._start_ns = self._last_ns = start_ns
        self._seen = 0
        self._counts = np.zeros(_BINS, np.int64)
        self._sums_us = np.zeros(_BINS, np.int64)
        self._squares_us = np.zeros(_BINS, np.int64)
        self._first_ns = np.full(_BINS, np.iinfo(np.int64).max)
        self._longest_ns = 0
        self.gaps: list[Gap] = []
        self.clock.start(start_ns)

    def forget(self, before_ns: int) -> None:
        """Let go of what no round that starts at or after `before_ns` needs."""
        self.clock.forget(before_ns)

    def take(self, stamps: Stamps, until_ns: int) -> slice:
        """Count the messages stamped after the last one taken and at or before `until_ns`; return which they are."""
        self.clock.advance(until_ns)
        begin = int(np.searchsorted(stamps, self._last_ns, side='right' if self._seen else 'left'))
        end = int(np.searchsorted(stamps, until_ns, side='right'))
        if end <= begin:
            return slice(0, 0)
        taken = stamps[begin:end]
        periods = np.diff(np.concatenate(([self._last_ns], taken)))
        self._gaps(taken - periods, taken)
        known = slice(1 if self._seen == 0 else 0, None)
        self._seen += len(taken)
        self._last_ns = int(taken[-1])
        self._count(periods[known], taken[known])
        return slice(begin, end)

    def finish(self, end_ns: int) -> None:
        """Close the round: the silence up to its end counts as well."""
        self.clock.advance(end_ns - 1)
        self._gaps(np.array([self._last_ns]), np.array([end_ns]))

    def _gaps(self, begins: Stamps, ends: Stamps) -> None:
        for index in np.flatnonzero(ends - begins > self._max_gap_ns):
            self.gaps.append(Gap(int(begins[index]), int(ends[index])))
        self._longest_ns = max(self._longest_ns, int((ends - begins).max()))

    def _count(self, periods: Stamps, ends: Stamps) -> None:
        micros = np.maximum(periods // 1000, 1)
        bins = np.minimum((np.log2(micros) * _PER_OCTAVE).astype(np.int64), _BINS - 1)
        np.add.at(self._counts, bins, 1)
        np.add.at(self._sums_us, bins, micros)
        np.add.at(self._squares_us, bins, micros * micros)
        np.minimum.at(self._first_ns, bins, ends - periods)

    def report(self) -> TimingReport:
        """Rate from the median period; drops and jitter against it (a period over 1.5 medians is not jitter)."""
        longest = self._longest_ns / NS if self._seen else None
        median = self._median_us()
        if median is None:
            return TimingReport(None, 0, longest, None)
        filled, means = self._filled()
        usual = filled[means <= 1.5 * median]
        n, mean = self._counts[usual].sum(), self._sums_us[usual].sum() / self._counts[usual].sum()
        jitter = float(np.sqrt(max(0.0, self._squares_us[usual].sum() / n - mean * mean)))
        return TimingReport(1e6 / median, self._drops(median)[0], longest, jitter / 1e6)

    def _median_us(self) -> float | None:
        total = int(self._counts.sum())
        if total == 0:
            return None
        middle = int(np.searchsorted(np.cumsum(self._counts), (total + 1) // 2))
        return float(self._sums_us[middle] / self._counts[middle])

    def _filled(self) -> tuple[npt.NDArray[np.intp], Array]:
        """Bins with any period, and the mean period of each, us."""
        filled = np.flatnonzero(self._counts)
        return filled, self._sums_us[filled] / self._counts[filled]

    def _drops(self, median_us: float, longest_us: float = np.inf) -> tuple[int, int]:
        """Messages missing in periods up to a length, and the stamp before the first of them."""
        filled, means = self._filled()
        some = (means > 1.5 * median_us) & (means <= longest_us)
        missing = (np.rint(means / median_us) - 1.0) * self._counts[filled]
        return int(missing[some].sum()), int(self._first_ns[filled[some]].min(initial=np.iinfo(np.int64).max))

    @property
    def clock_steps(self) -> list[tuple[int, int]]:
        """Lasting jumps of the stamps against the time of receipt: when, and the size of each, ns."""
        return [(step.at_ns, step.size_ns) for step in self.clock.steps()]

    def faults(self, counted: Mapping[str, Sequence[int]], end_ns: int) -> list[Fault]:
        """What is wrong with the topic in this round, in the order of time.

        :param counted: stamps of messages that were `late`, `out_of_order` or `duplicates` (`Timeline.faults`)
        :param end_ns: end of the round, or of what was taken of it
        """
        steps, median_us = self.clock.steps(), self._median_us()
        period_ns = round(1000 * median_us) if median_us else 0
        found = gap_faults(self.gaps, steps, self._max_gap_ns, self._hold_back_ns, period_ns)
        found += self._drop_faults(steps)
        kinds: dict[str, Kind] = {'duplicates': 'duplicates', 'out_of_order': 'disorder'}
        for name, kind in kinds.items():
            stamps = unexplained(counted[name], self._start_ns, end_ns, steps)
            total, first_ns = self._seen + len(stamps), min(stamps, default=0)
            found += share_faults(kind, len(stamps), total, first_ns, self._start_ns, period_ns)
        found += step_faults(steps)
        if broken(self.clock.drift()):
            found.append(drift_fault(self.clock.drifting()))
        if all(fault.kind in ALLOWED_SHARE for fault in found):
            found += self._late_faults(counted, end_ns, period_ns)
        return sorted(found, key=lambda fault: fault.start_ns)

    def _late_faults(self, counted: Mapping[str, Sequence[int]], end_ns: int, period_ns: int) -> list[Fault]:
        """Messages too late to be used, where neither a clock nor a gap is the cause."""
        pairs = zip(counted['late'], counted['late_stamps'], strict=True)
        stamps = [stamp for date, stamp in pairs if self._start_ns <= date < end_ns]
        first_ns = max(self._start_ns, min(stamps, default=0))
        return share_faults('late', len(stamps), self._seen + len(stamps), first_ns, self._start_ns, period_ns)

    def _drop_faults(self, steps: Sequence[ClockStep]) -> list[Fault]:
        median = self._median_us()
        if median is None:
            return []
        drops, first_ns = self._drops(median, self._max_gap_ns / 1e3)
        drops -= sum(round(step.size_ns / 1e3 / median) for step in steps if 0 < step.size_ns <= self._max_gap_ns)
        period_ns = round(1000 * median)
        return share_faults('drops', drops, self._seen + drops, first_ns + period_ns, self._start_ns, period_ns)

    def fields(self, counted: Mapping[str, Sequence[int]], end_ns: int) -> dict[str, Any]:
        """The regularity as it stands in the verdict JSON; arguments as for `faults`, with `late` messages as well."""
        report, drift = self.report(), self.clock.drift()
        counts = {name: sum(self._start_ns <= stamp < end_ns for stamp in counted[name]) for name in COUNTED}
        return {
            'rate_hz': report.rate_hz,
            'drops': report.drops,
            'longest_gap_ms': None if report.longest_gap_s is None else 1e3 * report.longest_gap_s,
            'jitter_ms': None if report.jitter_s is None else 1e3 * report.jitter_s,
            **counts,
            'clock_steps': [
                {'at_s': (at - self._start_ns) / NS, 'step_s': size / NS} for at, size in self.clock_steps[:MOST_SHOWN]
            ],
            'clock_drift_ppm': None if drift is None else [drift.ppm, drift.low_ppm, drift.high_ppm],
        }
