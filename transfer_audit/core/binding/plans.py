"""What the stages need to know of one hand, after its names were matched."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco

from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.profile import Profile
from transfer_audit.core.types import Array


@dataclass(frozen=True)
class Variation:
    """A family parameter after it was checked: which entries of which model field it changes.

    :param rows: first indices into the field, `columns` the second (ignored for flat fields)
    :param channel: index of the channel whose noise it is, or None for a model field
    """

    name: str
    field: str
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    low: float
    high: float
    relative: bool
    channel: int | None = None


@dataclass(frozen=True)
class CommandPlan:
    """Which actuators the command drives, and how its numbers become controls.

    :param actuators: actuator ids, shape (A,); `joints` the joint each drives (-1: none)
    """

    names: tuple[str, ...]
    actuators: tuple[int, ...]
    joints: tuple[int, ...]
    scale: Array
    offset: Array
    speed_scale: float | None
    speed_limit: float


@dataclass(frozen=True)
class Binding:
    """Everything the stages need to know of one hand."""

    profile: Profile
    model: mujoco.MjModel
    command: CommandPlan
    channels: tuple[ChannelPlan, ...]
    variations: tuple[Variation, ...]
    joints: tuple[tuple[str, int], ...]
    model_digest: str

    def channel(self, name: str) -> ChannelPlan:
        """The channel of that name."""
        return next(plan for plan in self.channels if plan.name == name)

    @property
    def steps_per_row(self) -> int:
        """Physics steps between two rows of the audit clock."""
        return round(1.0 / (self.profile.clock.rate_hz * self.model.opt.timestep))

    @property
    def history_s(self) -> float:
        """The longest command delay that the model's buffers hold."""
        return float(self.model.actuator_history[:, 0].max(initial=0) * self.model.opt.timestep)
