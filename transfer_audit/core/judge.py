"""Both sides of one round -> its verdict. The same object judges live and offline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from transfer_audit.core import family as families
from transfer_audit.core.align import Aligner, Rows
from transfer_audit.core.binding import Binding
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.divergence import Comparison, Finding, Law, first_of
from transfer_audit.core.rounds import CommandMeter, SlipMetric
from transfer_audit.core.timing import Delay, Gap, delay_between
from transfer_audit.core.types import NS, Array, Columns, Envelope, Round, to_ns
from transfer_audit.core.verdict import as_json, reason_of, sentence


@dataclass(frozen=True)
class Scored:
    """Rows with the score of every element, shape (N, C) in the order of `Comparison.names`."""

    rows: Rows
    scores: Array


class Judge:
    """Aligns, compares and accounts for one round after the other."""

    def __init__(self, binding: Binding, modelled: bool = True, law: Law | None = None) -> None:
        """`modelled`: the simulated side is the family's own, so that its command delays are known."""
        profile = binding.profile
        self.binding = binding
        self._clock = profile.clock
        self.aligner = Aligner(binding.channels, profile.clock)
        self.comparison = Comparison(
            binding.channels, profile.clock.rate_hz, profile.false_alarms_per_hour, law, _driven(binding)
        )
        self._slip = SlipMetric(binding.channels)
        self._commands = CommandMeter(binding.command, profile.clock)
        self._modelled = modelled
        self._family_delays = _joint_delays(binding) if modelled else {}
        self.gate: dict[str, int | None] = {'trips': None, 'clamped': None}
        self.round: Round | None = None

    def start(self, round_: Round) -> None:
        """Begin a round."""
        self.round = round_
        self.aligner.start(round_.start_ns)
        self._commands.start(round_.start_ns)
        self.comparison.start(round_.start_ns)
        self._slip.start()
        self._rows_done_ns = round_.start_ns - 1

    def end(self, end_ns: int, success: bool | None = None) -> None:
        """Say when the round ends; rows before that are still judged."""
        assert self.round is not None
        self.round = replace(self.round, end_ns=end_ns, success=success)

    def measured(self, channel: str, columns: Columns) -> None:
        """Take measurements of the real hand."""
        self.aligner.measured(channel, columns)

    def command(self, columns: Columns) -> None:
        """Take commands: only for their speed and regularity."""
        self._commands.add(columns)

    def shadow(self, channel: str, rows: Envelope) -> None:
        """Take rows of the simulated side."""
        self.aligner.shadow(channel, rows)

    def advance(self, watermark_ns: int) -> Iterator[Scored]:
        """Judge the rows of which both sides are known for good."""
        if self.round is None:
            return
        for rows in self.aligner.advance(watermark_ns):
            scores = self.comparison.step(rows)
            self._slip.step(rows)
            self._rows_done_ns = int(rows.row_ns[-1])
            self.aligner.drop(self._rows_done_ns)
            self._commands.take(self._rows_done_ns)
            yield Scored(rows, scores)

    def complete(self, watermark_ns: int) -> bool:
        """Whether every row of an ended round was judged, or can no longer be."""
        if self.round is None or self.round.end_ns is None or watermark_ns < self.round.end_ns:
            return False
        period_ns = round(NS / self._clock.rate_hz)
        waited = watermark_ns > self.round.end_ns + 2 * to_ns(self._clock.max_gap_s) + 2 * period_ns
        return self._rows_done_ns + period_ns >= self.round.end_ns or waited

    def forget(self, before_ns: int) -> None:
        """Drop what no round that starts at or after `before_ns` needs."""
        self.aligner.forget(before_ns)
        self._commands.forget(before_ns)

    def first(self) -> tuple[Finding | None, list[Finding]]:
        """The first divergence so far, and its ties."""
        return first_of(self.comparison.findings + self._timing_findings())

    def verdict(self, problem: str = '') -> dict[str, Any]:
        """The round as it stands in the verdict JSON; `problem` makes it unauditable."""
        round_ = self.round
        assert round_ is not None and round_.end_ns is not None
        for lane in self.aligner.lanes.values():
            lane.take(round_.end_ns - 1)
            lane.timing.finish(round_.end_ns)
        self._commands.take(round_.end_ns - 1)
        delays = {plan.name: self._delays(plan) for plan in self.binding.channels}
        findings = self._reattributed(delays) + self._timing_findings()
        first, ties = first_of(findings)
        channels = {plan.name: self._channel(plan, findings) for plan in self.binding.channels}
        kind, reason = reason_of(
            first, channels, problem or self._nothing() or self._unshadowed(first), round_.start_ns
        )
        verdict = {
            'round': round_.number,
            'task': round_.task,
            'start_ns': round_.start_ns,
            'end_ns': round_.end_ns,
            'verdict': kind,
            'reason': reason,
            'first_divergence': self.say(first, ties) if kind == 'diverged' and first else None,
            'channels': channels,
            'timing': {plan.name: self._timing(plan, delays[plan.name]) for plan in self.binding.channels},
            'metrics': self._metrics(round_),
            'gate': {**self.gate, 'peak_force': self._peak_force(), 'peak_speed': self._commands.peak},
        }
        return dict(as_json(verdict))

    def _nothing(self) -> str:
        """Why nothing could be judged, or ''."""
        if self.comparison.rows and self.comparison.covered.any():
            return ''
        assert self.round is not None and self.round.end_ns is not None
        parts = []
        for name, lane in self.aligner.lanes.items():
            late = lane.timeline.count('late', self.round.start_ns, self.round.end_ns)
            if late:
                parts.append(
                    f'{late} messages of {lane.plan.topic} came more than hold_back_s = {self._clock.hold_back_s:g} s '
                    f'after their stamps (are the clocks synchronised? clock.hold_back_s or stamp: receive may help)'
                )
            elif lane.timing.report().longest_gap_s is None:
                parts.append(f'no message of {lane.plan.topic} for channel {name}')
        return '; '.join(parts) or 'no row of the audit clock has both sides'

    def _unshadowed(self, first: Finding | None) -> str:
        """Why a divergence may not be the simulator's: commands moved the hand but came too late for the shadow."""
        assert self.round is not None and self.round.end_ns is not None
        late = self._commands.timeline.count('late', self.round.start_ns, self.round.end_ns)
        if not self._modelled or not late or first is None or first.kind == 'timing':
            return ''
        return (
            f'{late} commands came more than hold_back_s = {self._clock.hold_back_s:g} s after their stamps, so the '
            f'shadow did without them and this may follow from it: {sentence(first, self.round.start_ns)}'
        )

    def _timing_findings(self) -> list[Finding]:
        assert self.round is not None
        lanes = [
            lane for lane in self.aligner.lanes.values() if lane.plan.required or lane.timeline.newest_ns is not None
        ]
        return [self._gap_finding(lane.plan, gap) for lane in lanes for gap in lane.timing.gaps]

    def _gap_finding(self, plan: ChannelPlan, gap: Gap) -> Finding:
        length, allowed = (gap.end_ns - gap.start_ns) / NS, self._clock.max_gap_s
        flagged = gap.start_ns + to_ns(allowed)
        first, name = gap.start_ns, plan.name
        return Finding(
            name, 'timing', name, 's', first, first, flagged, flagged, length / allowed, length, (0, allowed)
        )

    def _delays(self, plan: ChannelPlan) -> dict[str, Delay | None]:
        """The delay of each joint of a pose channel: of command to motion where the family's delay is known."""
        traces = self.comparison.history.first()
        if plan.kind != 'pose' or traces is None:
            return {}
        found: dict[str, Delay | None] = {}
        for index, (channel, column) in enumerate(self.comparison.names):
            element = next((e for e in plan.elements if e.name == column and e.sense == 'scalar'), None)
            if channel != plan.name or element is None:
                continue
            noise = float(plan.noise[plan.columns.index(column)])
            delay = delay_between(traces.real[:, index], traces.median[:, index], self._clock.rate_hz, noise)
            base = self._family_delays.get(element.target)
            if delay is not None and base is not None:
                middle = float(np.median(base))
                delay = Delay(delay.delay_s + middle, delay.low_s + middle, delay.high_s + middle, delay.explained)
            found[column] = delay
        return found

    def _reattributed(self, delays: dict[str, dict[str, Delay | None]]) -> list[Finding]:
        """Pose findings that vanish once a delay outside of the family's range is taken out are timing findings."""
        return [self._as_timing(finding, delays) or finding for finding in self.comparison.findings]

    def _as_timing(self, finding: Finding, delays: dict[str, dict[str, Delay | None]]) -> Finding | None:
        delay = delays.get(finding.channel, {}).get(finding.element)
        if delay is None or delay.explained < EXPLAINED:
            return None
        element = next(e for e in self.binding.channel(finding.channel).elements if e.name == finding.element)
        base = self._family_delays.get(element.target, np.zeros(1))
        low, high = float(base.min()), float(base.max())
        if low <= delay.high_s and delay.low_s <= high:
            return None
        return replace(finding, kind='timing', unit='s', real=delay.delay_s, shadow=(low, high))

    def _channel(self, plan: ChannelPlan, findings: list[Finding]) -> dict[str, Any]:
        assert self.round is not None
        found = {}
        for index, (channel, column) in enumerate(self.comparison.names):
            if channel != plan.name:
                continue
            finding = next((f for f in findings if (f.channel, f.element) == (channel, column)), None)
            covered = int(self.comparison.covered[index])
            audited = covered > 0 and self._excited(plan, index, column)
            found[column] = {
                'verdict': 'diverged' if finding else 'agreed' if audited else 'unaudited',
                'onset_s': (finding.onset_ns - self.round.start_ns) / NS if finding else None,
                'rms': self.comparison.rms[index],
                'score': self.comparison.peak[index],
                'coverage': covered / self.comparison.rows if self.comparison.rows else 0.0,
            }
        return found

    def _excited(self, plan: ChannelPlan, index: int, column: str) -> bool:
        """Whether an element moved, or bore a load, by more than its tolerance on either side."""
        tolerance = float(plan.tolerance[plan.columns.index(column)])
        low, high = self.comparison.span[:, 0, index], self.comparison.span[:, 1, index]
        reach = high - low if plan.kind == 'pose' else high
        return bool((reach > max(tolerance, 1e-9)).any())

    def say(self, finding: Finding, ties: list[Finding]) -> dict[str, Any]:
        """A finding as it stands in the verdict JSON, times in seconds since the round's start."""
        assert self.round is not None
        start = self.round.start_ns
        return {
            'channel': finding.channel,
            'kind': finding.kind,
            'element': finding.element,
            'onset_s': (finding.onset_ns - start) / NS,
            'onset_interval_s': [(finding.earliest_ns - start) / NS, (finding.latest_ns - start) / NS],
            'flagged_s': (finding.flagged_ns - start) / NS,
            'score': finding.score,
            'real': finding.real,
            'shadow': list(finding.shadow),
            'unit': finding.unit,
            'ties': [{'channel': tie.channel, 'kind': tie.kind, 'element': tie.element} for tie in ties],
        }

    def _timing(self, plan: ChannelPlan, delays: dict[str, Delay | None]) -> dict[str, Any]:
        assert self.round is not None and self.round.end_ns is not None
        start, end = self.round.start_ns, self.round.end_ns
        lane = self.aligner.lanes[plan.name]
        report = lane.timing.report()
        steps = [(at, size) for at, size in lane.timing.clock_steps if start <= at < end]
        return {
            'delay_ms': {
                column: [1e3 * delay.delay_s, 1e3 * delay.low_s, 1e3 * delay.high_s] if delay else None
                for column, delay in delays.items()
            },
            'rate_hz': report.rate_hz,
            'drops': report.drops,
            'longest_gap_ms': None if report.longest_gap_s is None else 1e3 * report.longest_gap_s,
            'jitter_ms': None if report.jitter_s is None else 1e3 * report.jitter_s,
            'late': lane.timeline.count('late', start, end),
            'out_of_order': lane.timeline.count('out_of_order', start, end),
            'duplicates': lane.timeline.count('duplicates', start, end),
            'clock_steps': [{'at_s': (at - start) / NS, 'step_s': size / NS} for at, size in steps[:20]],
        }

    def _metrics(self, round_: Round) -> dict[str, Any]:
        real, shadow = self._slip.rate('real'), self._slip.rate('shadow')
        return {
            'real': {'slip_rate': real, 'success': round_.success},
            'shadow': {'slip_rate': shadow, 'success': None},
            'gap': {'slip': None if real is None or shadow is None else real - shadow},
        }

    def _peak_force(self) -> dict[str, float]:
        return {
            element.name: float(self.aligner.lanes[plan.name].peak[index])
            for plan in self.binding.channels
            if plan.kind == 'force'
            for index, element in enumerate(plan.elements)
        }


EXPLAINED = 0.8
"""A delay is the cause if taking it out removes at least this share of the squared residual."""


def _driven(binding: Binding) -> frozenset[tuple[str, str]]:
    """The pose columns of joints that a commanded actuator moves."""
    joints = {binding.model.joint(joint).name for joint in binding.command.joints if joint >= 0}
    return frozenset(
        (plan.name, element.name)
        for plan in binding.channels
        if plan.kind == 'pose'
        for element in plan.elements
        if element.sense == 'scalar' and element.target in joints
    )


def _joint_delays(binding: Binding) -> dict[str, Array]:
    """Command delays of the members for each joint that a commanded actuator drives, shape (K,), s."""
    delays = families.delays_of(binding, families.draw(binding))
    model = binding.model
    return {
        model.joint(joint).name: delays[:, index] for index, joint in enumerate(binding.command.joints) if joint >= 0
    }
