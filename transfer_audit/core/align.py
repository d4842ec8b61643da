"""Two stamped sides -> rows on one clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.profile import Clock
from transfer_audit.core.timeline import Timeline
from transfer_audit.core.timing import Timing
from transfer_audit.core.types import Array, Columns, Envelope, Stamps, to_ns


@dataclass(frozen=True)
class Rows:
    """Both sides of every channel at the same instants.

    :param real: per channel, shape (N, C); NaN in gaps
    :param shadow: per channel, with the same `row_ns`
    """

    row_ns: Stamps
    real: Mapping[str, Array]
    shadow: Mapping[str, Envelope]


class Lane:
    """One channel's measurements on their way to the audit clock."""

    def __init__(self, plan: ChannelPlan, clock: Clock) -> None:
        self.plan = plan
        self._max_gap_ns = to_ns(clock.max_gap_s)
        self.timeline = Timeline(plan.carried, to_ns(clock.hold_back_s))
        self.timing = Timing(self._max_gap_ns, to_ns(clock.hold_back_s))
        self.peak = np.full(plan.carried, -np.inf)

    def add(self, columns: Columns) -> None:
        """Take measurements in order of arrival."""
        if self.plan.stamped:
            self.timing.arrived(columns)
        self.timeline.add(columns)

    def start(self, start_ns: int) -> None:
        """Begin a round."""
        self.timing.start(start_ns)
        self.peak = np.full(self.plan.carried, -np.inf)

    def take(self, until_ns: int) -> None:
        """Account for the measurements up to an instant: their regularity and their `peak`, shape (M,)."""
        taken = self.timing.take(self.timeline.stamps, until_ns)
        values = self.timeline.values[taken]
        if len(values):
            self.peak = np.fmax(self.peak, np.fmax.reduce(values, axis=0))

    def decided_ns(self, watermark_ns: int) -> int:
        """Up to when rows cannot change any more: both neighbours are known, or it is known that one is too far."""
        stamps = self.timeline.stamps
        settled = int(np.searchsorted(stamps, watermark_ns, side='right'))
        if settled == 0 or watermark_ns - stamps[settled - 1] > self._max_gap_ns:
            return watermark_ns
        return int(stamps[settled - 1])

    def at(self, row_ns: Stamps) -> Array:
        """Values at the rows, shape (N, C): interpolated, or the last one held; NaN where neighbours lie further apart
        than the gap allowed."""
        self.take(int(row_ns[-1]))
        return self.plan.compared(interpolate(self.timeline, row_ns, self._max_gap_ns, self.plan.hold))


def interpolate(timeline: Timeline, row_ns: Stamps, max_gap_ns: int, hold: bool = False) -> Array:
    """Linear interpolation (or hold) of events at the rows, shape (N, M); NaN in gaps and outside of the events."""
    stamps, values = timeline.stamps, timeline.values
    out = np.full((len(row_ns), values.shape[1]), np.nan)
    if len(stamps) == 0:
        return out
    after = np.searchsorted(stamps, row_ns, side='left')
    exact = stamps[np.minimum(after, len(stamps) - 1)] == row_ns
    before = np.where(exact, after, after - 1)
    inside = (before >= 0) & (after < len(stamps))
    before, after = np.clip(before, 0, None), np.clip(after, None, len(stamps) - 1)
    gap = stamps[after] - stamps[before]
    good = inside & (gap <= max_gap_ns)
    left, right = values[before[good]], values[after[good]]
    if hold:
        out[good] = left
        return out
    share = ((row_ns[good] - stamps[before[good]]) / np.maximum(gap[good], 1))[:, None]
    out[good] = np.where(share == 0.0, left, left + share * (right - left))
    return out


class Aligner:
    """Brings all channels of both sides to the rows of the audit clock, in lockstep."""

    def __init__(self, plans: Sequence[ChannelPlan], clock: Clock) -> None:
        self.lanes = {plan.name: Lane(plan, clock) for plan in plans}
        self._waiting: dict[str, Envelope | None] = {}
        self.lost_rows = 0
        self.start(0)

    def start(self, start_ns: int) -> None:
        """Begin a round: rows before it are forgotten."""
        self._waiting = dict.fromkeys(self.lanes)
        self.lost_rows = 0
        for lane in self.lanes.values():
            lane.start(start_ns)

    def measured(self, channel: str, columns: Columns) -> None:
        """Take measurements of the real hand."""
        self.lanes[channel].add(columns)

    def shadow(self, channel: str, rows: Envelope) -> None:
        """Take rows of the simulated side, in order."""
        waiting = self._waiting[channel]
        self._waiting[channel] = rows if waiting is None else _joined(waiting, rows)

    def forget(self, before_ns: int) -> None:
        """Drop measurements that no row at or after `before_ns` needs."""
        for lane in self.lanes.values():
            lane.timeline.forget(before_ns)
            lane.timing.forget(before_ns)

    def drop(self, before_ns: int) -> None:
        """Let go of measurements that rows after `before_ns` do not need; counts of this round stay."""
        for lane in self.lanes.values():
            lane.timeline.drop(before_ns)

    def advance(self, watermark_ns: int) -> Iterator[Rows]:
        """Rows of which both sides are known for good."""
        ready = [rows for rows in self._waiting.values() if rows is not None and len(rows)]
        if len(ready) < len(self._waiting):
            return
        last_ns = min(int(rows.row_ns[-1]) for rows in ready)
        last_ns = min(last_ns, *(lane.decided_ns(watermark_ns) for lane in self.lanes.values()))
        grid = _union([rows.row_ns[rows.row_ns <= last_ns] for rows in ready])
        if len(grid) == 0:
            return
        shadow = {}
        for channel, waiting in self._waiting.items():
            assert waiting is not None
            count = int(np.searchsorted(waiting.row_ns, last_ns, side='right'))
            shadow[channel] = self._filled(waiting[:count], grid)
            self._waiting[channel] = waiting[count:]
        yield Rows(grid, {channel: lane.at(grid) for channel, lane in self.lanes.items()}, shadow)

    def _filled(self, rows: Envelope, grid: Stamps) -> Envelope:
        if len(rows) == len(grid):
            return rows
        self.lost_rows += len(grid) - len(rows)
        place = np.searchsorted(grid, rows.row_ns)
        empty = np.full((3, len(grid), rows.median.shape[1]), np.nan)
        empty[:, place] = rows.median, rows.lower, rows.upper
        return Envelope(grid, empty[0], empty[1], empty[2])


def _union(grids: Sequence[Stamps]) -> Stamps:
    first = grids[0]
    if all(len(grid) == len(first) for grid in grids):
        return first
    return np.unique(np.concatenate(grids))


def _joined(a: Envelope, b: Envelope) -> Envelope:
    if len(a) == 0:
        return b
    return Envelope(
        np.concatenate([a.row_ns, b.row_ns]),
        np.concatenate([a.median, b.median]),
        np.concatenate([a.lower, b.lower]),
        np.concatenate([a.upper, b.upper]),
    )
