"""Rows of an audit -> the curves a report draws, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from transfer_audit.core.binding import Binding
from transfer_audit.core.judge import Scored
from transfer_audit.core.types import NS, Array, Stamps

MOST_NUMBERS = 16_000_000
"""Numbers kept in all (64 MB); before that, every row of the audit is a bucket of its own."""
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Buckets:
    """Neighbouring rows as their extremes, so that a spike of one row survives any merging.

    :param first_ns: time of the first row of each bucket, shape (N,); `last_ns` of its last
    :param low: least real, median and lower, shape (N, 3, C), NaN where a bucket has none
    :param high: greatest real, median, upper and score, shape (N, 4, C)
    """

    first_ns: Stamps
    last_ns: Stamps
    low: Floats
    high: Floats

    def __len__(self) -> int:
        return len(self.first_ns)

    def merged(self, width_ns: int, period_ns: float, kept: npt.NDArray[np.bool_] | None = None) -> Buckets:
        """Buckets of at most `width_ns`; none reaches over a pause or into a round whose rows start off the grid.

        :param kept: buckets to leave as they are, shape (N,)
        """
        if len(self) == 0:
            return self
        steps = self.first_ns[1:] - self.last_ns[:-1]
        off_grid = np.abs(steps - np.rint(steps / period_ns) * period_ns) > 2
        starts = (np.diff(self.first_ns // width_ns) != 0) | off_grid | (steps > NS)
        starts = starts if kept is None else starts | kept[1:] | kept[:-1]
        at = np.flatnonzero(np.concatenate(([True], starts)))
        last = np.concatenate((at[1:], [len(self)])) - 1
        low, high = np.fmin.reduceat(self.low, at, axis=0), np.fmax.reduceat(self.high, at, axis=0)
        return Buckets(self.first_ns[at], self.last_ns[last], low, high)

    def between(self, start_ns: int, end_ns: int, index: int) -> Buckets:
        """One element of those with rows in [start_ns, end_ns)."""
        begin, end = np.searchsorted(self.last_ns, start_ns), np.searchsorted(self.first_ns, end_ns)
        rows, one = slice(int(begin), int(end)), slice(index, index + 1)
        return Buckets(self.first_ns[rows], self.last_ns[rows], self.low[rows, :, one], self.high[rows, :, one])


@dataclass(frozen=True)
class Trace:
    """One element over a stretch of a round, ready to be drawn; NaN where a line must break.

    :param time_s: s since the round's start, shape (N,)
    :param real: least and greatest value of each bucket, shape (N, 2); `median` likewise
    :param envelope: lower and upper bound of the family, shape (N, 2); `score` shape (N,)
    """

    time_s: Array
    real: Array
    median: Array
    envelope: Array
    score: Array


class Collector:
    """Watches the rows of an audit and keeps them for the report."""

    def __init__(self, binding: Binding, most_numbers: int = MOST_NUMBERS) -> None:
        self.binding = binding
        self.names = [(plan.name, column) for plan in binding.channels for column in plan.columns]
        self.units = [unit for plan in binding.channels for unit in plan.units]
        self.tolerance = np.concatenate([plan.tolerance for plan in binding.channels])
        self._period_ns = NS / binding.profile.clock.rate_hz
        self._width_ns = max(1, round(self._period_ns))
        self._most = max(64, most_numbers // (7 * len(self.names)))
        self._parts: list[Buckets] = []
        self._held = 0

    def __len__(self) -> int:
        """Buckets held."""
        return self._held

    def watch(self, scored: Scored) -> None:
        """Take judged rows, in order of time."""
        sides = scored.rows.shadow
        real = self._side(scored.rows.real)
        median = self._side({channel: rows.median for channel, rows in sides.items()})
        lower = self._side({channel: rows.lower for channel, rows in sides.items()})
        upper = self._side({channel: rows.upper for channel, rows in sides.items()})
        low, high = np.stack([real, median, lower], axis=1), np.stack([real, median, upper, scored.scores], axis=1)
        row_ns = scored.rows.row_ns
        self._parts.append(Buckets(row_ns, row_ns, low.astype(np.float32), high.astype(np.float32)))
        self._held += len(row_ns)
        if self._held > self._most:
            self._shrink()

    def trace(self, index: int, round_ns: tuple[int, int], window_s: tuple[float, float], columns: int) -> Trace:
        """An element within a window of a round, in about `columns` buckets.

        :param round_ns: start and end of the round; window and trace count from its start
        """
        start, end = round_ns
        begin_ns, end_ns = max(start, start + round(window_s[0] * NS)), min(end, start + round(window_s[1] * NS))
        width_ns = max(1, round((window_s[1] - window_s[0]) * NS / columns))
        found = self._whole().between(begin_ns, end_ns, index).merged(width_ns, self._period_ns)
        time_s = np.clip(((found.first_ns - start) + (found.last_ns - start)) / (2 * NS), *window_s)
        low, high = found.low[:, :, 0].astype(np.float64), found.high[:, :, 0].astype(np.float64)
        pairs = np.stack([low, high[:, :3]], axis=2)
        breaks = np.flatnonzero(found.first_ns[1:] - found.last_ns[:-1] > 1.5 * self._period_ns) + 1
        time_s, pairs = np.insert(time_s, breaks, np.nan), np.insert(pairs, breaks, np.nan, axis=0)
        score = np.insert(high[:, 3], breaks, np.nan)
        return Trace(time_s, pairs[:, 0], pairs[:, 1], pairs[:, 2], score)

    def _side(self, values: Any) -> Array:
        return np.concatenate([values[plan.name] for plan in self.binding.channels], axis=1)

    def _whole(self) -> Buckets:
        count = len(self.names)
        nothing = np.empty(0, np.int64)
        empty = Buckets(nothing, nothing, np.empty((0, 3, count), np.float32), np.empty((0, 4, count), np.float32))
        self._parts = [_joined(self._parts)] if self._parts else [empty]
        return self._parts[0]

    def _shrink(self) -> None:
        """Merge neighbours two by two until half of the room is free."""
        whole = self._whole()
        whole = whole.merged(self._width_ns, self._period_ns, self._kept(whole))
        while len(whole) > self._most // 2 and self._width_ns < 3600 * NS:
            self._width_ns *= 2
            whole = whole.merged(self._width_ns, self._period_ns, self._kept(whole))
        self._parts, self._held = [whole], len(whole)

    def _kept(self, whole: Buckets) -> npt.NDArray[np.bool_]:
        """Rows to keep as they are: those around the first alarms and the newest, in a quarter of the room."""
        reach = min(NS / self._period_ns, self._most // 16)
        alarmed = np.asarray((whole.high[:, 3] >= 1.0).any(axis=1))
        rises = np.flatnonzero(alarmed[1:] & ~alarmed[:-1])[: max(1, int(self._most / (8 * reach)))] + 1
        kept = np.zeros(len(whole), bool)
        for at_ns in whole.first_ns[[*rises, -1]]:
            ends_ns = at_ns - reach * self._period_ns, at_ns + reach * self._period_ns
            kept[slice(*np.searchsorted(whole.first_ns, ends_ns))] = True
        return kept


def _joined(parts: Sequence[Buckets]) -> Buckets:
    if len(parts) == 1:
        return parts[0]
    return Buckets(
        np.concatenate([part.first_ns for part in parts]),
        np.concatenate([part.last_ns for part in parts]),
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.high for part in parts]),
    )
