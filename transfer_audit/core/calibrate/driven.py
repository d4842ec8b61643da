"""Which measured column shows what each commanded actuator does."""

from __future__ import annotations

from dataclasses import dataclass

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.traces import Trace, positions
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.timeline import forward_filled
from transfer_audit.core.types import NS, Array, Columns


@dataclass(frozen=True)
class Driven:
    """A joint that a commanded actuator moves and a pose channel measures.

    :param name: as the channel calls it; `actuator` is its index in the command, `column` in the channel
    """

    name: str
    joint: str
    actuator: int
    plan: ChannelPlan
    column: int

    def measured(self, trace: Trace) -> tuple[Array, Array]:
        """Times since the start of the round, s, and joint positions, model units, in stamp order, shape (N,) each."""
        return series(trace, trace.channels[self.plan.name], self.column)


def driven(binding: Binding) -> list[Driven]:
    """The joints of a hand whose command and motion are both in its traces, in the order of the command."""
    found = []
    for index, joint in enumerate(binding.command.joints):
        name = binding.model.joint(joint).name if joint >= 0 else None
        for plan in binding.channels:
            targets = [element.target if element.sense == 'scalar' else '' for element in plan.elements]
            if plan.kind == 'pose' and name in targets:
                column = targets.index(name)
                found.append(Driven(plan.elements[column].name, name, index, plan, column))
                break
    return found


def series(trace: Trace, columns: Columns, column: int) -> tuple[Array, Array]:
    """One column in stamp order without what is missing or repeated: seconds since the round's start, and values."""
    order = columns.stamp_ns.argsort(kind='stable')
    times, values = seconds(trace, columns)[order], columns.values[order, column]
    good = values == values
    good[1:] &= times[1:] > times[:-1]
    return times[good], values[good]


def seconds(trace: Trace, columns: Columns) -> Array:
    """Stamps as seconds since the start of the round, shape (N,)."""
    return (columns.stamp_ns - trace.start_ns) / NS


def commanded(trace: Trace, binding: Binding) -> tuple[Array, Array, Array | None]:
    """Times since the start of the round, s, shape (N,), commanded positions, model units, shape (N, A), and commanded
    speeds, message units, shape (N, A), or None for a hand without; what a message leaves out stays as it was."""
    plan = binding.command
    columns = trace.command[trace.command.stamp_ns.argsort(kind='stable')]
    speeds = None if plan.speed_scale is None else columns.values[:, len(plan.actuators) :]
    return seconds(trace, columns), forward_filled(positions(columns, plan)), speeds
