"""What was accumulated over a round -> its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transfer_audit.core.align import Lane
from transfer_audit.core.attribution import Expected
from transfer_audit.core.binding import Binding
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.divergence import Comparison, Finding, first_of
from transfer_audit.core.phases import PHASES, Phases
from transfer_audit.core.phases.phases import Counts
from transfer_audit.core.profile import Clock
from transfer_audit.core.timing import Delay, delay_between
from transfer_audit.core.timing.explain import SETTLE_S
from transfer_audit.core.types import NS, Round
from transfer_audit.core.unaudited import UNSEEN, unseen
from transfer_audit.core.verdict import reason_of, say


class Conclusion:
    """Reads what the stages know of one round that has ended."""

    def __init__(
        self, binding: Binding, clock: Clock, round_: Round, comparison: Comparison, phases: Phases,
        lanes: Mapping[str, Lane], expected: Mapping[tuple[str, str], Expected],
    ) -> None:  # fmt: skip
        assert round_.end_ns is not None
        self._binding, self._clock, self._round, self._end_ns = binding, clock, round_, round_.end_ns
        self._comparison, self._phases = comparison, phases
        self._lanes, self._expected = lanes, expected

    def verdict(self, findings: list[Finding], problem: str) -> dict[str, Any]:
        """The verdict but for metrics and gate."""
        first, ties = first_of(findings)
        channels = {plan.name: self._channel(plan, findings) for plan in self._binding.channels}
        kind, reason = reason_of(first, ties, channels, problem, self._round.start_ns)
        named = kind == 'diverged' and first is not None
        return {
            'round': self._round.number,
            'task': self._round.task,
            'start_ns': self._round.start_ns,
            'end_ns': self._end_ns,
            'verdict': kind,
            'reason': reason,
            'first_divergence': say(first, ties, self._round.start_ns) if named and first else None,
            'channels': channels,
            'timing': {plan.name: self._timing(plan) for plan in self._binding.channels},
        }

    def nothing(self) -> str:
        """Why nothing could be judged, or ''."""
        if self._comparison.rows and self._comparison.covered.any():
            return ''
        parts = []
        for name, lane in self._lanes.items():
            late = lane.timeline.count('late', self._round.start_ns, self._end_ns)
            if late:
                parts.append(
                    f'{late} messages of {lane.plan.topic} came more than hold_back_s = {self._clock.hold_back_s:g} s '
                    f'after their stamps (are the clocks synchronised? clock.hold_back_s or stamp: receive may help)'
                )
            elif lane.timing.report().longest_gap_s is None:
                parts.append(f'no message of {lane.plan.topic} for channel {name}')
        return '; '.join(parts) or 'no row of the audit clock has both sides'

    def _channel(self, plan: ChannelPlan, findings: list[Finding]) -> dict[str, Any]:
        found = {}
        visible, counts = self._comparison.smallest_visible, self._phases.counts()
        for index, (channel, column) in enumerate(self._comparison.names):
            if channel != plan.name:
                continue
            finding = next((f for f in findings if (f.channel, f.element) == (channel, column)), None)
            covered = int(self._comparison.covered[index])
            why = '' if finding else unseen(plan, index, self._comparison, self._phases.touched(index))
            found[column] = {
                'verdict': 'diverged' if finding else 'unaudited' if why else 'agreed',
                'why': UNSEEN.get(why, ''),
                'kind': finding.kind if finding else None,
                'onset_s': (finding.onset_ns - self._round.start_ns) / NS if finding else None,
                'phase': finding.phase if finding else None,
                'rms': self._comparison.rms[index],
                'score': self._comparison.peak[index],
                'coverage': covered / self._comparison.rows if self._comparison.rows else 0.0,
                'smallest_visible': visible[index],
                'rows': self._rows(index, counts[:, index]),
            }
        return found

    def _rows(self, index: int, counts: Counts) -> dict[str, int] | None:
        """Rows of an element in each phase of contact; None where no force tells."""
        if self._phases.touched(index) is None:
            return None
        return {phase: int(rows) for phase, rows in zip(PHASES, counts, strict=True)}

    def _timing(self, plan: ChannelPlan) -> dict[str, Any]:
        lane = self._lanes[plan.name]
        return {
            'delay_ms': {
                column: [1e3 * delay.delay_s, 1e3 * delay.low_s, 1e3 * delay.high_s] if delay else None
                for column, delay in self._delays(plan).items()
            },
            **lane.timing.fields(lane.timeline.faults, self._end_ns),
        }

    def _delays(self, plan: ChannelPlan) -> dict[str, Delay | None]:
        """The delay of each joint of a pose channel: of command to motion where the family's delay is known.

        A shadow that is put on joints in mid-motion needs SETTLE_S to find its course.
        """
        traces, rate = self._comparison.history.first(), self._clock.rate_hz
        if plan.kind != 'pose' or traces is None:
            return {}
        begin = round(SETTLE_S * rate) if len(traces) > 5 * SETTLE_S * rate else 0
        traces = traces[begin:]
        found: dict[str, Delay | None] = {}
        for index, (channel, column) in enumerate(self._comparison.names):
            if channel != plan.name or all(e.name != column or e.sense != 'scalar' for e in plan.elements):
                continue
            noise = float(self._comparison.noise[index])
            delay = delay_between(traces.real[:, index], traces.median[:, index], rate, noise)
            expected = self._expected.get((channel, column))
            found[column] = expected.of_command(delay) if expected and delay else delay
        return found
