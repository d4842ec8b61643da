"""A profile bound to its model: names are matched here, once; after this, column order is law."""

from __future__ import annotations

import fnmatch
import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from mujoco import batch

from transfer_audit.core.channels import CONTACTS, ChannelPlan, Element
from transfer_audit.core.errors import AuditError, ModelError, ProfileError, UnknownElement, choices
from transfer_audit.core.profile import (
    UNITS,
    Channel,
    Command,
    Parameter,
    Places,
    Problem,
    Profile,
    element_name,
    places_of,
    read_profile,
)
from transfer_audit.core.types import Array

GAINS = {'actuator_kp': 'actuator_gainprm', 'actuator_kv': 'actuator_biasprm'}
"""Gains of position servos, which stand in two fields: kp in gainprm[0] and -biasprm[1], kv in -biasprm[2]."""

_OBJECTS = {
    'actuator': 'actuators',
    'body': 'bodies',
    'dof': 'joints',
    'eq': 'equalities',
    'geom': 'geoms',
    'jnt': 'joints',
    'pair': 'pairs',
    'sensor': 'sensors',
    'site': 'sites',
    'tendon': 'tendons',
}


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


def open_hand(path: Path | str, model: Path | str | None = None) -> Binding:
    """Read a profile, load its model and bind both.

    :raises ProfileError: with every problem of the profile, alone and against its model
    :raises ModelError: if the model does not compile
    """
    profile, problems = read_profile(path, model)
    if profile is None:
        raise ProfileError(str(path), problems)
    return bind(profile, problems)


def bind(profile: Profile, problems: Sequence[str] = ()) -> Binding:
    """Match a profile with its model; `problems` are those already found in it.

    :raises ProfileError: with every problem
    :raises ModelError: if the model does not compile
    """
    try:
        binder = Binder(profile)
    except ModelError as error:
        if not problems:
            raise
        raise ProfileError(str(profile.path), [*problems, str(error)]) from error
    binder.check()
    found = [*problems, *binder.problems]
    if found:
        raise ProfileError(str(profile.path), found)
    return binder.finish()


def with_parameters(profile: Profile, values: Mapping[str, float]) -> Profile:
    """The same hand with family parameters set to single values: a hand whose truth is known.

    :raises UnknownElement: if the family has no parameter of that name
    """
    parameters = dict(profile.family.parameters)
    for name, value in values.items():
        if name not in parameters:
            raise UnknownElement(str(profile.path), 'family parameter', name, parameters)
        parameters[name] = parameters[name].model_copy(update={'range': (value, value)})
    family = profile.family.model_copy(update={'parameters': parameters})
    return profile.model_copy(update={'family': family})


def parse_parameters(text: str) -> dict[str, float]:
    """`actuator_delay=0.06,tip_friction=0.2` as a mapping.

    :raises AuditError: if it is not of that form
    """
    found: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(','))):
        name, equals, value = part.partition('=')
        try:
            found[name.strip()] = float(value)
        except ValueError:
            equals = ''
        if not equals:
            raise AuditError(f'{part!r}: expected NAME=NUMBER with a parameter of the family, comma separated')
    return found


def load_spec(path: Path) -> mujoco.MjSpec:
    """Parse an MJCF or URDF file.

    :raises ModelError: if it does not exist or does not compile
    """
    if not path.is_file():
        raise ModelError(f'{path}: no such model file')
    try:
        spec = mujoco.MjSpec.from_file(str(path))
        spec.compile()
    except ValueError as error:
        raise ModelError(f'{path}: the model does not compile: {" ".join(str(error).split())}') from error
    return spec


