"""The frozen values that cross each seam. Time is int64 nanoseconds, lengths SI, angles radians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Stamps = npt.NDArray[np.int64]
Kind = Literal['pose', 'force', 'slip']

NS = 1_000_000_000


def to_ns(seconds: float) -> int:
    """Seconds as whole nanoseconds."""
    return round(seconds * NS)


@dataclass(frozen=True)
class Columns:
    """A stretch of messages of one source, in order of arrival.

    :param receive_ns: when each message arrived, shape (N,)
    :param stamp_ns: the time each message speaks of, shape (N,)
    :param values: one column per element, NaN where a message lacks it, shape (N, E)
    :raises ValueError: if the lengths differ
    """

    receive_ns: Stamps
    stamp_ns: Stamps
    values: Array

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not len(self.receive_ns) == len(self.stamp_ns) == len(self.values):
            raise ValueError(
                f'columns of unequal length: {len(self.receive_ns)} receive times, '
                f'{len(self.stamp_ns)} stamps, values of shape {self.values.shape}'
            )

    def __len__(self) -> int:
        return len(self.stamp_ns)

    def __getitem__(self, rows: slice | npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Columns:
        return Columns(self.receive_ns[rows], self.stamp_ns[rows], self.values[rows])

    @staticmethod
    def empty(elements: int) -> Columns:
        """No messages of a source with `elements` columns."""
        return Columns(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, elements)))


@dataclass(frozen=True)
class Envelope:
    """What the family of models says of one channel, row by row on the audit grid.

    :param row_ns: time of each row, shape (N,)
    :param median: shape (N, E), channel units; `lower` <= `median` <= `upper`
    """

    row_ns: Stamps
    median: Array
    lower: Array
    upper: Array

    def __len__(self) -> int:
        return len(self.row_ns)

    def __getitem__(self, rows: slice) -> Envelope:
        return Envelope(self.row_ns[rows], self.median[rows], self.lower[rows], self.upper[rows])


@dataclass(frozen=True)
class Round:
    """One stretch of work that is judged: from `start_ns` to `end_ns` (None while it runs)."""

    number: int
    start_ns: int
    end_ns: int | None = None
    task: str = ''
    success: bool | None = None
