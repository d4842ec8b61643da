"""What was commanded and what was measured in one round, as the messages carried it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from transfer_audit.core.binding import CommandPlan
from transfer_audit.core.types import NS, Array, Columns, Round

LEAD_S = 1.0
"""How much a trace holds of the time before its round: what was commanded then still acts."""


@dataclass(frozen=True)
class Trace:
    """One round of one recording.

    :param recording: where it is from; `recording_start_ns` its first instant
    :param command: what `Shadow.command` takes: message units, positions, or positions and speeds
    :param channels: by channel, what `ChannelPlan.measured` gives: model units, shape (N, `carried`)
    """

    recording: str
    recording_start_ns: int
    round: Round
    command: Columns
    channels: Mapping[str, Columns]

    @property
    def start_ns(self) -> int:
        """Where the round begins."""
        return self.round.start_ns

    @property
    def end_ns(self) -> int:
        """Where the round ends; recordings know."""
        assert self.round.end_ns is not None
        return self.round.end_ns

    def since_recording_s(self, instant_ns: int) -> float:
        """An instant as people find it again: seconds since the recording began."""
        return (instant_ns - self.recording_start_ns) / NS


def positions(columns: Columns, plan: CommandPlan) -> Array:
    """The commanded positions in model units, shape (N, A); NaN where a message does not name an actuator."""
    return columns.values[:, : len(plan.actuators)] * plan.scale + plan.offset
