"""One round of the hand beside what each member of a family did, at the instants of the measurements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transfer_audit.core.align import Rows, interpolate
from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.errors import AuditError
from transfer_audit.core.family import Family
from transfer_audit.core.shadow import Shadow
from transfer_audit.core.shadow.shadow import envelope
from transfer_audit.core.timeline import Timeline
from transfer_audit.core.types import Array, Stamps, to_ns

LONGEST_S = 60.0
"""What is simulated of a round: what a longer one shows besides is more of the same, and does not fit into memory."""


class Unsimulated(AuditError):
    """A round in which a family cannot be simulated."""

    def __init__(self, trace: Trace, why: str) -> None:
        super().__init__(f'{trace.recording}, round {trace.round.number}: {why}')


@dataclass(frozen=True)
class Sampled:
    """One channel of one round, as measured and as simulated.

    Members are brought to the stamps of the measurements, not the other way round: interpolated measurements have less
    noise than declared.

    :param stamp_ns: of the measurements, shape (N,)
    :param real: shape (N, C), channel units, NaN where a message lacks it
    :param members: free of sensor noise, shape (K, N, C)
    """

    stamp_ns: Stamps
    real: Array
    members: Array

    def __len__(self) -> int:
        return len(self.stamp_ns)


def simulate(trace: Trace, binding: Binding, family: Family, threads: int = 1) -> dict[str, Sampled]:
    """Every channel of a round, measured and simulated.

    :raises Unsimulated: if the members cannot be put on the measured joints, or one becomes unstable
    """
    told = _told(trace, binding, family, threads)
    return {plan.name: _sampled(binding, plan, trace, *told[plan.name]) for plan in binding.channels}


def simulate_with_rows(
    trace: Trace, binding: Binding, family: Family, threads: int = 1
) -> tuple[dict[str, Sampled], Rows]:
    """The same, and both sides on the rows of the audit clock, as contacts are told from them."""
    told = _told(trace, binding, family, threads)
    row_ns = next(iter(told.values()))[0]
    gap_ns = to_ns(binding.profile.clock.max_gap_s)
    real = {
        plan.name: plan.compared(interpolate(_timeline(binding, plan, trace), row_ns, gap_ns, plan.hold))
        for plan in binding.channels
    }
    rows = Rows(row_ns, real, {name: envelope(row_ns, values) for name, (_, values) in told.items()})
    return {plan.name: _sampled(binding, plan, trace, *told[plan.name]) for plan in binding.channels}, rows


def _told(trace: Trace, binding: Binding, family: Family, threads: int) -> dict[str, tuple[Stamps, Array]]:
    """Per channel the rows and what the members say there, shape (K, R, C)."""
    told: dict[str, list[tuple[Stamps, Array]]] = {plan.name: [] for plan in binding.channels}
    shadow = Shadow(binding, threads, family, lambda name, rows, values: told[name].append((rows, values)))
    shadow.command(trace.command)
    for name in shadow.placed_by:
        shadow.measured(name, trace.channels[name])
    shadow.start(trace.start_ns, trace.round.number)
    end_ns = min(trace.end_ns, trace.start_ns + to_ns(LONGEST_S))
    while shadow.advance(end_ns, end_ns):
        pass
    if shadow.problem or not all(told.values()):
        raise Unsimulated(trace, shadow.problem or 'too short to be simulated')
    return {
        name: (np.concatenate([rows for rows, _ in parts]), np.concatenate([values for _, values in parts], axis=1))
        for name, parts in told.items()
    }


def _timeline(binding: Binding, plan: ChannelPlan, trace: Trace) -> Timeline:
    timeline = Timeline(plan.carried, to_ns(binding.profile.clock.hold_back_s))
    timeline.add(trace.channels[plan.name])
    return timeline


def _sampled(binding: Binding, plan: ChannelPlan, trace: Trace, row_ns: Stamps, values: Array) -> Sampled:
    timeline = _timeline(binding, plan, trace)
    inside = (timeline.stamps >= row_ns[0]) & (timeline.stamps <= row_ns[-1])
    stamps = timeline.stamps[inside]
    return Sampled(stamps, plan.compared(timeline.values[inside]), _at(stamps, row_ns, values))


def _at(stamps: Stamps, row_ns: Stamps, values: Array) -> Array:
    """Trajectories, shape (K, R, C) at rising `row_ns`, interpolated linearly at stamps between the first and the last
    of these, shape (K, N, C)."""
    after = np.clip(np.searchsorted(row_ns, stamps), 1, max(1, len(row_ns) - 1))
    if len(row_ns) == 1:
        return values[:, np.zeros(len(stamps), np.intp)]
    before = after - 1
    share = ((stamps - row_ns[before]) / (row_ns[after] - row_ns[before]))[:, None]
    left, right = values[:, before], values[:, after]
    return np.asarray(left + share * (right - left))
