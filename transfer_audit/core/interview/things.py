"""What a model has that a profile could speak of: actuators, joints, fingertips and free bodies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import mujoco

from transfer_audit.core.binding import load_spec
from transfer_audit.core.errors import ModelError
from transfer_audit.core.interview.streams import words

TIP_WORDS = frozenset({'tip', 'fingertip', 'distal', 'pad', 'ft', 'touch', 'tactile', 'force'})
FORCE_SENSORS = {mujoco.mjtSensor.mjSENS_TOUCH: 1, mujoco.mjtSensor.mjSENS_FORCE: 3}


@dataclass(frozen=True)
class Thing:
    """An object of the model.

    :param target: how a profile names it; `aliases` are names of what it belongs to: an actuator's joint, a joint's
        actuator, a tip's body
    :param low, high: its range in model units, infinite where it has none; `rest` where the model starts
    :param unit: of a joint: rad or m; `sort`: joint, actuator, sensor, geom or body
    """

    target: str
    aliases: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    rest: float = 0.0
    unit: str = 'rad'
    joint: str = ''
    sort: str = 'joint'


@dataclass(frozen=True)
class Things:
    """All of a model. `tips` are groups of which one may be what a force channel measures, the likeliest first.

    :param below: by joint, the leaf bodies that it moves
    """

    path: Path
    actuators: tuple[Thing, ...]
    joints: tuple[Thing, ...]
    tips: tuple[tuple[Thing, ...], ...]
    free_bodies: tuple[Thing, ...]
    below: dict[str, tuple[str, ...]]
    model: mujoco.MjModel

    @property
    def step_s(self) -> float:
        """The physics step."""
        return float(self.model.opt.timestep)


def read_things(path: Path) -> Things:
    """Read a model.

    :raises ModelError: if it does not exist or does not compile, or nothing in it can be commanded
    """
    model = load_spec(path).compile()
    joints = tuple(_joint(model, j) for j in range(model.njnt) if model.jnt_type[j] in (2, 3) and model.joint(j).name)
    actuators = tuple(_actuator(model, a) for a in range(model.nu) if model.actuator(a).name)
    if not joints or not actuators:
        lacking = (
            'joint' if not joints else 'actuator (a URDF has none: load it in MuJoCo, save it as MJCF and add some)'
        )
        raise ModelError(f'{path}: the model has no named {lacking}')
    free = tuple(
        Thing(f'body:{model.body(int(model.jnt_bodyid[j])).name}', (model.joint(j).name,), unit='m')
        for j in range(model.njnt)
        if model.jnt_type[j] == 0 and model.body(int(model.jnt_bodyid[j])).name
    )
    below = {joint.target: _below(model, int(model.joint(joint.target).bodyid[0])) for joint in joints}
    return Things(path, actuators, joints, _tips(model), free, below, model)


def _joint(model: mujoco.MjModel, joint: int) -> Thing:
    low, high = model.jnt_range[joint] if model.jnt_limited[joint] else (-math.inf, math.inf)
    drives = [
        model.actuator(a).name
        for a in range(model.nu)
        if model.actuator_trntype[a] == mujoco.mjtTrn.mjTRN_JOINT and model.actuator_trnid[a, 0] == joint
    ]
    unit = 'rad' if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE else 'm'
    name = model.joint(joint).name
    rest = float(model.qpos0[model.jnt_qposadr[joint]])
    return Thing(name, tuple(filter(None, drives)), float(low), float(high), rest, unit, name)


def _actuator(model: mujoco.MjModel, actuator: int) -> Thing:
    joint = -1
    if model.actuator_trntype[actuator] == mujoco.mjtTrn.mjTRN_JOINT:
        joint = int(model.actuator_trnid[actuator, 0])
    of = _joint(model, joint) if joint >= 0 else Thing('')
    low, high = (of.low, of.high)
    if model.actuator_ctrllimited[actuator]:
        low, high = (float(value) for value in model.actuator_ctrlrange[actuator])
    aliases = (of.target,) if of.target else ()
    return Thing(model.actuator(actuator).name, aliases, low, high, of.rest, of.unit, of.target, 'actuator')


def _tips(model: mujoco.MjModel) -> tuple[tuple[Thing, ...], ...]:
    """Force sensors, geoms called tips, bodies called tips, and the last bodies of the fingers."""
    sensors = [
        Thing(model.sensor(s).name, _place_of(model, s), sort='sensor')
        for s in range(model.nsensor)
        if mujoco.mjtSensor(model.sensor_type[s]) in FORCE_SENSORS and model.sensor(s).name
    ]
    geoms = [
        Thing(model.geom(g).name, (model.body(int(model.geom_bodyid[g])).name,), sort='geom')
        for g in range(model.ngeom)
        if TIP_WORDS & set(words(model.geom(g).name)) and model.geom_contype[g] | model.geom_conaffinity[g]
    ]
    named = [
        Thing(f'body:{model.body(b).name}', (model.body(b).name,), sort='body')
        for b in range(1, model.nbody)
        if TIP_WORDS & set(words(model.body(b).name))
    ]
    parents = {int(parent) for parent in model.body_parentid[1:]}
    leaves = [
        Thing(f'body:{model.body(b).name}', (model.body(b).name,), sort='body')
        for b in range(1, model.nbody)
        if b not in parents and model.body(b).name and model.body_weldid[b] and model.body_dofnum[b] != 6
    ]
    return tuple(tuple(group) for group in (sensors, geoms, named, leaves) if group)


def _place_of(model: mujoco.MjModel, sensor: int) -> tuple[str, ...]:
    """The site that a sensor sits on, and its body."""
    if model.sensor_objtype[sensor] != mujoco.mjtObj.mjOBJ_SITE:
        return ()
    site = model.site(int(model.sensor_objid[sensor]))
    return tuple(filter(None, (site.name, model.body(int(model.site_bodyid[site.id])).name)))


def _below(model: mujoco.MjModel, body: int) -> tuple[str, ...]:
    """The leaf bodies of a subtree."""
    children = [b for b in range(1, model.nbody) if model.body_parentid[b] == body]
    if not children:
        return (model.body(body).name,)
    return tuple(leaf for child in children for leaf in _below(model, child))
