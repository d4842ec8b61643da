"""One hand's YAML -> checked, frozen objects. Every problem is collected and named with its place in the file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError, model_validator
from pydantic_core import ErrorDetails

from transfer_audit.core.errors import AuditError, FieldError, ProfileError, choices
from transfer_audit.core.fields import Selector, parse_path
from transfer_audit.core.types import Kind

Key = str | Annotated[int, Field(ge=0, strict=True)]
PerElement = float | dict[Key, float]
UNITS: Mapping[str, tuple[str, ...]] = {'pose': ('rad', 'm'), 'force': ('N', 'N*m'), 'slip': ('m/s',)}
NonNegative = Annotated[float, Field(ge=0)]


def element_name(key: Key, target: str) -> str:
    """What verdicts call an element: the hand's own name for it, or the model's where the hand only has a position."""
    return key if isinstance(key, str) else target.rpartition(':')[2]


_OWN = ('path', 'digest')
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
    """

    kind: Kind
    unit: str
    noise: Annotated[PerElement, Field()]
    tolerance: Annotated[PerElement, Field()]
    component: Literal['norm', 'x', 'y', 'z'] = 'norm'
    interpolation: Literal['linear', 'hold'] = 'linear'
    floor: NonNegative = 0.05
    required: bool = True
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


class Cut(Part):
    """What is left of the budgets after a divergence, and when they come back."""

    force: Annotated[float, Field(ge=0, le=1)] = 0.5
    speed: Annotated[float, Field(ge=0, le=1)] = 0.5
    restore_after_rounds: Annotated[int, Field(ge=1)] = 3


class GateSpec(Part):
    """Budgets of the safety gate, in model units."""

    force_budget: dict[str, PositiveFloat] = {}
    speed_budget: PositiveFloat | dict[str, PositiveFloat] | None = None
    failure_budget: Annotated[int, Field(ge=1)] = 3
    stale_s: PositiveFloat = 0.1
    keep_alive_hz: NonNegative = 0.0
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
    """One hand: its model, its command, its channels, its family and its budgets."""

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

    path: Path = Field(default=Path('profile.yaml'), exclude=True)
    digest: str = Field(default='', exclude=True)

    @property
    def model_path(self) -> Path:
        """The model file, relative names resolved against the profile's folder."""
        return (self.path.parent / self.model).resolve()


def load_profile(path: Path | str, model: Path | str | None = None) -> Profile:
    """Read a profile and check it by itself; `model` overrides the model it names.

    :raises ProfileError: with every problem found, its line and the choices that exist
    """
    profile, problems = read_profile(path, model)
    if profile is None or problems:
        raise ProfileError(str(path), problems)
    return profile


def read_profile(path: Path | str, model: Path | str | None = None) -> tuple[Profile | None, list[str]]:
    """A profile as far as it can be read, and every problem found in it.

    What is wrong is named and set aside, so that it does not hide what else is wrong.

    :raises AuditError: if the file cannot be read or is no YAML mapping
    """
    path = Path(path)
    try:
        text = path.read_text(encoding='utf-8')
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
        places = Places(root)
        raw = _unshared(raw)
    except OSError as error:
        raise AuditError(f'{path}: cannot read the profile: {error.strerror}') from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise AuditError(f'{path}: not YAML: {" ".join(str(error).split())}') from error
    except RecursionError as error:
        raise AuditError(f'{path}: nested too deeply, or a part of the profile refers to itself') from error
    if not isinstance(raw, dict):
        raise AuditError(f'{path}: a profile is a mapping with hand, model, command and channels; found {raw!r:.40}')
    problems = list(places.repeated)
    for key in _OWN:
        if key in raw:
            problems.append(places.say((key,), f'unknown key{choices(key, _fields_at(()))}'))
    if model is not None:
        raw['model'] = str(Path(model).resolve())
    raw['path'], raw['digest'] = path, hashlib.sha256(text.encode()).hexdigest()
    profile, aside = _validate(raw, places, problems)
    if profile is None:
        return None, problems
    return profile, problems + [places.say(loc, text) for loc, text in _by_itself(profile, aside)]


