"""All channels of a hand compared row by row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from transfer_audit.core.align import Rows
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.divergence.detector import Alarm, Detector
from transfer_audit.core.divergence.excess import departures
from transfer_audit.core.divergence.findings import Finding
from transfer_audit.core.divergence.history import History, Traces
from transfer_audit.core.divergence.onset import onset
from transfer_audit.core.divergence.threshold import Law, law_of
from transfer_audit.core.phases.motion import motion_phase
from transfer_audit.core.types import Array, Stamps

Mask = npt.NDArray[np.bool_]
SEEN_WITHIN_S = 1.0
"""A mismatch that lasts so long shall have been seen: this defines the smallest visible one."""


class Comparison:
    """All channels of a hand compared row by row over one round.

    :param driven: columns (channel, column) that a commanded actuator moves
    """

    def __init__(
        self, plans: Sequence[ChannelPlan], rate_hz: float, false_alarms_per_hour: float, law: Law | None = None,
        driven: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:  # fmt: skip
        self.plans = tuple(plans)
        self.names = [(plan.name, column) for plan in plans for column in plan.columns]
        self.kinds = [plan.kind for plan in plans for _ in plan.columns]
        self._units = [unit for plan in plans for unit in plan.units]
        self._driven = driven
        self.noise = np.concatenate([plan.noise for plan in plans])
        self.tolerance = np.concatenate([plan.tolerance for plan in plans])
        correlation_s = np.concatenate([plan.correlation_s for plan in plans])
        self.law = law_of(false_alarms_per_hour, rate_hz, correlation_s) if law is None else law
        self.rate_hz = rate_hz
        self._period_ns = 1e9 / rate_hz
        self._detector = Detector(self.law)
        self.start(0)

    def start(self, start_ns: int) -> None:
        """Begin a round."""
        count = len(self.names)
        self._start_ns = start_ns
        self._detector.start()
        self.history = History()
        self.findings: list[Finding] = []
        self.rows = 0
        self.covered = np.zeros(count, np.int64)
        self._squares, self._widths = np.zeros(count), np.zeros(count)
        self.span = np.tile([[np.inf], [-np.inf]], (2, 1, count))
        self._anchors = [(0, start_ns)]
        self._evidence: Array | None = None

    @property
    def peak(self) -> Array:
        """Highest score of each element so far, shape (C,)."""
        return self._detector.peak

    @property
    def rms(self) -> Array:
        """Root mean square of real minus median, shape (C,); NaN where nothing was covered."""
        with np.errstate(invalid='ignore', divide='ignore'):
            return np.asarray(np.sqrt(self._squares / self.covered))

    @property
    def smallest_visible(self) -> Array:
        """The smallest lasting departure from the family's median that would have been seen within SEEN_WITHIN_S (or
        within the rows there were), shape (C,), channel units: half the mean width of the envelope, the tolerance, and
        what the statistic needs to climb to its level in that time. NaN where nothing was covered."""
        rows = np.minimum(self.covered, SEEN_WITHIN_S * self.rate_hz)
        with np.errstate(invalid='ignore', divide='ignore'):
            climb = self.law.drift + self.law.level / np.maximum(rows, 2)
            seen = self._widths / self.covered + self.tolerance + climb * self.noise
        return np.asarray(np.where(self.covered > 0, seen, np.nan))

    def step(self, rows: Rows, mask: Mask | None = None) -> Array:
        """Compare rows; new findings are added to `findings`.

        :param mask: shape (N, C); where False an element is not compared
        :returns: scores, shape (N, C)
        """
        traces = self._traces(rows)
        lower, upper = traces.lower - self.tolerance, traces.upper + self.tolerance
        real = traces.real if mask is None else np.where(mask, traces.real, np.nan)
        beyond = departures(real, lower, upper, self.noise)
        scores, alarms = self._detector.step(beyond)
        self._account(traces)
        self._anchor(traces.row_ns)
        self.history.add(traces)
        self.rows += len(traces)
        if alarms and self._evidence is None:
            self._evidence = scores[alarms[0].row - self.rows + len(traces)]
        for alarm in alarms:
            self.findings.append(self._finding(alarm, traces, scores))
        return scores

    def alarm(self, index: int, real: Array, lower: Array, upper: Array) -> int | None:
        """The row at which a trace of one element would have parted from an envelope, or None.

        :param real: shape (N,); `lower` and `upper` likewise, widened by the tolerance
        """
        detector = Detector(self.law[index])
        beyond = departures(real[:, None], lower[:, None], upper[:, None], self.noise[index : index + 1])
        _, alarms = detector.step(beyond)
        if not alarms:
            return None
        (alarm,) = alarms
        return int(onset(beyond[alarm.side, : alarm.row + 1, 0], alarm.zero_row)[0])

    def instant(self, row: float) -> int:
        """Time of a row of the round, which may lie between two."""
        whole = int(row)
        first, anchor_ns = next(anchor for anchor in reversed(self._anchors) if anchor[0] <= whole)
        return anchor_ns + round((row - first) * self._period_ns)

    def row_of(self, time_ns: int) -> int:
        """The last row of the round at or before a time."""
        first, anchor_ns = next(
            (anchor for anchor in reversed(self._anchors) if anchor[1] <= time_ns), self._anchors[0]
        )
        return max(first, first + int((time_ns - anchor_ns + 1) // self._period_ns))

    def _traces(self, rows: Rows) -> Traces:
        sides = [rows.shadow[plan.name] for plan in self.plans]
        return Traces(
            rows.row_ns,
            np.concatenate([rows.real[plan.name] for plan in self.plans], axis=1),
            np.concatenate([side.median for side in sides], axis=1),
            np.concatenate([side.lower for side in sides], axis=1),
            np.concatenate([side.upper for side in sides], axis=1),
        )

    def _account(self, traces: Traces) -> None:
        residual = traces.real - traces.median
        known = ~np.isnan(residual)
        self.covered += known.sum(axis=0)
        self._squares = _added(self._squares, np.where(known, residual, 0.0) ** 2)
        self._widths = _added(self._widths, np.where(known, (traces.upper - traces.lower) / 2, 0.0))
        for side, values in enumerate((traces.real, traces.median)):
            low, high = np.where(known, values, np.inf), np.where(known, values, -np.inf)
            self.span[side, 0] = np.minimum(self.span[side, 0], low.min(axis=0))
            self.span[side, 1] = np.maximum(self.span[side, 1], high.max(axis=0))

    def _finding(self, alarm: Alarm, traces: Traces, scores: Array) -> Finding:
        element = alarm.element
        channel, column = self.names[element]
        first, past = self.history.latest(alarm.row + 1)
        bounds = (past.real - past.upper, past.lower - past.real)[alarm.side][:, element] - self.tolerance[element]
        row, earliest, latest = onset(bounds / self.noise[element], max(0, alarm.zero_row - first))
        driven = (channel, column) in self._driven
        motion = motion_phase(past.median[:, element], int(row), self.rate_hz, self.noise[element]) if driven else None
        at = alarm.row - self.rows + len(traces)
        assert self._evidence is not None
        return Finding(
            channel=channel,
            kind=self.kinds[element],
            element=column,
            unit=self._units[element],
            onset_ns=self.instant(first + row),
            earliest_ns=self.instant(first + earliest),
            latest_ns=self.instant(first + latest),
            flagged_ns=int(traces.row_ns[at]),
            score=float(scores[at, element]),
            real=float(traces.real[at, element]),
            shadow=(float(traces.lower[at, element]), float(traces.upper[at, element])),
            evidence=float(self._evidence[element]),
            driven=driven,
            motion=motion,
        )

    def _anchor(self, row_ns: Stamps) -> None:
        """Note the rows that do not follow the one before by a period: where rows were lost, on both sides."""
        before = self.instant(self.rows) - round(self._period_ns)
        late = np.diff(np.concatenate(([before], row_ns))) > 1.5 * self._period_ns
        self._anchors += [(self.rows + int(index), int(row_ns[index])) for index in np.flatnonzero(late)]


def _added(total: Array, values: Array) -> Array:
    """Sums that do not depend on how the rows were cut: one row is added after the other."""
    return np.asarray(np.cumsum(np.vstack([total, values]), axis=0)[-1])
