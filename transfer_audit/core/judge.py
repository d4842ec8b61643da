"""Both sides of one round -> its verdict. The same object judges live and offline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from transfer_audit.core import family as families
from transfer_audit.core.align import Aligner, Rows
from transfer_audit.core.attribution import Expected, attributed, of_topic, placed
from transfer_audit.core.binding import Binding
from transfer_audit.core.conclusion import Conclusion
from transfer_audit.core.divergence import Comparison, Finding, Law, first_of
from transfer_audit.core.phases import ContactMap, Phases
from transfer_audit.core.profile import COMMAND
from transfer_audit.core.rounds import CommandMeter, SlipMetric
from transfer_audit.core.types import NS, Array, Columns, Envelope, Round, to_ns
from transfer_audit.core.verdict import as_json, say, sentence

LOOK_S = 0.1
"""How often a running round is looked over for faults of its topics."""


@dataclass(frozen=True)
class Scored:
    """Rows with the score of every element, shape (N, C) in the order of `Comparison.names`."""

    rows: Rows
    scores: Array


class Judge:
    """Aligns, compares and accounts for one round after the other."""

    def __init__(self, binding: Binding, modelled: bool = True, law: Law | None = None) -> None:
        """`modelled`: the simulated side is the family's own, so that its command delays are known; `law`: alarm levels
        measured on agreeing rounds, else those of the declared noise."""
        profile = binding.profile
        self.binding = binding
        self._clock = profile.clock
        self.aligner = Aligner(binding.channels, profile.clock)
        self.comparison = Comparison(
            binding.channels, profile.clock.rate_hz, profile.false_alarms_per_hour, law, frozenset(_commanded(binding))
        )
        self.phases = Phases(ContactMap.of(binding))
        self._slip = SlipMetric(binding.channels)
        self._commands = CommandMeter(
            binding.command, profile.clock, binding.model.opt.timestep, profile.command.stamp != 'receive'
        )
        self._modelled = modelled
        self._expected = _expected(binding) if modelled else {}
        self.gate: dict[str, int | None] = {'trips': None, 'clamped': None}
        self.round: Round | None = None

    def start(self, round_: Round) -> None:
        """Begin a round."""
        self.round = round_
        self.aligner.start(round_.start_ns)
        self._commands.start(round_.start_ns)
        self.comparison.start(round_.start_ns)
        self.phases.start(round_.start_ns)
        self._slip.start()
        self._rows_done_ns = self._looked_ns = round_.start_ns - 1
        self._faulty: list[Finding] = []

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
            self.phases.step(rows)
            scores = self.comparison.step(rows, self.phases.mask(rows))
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
        """The first divergence so far, and its ties; topics are looked at every LOOK_S, for drift only at the end."""
        found = [placed(finding, self.comparison, self.phases) for finding in self.comparison.findings]
        if self._rows_done_ns - self._looked_ns >= to_ns(LOOK_S):
            self._looked_ns = self._rows_done_ns
            self._faulty = [f for f in self._topic_findings(self._rows_done_ns) if f.unit != 'ppm']
        found += self._faulty
        return first_of(found + self._causes_in_commands(found, self._rows_done_ns))

    def say(self, finding: Finding, ties: list[Finding]) -> dict[str, Any]:
        """A finding as it stands in the verdict JSON."""
        assert self.round is not None
        return say(finding, ties, self.round.start_ns)

    def verdict(self, problem: str = '') -> dict[str, Any]:
        """The round as it stands in the verdict JSON; `problem` makes it unauditable."""
        round_ = self.round
        assert round_ is not None and round_.end_ns is not None
        for lane in self.aligner.lanes.values():
            lane.take(round_.end_ns - 1)
            lane.timing.finish(round_.end_ns)
        self._commands.take(round_.end_ns - 1)
        waited_s = self._commands.waited_s
        expected = {column: replace(e, middle_s=e.middle_s + waited_s) for column, e in self._expected.items()}
        conclusion = Conclusion(
            self.binding, self._clock, round_, self.comparison, self.phases, self.aligner.lanes, expected
        )
        found = [placed(finding, self.comparison, self.phases) for finding in self.comparison.findings]
        findings = attributed(found, self.comparison, expected, self.binding.profile.resync.horizon_s)
        findings += self._topic_findings(round_.end_ns)
        findings += self._causes_in_commands(findings, round_.end_ns)
        first, _ = first_of(findings)
        problem = problem or conclusion.nothing() or self._unshadowed(first)
        verdict = conclusion.verdict(findings, problem)
        verdict[COMMAND] = self._commands.timing.fields(self._commands.timeline.faults, round_.end_ns)
        verdict['metrics'] = self._metrics(round_)
        verdict['gate'] = {**self.gate, 'peak_force': self._peak_force(), 'peak_speed': self._commands.peak}
        return dict(as_json(verdict))

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

    def _topic_findings(self, until_ns: int) -> list[Finding]:
        """Faults of the topics in the round up to an instant."""
        assert self.round is not None
        max_gap_ns = to_ns(self._clock.max_gap_s)
        lanes = [
            lane for lane in self.aligner.lanes.values() if lane.plan.required or lane.timeline.newest_ns is not None
        ]
        return [
            of_topic(lane.plan.name, fault, max_gap_ns)
            for lane in lanes
            for fault in lane.timing.faults(lane.timeline.faults, until_ns)
        ]

    def _causes_in_commands(self, findings: list[Finding], until_ns: int) -> list[Finding]:
        """Steps of the commands' clock, where something parted: alone they harm nothing, and a receiver that is starved
        for a while looks the same."""
        if not findings:
            return []
        gap_ns = to_ns(self._clock.max_gap_s)
        return [of_topic(COMMAND, fault, gap_ns) for fault in self._commands.clock_steps(until_ns)]

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


def _commanded(binding: Binding) -> dict[tuple[str, str], int]:
    """The pose columns of joints that a commanded actuator moves, and which of the command's actuators it is."""
    joints = {binding.model.joint(j).name: index for index, j in enumerate(binding.command.joints) if j >= 0}
    return {
        (plan.name, element.name): joints[element.target]
        for plan in binding.channels
        if plan.kind == 'pose'
        for element in plan.elements
        if element.sense == 'scalar' and element.target in joints
    }


def _expected(binding: Binding) -> dict[tuple[str, str], Expected]:
    """The command delays of the family."""
    delays = families.delays_of(binding, families.draw(binding))
    return {
        column: Expected(float(np.median(each)), float(each.min()), float(each.max()))
        for column, actuator in _commanded(binding).items()
        for each in [delays[:, actuator]]
    }