def _unshared(value: Any) -> Any:
    """The same YAML value with its aliases written out."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


Loc = tuple[str | int, ...]
_STAND_INS: Mapping[str, Any] = {
    'hand': '?', 'topic': '?', 'type': 'std_msgs/msg/Empty', 'field': 'data', 'noise': 1.0, 'tolerance': 1.0
}  # fmt: skip


def _validate(raw: dict[str, Any], places: Places, problems: list[str]) -> tuple[Profile | None, set[Key]]:
    """What is left of a profile without its faulty pieces, if it can stand without them, and the channels lost."""
    given = set(raw['channels']) if isinstance(raw.get('channels'), dict) else set()
    while True:
        try:
            profile = Profile.model_validate(raw)
            return profile, given - set(profile.channels)
        except ValidationError as error:
            found = {_in_file(raw, e['loc'], e['type'] == 'missing'): e for e in reversed(error.errors())}
        gone: list[Loc] = []
        for loc, fault in reversed(found.items()):
            problems.append(places.say(loc, _sentence(fault)))
            if not any(loc[: len(piece)] == piece for piece in gone):
                gone.append(_set_aside(raw, loc, fault['type']))
        if () in gone:
            return None, given


def _in_file(raw: Any, loc: Loc, missing: bool) -> Loc:
    """Where in the file an error lies: pydantic's own steps (`[key]`, `float`) left out."""
    found: list[Any] = []
    for step in loc[: len(loc) - missing]:
        if (isinstance(raw, dict) and step in raw) or (isinstance(raw, list) and isinstance(step, int)):
            found.append(step)
            raw = raw[found[-1]]
    return (*found, *loc[len(loc) - missing :])


def _set_aside(raw: dict[str, Any], loc: Loc, kind: str) -> Loc:
    """Take the smallest piece around a fault out of a profile; return its place, () if there is no such piece."""
    for end in range(len(loc), 0, -1):
        holders: list[Any] = list(loc[: end - 1])
        key = loc[end - 1]
        holder: Any = raw
        for step in holders:
            holder = holder[step] if isinstance(holder, (dict, list)) else None
        part = _part_at(holders)
        if not isinstance(holder, dict) or part is None or (end == 1 and key == 'channels'):
            continue
        known = None if isinstance(part, tuple) else part.model_fields.get(str(key))
        within = isinstance(part, type) and issubclass(part, Parameter) and kind != 'extra_forbidden'
        if known is not None and known.is_required() and key in _STAND_INS:
            holder[str(key)] = _STAND_INS[str(key)]
            return loc[:end]
        if key in holder and not within and (known is None or not known.is_required()):
            del holder[key]
            return loc[:end]
    return ()


class Places:
    """Line numbers of everything in a YAML file."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._lines: dict[tuple[str, ...], int] = {}
        self.repeated: list[str] = []
        if root is not None:
            self._visit(root, ())

    def _visit(self, node: yaml.Node, at: tuple[str, ...]) -> None:
        self._lines.setdefault(at, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                place = (*at, str(key.value))
                line = key.start_mark.line + 1
                if place in self._lines:
                    self.repeated.append(f'line {line}, {".".join(place)}: also given in line {self._lines[place]}')
                self._lines[place] = line
                self._visit(value, place)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._visit(value, (*at, str(index)))

    def say(self, loc: tuple[str | int, ...], text: str) -> str:
        """`line 7, channels.joints.unit: …`, with the line of the nearest part that is in the file."""
        parts = tuple(map(str, loc))
        known = next((parts[:n] for n in range(len(parts), -1, -1) if parts[:n] in self._lines), ())
        return f'line {self._lines.get(known, 1)}, {".".join(parts) or "top"}: {text}'


def places_of(profile: Profile) -> Places:
    """The places in the file a profile was read from."""
    return Places(yaml.compose(profile.path.read_text(encoding='utf-8'), Loader=yaml.SafeLoader))


def _sentence(error: ErrorDetails) -> str:
    kind, context = error['type'], error.get('ctx', {})
    if kind == 'extra_forbidden':
        return f'unknown key{choices(str(error["loc"][-1]), _fields_at(error["loc"][:-1]))}'
    if kind == 'missing':
        return 'is missing'
    if kind == 'literal_error':
        return f'{error["input"]!r} is not one of {context["expected"]}'
    return f'{error["msg"].removeprefix("Value error, ")}, found {error["input"]!r:.60}'


def _fields_at(loc: Loc) -> list[str]:
    part = _part_at(loc)
    part = part[0] if isinstance(part, tuple) else part
    return [name for name in part.model_fields if name not in _OWN] if part else []


def _part_at(loc: Sequence[str | int]) -> Any:
    """The Part at a place; a mapping of Parts as a one-tuple; None for anything else."""
    part: Any = Profile
    for step in loc:
        if isinstance(part, tuple):
            part = part[0]
        elif part is not None:
            part = _inner(part.model_fields[str(step)].annotation) if str(step) in part.model_fields else None
    return part


def _inner(annotation: Any) -> Any:
    """The Part an annotation speaks of; a mapping of Parts as a one-tuple."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    arguments = getattr(annotation, '__args__', ())
    parts = [a for a in arguments if isinstance(a, type) and issubclass(a, Part)]
    if not parts:
        return None
    return (parts[0],) if getattr(annotation, '__origin__', None) is dict else parts[0]


