"""Findings -> causes: whether timing alone, or a mix-up of names or units, explains them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from transfer_audit.core.divergence import Comparison, Finding
from transfer_audit.core.divergence.history import Traces
from transfer_audit.core.likeness import likeness, settled, swapped
from transfer_audit.core.phases import Phases
from transfer_audit.core.timing import Delay, Explanation, Fault, explain, frozen
from transfer_audit.core.timing.faults import ALLOWED_SHARE
from transfer_audit.core.timing.moved import moved

MOST_EXPLAINED = 8
"""Joints whose motion is looked into at most, the earliest first; others follow from the delay of these, or not."""


@dataclass(frozen=True)
class Expected:
    """The delay of command to motion that the family has for a joint, s: of its median member as simulated, and the
    range of the parameter."""

    middle_s: float
    low_s: float
    high_s: float

    def of_command(self, delay: Delay) -> Delay:
        """A delay against the family's median as one of command to motion."""
        middle = self.middle_s
        return Delay(delay.delay_s + middle, delay.low_s + middle, delay.high_s + middle, delay.explained)


_WORDS = {
    'gap': 'no message came for {size:.3g} s',
    'drops': '{size:.1%} of the messages are missing',
    'duplicates': '{size:.1%} of the messages repeat a stamp',
    'disorder': '{size:.1%} of the messages came out of order',
    'late': '{size:.1%} of the messages came too late to be used (clock.hold_back_s)',
    'clock step': 'the clock of the stamps jumped by {size:.3g} s',
    'clock drift': 'the clock of the stamps drifts by {size:.0f} ppm',
}


def of_topic(channel: str, fault: Fault, max_gap_ns: int) -> Finding:
    """A fault of a topic as a finding; it concerns the whole channel."""
    flagged = fault.start_ns + (max_gap_ns if fault.kind == 'gap' else 0)
    return Finding(
        channel, 'timing', channel, fault.unit, fault.start_ns, fault.earliest_ns, fault.latest_ns, flagged,
        abs(fault.size) / fault.allowed, fault.size, (0.0, fault.allowed),
        explanation=_WORDS[fault.kind].format(size=fault.size), minor=fault.kind in ALLOWED_SHARE,
    )  # fmt: skip


def placed(finding: Finding, comparison: Comparison, phases: Phases) -> Finding:
    """A finding with its phase of contact."""
    index = comparison.names.index((finding.channel, finding.element))
    phase = phases.phase(index, finding.earliest_ns, finding.latest_ns)
    return replace(finding, phase=phase)


def attributed(
    findings: Sequence[Finding], comparison: Comparison, expected: dict[tuple[str, str], Expected],
    horizon_s: float | None = None,
) -> list[Finding]:  # fmt: skip
    """Findings, those that timing or a mix-up explains being named so.

    A pose that agrees once a delay is compensated is timing; so is every other finding that the same delay takes away.
    """
    traces = comparison.history.first()
    if traces is None or not findings:
        return list(findings)
    causes = _Causes(comparison, traces, expected, horizon_s)
    ordered = sorted(findings, key=lambda finding: finding.onset_ns)
    found = [causes.timed(finding) for finding in ordered[:MOST_EXPLAINED]] + ordered[MOST_EXPLAINED:]
    return causes.mixed_up(causes.dated([causes.consequence(finding) for finding in found]))


