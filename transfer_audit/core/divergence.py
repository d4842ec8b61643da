"""Rows -> scores -> the first divergence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from transfer_audit.core.align import Rows
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.types import Array, Stamps

DRIFT = 0.5
"""What the statistic loses per row, in units of noise: a shift of twice this is found fastest."""
_FIXED = 2.0**20
_LOSS = DRIFT - 1 / math.sqrt(2 * math.pi)
_RATE = 0.503302796
_OVERSHOOT = 0.7386
"""Root of 1/2 + exp(t^2/2) * Phi(t) = exp(t * DRIFT), and how far the statistic jumps over the level: with these the
formula of `threshold` agrees with the exact run length (Brook and Evans 1972) to 1e-4 for levels above 5."""


def excess(real: Array, lower: Array, upper: Array, noise: Array) -> Array:
    """How far the real hand lies outside what the family can explain.

    :param real: measurement, shape (N, C), channel units
    :param lower: family envelope widened by the tolerance, shape (N, C); `upper` likewise, lower <= upper
    :param noise: standard deviation of the measurement, shape (C,), > 0
    :returns: distance to the envelope in units of noise, shape (N, C); 0 inside; NaN where any is NaN
    """
    outside = np.maximum(np.maximum(lower - real, real - upper), 0.0)
    return np.asarray(outside / noise)


def threshold(false_alarms_per_hour: float, rate_hz: float, elements: int) -> float:
    """Alarm level of the statistic for a budget of false alarms over all elements together.

    A true value at the very edge of a wide envelope with white noise is the worst agreeing case: the increments are
    then max(z, 0) - DRIFT with z standard normal. They lose _LOSS a row on average, and exp(_RATE * increment) has
    mean 1, so that the mean number of rows between alarms is (exp(b) - b - 1) / (_RATE * _LOSS) with
    b = _RATE * (h + _OVERSHOOT) (Siegmund, Sequential Analysis, 1985, eq. 2.57, for these increments). Coloured noise
    alarms more often; the noise must then be declared larger.

    :returns: h, in units of noise
    """
    rows_between = rate_hz * 3600.0 * max(elements, 1) / false_alarms_per_hour

    def surplus(h: float) -> float:
        b = _RATE * (h + _OVERSHOOT)
        return (math.exp(b) - b - 1) / (_RATE * _LOSS) - rows_between

    return float(brentq(surplus, 0.1, 200.0)) if surplus(0.1) < 0 else 0.1


@dataclass(frozen=True)
class Alarm:
    """One element has left the family: when it was noticed and when it began.

    :param onset_row: row after the last zero of the statistic; `latest_row` by when half the evidence was there
    """

    element: int
    row: int
    onset_row: int
    latest_row: int


class Detector:
    """CUSUM of the excess of every element (Page 1954), exact in fixed point.

    S = max(0, S + excess - DRIFT) row by row; an alarm where S reaches the threshold; its onset is the row after the
    last zero of S. Increments are whole multiples of 2^-20, so sums are exact and do not depend on how rows were cut
    into calls. One row can add at most half the threshold, so a single outlier never alarms.
    """

    def __init__(self, elements: int, level: float) -> None:
        self._level = level
        self._fixed_level = round(level * _FIXED)
        self._cap = level / 2 + DRIFT
        self.start(elements)

    def start(self, elements: int) -> None:
        """Begin a round."""
        self._row = 0
        self._sum = np.zeros(elements, np.int64)
        self._least = np.zeros(elements, np.int64)
        self._zero_row = np.full(elements, -1)
        self._below_row = np.full(elements, -1)
        self._alarmed = np.zeros(elements, bool)
        self.peak = np.zeros(elements)

    def step(self, values: Array) -> tuple[Array, list[Alarm]]:
        """Add rows of excess, shape (N, C); NaN rows leave the statistic as it is.

        :returns: scores, shape (N, C), 1.0 = alarm level; and the alarms that these rows raised
        """
        y = np.where(np.isnan(values), 0.0, np.minimum(values, self._cap) - DRIFT)
        sums = self._sum + np.cumsum(np.rint(y * _FIXED).astype(np.int64), axis=0)
        least = np.minimum(np.minimum.accumulate(sums, axis=0), self._least)
        statistic = sums - least
        rows = np.arange(self._row, self._row + len(values))[:, None]
        zeros = np.maximum(np.maximum.accumulate(np.where(statistic == 0, rows, -1), axis=0), self._zero_row)
        low = statistic < self._fixed_level // 2
        below = np.maximum(np.maximum.accumulate(np.where(low, rows, -1), axis=0), self._below_row)
        alarms = self._alarms(statistic >= self._fixed_level, zeros, below)
        self._sum, self._least = sums[-1], least[-1]
        self._zero_row, self._below_row = zeros[-1], below[-1]
        self._row += len(values)
        scores = statistic / (_FIXED * self._level)
        self.peak = np.maximum(self.peak, scores.max(axis=0))
        return scores, alarms

    def _alarms(
        self, over: npt.NDArray[np.bool_], zeros: npt.NDArray[np.int_], below: npt.NDArray[np.int_]
    ) -> list[Alarm]:
        fresh = over.any(axis=0) & ~self._alarmed
        self._alarmed |= fresh
        found = []
        for element in np.flatnonzero(fresh):
            at = int(over[:, element].argmax())
            onset, latest = int(zeros[at, element]) + 1, int(below[at, element]) + 1
            found.append(Alarm(int(element), self._row + at, onset, max(onset, latest)))
        return sorted(found, key=lambda alarm: (alarm.row, alarm.element))


@dataclass(frozen=True)
class Finding:
    """One element and when it parted from the family; times in ns."""

    channel: str
    kind: str
    element: str
    unit: str
    onset_ns: int
    earliest_ns: int
    latest_ns: int
    flagged_ns: int
    score: float
    real: float
    shadow: tuple[float, float]


def first_of(findings: Sequence[Finding]) -> tuple[Finding | None, list[Finding]]:
    """The finding with the earliest onset, and those whose onset intervals overlap with its own."""
    if not findings:
        return None, []
    first = min(findings, key=lambda finding: (finding.onset_ns, finding.flagged_ns, finding.channel, finding.element))
    ties = [f for f in findings if f is not first and f.earliest_ns <= first.latest_ns]
    return first, ties


class Comparison:
    """All channels of a hand compared row by row over one round."""

    def __init__(self, plans: Sequence[ChannelPlan], rate_hz: float, false_alarms_per_hour: float) -> None:
        self.plans = tuple(plans)
        self.names = [(plan.name, column) for plan in plans for column in plan.columns]
        self._units = [unit for plan in plans for unit in plan.units]
        self._kinds = [plan.kind for plan in plans for _ in plan.columns]
        self._noise = np.concatenate([plan.noise for plan in plans])
        self._tolerance = np.concatenate([plan.tolerance for plan in plans])
        self.level = threshold(false_alarms_per_hour, rate_hz, len(self.names))
        self._period_ns = 1e9 / rate_hz
        self._detector = Detector(len(self.names), self.level)
        self.start(0)

    def start(self, start_ns: int) -> None:
        """Begin a round."""
        count = len(self.names)
        self._start_ns = start_ns
        self._detector.start(count)
        self.findings: list[Finding] = []
        self.rows = 0
        self.covered = np.zeros(count, np.int64)
        self._squares = np.zeros(count)
        self.span = np.tile([[np.inf], [-np.inf]], (2, 1, count))
        self._anchors = [(0, start_ns)]

    @property
    def peak(self) -> Array:
        """Highest score of each element so far, shape (C,)."""
        return self._detector.peak

    @property
    def rms(self) -> Array:
        """Root mean square of real minus median, shape (C,); NaN where nothing was covered."""
        with np.errstate(invalid='ignore', divide='ignore'):
            return np.asarray(np.sqrt(self._squares / self.covered))

    def step(self, rows: Rows) -> Array:
        """Compare rows; new findings are added to `findings`.

        :returns: scores, shape (N, C)
        """
        real = np.concatenate([rows.real[plan.name] for plan in self.plans], axis=1)
        median = np.concatenate([rows.shadow[plan.name].median for plan in self.plans], axis=1)
        lower = np.concatenate([rows.shadow[plan.name].lower for plan in self.plans], axis=1) - self._tolerance
        upper = np.concatenate([rows.shadow[plan.name].upper for plan in self.plans], axis=1) + self._tolerance
        scores, alarms = self._detector.step(excess(real, lower, upper, self._noise))
        self._account(real, median)
        self._anchor(rows.row_ns)
        for alarm in alarms:
            at = alarm.row - self.rows
            self.findings.append(self._finding(alarm, rows.row_ns, scores[at], real[at], lower[at], upper[at]))
        self.rows += len(rows.row_ns)
        return scores

    def _account(self, real: Array, median: Array) -> None:
        residual = real - median
        known = ~np.isnan(residual)
        self.covered += known.sum(axis=0)
        stacked = np.vstack([self._squares, np.where(known, residual, 0.0) ** 2])
        self._squares = np.cumsum(stacked, axis=0)[-1]
        for side, values in enumerate((real, median)):
            low, high = np.where(known, values, np.inf), np.where(known, values, -np.inf)
            self.span[side, 0] = np.minimum(self.span[side, 0], low.min(axis=0))
            self.span[side, 1] = np.maximum(self.span[side, 1], high.max(axis=0))

    def _finding(self, alarm: Alarm, row_ns: Stamps, score: Array, real: Array, lower: Array, upper: Array) -> Finding:
        element = alarm.element
        channel, column = self.names[element]
        tolerance = self._tolerance[element]
        return Finding(
            channel=channel,
            kind=self._kinds[element],
            element=column,
            unit=self._units[element],
            onset_ns=self._time(alarm.onset_row),
            earliest_ns=self._time(max(0, alarm.onset_row - 1)),
            latest_ns=self._time(alarm.latest_row),
            flagged_ns=int(row_ns[alarm.row - self.rows]),
            score=float(score[element]),
            real=float(real[element]),
            shadow=(float(lower[element] + tolerance), float(upper[element] - tolerance)),
        )

    def _anchor(self, row_ns: Stamps) -> None:
        """Note the rows that do not follow the one before by a period: where rows were lost, on both sides."""
        before = self._time(self.rows) - round(self._period_ns)
        late = np.diff(np.concatenate(([before], row_ns))) > 1.5 * self._period_ns
        self._anchors += [(self.rows + int(index), int(row_ns[index])) for index in np.flatnonzero(late)]

    def _time(self, row: int) -> int:
        first, anchor_ns = next(anchor for anchor in reversed(self._anchors) if anchor[0] <= row)
        return anchor_ns + round((row - first) * self._period_ns)
