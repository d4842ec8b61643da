"""Marks -> rounds, and the metrics of a round that both sides share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from transfer_audit.core.align import Rows
from transfer_audit.core.binding import CommandPlan
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.profile import Clock
from transfer_audit.core.timeline import Timeline, forward_filled
from transfer_audit.core.timing import Timing
from transfer_audit.core.timing.faults import Fault
from transfer_audit.core.types import NS, Array, Columns, Round, Stamps, to_ns


def rounds_from_marks(marks: Iterable[tuple[int, str]], end_ns: int) -> list[Round]:
    """Rounds from a topic's values: a new non-empty value starts one, an empty or another value ends it.

    :param marks: (time, value) in order; `end_ns` ends a round that nothing else does
    """
    found: list[Round] = []
    current: Round | None = None
    for time_ns, value in marks:
        if current is not None and value == current.task:
            continue
        if current is not None:
            found.append(replace(current, end_ns=time_ns))
        current = Round(len(found) + 1, time_ns, None, value) if value else None
    if current is not None and end_ns > current.start_ns:
        found.append(replace(current, end_ns=end_ns))
    return found


_ANY_SILENCE_S = 1e6


class CommandMeter:
    """The commands of a round: their fastest change, which came too late, and their clock.

    :param timestep_s: of the simulation: a command acts from the first step on that begins at or after its stamp
    :param stamped: the messages carry stamps, of a clock of their own
    """

    def __init__(self, plan: CommandPlan, clock: Clock, timestep_s: float, stamped: bool = True) -> None:
        width = len(plan.actuators)
        self._stamped = stamped
        self.timing = Timing(to_ns(_ANY_SILENCE_S), to_ns(clock.hold_back_s))
        self._step_ns = to_ns(timestep_s)
        self._scale = plan.scale
        self.timeline = Timeline(width if plan.speed_scale is None else 2 * width, to_ns(clock.hold_back_s))
        self.start(0)

    def start(self, start_ns: int) -> None:
        """Begin a round."""
        self._start_ns, self._taken_ns = start_ns, start_ns - 1
        self._waited_ns = self._count = 0
        self._last: tuple[int, Array] | None = None
        self.peak: float | None = None
        self.timing.start(start_ns)

    def add(self, columns: Columns) -> None:
        """Take commands in order of arrival."""
        if self._stamped:
            self.timing.arrived(columns)
        self.timeline.add(columns)

    def take(self, until_ns: int) -> None:
        """Account for the commands of the round up to an instant. `peak`: model units per second, None below two."""
        stamps = self.timeline.stamps
        self.timing.take(stamps, until_ns)
        begin, end = np.searchsorted(stamps, [self._taken_ns, until_ns], side='right')
        if end > begin:
            self._waited_ns += int(((self._start_ns - stamps[begin:end]) % self._step_ns).sum())
            self._count += int(end - begin)
            self._measure(stamps[begin:end], self.timeline.values[begin:end, : len(self._scale)] * self._scale)
        self._taken_ns = max(self._taken_ns, until_ns)
        self.timeline.drop(until_ns)

    def _measure(self, stamps: Stamps, values: Array) -> None:
        if self._last is not None:
            stamps, values = np.append(self._last[0], stamps), np.vstack([self._last[1], values])
        values = forward_filled(values)
        self._last = int(stamps[-1]), values[-1]
        speeds = np.abs(np.diff(values, axis=0)) / (np.diff(stamps)[:, None] / NS)
        if not np.isnan(speeds).all():
            fastest = float(np.nanmax(speeds))
            self.peak = fastest if self.peak is None else max(self.peak, fastest)

    @property
    def waited_s(self) -> float:
        """How long a command waited on average for the physics step that acted on it: a real hand does not wait."""
        return self._waited_ns / NS / self._count if self._count else 0.0

    def clock_steps(self, until_ns: int) -> list[Fault]:
        """Steps of the commands' clock in the round up to an instant.

        After one the simulation moves at another time than the hand. Else nothing is wrong with commands: when to send
        one is the policy's choice, and they are taken in the order of their stamps.
        """
        return [fault for fault in self.timing.faults(self.timeline.faults, until_ns) if fault.kind == 'clock step']

    def forget(self, before_ns: int) -> None:
        """Let go of commands and counts older than `before_ns`."""
        self.timeline.forget(before_ns)
        self.timing.forget(before_ns)


def slip_rate(slipping: int, touching: int) -> float | None:
    """Share of the contact time in which a tip slips; None if it never touched."""
    return slipping / touching if touching else None


@dataclass(frozen=True)
class _Tip:
    """Where a tip's slip and force stand in their channels."""

    slip_channel: str
    slip: int
    force_channel: str
    force: int
    tolerance: float
    floor: float


class SlipMetric:
    """Counts contact and slip of every tip that has both a slip and a force element, the same way on both sides."""

    def __init__(self, plans: Sequence[ChannelPlan]) -> None:
        self._tips = [tip for slip in plans if slip.kind == 'slip' for tip in _tips(slip, plans)]
        self.start()

    def start(self) -> None:
        """Begin a round."""
        self._touching = {'real': 0, 'shadow': 0}
        self._slipping = {'real': 0, 'shadow': 0}

    def step(self, rows: Rows) -> None:
        """Count rows."""
        for tip in self._tips:
            pairs: dict[str, tuple[Array, Array]] = {
                'real': (rows.real[tip.slip_channel], rows.real[tip.force_channel]),
                'shadow': (rows.shadow[tip.slip_channel].median, rows.shadow[tip.force_channel].median),
            }
            for side, (slip, force) in pairs.items():
                with np.errstate(invalid='ignore'):
                    touching = (force[:, tip.force] > tip.floor) & ~np.isnan(slip[:, tip.slip])
                    slipping = touching & (slip[:, tip.slip] > tip.tolerance)
                self._touching[side] += int(touching.sum())
                self._slipping[side] += int(slipping.sum())

    def rate(self, side: str) -> float | None:
        """Slip rate of `real` or `shadow`."""
        return slip_rate(self._slipping[side], self._touching[side])


def _tips(slip: ChannelPlan, plans: Sequence[ChannelPlan]) -> list[_Tip]:
    found = []
    for index, element in enumerate(slip.elements):
        for force in plans:
            targets = [other.target for other in force.elements] if force.kind == 'force' else []
            if element.target in targets:
                at = targets.index(element.target)
                tolerance = float(slip.tolerance[index])
                found.append(_Tip(slip.name, index, force.name, at, tolerance, slip.floor))
                break
    return found
