"""The rows of a round that are kept: all of a short one, the first and the latest of a long one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.types import Array, Stamps

KEPT_ROWS = 30_000
"""Rows kept from the start of a round: explanations rest on these. Five minutes at 100 Hz."""
RECENT_ROWS = 600
"""Rows kept before the present, to date an onset that was noticed late."""


@dataclass(frozen=True)
class Traces:
    """Both sides of all elements over consecutive rows.

    :param real: shape (N, C), channel units, NaN where unknown; `median`, `lower`, `upper` of the family likewise,
        the bounds not widened
    """

    row_ns: Stamps
    real: Array
    median: Array
    lower: Array
    upper: Array

    def __len__(self) -> int:
        return len(self.row_ns)

    def __getitem__(self, rows: slice) -> Traces:
        return Traces(self.row_ns[rows], self.real[rows], self.median[rows], self.lower[rows], self.upper[rows])


class History:
    """Takes rows as they are compared; which ones it keeps does not depend on how they were cut."""

    def __init__(self) -> None:
        self._kept: list[Traces] = []
        self._recent: deque[Traces] = deque()
        self._rows = self._recent_rows = 0

    def add(self, traces: Traces) -> None:
        """Keep rows."""
        room = KEPT_ROWS - self._rows
        if room > 0:
            self._kept.append(traces[:room])
        while self._recent and self._recent_rows - len(self._recent[0]) >= RECENT_ROWS:
            self._recent_rows -= len(self._recent.popleft())
        self._recent.append(traces)
        self._rows += len(traces)
        self._recent_rows += len(traces)

    def first(self) -> Traces | None:
        """The first rows of the round, KEPT_ROWS at most."""
        if len(self._kept) > 1:
            self._kept = [joined(self._kept)]
        return self._kept[0] if self._kept else None

    def latest(self, until: int) -> tuple[int, Traces]:
        """RECENT_ROWS rows before row `until`, one of those added last; or as many as there are. And the number of the
        first."""
        traces = joined(self._recent)
        begin = self._rows - len(traces)
        first = max(begin, until - RECENT_ROWS)
        return first, traces[first - begin : until - begin]


def joined(parts: list[Traces] | deque[Traces]) -> Traces:
    """Consecutive rows as one piece."""
    return Traces(
        np.concatenate([part.row_ns for part in parts]),
        np.concatenate([part.real for part in parts]),
        np.concatenate([part.median for part in parts]),
        np.concatenate([part.lower for part in parts]),
        np.concatenate([part.upper for part in parts]),
    )
