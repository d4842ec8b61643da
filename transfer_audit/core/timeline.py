"""The events of one source in stamp order: what came too late is counted and never used."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.types import Array, Columns, Stamps

_INITIAL = 256


class Timeline:
    """A growing, sorted buffer of stamped rows.

    An event counts if it arrives at most `hold_back_ns` after its stamp. That depends on the event alone, so the result
    is the same however the events were cut into pieces. Of events with equal stamps the first to arrive stays.

    `faults` are dated by stamp; late ones by their arrival less the hold-back: when the watermark passed them. The
    stamps of the late ones are kept beside, in the same order.
    """

    def __init__(self, width: int, hold_back_ns: int) -> None:
        self._hold_back_ns = hold_back_ns
        self._stamps = np.empty(_INITIAL, np.int64)
        self._values = np.empty((_INITIAL, width))
        self._begin = self._end = 0
        self._newest: int | None = None
        self.faults: dict[str, list[int]] = {'late': [], 'late_stamps': [], 'out_of_order': [], 'duplicates': []}

    def __len__(self) -> int:
        return self._end - self._begin

    @property
    def stamps(self) -> Stamps:
        """Shape (N,), rising."""
        return self._stamps[self._begin : self._end]

    @property
    def values(self) -> Array:
        """Shape (N, width)."""
        return self._values[self._begin : self._end]

    @property
    def newest_ns(self) -> int | None:
        """The largest stamp that was ever added."""
        return self._newest

    def add(self, columns: Columns) -> Columns:
        """Take events in order of arrival; return those that count."""
        in_time = columns.receive_ns - columns.stamp_ns <= self._hold_back_ns
        if not in_time.all():
            self.faults['late'] += (columns.receive_ns[~in_time] - self._hold_back_ns).tolist()
            self.faults['late_stamps'] += columns.stamp_ns[~in_time].tolist()
            columns = columns[in_time]
        if len(columns) == 0:
            return columns
        stamps = columns.stamp_ns
        before = np.iinfo(np.int64).min if self._newest is None else self._newest
        running = np.maximum.accumulate(np.concatenate(([before], stamps)))
        rising = bool((stamps > running[:-1]).all())
        self.faults['out_of_order'] += stamps[stamps < running[:-1]].tolist()
        self._newest = int(running[-1])
        self._append(columns)
        if not rising:
            self._sort()
        return columns

    def _append(self, columns: Columns) -> None:
        count = len(columns)
        if self._end + count > len(self._stamps):
            room = max(_INITIAL, 2 * (len(self) + count))
            stamps, values = np.empty(room, np.int64), np.empty((room, self._values.shape[1]))
            stamps[: len(self)], values[: len(self)] = self.stamps, self.values
            self._end -= self._begin
            self._begin, self._stamps, self._values = 0, stamps, values
        self._stamps[self._end : self._end + count] = columns.stamp_ns
        self._values[self._end : self._end + count] = columns.values
        self._end += count

    def _sort(self) -> None:
        order = np.argsort(self.stamps, kind='stable')
        stamps = self.stamps[order]
        first = np.concatenate(([True], np.diff(stamps) > 0))
        keep = order[first]
        self.faults['duplicates'] += stamps[~first].tolist()
        stamps, values = self.stamps[keep], self.values[keep]
        self._end = self._begin + len(keep)
        self._stamps[self._begin : self._end], self._values[self._begin : self._end] = stamps, values

    def count(self, fault: str, start_ns: int, end_ns: int) -> int:
        """How many events dated in [start, end) were `late`, `out_of_order` or `duplicates`."""
        return sum(start_ns <= stamp < end_ns for stamp in self.faults[fault])

    def drop(self, before_ns: int) -> None:
        """Let go of what is older than `before_ns`, but for the last event at or before it; counts stay."""
        last = int(np.searchsorted(self.stamps, before_ns, side='right')) - 1
        self._begin += max(0, last)

    def forget(self, before_ns: int) -> None:
        """Let go of events and counts older than `before_ns`."""
        self.drop(before_ns)
        dates = {**self.faults, 'late_stamps': self.faults['late']}
        self.faults = {
            fault: [stamp for stamp, date in zip(stamps, dates[fault], strict=True) if date >= before_ns]
            for fault, stamps in self.faults.items()
        }


def forward_filled(values: Array) -> Array:
    """Rows in which what is NaN stays as the row before had it, shape (N, width)."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    rows = np.where(missing, -1, np.arange(len(values))[:, None])
    last = np.maximum.accumulate(rows, axis=0)
    filled = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    return np.where(last < 0, np.nan, filled)
