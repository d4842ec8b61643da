"""The sequential test: which element has left the family, and when that was noticed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transfer_audit.core.divergence.threshold import Law
from transfer_audit.core.types import Array

INSIDE = 3.0
"""What one row inside the envelope takes off at most: a motion that swings out and in is not forgotten at once."""
_FIXED = 2.0**20


@dataclass(frozen=True)
class Alarm:
    """One element has left the family: when it was noticed, on which side, and when it began at the earliest.

    :param side: 0: above the envelope, 1: below
    :param zero_row: row after the last zero of the statistic
    """

    element: int
    side: int
    row: int
    zero_row: int


class Detector:
    """Two one-sided CUSUMs of every element's departure (Page 1954), exact in fixed point.

    S = max(0, S + departure - drift) row by row and side by side; an alarm where S reaches the level. Increments are
    whole multiples of 2^-20, so sums are exact and do not depend on how rows were cut into calls. One row can add at
    most half the level, so a single outlier never alarms.
    """

    def __init__(self, law: Law) -> None:
        self._law = law
        self._drift = np.rint(law.drift * _FIXED).astype(np.int64)
        self._level = np.rint(law.level * _FIXED).astype(np.int64)
        self._most = law.most + law.drift
        self.start()

    def start(self) -> None:
        """Begin a round."""
        sides = (2, len(self._law.level))
        self._row = 0
        self._sum, self._least = np.zeros(sides, np.int64), np.zeros(sides, np.int64)
        self._zero_row = np.full(sides, -1)
        self._alarmed = np.zeros(sides[1], bool)
        self.peak = np.zeros(sides[1])

    def step(self, departures: Array) -> tuple[Array, list[Alarm]]:
        """Add rows; NaN leaves the statistic as it is.

        :param departures: beyond the upper and the lower bound, in units of noise, shape (2, N, C)
        :returns: scores, shape (N, C), 1.0 = alarm level; and the alarms that these rows raised, in order of time
        """
        unknown = np.isnan(departures)
        clipped = np.where(unknown, 0.0, np.clip(departures, -INSIDE, self._most))
        added = np.rint(clipped * _FIXED).astype(np.int64) - np.where(unknown, 0, self._drift)
        sums = self._sum[:, None] + np.cumsum(added, axis=1)
        least = np.minimum(np.minimum.accumulate(sums, axis=1), self._least[:, None])
        statistic = sums - least
        alarms = self._alarms(statistic)
        self._note_zeros(statistic)
        self._sum, self._least = sums[:, -1], least[:, -1]
        self._row += statistic.shape[1]
        scores = statistic.max(axis=0) / self._level
        self.peak = np.maximum(self.peak, scores.max(axis=0))
        return scores, alarms

    def _note_zeros(self, statistic: npt.NDArray[np.int64]) -> None:
        zero = statistic == 0
        count = zero.shape[1]
        last = count - 1 - zero[:, ::-1].argmax(axis=1)
        self._zero_row = np.where(zero.any(axis=1), self._row + last, self._zero_row)

    def _alarms(self, statistic: npt.NDArray[np.int64]) -> list[Alarm]:
        over: npt.NDArray[np.bool_] = np.any(statistic >= self._level, axis=0)
        fresh = np.any(over, axis=0) & ~self._alarmed
        self._alarmed |= fresh
        found = []
        for element in np.flatnonzero(fresh).tolist():
            at = int(over[:, element].argmax())
            side = int(statistic[:, at, element].argmax())
            zeros = np.flatnonzero(statistic[side, : at + 1, element] == 0)
            zero = self._row + int(zeros[-1]) if len(zeros) else int(self._zero_row[side, element])
            found.append(Alarm(element, side, self._row + at, zero + 1))
        return sorted(found, key=lambda alarm: (alarm.row, alarm.element))
