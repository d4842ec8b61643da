"""Adds to a model what the audit needs to sense, and says where it stands."""

from __future__ import annotations

import fnmatch
import hashlib
import math
from collections.abc import Iterable, Sequence

import mujoco
import numpy as np

from transfer_audit.core.binding.names import GAINS, OBJECTS, Names
from transfer_audit.core.binding.plans import Binding, CommandPlan, Variation
from transfer_audit.core.channels import CONTACTS, ChannelPlan, Element
from transfer_audit.core.errors import ModelError
from transfer_audit.core.profile import Channel, Command, Parameter, Profile, element_name
from transfer_audit.core.types import Array


class Instrument:
    """Sensors and delay buffers for a profile that matches its model."""

    def __init__(self, profile: Profile, names: Names) -> None:
        self._profile = profile
        self._names = names
        self._sensors: dict[tuple[str, str], str] = {}

    def binding(self) -> Binding:
        """Add the sensors and delay buffers that the channels and the family need, and compile.

        :raises ModelError: if MuJoCo refuses the instrumented model
        """
        digest = hashlib.sha256(_binary(self._names.spec.compile())).hexdigest()
        self._buffers()
        for name, channel in self._profile.channels.items():
            for target in channel.elements.values():
                self._sensors[(name, target)] = self._instrument(f'audit/{name}/{target}', channel, target)
        joints = [(j.name, self._joint_sensor(f'audit/joint/{j.name}', j.name)) for j in self._scalar_joints()]
        try:
            model = self._names.spec.compile()
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
        return [joint for joint in self._names.spec.joints if joint.type in scalar and joint.name]

    def _buffers(self) -> None:
        """Room for the longest delay of the family; read by linear interpolation, so that delays act continuously."""
        for parameter in self._profile.family.parameters.values():
            if parameter.field != 'actuator_delay':
                continue
            for actuator in self._names.spec.actuators:
                longest = parameter.range[1] * (actuator.delay if parameter.scale == 'relative' else 1.0)
                samples = math.ceil(longest / self._names.spec.option.timestep - 1e-9)
                if samples > 0 and any(fnmatch.fnmatch(actuator.name, p) for p in parameter.select):
                    actuator.nsample = max(actuator.nsample, samples + 1)
                    actuator.delay = max(actuator.delay, self._names.spec.option.timestep)
                    actuator.interp = 1

    def _joint_sensor(self, name: str, joint: str) -> str:
        kinds, objects = mujoco.mjtSensor, mujoco.mjtObj
        self._names.spec.add_sensor(name=name, type=kinds.mjSENS_JOINTPOS, objtype=objects.mjOBJ_JOINT, objname=joint)
        return name

    def _instrument(self, name: str, channel: Channel, target: str) -> str:
        kinds, objects = mujoco.mjtSensor, mujoco.mjtObj
        if channel.kind == 'pose' and target in self._names.of('joints'):
            return self._joint_sensor(name, target)
        if channel.kind == 'pose':
            kind, _, thing = target.partition(':')
            objtype = objects.mjOBJ_XBODY if kind == 'body' else objects.mjOBJ_SITE
            self._names.spec.add_sensor(name=name, type=kinds.mjSENS_FRAMEPOS, objtype=objtype, objname=thing)
            self._names.spec.add_sensor(name=f'{name}/q', type=kinds.mjSENS_FRAMEQUAT, objtype=objtype, objname=thing)
            return name
        if channel.kind == 'force' and target in self._names.of('sensors'):
            return target
        kind, _, thing = target.rpartition(':')
        kind = kind or ('geom' if thing in self._names.of('geoms') else 'body')
        objtype = objects.mjOBJ_GEOM if kind == 'geom' else objects.mjOBJ_XBODY
        sensor = self._names.spec.add_sensor(name=name, type=kinds.mjSENS_CONTACT, objtype=objtype, objname=thing)
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
            correlation=channel.noise_correlation_s,
            stamped=channel.stamp != 'receive',
        )

    def _located(self, model: mujoco.MjModel, name: str, channel: Channel, key: str | int, target: str) -> Element:
        sensor = model.sensor(self._sensors[(name, target)])
        label = element_name(key, target)
        address, width = int(sensor.adr[0]), int(sensor.dim[0])
        if channel.kind == 'slip':
            return Element(label, target, 'contact', address)
        if channel.kind == 'pose' and target not in self._names.of('joints'):
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
        kind = OBJECTS.get(GAINS.get(field, field).split('_')[0], '')
        rows: list[int] = []
        for pattern in parameter.select if kind else ():
            for item in self._names.selected(kind, pattern):
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
