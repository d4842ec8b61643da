"""The joints that move each other, as a model of their own: what is fitted together, and nothing else."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from transfer_audit.core import family as families
from transfer_audit.core.binding import Binding, load_spec
from transfer_audit.core.types import Array

_FIRM = (0.98, 0.999)
"""Impedance of friction that does not creep."""
SCALAR = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))


@dataclass(frozen=True)
class Servo:
    """A joint that is commanded by a position servo and measured.

    :param element: its name in the profile's channel; `joint` and `actuator` in the model
    :param channel: where it is measured, with `column`; `command`: the column of the command that drives it
    :param delay_s: what the profile takes for its command delay
    """

    element: str
    joint: str
    actuator: str
    channel: str
    column: int
    command: int
    noise: float
    delay_s: float


@dataclass(frozen=True)
class Chain:
    """Servos whose joints move each other, and a model of only them, at the centre of the profile's family.

    Contact is off and delays are none: what is fitted is free motion, and commands are moved in time before they act.
    One chain is one island, so looking for islands is off as well.

    :param dofs: of each servo in `model`, shape (J,); `positions` its place in qpos, `actuators` its actuator
    """

    model: mujoco.MjModel
    servos: tuple[Servo, ...]
    dofs: tuple[int, ...]
    positions: tuple[int, ...]
    actuators: tuple[int, ...]


def chains_of(binding: Binding) -> list[Chain]:
    """The hand cut into what does not move each other in free motion: its fingers, where the palm does not move."""
    model, servos = binding.model, servos_of(binding)
    tree_of = {servo.joint: _tied(model)[_tree(model, servo.joint)] for servo in servos}
    return [
        _chain(binding, tuple(servo for servo in servos if tree_of[servo.joint] == tree))
        for tree in dict.fromkeys(tree_of.values())
    ]


def servos_of(binding: Binding) -> list[Servo]:
    """Every joint that is commanded by a position servo and measured."""
    model, plan = binding.model, binding.command
    delays = families.delays_of(binding, families.nominal(binding))[0]
    found = []
    for command, (actuator, joint) in enumerate(zip(plan.actuators, plan.joints, strict=True)):
        if joint < 0 or model.jnt_type[joint] not in SCALAR or not _is_position_servo(model, actuator):
            continue
        place = _measured_at(binding, model.joint(joint).name)
        if place is not None:
            element, channel, column, noise = place
            names = (element, model.joint(joint).name, model.actuator(actuator).name)
            found.append(Servo(*names, channel, column, command, noise, float(delays[command])))
    return found


def _is_position_servo(model: mujoco.MjModel, actuator: int) -> bool:
    gain, bias = model.actuator_gainprm[actuator, 0], model.actuator_biasprm[actuator, 1]
    return bool(gain != 0 and bias == -gain)


def _measured_at(binding: Binding, joint: str) -> tuple[str, str, int, float] | None:
    for plan in binding.channels:
        for column, element in enumerate(plan.elements):
            if plan.kind == 'pose' and element.sense == 'scalar' and element.target == joint:
                return element.name, plan.name, column, float(plan.noise[column])
    return None


def _tree(model: mujoco.MjModel, joint: str) -> int:
    return int(model.dof_treeid[model.joint(joint).dofadr[0]])


def _tied(model: mujoco.MjModel) -> list[int]:
    """The kinematic tree that stands for each one: trees that an equality ties are one."""
    stands = list(range(model.ntree))
    for equality in range(model.neq):
        if model.eq_type[equality] == mujoco.mjtEq.mjEQ_JOINT and model.eq_obj2id[equality] >= 0:
            a, b = (
                stands[int(model.dof_treeid[model.jnt_dofadr[joint]])]
                for joint in (model.eq_obj1id[equality], model.eq_obj2id[equality])
            )
            stands = [a if tree == b else tree for tree in stands]
    return stands


def _chain(binding: Binding, servos: tuple[Servo, ...]) -> Chain:
    full = _centre(binding)
    spec = load_spec(binding.profile.model_path)
    for key in list(spec.keys):
        spec.delete(key)
    stands = _tied(full)
    kept = {tree for tree in range(full.ntree) if stands[tree] == stands[_tree(full, servos[0].joint)]}
    for name in _roots(spec, full, kept):
        spec.delete(spec.body(name))
    for actuator in spec.actuators:
        actuator.nsample, actuator.delay = 0, 0.0
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONTACT | mujoco.mjtDisableBit.mjDSBL_ISLAND
    model = spec.compile()
    _copy_parameters(full, model)
    joints = [model.joint(servo.joint) for servo in servos]
    return Chain(
        model,
        servos,
        tuple(int(joint.dofadr[0]) for joint in joints),
        tuple(int(joint.qposadr[0]) for joint in joints),
        tuple(int(model.actuator(servo.actuator).id) for servo in servos),
    )


def _centre(binding: Binding) -> mujoco.MjModel:
    """The model at the centre of the profile's family."""
    centre = mujoco.batch.Batch(binding.model, 1, 1)
    families.apply(binding, families.nominal(binding), centre)
    return centre.get_model(0)


