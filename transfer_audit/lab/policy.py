"""The policy: a grip of six numbers, and the task instances in which it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.types import Array

PARAMETERS = ('squeeze_index', 'squeeze_middle', 'squeeze_ring', 'squeeze_thumb', 'closing_s', 'lift')
LOW = np.array([-0.06, -0.06, -0.06, -0.06, 0.30, 0.6])
HIGH = np.array([0.20, 0.20, 0.20, 0.20, 0.60, 1.4])
"""Squeeze: how far a finger's base joint is commanded into the cube, rad. Lift: in lifts of the scripted motion."""
REST_S, LIFT_S, TURN_S, HOLD_S = 0.2, 0.4, 1.3, 0.3
FADE_S = 0.2
"""In which the turning begins, and in which it ends."""
SECONDS = REST_S + float(HIGH[4]) + LIFT_S + TURN_S + HOLD_S


@dataclass(frozen=True)
class Instance:
    """One task: lift the cube from where it lies and turn it left and right.

    :param offset: of the cube from the middle of the palm, m; `yaw`, rad
    :param turn: how far, in turns of the scripted motion; `turn_hz` how often
    """

    offset: tuple[float, float]
    yaw: float
    turn: float
    turn_hz: float

    @property
    def name(self) -> str:
        """As the ledger calls it."""
        x, y = (1e3 * value for value in self.offset)
        return f'cube {x:+.1f} {y:+.1f} mm {self.yaw:+.3f} rad, turn x{self.turn:.2f} at {self.turn_hz:.2f} Hz'


def instances(count: int, seed: int) -> list[Instance]:
    """Tasks drawn from a seed."""
    rng = np.random.default_rng([seed, 11])
    low, high = [-0.0015, -0.0015, -0.05, 1.35, 1.8], [0.0015, 0.0015, 0.05, 1.55, 2.2]
    return [Instance((float(x), float(y)), *map(float, rest)) for x, y, *rest in rng.uniform(low, high, (count, 5))]


def cube_start(binding: Binding, instance: Instance) -> Array:
    """Where the cube lies at first: x y z, m, and orientation w x y z, shape (7,)."""
    model = binding.model
    key = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_KEY, 'home')
    address = model.joint('cube').qposadr[0]
    pose = model.key_qpos[key, address : address + 7].copy()
    turn, turned = np.array([np.cos(instance.yaw / 2), 0.0, 0.0, np.sin(instance.yaw / 2)]), np.empty(4)
    mujoco.mju_mulQuat(turned, turn, pose[3:])
    return np.concatenate([pose[:2] + instance.offset, pose[2:3], turned])


def controls_of(binding: Binding, policy: Array, instance: Instance) -> Array:
    """The commands of a policy in a task, row by row of the audit clock, shape (T, A).

    Home, close with the squeeze, lift, turn left and right, hold; smooth between them.

    :param policy: shape (P,), in the order and units of `PARAMETERS`
    """
    *squeeze, closing_s, lift = policy.tolist()
    rate = binding.profile.clock.rate_hz
    time_s = np.arange(round(SECONDS * rate)) / rate - REST_S
    home, grasp, left, right = _keys(binding, ('home', 'grasp', 'turn_left', 'turn_right'))
    grip = grasp + _squeezed(binding, squeeze)
    turning_s = time_s - closing_s - LIFT_S
    wide = instance.turn * _smooth(turning_s / FADE_S) * _smooth((TURN_S - turning_s) / FADE_S)
    angle = wide * np.sin(2 * np.pi * instance.turn_hz * turning_s)[:, None]
    motion = home + _smooth(time_s / closing_s) * (grip - home)
    motion += lift * _smooth((time_s - closing_s) / LIFT_S) * ((left + right) / 2 - grasp)
    motion += angle * (left - right) / 2
    actuators = list(binding.command.actuators)
    return np.clip(motion, *binding.model.actuator_ctrlrange[actuators].T)


def _keys(binding: Binding, names: Sequence[str]) -> Array:
    rows = [binding.model.key(name).id for name in names]
    return np.asarray(binding.model.key_ctrl[rows][:, list(binding.command.actuators)])


def _squeezed(binding: Binding, squeeze: Sequence[float]) -> Array:
    """What is added to the commands, shape (A,): the base joint of each finger flexes further."""
    added = np.zeros(len(binding.command.actuators))
    for name, value in zip(PARAMETERS, squeeze, strict=False):
        added[binding.command.names.index(f'act_{name.removeprefix("squeeze_")}_1')] = value
    return added


def _smooth(share: Array) -> Array:
    share = np.clip(share, 0.0, 1.0)
    return np.asarray((share * share * (3 - 2 * share))[:, None])