class _Causes:
    """Looks into the findings of one round."""

    def __init__(
        self, comparison: Comparison, traces: Traces, expected: dict[tuple[str, str], Expected], horizon_s: float | None
    ) -> None:  # fmt: skip
        self._comparison, self._traces, self._expected = comparison, traces, expected
        self._lower, self._upper = traces.lower - comparison.tolerance, traces.upper + comparison.tolerance
        self._settled = settled(traces.real, comparison.rate_hz, horizon_s)
        self._accepted: dict[int, Explanation] = {}
        self._effects: list[Finding] = []

    def timed(self, finding: Finding) -> Finding:
        """A pose finding of a joint as timing, if that alone explains it."""
        index, row = self._index(finding), self._comparison.row_of(finding.onset_ns)
        if finding.kind != 'pose' or finding.element.partition('.')[2] or row >= len(self._traces):
            return finding
        real, noise = self._traces.real[:, index], float(self._comparison.noise[index])
        lower, upper = self._lower[:, index], self._upper[:, index]
        still = frozen(real, lower, upper, row, noise)
        if still is not None:
            length_s = (still[1] - still[0]) / self._comparison.rate_hz
            return replace(
                finding, kind='timing', unit='s', real=length_s, shadow=(0.0, 0.0), explanation='the signal is frozen'
            )
        explanation = explain(
            real, self._traces.median[:, index], lower, upper, noise, self._comparison.rate_hz, row,
            lambda a, b, c: self._comparison.alarm(index, a, b, c),
        )  # fmt: skip
        if explanation is None or not self._causal(finding, explanation):
            return finding
        self._accepted[index] = explanation
        return self._as_timing(finding, explanation)

    def _causal(self, finding: Finding, explanation: Explanation) -> bool:
        """No hand moves before it is told to: what looks so is a faster hand."""
        base = self._expected.get((finding.channel, finding.element))
        return base is None or base.of_command(explanation.delay).high_s > 0

    def _as_timing(self, finding: Finding, explanation: Explanation) -> Finding:
        base = self._expected.get((finding.channel, finding.element), Expected(0.0, 0.0, 0.0))
        delay_s = base.of_command(explanation.delay).delay_s
        words = {
            'delay': f'the motion comes {1e3 * delay_s:.1f} ms after the command',
            'late start': f'the motion starts {delay_s:.2f} s after the command',
            'delay step': f'from here on the motion comes {1e3 * delay_s:.1f} ms after the command',
        }
        return replace(
            finding, kind='timing', unit='s', real=delay_s, shadow=(base.low_s, base.high_s),
            explanation=words[explanation.cause],
        )  # fmt: skip

    def consequence(self, finding: Finding) -> Finding:
        """Any other finding that vanishes once the delay of the joints is compensated follows from it."""
        delay = self._common()
        if finding.kind == 'timing' or delay is None:
            return finding
        index, rate_hz = self._index(finding), self._comparison.rate_hz
        real, shift = self._traces.real[:, index].copy(), delay.delay.delay_s * rate_hz
        lower, upper = (moved(side[:, index], shift) for side in (self._lower, self._upper))
        if delay.cause == 'delay step':
            before, turning = slice(0, delay.from_row), slice(delay.from_row, delay.turned_row(rate_hz))
            lower[before], upper[before] = self._lower[before, index], self._upper[before, index]
            real[turning] = np.nan
        if self._comparison.alarm(index, real, lower, upper) is not None:
            return finding
        self._effects.append(finding)
        return replace(
            finding, kind='timing', unit='s', real=delay.delay.delay_s, shadow=(0.0, 0.0),
            explanation='it agrees once the delay of the joints is compensated',
        )  # fmt: skip

    def dated(self, findings: list[Finding]) -> list[Finding]:
        """The same, the first delayed joint that is driven dated back to the first effect of the delay."""
        late = [finding for finding in findings if self._index(finding) in self._accepted]
        if not late:
            return findings
        cause = min(late, key=lambda finding: (not finding.driven, finding.onset_ns))
        effect = min(late + self._effects, key=lambda finding: finding.onset_ns)
        dated = replace(
            cause, onset_ns=effect.onset_ns, earliest_ns=effect.earliest_ns, latest_ns=effect.latest_ns,
            flagged_ns=min(cause.flagged_ns, effect.flagged_ns), phase=effect.phase,
        )  # fmt: skip
        return [dated if finding is cause else finding for finding in findings]

    def _common(self) -> Explanation | None:
        """The middle one of the delays that were found, those of the whole round before those of a step."""
        found = sorted(self._accepted.values(), key=lambda explanation: explanation.delay.delay_s)
        found = [explanation for explanation in found if explanation.cause != 'delay step'] or found
        return found[len(found) // 2] if found else None

    def mixed_up(self, findings: list[Finding]) -> list[Finding]:
        """Poses that look like another joint's, or like the joint's own in other units, are said to."""
        poses = [f for f in findings if f.kind == 'pose' and not f.element.partition('.')[2]]
        words = {(f.channel, f.element): self._likeness(f) for f in poses}
        for channel in {finding.channel for finding in poses}:
            words.update(self._swaps([finding for finding in poses if finding.channel == channel]))
        return [replace(f, explanation=words.get((f.channel, f.element), '') or f.explanation) for f in findings]

    def _likeness(self, finding: Finding) -> str:
        index = self._index(finding)
        found = likeness(self._settled[:, index], self._traces.median[:, index], float(self._comparison.noise[index]))
        return f'it looks {found.kind}' if found is not None else ''

    def _swaps(self, poses: list[Finding]) -> dict[tuple[str, str], str]:
        columns = [self._index(finding) for finding in poses]
        pairs = swapped(
            self._settled[:, columns], self._lower[:, columns], self._upper[:, columns],
            lambda real, lower, upper, column: self._comparison.alarm(columns[column], real, lower, upper),
        )  # fmt: skip
        said = {}
        for a, b in pairs:
            for one, other in ((poses[a], poses[b]), (poses[b], poses[a])):
                said[one.channel, one.element] = f'{one.element} and {other.element} are swapped'
        return said

    def _index(self, finding: Finding) -> int:
        return self._comparison.names.index((finding.channel, finding.element))