def _roots(spec: mujoco.MjSpec, model: mujoco.MjModel, kept: set[int]) -> list[str]:
    """The bodies that carry the kinematic trees that are not kept."""
    found = []
    for body in spec.bodies:
        tree, parent = int(model.body_treeid[body.id]), int(model.body_parentid[body.id])
        if tree >= 0 and tree not in kept and int(model.body_treeid[parent]) != tree:
            body.name = body.name or f'tree {tree}'
            found.append(body.name)
    return found


def _copy_parameters(full: mujoco.MjModel, model: mujoco.MjModel) -> None:
    for joint in range(model.njnt):
        if model.jnt_type[joint] in SCALAR and (name := model.joint(joint).name):
            there, here = int(full.joint(name).dofadr[0]), int(model.jnt_dofadr[joint])
            for field in ('dof_frictionloss', 'dof_damping', 'dof_armature'):
                getattr(model, field)[here] = getattr(full, field)[there]
    for actuator in range(model.nu):
        if name := model.actuator(actuator).name:
            model.actuator_gainprm[actuator] = full.actuator(name).gainprm
            model.actuator_biasprm[actuator] = full.actuator(name).biasprm
    mujoco.mj_setConst(model, mujoco.MjData(model))


def sticking(chain: Chain) -> Chain:
    """The same joints with friction that holds a joint where it rests.

    With MuJoCo's default solref and solimp a joint that friction holds creeps, and takes 20 ms to come to rest.
    """
    model = copy(chain.model)
    dofs = list(chain.dofs)
    model.dof_solref[dofs] = _firm_s(model), 1.0
    model.dof_solimp[dofs, :2] = _FIRM
    return replace(chain, model=model)


def _firm_s(model: mujoco.MjModel) -> float:
    """Time constant of firm friction: no shorter than two steps, below which MuJoCo (refsafe) does not go either."""
    return max(0.004, 2.0 * float(model.opt.timestep))


def in_mjcf(model: mujoco.MjModel) -> str:
    """What `sticking` does, as attributes of a joint."""
    return f'solreffriction="{_firm_s(model):g} 1" solimpfriction="{_FIRM[0]:g} {_FIRM[1]:g}"'


def inertia_of(chain: Chain) -> Array:
    """What each servo has to turn in the reference pose besides its own armature, shape (J,), kg m^2."""
    data = mujoco.MjData(chain.model)
    mujoco.mj_forward(chain.model, data)
    full = np.empty((chain.model.nv, chain.model.nv))
    mujoco.mj_fullM(chain.model, data, full)
    dofs = list(chain.dofs)
    return np.asarray(full[dofs, dofs] - chain.model.dof_armature[dofs])
