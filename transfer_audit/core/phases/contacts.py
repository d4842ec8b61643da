"""Which force elements tell of the contact of which compared element."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np
import numpy.typing as npt

from transfer_audit.core.binding import Binding
from transfer_audit.core.types import Array

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ContactMap:
    """Which force elements (tips) tell of the contact of each compared element.

    :param names: every compared element, (channel, column), in the order of `Comparison.names`
    :param tips: the force elements that tell of contact, (channel, column index)
    :param tips_of: for each compared element the indices of its tips; empty where contact cannot be known
    :param floor: force above which a tip touches, shape (T,), channel units
    :param slips: the compared elements that are slip, shape (C,)
    """

    names: tuple[tuple[str, str], ...]
    tips: tuple[tuple[str, int], ...]
    tips_of: tuple[tuple[int, ...], ...]
    floor: Array
    slips: Mask

    @staticmethod
    def of(binding: Binding) -> ContactMap:
        """The map of a hand, by the bodies of its model: a tip tells of itself, of the slip of its body, of every joint
        above it in the kinematic tree, and of every object."""
        sensed = list(_sensed(binding))
        tips = [one for one in sensed if one.kind == 'force' and one.touches]
        tips_of = [tuple(_tips_of(binding.model, one, tips)) for one in sensed for _ in range(one.columns)]
        plans = [(binding.channel(tip.channel), tip.index) for tip in tips]
        return ContactMap(
            tuple((plan.name, column) for plan in binding.channels for column in plan.columns),
            tuple((tip.channel, tip.index) for tip in tips),
            tuple(tips_of),
            np.array([plan.tolerance[at] + 3.0 * plan.noise[at] for plan, at in plans], np.float64),
            np.array([plan.kind == 'slip' for plan in binding.channels for _ in plan.columns], bool),
        )


@dataclass(frozen=True)
class _Sensed:
    """An element and where it is sensed: the body, and whether at a joint of it.

    :param body: -1 where it is no body's (a tendon)
    """

    channel: str
    kind: str
    index: int
    target: str
    columns: int
    body: int
    joint: bool

    @property
    def touches(self) -> bool:
        """Whether it senses what the body touches."""
        return not self.joint and self.body >= 0


def _sensed(binding: Binding) -> Iterator[_Sensed]:
    for plan in binding.channels:
        for index, element in enumerate(plan.elements):
            body, joint = _place(binding.model, element.address)
            yield _Sensed(plan.name, plan.kind, index, element.target, len(element.columns), body, joint)


def _tips_of(model: mujoco.MjModel, one: _Sensed, tips: list[_Sensed]) -> list[int]:
    """Which tips tell of the contact of an element."""
    if one in tips:
        return [tips.index(one)]
    if one.kind == 'slip':
        same = [n for n, tip in enumerate(tips) if tip.body == one.body]
        return [n for n in same if tips[n].target == one.target] or same
    if one.joint:
        return [n for n, tip in enumerate(tips) if _moves(model, one.body, tip.body)]
    return list(range(len(tips))) if one.kind == 'pose' else []


def _place(model: mujoco.MjModel, address: int) -> tuple[int, bool]:
    """The body of the sensor that fills this place of `sensordata`, and whether it sits at a joint of it."""
    objects = mujoco.mjtObj
    sensor = int(np.flatnonzero(model.sensor_adr == address)[0])
    kind, thing = int(model.sensor_objtype[sensor]), int(model.sensor_objid[sensor])
    if kind == objects.mjOBJ_ACTUATOR and model.actuator_trntype[thing] == mujoco.mjtTrn.mjTRN_JOINT:
        kind, thing = int(objects.mjOBJ_JOINT), int(model.actuator_trnid[thing, 0])
    if kind == objects.mjOBJ_JOINT:
        return int(model.jnt_bodyid[thing]), True
    if kind == objects.mjOBJ_SITE:
        return int(model.site_bodyid[thing]), False
    if kind == objects.mjOBJ_GEOM:
        return int(model.geom_bodyid[thing]), False
    return (thing if kind in (objects.mjOBJ_BODY, objects.mjOBJ_XBODY) else -1), False


def _moves(model: mujoco.MjModel, body: int, tip: int) -> bool:
    """Whether a joint of `body` moves the tip's body."""
    while tip > 0 and tip != body:
        tip = int(model.body_parentid[tip])
    return tip == body != 0
