"""What a profile may say: frozen pieces, each with its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator

from transfer_audit.core.fields import Selector
from transfer_audit.core.types import Kind

Key = str | Annotated[int, Field(ge=0, strict=True)]
PerElement = float | dict[Key, float]
UNITS: Mapping[str, tuple[str, ...]] = {'pose': ('rad', 'm'), 'force': ('N', 'N*m'), 'slip': ('m/s',)}
NonNegative = Annotated[float, Field(ge=0)]


def element_name(key: Key, target: str) -> str:
    """What verdicts call an element: the hand's own name for it, or the model's where the hand only has a position."""
    return key if isinstance(key, str) else target.rpartition(':')[2]


COMMAND = 'command'
"""What verdicts call the command's topic; no channel can be called so."""
OWN = ('path', 'digest')
"""Fields of a profile that do not stand in its file."""


class Part(BaseModel):
    """A piece of a profile: unknown keys are refused, values never change after the check."""

    model_config = ConfigDict(extra='forbid', frozen=True, allow_inf_nan=False)


class Clock(Part):
    """The audit clock: rows at `rate_hz`; events may arrive `hold_back_s` late; a gap over `max_gap_s` is a finding."""

    rate_hz: PositiveFloat = 100.0
    hold_back_s: NonNegative = 0.05
    max_gap_s: PositiveFloat = 0.1


class Source(Part):
    """Where numbers come from: a topic, its type, a path into its messages, the stamp, and how elements are named."""

    topic: str
    type: str
    field: str
    stamp: str = 'header'
    elements: Annotated[dict[Key, str], Field(min_length=1)]
    scale: PerElement = 1.0
    offset: PerElement = 0.0

    @property
    def keys(self) -> tuple[Key, ...]:
        """The elements as the messages call them, in the profile's order."""
        return tuple(self.elements)

    @property
    def selector(self) -> Selector:
        """How to read one message."""
        return Selector(self.field, self.stamp, self.keys)

    def per_element(self, value: PerElement) -> list[float]:
        """A scalar or a mapping as one number per element."""
        return [value[key] for key in self.keys] if isinstance(value, dict) else [value] * len(self.elements)


class Speed(Part):
    """A hand that moves at a commanded speed.

    Model units per second = min(|value of `field`|, limit) * scale * |command scale|: `scale` is message units per
    second and unit of commanded speed, `limit` the commanded speed above which the hand gets no faster.
    """

    field: str
    scale: PositiveFloat = 1.0
    limit: PositiveFloat | None = None


class Command(Source):
    """What really reaches the hand. Elements map message entries to MuJoCo actuators."""

    speed: Speed | None = None


class Channel(Source):
    """One kind of measurement. Elements map message entries to joints, bodies, sensors or tips of the model.

    A channel that is not `required` may be missing: its elements are then unaudited, and its silence is no finding.
    `noise_correlation_s` is the time over which the noise stays alike (filtered sensors); 0: white.
    `source: commanded` says of an effort that nothing measures it: it is what was asked for, and guards nothing.
    """

    kind: Kind
    unit: str
    noise: Annotated[PerElement, Field()]
    tolerance: Annotated[PerElement, Field()]
    component: Literal['norm', 'x', 'y', 'z'] = 'norm'
    interpolation: Literal['linear', 'hold'] = 'linear'
    floor: NonNegative = 0.05
    required: bool = True
    noise_correlation_s: NonNegative = 0.0
    source: Literal['measured', 'commanded'] = 'measured'
    angle_noise: PositiveFloat = 0.01
    angle_tolerance: NonNegative = 0.1


class Parameter(Part):
    """A range that the real system could plausibly lie in: a model field, or the noise of a channel."""

    field: str | None = None
    channel: str | None = None
    select: Annotated[tuple[str, ...], Field(min_length=1)] = ('*',)
    columns: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    range: tuple[float, float]
    scale: Literal['absolute', 'relative'] = 'absolute'

    @model_validator(mode='after')
    def _check(self) -> Parameter:
        if (self.field is None) == (self.channel is None):
            raise ValueError('give either field (of the model) or channel (whose noise it is)')
        return self


class FamilySpec(Part):
    """Which model variations stand for the real hand."""

    members: Annotated[int, Field(ge=1, le=4096)] = 16
    seed: int = 0
    parameters: dict[str, Parameter] = {}