Problem = tuple[Loc, str]


def _by_itself(profile: Profile, aside: Collection[Key]) -> Iterator[Problem]:
    """Everything that can be wrong without looking at the model; `aside`: channels that could not be read."""
    yield from _source(('command',), profile.command)
    if profile.command.speed is not None:
        yield from _path(('command', 'speed', 'field'), profile.command.speed.field)
    if not profile.channels and not aside:
        yield ('channels',), 'a hand needs at least one channel'
    for name, channel in profile.channels.items():
        at = ('channels', name)
        yield from _source(at, channel)
        if channel.unit not in UNITS[channel.kind]:
            allowed = ' or '.join(UNITS[channel.kind])
            yield (*at, 'unit'), f'a {channel.kind} channel is compared in {allowed}, found {channel.unit!r}; use scale'
        for key, minimum in (('noise', 'above 0'), ('tolerance', '0 or more')):
            values = getattr(channel, key)
            numbers = values.values() if isinstance(values, dict) else [values]
            if any(v < 0 or (v == 0 and key == 'noise') for v in numbers):
                yield (*at, key), f'must be {minimum}, found {values}'
    for name, parameter in profile.family.parameters.items():
        yield from _range(('family', 'parameters', name, 'range'), parameter)
        if parameter.channel is not None and parameter.channel not in {*profile.channels, *aside}:
            yield (
                ('family', 'parameters', name, 'channel'),
                f'no channel {parameter.channel!r}' + choices(parameter.channel, profile.channels),
            )
    forces = {element_name(*e) for c in profile.channels.values() if c.kind == 'force' for e in c.elements.items()}
    for element in profile.gate.force_budget:
        if element not in forces and not aside:
            yield (
                ('gate', 'force_budget', element),
                f'no force channel has an element {element!r}' + choices(element, sorted(forces)),
            )


def _range(at: Loc, parameter: Parameter) -> Iterator[Problem]:
    low, high = parameter.range
    if not low <= high:
        yield at, f'must rise, found {[low, high]}'
    elif parameter.channel is not None and (low < 0 or parameter.scale == 'relative'):
        yield at, f'noise is a standard deviation in the unit of its channel (scale: absolute), found {[low, high]}'
    elif low < 0 and parameter.field == 'actuator_delay':
        yield at, f'a delay cannot be negative, found {[low, high]}'


def _source(at: tuple[str, ...], source: Source) -> Iterator[Problem]:
    if re.fullmatch(r'\w+/msg/\w+', source.type) is None:
        yield (*at, 'type'), f'{source.type!r} is no message type; expected like sensor_msgs/msg/JointState'
    yield from _path((*at, 'field'), source.field)
    if source.stamp not in ('header', 'receive'):
        yield from _path((*at, 'stamp'), source.stamp)
    for key in ('scale', 'offset', 'noise', 'tolerance'):
        values = getattr(source, key, None)
        if isinstance(values, dict):
            for name in values:
                if name not in source.elements:
                    yield (*at, key, name), f'no element {name!r}{choices(str(name), map(str, source.elements))}'
            for name in source.elements:
                if name not in values:
                    yield (*at, key), f'no value for element {name!r}; one number for all or one each'
    scales = source.scale.values() if isinstance(source.scale, dict) else [source.scale]
    if any(value == 0 for value in scales):
        yield (*at, 'scale'), 'must not be 0: every value would be the same'
    twice = {name for name in source.elements.values() if list(source.elements.values()).count(name) > 1}
    for name in sorted(twice):
        yield (*at, 'elements'), f'{name!r} is named for more than one entry'


def _path(at: tuple[str, ...], path: str) -> Iterator[Problem]:
    try:
        parse_path(path)
    except FieldError as error:
        yield at, str(error)