class Binder:
    """Matches a profile's names with a model's, collecting every problem before giving up."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._spec = load_spec(profile.model_path)
        self._places: Places = places_of(profile)
        self.problems: list[str] = []
        self._sensors: dict[tuple[str, str], str] = {}

    def names(self, kind: str) -> list[str]:
        """All names of one kind of object (`joints`, `geoms`, `actuators` …)."""
        return [item.name for item in getattr(self._spec, kind) if item.name]

    def check(self) -> None:
        """Fill `problems` with everything that does not match."""
        found: list[Problem] = []
        found += self._command(self._profile.command)
        for name, channel in self._profile.channels.items():
            for key, target in channel.elements.items():
                found += self._element(('channels', name, 'elements', key), channel, target)
        for name, parameter in self._profile.family.parameters.items():
            found += self._parameter(('family', 'parameters', name), parameter)
        found += self._rate()
        found += self._budgets()
        self.problems += [self._places.say(loc, text) for loc, text in found]

    def _rate(self) -> Iterator[Problem]:
        step, rate = self._spec.option.timestep, self._profile.clock.rate_hz
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
        actuators = self.names('actuators')
        for key, target in command.elements.items():
            if target not in actuators:
                yield ('command', 'elements', key), f'no actuator {target!r} in the model{choices(target, actuators)}'

    def _budgets(self) -> Iterator[Problem]:
        budget = self._profile.gate.speed_budget
        targets = set(self._profile.command.elements.values())
        for name in budget if isinstance(budget, dict) else ():
            if name not in targets:
                yield ('gate', 'speed_budget', name), f'the command has no actuator {name!r}{choices(name, targets)}'

    def _element(self, at: tuple[str | int, ...], channel: Channel, target: str) -> Iterator[Problem]:
        options = self._targets(channel)
        if target not in options:
            yield at, f'no {_WANTED[channel.kind]} {target!r} in the model{choices(target, options)}'
        elif channel.kind == 'pose' and target in self.names('joints'):
            joint = self._spec.joint(target)
            unit = {mujoco.mjtJoint.mjJNT_HINGE: 'rad', mujoco.mjtJoint.mjJNT_SLIDE: 'm'}.get(joint.type)
            if unit is None:
                yield at, f'joint {target!r} is free or a ball; use body:{joint.parent.name} for its pose'
            elif unit != channel.unit and channel.unit in UNITS['pose']:
                yield at, f'joint {target!r} is measured in {unit}, the channel in {channel.unit}'
        elif channel.kind == 'force' and target in self.names('sensors') and self._width(target) not in (1, 3):
            yield at, f'sensor {target!r} gives {self._width(target)} numbers; a force needs 1 or 3'

    def _width(self, sensor: str) -> int:
        return int(self._spec.compile().sensor(sensor).dim[0])

    def _targets(self, channel: Channel) -> list[str]:
        places = [f'{kind}:{name}' for kind in ('body', 'geom', 'site') for name in self.names(_OBJECTS[kind])]
        if channel.kind == 'pose':
            return self.names('joints') + [p for p in places if not p.startswith('geom:')]
        touching = [p for p in places if not p.startswith('site:')]
        bare = self.names('geoms') + self.names('bodies')
        return (self.names('sensors') if channel.kind == 'force' else []) + bare + touching

    def _parameter(self, at: tuple[str | int, ...], parameter: Parameter) -> Iterator[Problem]:
        if parameter.field is None:
            return
        field = GAINS.get(parameter.field, parameter.field)
        model = self._spec.compile()
        if field not in batch.MODEL_FIELDS or not _continuous(model, field):
            named = [f for f in sorted(batch.MODEL_FIELDS) if '_' in f and f.split('_')[0] in _OBJECTS]
            known = [f for f in named if _continuous(model, f)] + list(GAINS)
            yield (*at, 'field'), f'MuJoCo cannot vary {parameter.field!r} per member{choices(parameter.field, known)}'
            return
        kind = _OBJECTS.get(field.split('_')[0], '')
        if not kind and not field.startswith('opt.'):
            yield (*at, 'field'), f'{parameter.field!r} does not belong to named objects of the model'
            return
        for pattern in parameter.select if kind else ():
            if not self._selected(kind, pattern):
                found = choices(pattern, self.names(kind))
                yield (*at, 'select'), f'no {kind[:-1]} of the model matches {pattern!r}{found}'
        shape = _values(model, field).shape[1 if kind else 0 :]
        width = shape[0] if shape else 1
        for column in parameter.columns:
            if not 0 <= column < width:
                yield (*at, 'columns'), f'{parameter.field} has columns 0..{width - 1}, found {column}'

    def _selected(self, kind: str, pattern: str) -> list[str | int]:
        if kind == 'geoms' and pattern.startswith('body:'):
            bodies = set(fnmatch.filter(self.names('bodies'), pattern.removeprefix('body:')))
            return [geom.id for geom in self._spec.geoms if geom.parent.name in bodies]
        if pattern == '*':
            return [item.id for item in getattr(self._spec, kind)]
        return list(fnmatch.filter(self.names(kind), pattern))

    def finish(self) -> Binding:
        """Add the sensors and delay buffers that the channels and the family need, and compile.

        :raises ModelError: if MuJoCo refuses the instrumented model
        """
        digest = hashlib.sha256(_binary(self._spec.compile())).hexdigest()
        self._buffers()
        for name, channel in self._profile.channels.items():
            for target in channel.elements.values():
                self._sensors[(name, target)] = self._instrument(f'audit/{name}/{target}', channel, target)
        joints = [(j.name, self._joint_sensor(f'audit/joint/{j.name}', j.name)) for j in self._scalar_joints()]
        try:
            model = self._spec.compile()
        except ValueError as error:
            raise ModelError(f'{self._profile.model_path}: cannot add the audit sensors: {error}') from error
        channels = tuple(self._plan(model, name, channel) for name, channel in self._profile.channels.items())
        order = [plan.name for plan in channels]
        variations = tuple(
            self._variation(model, name, p, order) for name, p in self._profile.family.parameters.items()
        )
        addresses = tuple((name, int(model.sensor(sensor).adr[0])) for name, sensor in joints)
        command = self._command_plan(model, self._profile.command)
        return Binding(self._profile, model, command, channels, variations, addresses, digest)

    def _scalar_joints(self) -> Iterable[mujoco.MjsJoint]:
        scalar = (mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_SLIDE)
        return [joint for joint in self._spec.joints if joint.type in scalar and joint.name]

    def _buffers(self) -> None:
        """Room for the longest delay of the family; read by linear interpolation, so that delays act continuously."""
        for parameter in self._profile.family.parameters.values():
            if parameter.field != 'actuator_delay':
                continue
            for actuator in self._spec.actuators:
                longest = parameter.range[1] * (actuator.delay if parameter.scale == 'relative' else 1.0)
                samples = math.ceil(longest / self._spec.option.timestep - 1e-9)
                if samples > 0 and any(fnmatch.fnmatch(actuator.name, p) for p in parameter.select):
                    actuator.nsample = max(actuator.nsample, samples + 1)
                    actuator.delay = max(actuator.delay, self._spec.option.timestep)
                    actuator.interp = 1

    def _joint_sensor(self, name: str, joint: str) -> str:
        kinds, objects = mujoco.mjtSensor, mujoco.mjtObj
        self._spec.add_sensor(name=name, type=kinds.mjSENS_JOINTPOS, objtype=objects.mjOBJ_JOINT, objname=joint)
        return name

    def _instrument(self, name: str, channel: Channel, target: str) -> str:
        kinds, objects = mujoco.mjtSensor, mujoco.mjtObj
        if channel.kind == 'pose' and target in self.names('joints'):
            return self._joint_sensor(name, target)
        if channel.kind == 'pose':
            kind, _, thing = target.partition(':')
            objtype = objects.mjOBJ_XBODY if kind == 'body' else objects.mjOBJ_SITE
            self._spec.add_sensor(name=name, type=kinds.mjSENS_FRAMEPOS, objtype=objtype, objname=thing)
            self._spec.add_sensor(name=f'{name}/q', type=kinds.mjSENS_FRAMEQUAT, objtype=objtype, objname=thing)
            return name
        if channel.kind == 'force' and target in self.names('sensors'):
            return target
        kind, _, thing = target.rpartition(':')
        kind = kind or ('geom' if thing in self.names('geoms') else 'body')
        objtype = objects.mjOBJ_GEOM if kind == 'geom' else objects.mjOBJ_XBODY
        sensor = self._spec.add_sensor(name=name, type=kinds.mjSENS_CONTACT, objtype=objtype, objname=thing)
        force, velocity = (
            1 << int(mujoco.mjtConDataField.mjCONDATA_FORCE),
            1 << int(mujoco.mjtConDataField.mjCONDATA_LINVEL),
        )
        if channel.kind == 'force':
            sensor.intprm[:3] = [force, 3, 1]  # net force of all contacts
        else:
            sensor.intprm[:3] = [force | velocity, 2, CONTACTS]  # the strongest contacts
        return name

    def _plan(self, model: mujoco.MjModel, name: str, channel: Channel) -> ChannelPlan:
        elements = tuple(self._located(model, name, channel, key, t) for key, t in channel.elements.items())
        noise, tolerance = _spread(channel, elements, 'noise'), _spread(channel, elements, 'tolerance')
        return ChannelPlan(
            name=name,
            kind=channel.kind,
            unit=channel.unit,
            topic=channel.topic,
            elements=elements,
            noise=noise,
            tolerance=tolerance,
            scale=np.asarray(channel.per_element(channel.scale)),
            offset=np.asarray(channel.per_element(channel.offset)),
            component=channel.component,
            floor=channel.floor,
            hold=channel.interpolation == 'hold',
            required=channel.required,
        )

    def _located(self, model: mujoco.MjModel, name: str, channel: Channel, key: str | int, target: str) -> Element:
        sensor = model.sensor(self._sensors[(name, target)])
        label = element_name(key, target)
        address, width = int(sensor.adr[0]), int(sensor.dim[0])
        if channel.kind == 'slip':
            return Element(label, target, 'contact', address)
        if channel.kind == 'pose' and target not in self.names('joints'):
            home = mujoco.MjData(model)
            mujoco.mj_forward(model, home)
            w, x, y, z = (float(value) for value in home.sensordata[address + 3 : address + 7])
            return Element(label, target, 'pose', address, (w, x, y, z))
        return Element(label, target, 'scalar' if width == 1 else 'vector', address)

    def _variation(self, model: mujoco.MjModel, name: str, parameter: Parameter, order: Sequence[str]) -> Variation:
        low, high = parameter.range
        relative = parameter.scale == 'relative'
        if parameter.field is None:
            return Variation(name, '', (), (), low, high, relative, order.index(str(parameter.channel)))
        field = parameter.field
        kind = _OBJECTS.get(GAINS.get(field, field).split('_')[0], '')
        rows: list[int] = []
        for pattern in parameter.select if kind else ():
            for item in self._selected(kind, pattern):
                rows += self._rows(model, field, item)
        return Variation(name, field, tuple(dict.fromkeys(rows)), parameter.columns, low, high, relative)

    def _rows(self, model: mujoco.MjModel, field: str, item: str | int) -> list[int]:
        if field.startswith(('dof_', 'jnt_')):
            joint = model.joint(item)
            if field.startswith('jnt_'):
                return [joint.id]
            width = {0: 6, 1: 3}.get(int(joint.type[0]), 1)
            return list(range(int(joint.dofadr[0]), int(joint.dofadr[0]) + width))
        accessor = {'eq': 'equality'}.get(field.split('_')[0], field.split('_')[0])
        return [int(getattr(model, accessor)(item).id)]

    def _command_plan(self, model: mujoco.MjModel, command: Command) -> CommandPlan:
        actuators = tuple(int(model.actuator(target).id) for target in command.elements.values())
        joints = tuple(
            int(model.actuator_trnid[a, 0]) if model.actuator_trntype[a] == mujoco.mjtTrn.mjTRN_JOINT else -1
            for a in actuators
        )
        speed = command.speed
        return CommandPlan(
            names=tuple(command.elements.values()),
            actuators=actuators,
            joints=joints,
            scale=np.asarray(command.per_element(command.scale)),
            offset=np.asarray(command.per_element(command.offset)),
            speed_scale=speed.scale if speed else None,
            speed_limit=speed.limit if speed and speed.limit else math.inf,
        )


def _values(model: mujoco.MjModel, field: str) -> Array:
    """A field of a model, `opt.…` included."""
    holder, _, name = field.rpartition('.')
    return np.asarray(getattr(getattr(model, holder) if holder else model, name))


def _continuous(model: mujoco.MjModel, field: str) -> bool:
    """Whether a field holds quantities that can vary, and not the grid's own step."""
    return field != 'opt.timestep' and bool(np.issubdtype(_values(model, field).dtype, np.floating))


_WANTED = {'pose': 'joint, body:… or site:…', 'force': 'sensor, geom or body', 'slip': 'geom or body'}


def _spread(channel: Channel, elements: Sequence[Element], key: str) -> Array:
    values: list[float] = []
    for element, value in zip(elements, channel.per_element(getattr(channel, key)), strict=True):
        angle = getattr(channel, f'angle_{key}')
        values += [value] if element.sense != 'pose' else [value, value, value, angle]
    return np.asarray(values, np.float64)


def _binary(model: mujoco.MjModel) -> bytes:
    buffer = np.empty(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return buffer.tobytes()