class Resync(Part):
    """When the shadow is put on the real joints."""

    on_round_start: bool = True
    horizon_s: PositiveFloat | None = None


class Shares(Part):
    """What a divergence leaves of the force and of the speed budgets."""

    force: Annotated[float, Field(ge=0, le=1)] = 0.5
    speed: Annotated[float, Field(ge=0, le=1)] = 0.5


class Cut(Part):
    """What is left of the budgets after a divergence of each kind, and when they come back.

    Two numbers instead, `{force: 0.5, speed: 0.5}`, stand for every kind.
    """

    force: Shares = Shares()
    pose: Shares = Shares()
    slip: Shares = Shares()
    timing: Shares = Shares()
    restore_after_rounds: Annotated[int, Field(ge=1)] = 3

    @model_validator(mode='before')
    @classmethod
    def _one_pair_for_all(cls, given: Any) -> Any:
        kinds = ('force', 'pose', 'slip', 'timing')
        if not isinstance(given, dict) or any(isinstance(given.get(kind), (dict, Shares)) for kind in kinds):
            return given
        pair = {key: given[key] for key in ('force', 'speed') if key in given}
        others = {key: value for key, value in given.items() if key not in pair}
        return {**dict.fromkeys(kinds, pair), **others}


class AgeLimits(Part):
    """How long each side may be silent, s; null: `stale_s`. The divergence is only waited for if it has a limit."""

    policy: PositiveFloat | None = None
    joints: PositiveFloat | None = None
    force: PositiveFloat | None = None
    divergence: PositiveFloat | None = None


class BackOff(Part):
    """A force over its budget for longer than `after_s` opens the hand at `speed`, model units per second."""

    after_s: PositiveFloat = 0.5
    speed: PositiveFloat


HoldRule = Literal['position', 'zero', 'damping']
PerActuator = PositiveFloat | dict[str, PositiveFloat] | None


class GateSpec(Part):
    """Budgets of the safety gate, in model units; what is null or not named is not limited.

    `latency_s` is the time from a command to the motion it causes; null: estimated from the joints that follow.
    `hold` null: position servos keep their target, velocity and torque actuators go to zero. `damping` is the control
    per joint speed of those that hold by damping. `clock_step_s` null: `stale_s`.
    """

    position_limits: dict[str, tuple[float, float]] = {}
    speed_budget: PerActuator = None
    acceleration_budget: PerActuator = None
    ease_in_s: NonNegative = 0.2
    force_budget: dict[str, PositiveFloat] = {}
    force_rate_budget: dict[str, PositiveFloat] = {}
    latency_s: NonNegative | None = None
    failure_budget: Annotated[int, Field(ge=1)] = 3
    trip_budget: Annotated[int, Field(ge=1)] | None = None
    stale_s: PositiveFloat = 0.1
    age_limits: AgeLimits = AgeLimits()
    clock_step_s: PositiveFloat | None = None
    keep_alive_hz: NonNegative = 0.0
    hold: HoldRule | dict[str, HoldRule] | None = None
    damping: PerActuator = None
    back_off: BackOff | None = None
    cut: Cut = Cut()
    unrecorded: Literal['hold', 'pass'] = 'hold'


class RoundSpec(Part):
    """Where rounds come from: a topic whose new non-empty value starts one, or (null) services or the whole bag.

    If the topic is not `required`, a bag without it is one round.
    """

    topic: str | None = None
    type: str = 'std_msgs/msg/String'
    field: str = 'data'
    required: bool = True


class Profile(Part):
    """One hand: its model, its command, its channels, its family and its budgets.

    `provenance` says where its numbers are from, in any form; no stage reads it.
    """

    hand: str
    model: str
    clock: Clock = Clock()
    command: Command
    channels: dict[str, Channel]
    family: FamilySpec = FamilySpec()
    resync: Resync = Resync()
    false_alarms_per_hour: PositiveFloat = 1.0
    gate: GateSpec = GateSpec()
    round: RoundSpec = RoundSpec()
    ledger: str = 'ledger.db'
    provenance: dict[str, Any] = {}

    path: Path = Field(default=Path('profile.yaml'), exclude=True)
    digest: str = Field(default='', exclude=True)

    @property
    def model_path(self) -> Path:
        """The model file, relative names resolved against the profile's folder."""
        return (self.path.parent / self.model).resolve()
