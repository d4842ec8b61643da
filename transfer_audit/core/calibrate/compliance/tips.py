"""Fingertips: which geoms of the model a force element feels, and that tip alone against a plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from transfer_audit.core.binding import Binding, load_spec
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.types import Array

FAR = 1.0
"""Distances beyond this are not measured, m."""


@dataclass(frozen=True)
class Tip:
    """A force element that feels what a body of the hand touches.

    :param column: its column in the channel `plan`
    :param geoms: ids of the geoms that touch; `select` the pattern that names them in a profile
    """

    name: str
    plan: ChannelPlan
    column: int
    geoms: tuple[int, ...]
    select: str


def tips_of(binding: Binding) -> list[Tip]:
    """Every force element that senses at a site, a geom or a body; a torque sensor at a joint is no tip."""
    found = []
    for plan in binding.channels:
        for column, element in enumerate(plan.elements):
            geoms = _geoms_at(binding.model, element.address) if plan.kind == 'force' else ()
            if geoms:
                found.append(Tip(element.name, plan, column, geoms, _pattern(binding.model, geoms)))
    return found


def _geoms_at(model: mujoco.MjModel, address: int) -> tuple[int, ...]:
    """The colliding geoms that the sensor at this place of `sensordata` feels; of a site's body, the nearest one."""
    sensor = int(np.flatnonzero(model.sensor_adr == address)[0])
    kind, thing = int(model.sensor_objtype[sensor]), int(model.sensor_objid[sensor])
    objects = mujoco.mjtObj
    if kind == objects.mjOBJ_GEOM:
        return (thing,)
    if kind == objects.mjOBJ_SITE:
        geoms = _colliding(model, int(model.site_bodyid[thing]))
        reach = [float(np.linalg.norm(model.geom_pos[geom] - model.site_pos[thing])) for geom in geoms]
        return (geoms[int(np.argmin(reach))],) if geoms else ()
    return tuple(_colliding(model, thing)) if kind in (objects.mjOBJ_BODY, objects.mjOBJ_XBODY) else ()


def _colliding(model: mujoco.MjModel, body: int) -> list[int]:
    touches = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
    return [int(geom) for geom in np.flatnonzero((model.geom_bodyid == body) & touches)]


def _pattern(model: mujoco.MjModel, geoms: Sequence[int]) -> str:
    name = model.geom(geoms[0]).name
    return str(name) if name and len(geoms) == 1 else f'body:{model.body(model.geom_bodyid[geoms[0]]).name}'


@dataclass(frozen=True)
class Touch:
    """What a tip touches in the model at a pose.

    :param normal: out of the object, towards the tip, shape (3,)
    :param geom: the geom that is touched
    """

    normal: Array
    geom: int


def touched(model: mujoco.MjModel, tip: Tip, qpos: Array) -> Touch | None:
    """The deepest contact of a tip at a pose of the whole model, or None where the model has nothing there."""
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    mujoco.mj_fwdPosition(model, data)
    pairs = np.asarray(data.contact.geom).reshape(-1, 2)
    mine = np.isin(pairs, tip.geoms)
    at = np.flatnonzero(mine.any(axis=1))
    if len(at) == 0:
        return None
    deepest = int(at[np.argmin(data.contact.dist[at])])
    second = bool(mine[deepest, 1])
    normal = np.array(data.contact.frame[deepest][:3]) * (1.0 if second else -1.0)
    return Touch(normal, int(pairs[deepest, 0 if second else 1]))


class PressWorld:
    """The hand of a model with one tip that touches a fixed plane and nothing else.

    The plane takes the contact parameters of the fixed object that the model has there (`touch`), as MuJoCo mixes those
    of both geoms; where it has none, or a body that moves, the tip's own decide.
    """

    def __init__(self, binding: Binding, tip: Tip, touch: Touch | None = None) -> None:
        spec = load_spec(binding.profile.model_path)
        for pair in list(spec.pairs):
            spec.delete(pair)
        geoms = {geom.id: geom for geom in spec.geoms}
        for geom in geoms.values():
            geom.contype = geom.conaffinity = 0
        mine = [geoms[geom] for geom in tip.geoms]
        for geom in mine:
            geom.contype = 1
        plane = spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1, 1, 0.1], contype=0, conaffinity=1)
        plane.pos, plane.quat = (
            [0.0, 0.0, -1.0],
            [0.8, 0.6, 0.0, 0.0],
        )  # apart from its body's frame, or it is fixed to it
        plane.priority = mine[0].priority - 1
        fixed = touch is not None and binding.model.body_weldid[binding.model.geom_bodyid[touch.geom]] == 0
        if touch is not None and fixed:
            other = geoms[touch.geom]
            for field in ('priority', 'condim', 'solmix', 'margin', 'gap'):
                setattr(plane, field, getattr(other, field))
            plane.solref, plane.solimp, plane.friction = other.solref, other.solimp, other.friction
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self.tips = [geom.id for geom in mine]
        self._plane = plane.id

    def stand(self, point: Array, normal: Array) -> None:
        """Put the plane through a point; the hand is on the side of `normal`, shape (3,)."""
        self.model.geom_pos[self._plane] = point
        mujoco.mju_quatZ2Vec(self.model.geom_quat[self._plane], normal)

    def centre(self, qpos: Array) -> Array:
        """Where the tip's geom is at a pose, shape (3,), m."""
        self._pose(qpos)
        return np.array(self.data.geom_xpos[self.tips[0]])

    def gap(self, qpos: Array) -> float:
        """Distance of the tip from the plane at a pose, m; below zero it is inside."""
        self._pose(qpos)
        nearest = [mujoco.mj_geomDistance(self.model, self.data, self._plane, tip, FAR, None) for tip in self.tips]
        return float(min(nearest))

    def _pose(self, qpos: Array) -> None:
        self.data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, self.data)

    def soften(self, solref: Sequence[float] | None = None, solimp: Sequence[float] | None = None) -> None:
        """Give the tip contact parameters: `solref`, 2 numbers, and `solimp`, 5."""
        if solref is not None:
            self.model.geom_solref[self.tips] = solref
        if solimp is not None:
            self.model.geom_solimp[self.tips] = solimp

    def force(self, qpos: Array) -> float:
        """Normal force of the contact when the hand stands still at a pose, N.

        By inverse dynamics, which in MuJoCo is the exact inverse of the forward simulation: the force that a step from
        this state without acceleration would find.
        """
        data = self.data
        data.qpos[:] = qpos
        data.qvel[:] = data.qacc[:] = 0.0
        mujoco.mj_inverse(self.model, data)
        wrench = np.zeros(6)
        total = 0.0
        for index in range(data.ncon):
            mujoco.mj_contactForce(self.model, data, index, wrench)
            total += float(wrench[0])
        return total
