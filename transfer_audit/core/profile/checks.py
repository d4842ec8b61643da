"""What can be wrong with a profile without looking at its model."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from transfer_audit.core.errors import AuditError, FieldError, choices
from transfer_audit.core.fields import parse_path
from transfer_audit.core.profile.places import Loc, Problem
from transfer_audit.core.profile.schema import COMMAND, UNITS, Key, Parameter, Profile, Source, element_name

NEVER_NEGATIVE = (
    'actuator_delay', 'actuator_kp', 'body_mass', 'dof_armature', 'dof_damping', 'dof_frictionloss', 'geom_friction'
)  # fmt: skip


def by_itself(profile: Profile, aside: Collection[Key] = ()) -> Iterator[Problem]:
    """Everything that can be wrong without looking at the model; `aside`: channels that could not be read."""
    yield from _source(('command',), profile.command)
    if profile.command.speed is not None:
        yield from _path(('command', 'speed', 'field'), profile.command.speed.field)
    if not profile.channels and not aside:
        yield ('channels',), 'a hand needs at least one channel'
    for name, channel in profile.channels.items():
        at = ('channels', name)
        if name == COMMAND:
            yield at, f'{name!r} is what verdicts call the command itself; choose another name'
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
    yield from _gate(profile, bool(aside))


def _gate(profile: Profile, incomplete: bool) -> Iterator[Problem]:
    """What the gate's part says of itself; `incomplete`: some channels could not be read."""
    gate = profile.gate
    for key in ('force_budget', 'force_rate_budget'):
        for element in getattr(gate, key):
            yield from _force_source(profile, ('gate', key, element), element, incomplete)
    for name, (low, high) in gate.position_limits.items():
        if not low < high:
            yield ('gate', 'position_limits', name), f'must rise, found {[low, high]}'
    rules = set(gate.hold.values()) if isinstance(gate.hold, dict) else {gate.hold}
    if 'damping' in rules and gate.damping is None:
        yield ('gate', 'hold'), 'holding by damping needs gate.damping: the control per joint speed'
    if 'damping' in rules and not gate.keep_alive_hz > 0:
        yield ('gate', 'hold'), 'holding by damping needs keep_alive_hz above 0: it follows the measured joints'


def _force_source(profile: Profile, at: Loc, element: str, incomplete: bool) -> Iterator[Problem]:
    """A force budget needs a force that somebody measures."""
    forces = [
        (name, channel)
        for name, channel in profile.channels.items()
        if channel.kind == 'force' and element in {element_name(*e) for e in channel.elements.items()}
    ]
    for name, channel in forces:
        if channel.source == 'commanded' or channel.topic == profile.command.topic:
            yield at, f'channel {name} carries a commanded effort: a budget needs a force that is measured'
    if not forces and not incomplete:
        known = {element_name(*e) for c in profile.channels.values() if c.kind == 'force' for e in c.elements.items()}
        yield at, f'no force channel has an element {element!r}' + choices(element, sorted(known))


def with_family(profile: Profile, parameters: Mapping[str, Parameter]) -> Profile:
    """The profile with another family; bind it anew.

    :raises AuditError: if a range is none that its parameter can have
    """
    family = profile.family.model_copy(update={'parameters': dict(parameters)})
    changed = profile.model_copy(update={'family': family})
    problems = [f'{loc[-2]}: {text}' for loc, text in by_itself(changed) if loc[:2] == ('family', 'parameters')]
    if problems:
        raise AuditError('; '.join(problems))
    return changed


def _range(at: Loc, parameter: Parameter) -> Iterator[Problem]:
    low, high = parameter.range
    if not low <= high:
        yield at, f'must rise, found {[low, high]}'
    elif parameter.channel is not None and (low < 0 or parameter.scale == 'relative'):
        yield at, f'noise is a standard deviation in the unit of its channel (scale: absolute), found {[low, high]}'
    elif low < 0 and parameter.field in NEVER_NEGATIVE:
        yield at, f'{parameter.field} cannot be negative, found {[low, high]}'


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
