"""What a family may be missing: parameters that MuJoCo can vary and the hand's family does not."""

from __future__ import annotations

from collections.abc import Iterator

import mujoco
import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.profile import Parameter

LATE_S = 0.03
"""How much longer than the model's own a delay is taken to be at first."""
PLAY_RAD = 0.05
"""Friction, damping and offsets that the model does not have are first looked for up to what this error of position,
or this speed per second, asks of the servo."""

PLACE_M = 0.01
"""How far off a fixed object is looked for at first."""


def candidates(binding: Binding) -> dict[str, Parameter]:
    """Parameters that the family does not have, each with the range where it is first looked for; the model as it is
    lies inside it or at its edge."""
    has = {variation.field for variation in binding.variations}
    taken = set(binding.profile.family.parameters)
    return {
        name: parameter
        for name, parameter in (*_servos(binding), *_joints(binding), *_tips(binding), *_objects(binding))
        if parameter.field not in has and name not in taken
    }


def _servos(binding: Binding) -> Iterator[tuple[str, Parameter]]:
    model, ids = binding.model, list(binding.command.actuators)
    names = tuple(model.actuator(index).name for index in ids)
    delay = float(model.actuator_delay[ids].max())
    yield 'actuator_delay', Parameter(field='actuator_delay', select=names, range=(delay, delay + LATE_S))
    gain = np.abs(model.actuator_gainprm[ids, 0])
    if (gain > 0).all():
        yield 'servo_gain', Parameter(field='actuator_kp', select=names, range=(0.7, 1.4), scale='relative')
        most = float(np.max(gain) * PLAY_RAD)
        yield 'servo_offset', Parameter(field='actuator_biasprm', select=names, range=(-most, most))
    if model.actuator_forcelimited[ids].all():
        limits = Parameter(
            field='actuator_forcerange', select=names, columns=(0, 1), range=(0.6, 1.4), scale='relative'
        )
        yield 'torque_limit', limits


def _joints(binding: Binding) -> Iterator[tuple[str, Parameter]]:
    model = binding.model
    joints = sorted({joint for joint in binding.command.joints if joint >= 0})
    if not joints:
        return
    names = tuple(model.joint(joint).name for joint in joints)
    dofs = [int(model.jnt_dofadr[joint]) for joint in joints]
    torque = float(np.abs(model.actuator_gainprm[list(binding.command.actuators), 0]).max() * PLAY_RAD)
    for name, field, factor in (
        ('joint_friction', 'dof_frictionloss', 1.0),
        ('joint_damping', 'dof_damping', 1.0),
        ('joint_armature', 'dof_armature', 0.02),
    ):
        if (getattr(model, field)[dofs] > 0).all():
            yield name, Parameter(field=field, select=names, range=(0.5, 2.0), scale='relative')
        else:
            yield name, Parameter(field=field, select=names, range=(0.0, torque * factor))
    if model.jnt_actfrclimited[joints].all():
        limits = Parameter(field='jnt_actfrcrange', select=names, columns=(0, 1), range=(0.6, 1.4), scale='relative')
        yield 'joint_torque_limit', limits
    bodies = tuple(dict.fromkeys(model.body(int(model.jnt_bodyid[joint])).name for joint in joints))
    if all(bodies):
        yield 'link_mass', Parameter(field='body_mass', select=bodies, range=(0.8, 1.25), scale='relative')


def _tips(binding: Binding) -> Iterator[tuple[str, Parameter]]:
    geoms = tuple(dict.fromkeys(geom for plan in binding.channels for geom in _touching(binding, plan.kind, plan)))
    if geoms:
        yield 'tip_friction', Parameter(field='geom_friction', select=geoms, range=(0.7, 1.4), scale='relative')
        yield 'tip_compliance', Parameter(field='geom_solref', select=geoms, range=(0.7, 1.4), scale='relative')


def _objects(binding: Binding) -> Iterator[tuple[str, Parameter]]:
    """Where what stands fixed in the hand's reach is: it is put there by hand, and often one axis is off."""
    model = binding.model
    if all(plan.kind == 'pose' for plan in binding.channels):
        return
    for geom in range(model.ngeom):
        fixed = model.geom_bodyid[geom] == 0 and model.geom_contype[geom] and model.geom(geom).name
        if not fixed or model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_PLANE:
            continue
        for axis, letter in enumerate('xyz'):
            at = float(model.geom_pos[geom, axis])
            yield (
                f'{model.geom(geom).name}_{letter}',
                Parameter(
                    field='geom_pos',
                    select=(model.geom(geom).name,),
                    columns=(axis,),
                    range=(at - PLACE_M, at + PLACE_M),
                ),
            )


def _touching(binding: Binding, kind: str, plan: object) -> Iterator[str]:
    """How a family selects the geoms that force and slip channels sense."""
    if kind == 'pose':
        return
    model, objects = binding.model, mujoco.mjtObj
    for element in plan.elements:  # type: ignore[attr-defined]
        sensor = int(np.flatnonzero(model.sensor_adr == element.address)[0])
        thing, of = int(model.sensor_objid[sensor]), int(model.sensor_objtype[sensor])
        if of == objects.mjOBJ_GEOM and model.geom(thing).name:
            yield str(model.geom(thing).name)
        elif of == objects.mjOBJ_SITE:
            yield f'body:{model.body(int(model.site_bodyid[thing])).name}'
        elif of in (objects.mjOBJ_BODY, objects.mjOBJ_XBODY):
            yield f'body:{model.body(thing).name}'
