"""What of a profile does not match its model."""

from __future__ import annotations

import math
from collections.abc import Iterator

import mujoco
from mujoco import batch

from transfer_audit.core.binding.names import GAINS, OBJECTS, Names, continuous, values_of
from transfer_audit.core.errors import choices
from transfer_audit.core.profile import UNITS, Channel, Command, Parameter, Problem, Profile, places_of

_WANTED = {'pose': 'joint, body:… or site:…', 'force': 'sensor, geom or body', 'slip': 'geom or body'}


class Match:
    """A profile held against the names of a model."""

    def __init__(self, profile: Profile, names: Names) -> None:
        self._profile = profile
        self._names = names

    def problems(self) -> list[str]:
        """Everything that does not match."""
        found: list[Problem] = []
        found += self._command(self._profile.command)
        for name, channel in self._profile.channels.items():
            for key, target in channel.elements.items():
                found += self._element(('channels', name, 'elements', key), channel, target)
        for name, parameter in self._profile.family.parameters.items():
            found += self._parameter(('family', 'parameters', name), parameter)
        found += self._rate()
        found += self._budgets()
        places = places_of(self._profile)
        return [places.say(loc, text) for loc, text in found]

    def _rate(self) -> Iterator[Problem]:
        step, rate = self._names.spec.option.timestep, self._profile.clock.rate_hz
        steps = 1.0 / (rate * step)
        if abs(steps - round(steps)) > 1e-6 or round(steps) < 1:
            near = sorted({1.0 / (max(1, n) * step) for n in (math.floor(steps), math.ceil(steps))})
            yield (
                ('clock', 'rate_hz'),
                (
                    f'{rate:g} Hz is no whole number of physics steps of {step:g} s; '
                    f'nearest: {" or ".join(f"{value:g}" for value in near)} Hz'
                ),
            )

    def _command(self, command: Command) -> Iterator[Problem]:
        actuators = self._names.of('actuators')
        for key, target in command.elements.items():
            if target not in actuators:
                yield ('command', 'elements', key), f'no actuator {target!r} in the model{choices(target, actuators)}'

    def _budgets(self) -> Iterator[Problem]:
        targets = set(self._profile.command.elements.values())
        for key in ('position_limits', 'speed_budget', 'acceleration_budget', 'hold', 'damping'):
            named = getattr(self._profile.gate, key)
            for name in named if isinstance(named, dict) else ():
                if name not in targets:
                    yield ('gate', key, name), f'the command has no actuator {name!r}{choices(name, targets)}'

    def _element(self, at: tuple[str | int, ...], channel: Channel, target: str) -> Iterator[Problem]:
        options = self._targets(channel)
        if target not in options:
            yield at, f'no {_WANTED[channel.kind]} {target!r} in the model{choices(target, options)}'
        elif channel.kind == 'pose' and target in self._names.of('joints'):
            joint = self._names.spec.joint(target)
            unit = {mujoco.mjtJoint.mjJNT_HINGE: 'rad', mujoco.mjtJoint.mjJNT_SLIDE: 'm'}.get(joint.type)
            if unit is None:
                yield at, f'joint {target!r} is free or a ball; use body:{joint.parent.name} for its pose'
            elif unit != channel.unit and channel.unit in UNITS['pose']:
                yield at, f'joint {target!r} is measured in {unit}, the channel in {channel.unit}'
        elif channel.kind == 'force' and target in self._names.of('sensors') and self._width(target) not in (1, 3):
            yield at, f'sensor {target!r} gives {self._width(target)} numbers; a force needs 1 or 3'

    def _width(self, sensor: str) -> int:
        return int(self._names.spec.compile().sensor(sensor).dim[0])

    def _targets(self, channel: Channel) -> list[str]:
        places = [f'{kind}:{name}' for kind in ('body', 'geom', 'site') for name in self._names.of(OBJECTS[kind])]
        if channel.kind == 'pose':
            return self._names.of('joints') + [p for p in places if not p.startswith('geom:')]
        touching = [p for p in places if not p.startswith('site:')]
        bare = self._names.of('geoms') + self._names.of('bodies')
        return (self._names.of('sensors') if channel.kind == 'force' else []) + bare + touching

    def _parameter(self, at: tuple[str | int, ...], parameter: Parameter) -> Iterator[Problem]:
        if parameter.field is None:
            return
        field = GAINS.get(parameter.field, parameter.field)
        model = self._names.spec.compile()
        if field not in batch.MODEL_FIELDS or not continuous(model, field):
            named = [f for f in sorted(batch.MODEL_FIELDS) if '_' in f and f.split('_')[0] in OBJECTS]
            known = [f for f in named if continuous(model, f)] + list(GAINS)
            yield (*at, 'field'), f'MuJoCo cannot vary {parameter.field!r} per member{choices(parameter.field, known)}'
            return
        kind = OBJECTS.get(field.split('_')[0], '')
        if not kind and not field.startswith('opt.'):
            yield (*at, 'field'), f'{parameter.field!r} does not belong to named objects of the model'
            return
        for pattern in parameter.select if kind else ():
            if not self._names.selected(kind, pattern):
                found = choices(pattern, self._names.of(kind))
                yield (*at, 'select'), f'no {kind[:-1]} of the model matches {pattern!r}{found}'
        shape = values_of(model, field).shape[1 if kind else 0 :]
        width = shape[0] if shape else 1
        for column in parameter.columns:
            if not 0 <= column < width:
                yield (*at, 'columns'), f'{parameter.field} has columns 0..{width - 1}, found {column}'
