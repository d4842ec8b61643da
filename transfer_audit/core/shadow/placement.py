"""Where the real hand is at an instant -> the state that every member of the family starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.timeline import Timeline
from transfer_audit.core.types import NS, Array

FIT_S = 0.05
"""Stretch before an instant over which position and velocity are fitted by a line."""


@dataclass(frozen=True)
class Pose:
    """What a pose channel says of an instant: values, shape (M,), and their rates, per second."""

    values: Array
    rates: Array


def pose_at(timeline: Timeline, instant_ns: int, max_gap_ns: int) -> Pose | None:
    """Position and velocity at an instant, from the events at or before it, else from the first one after it.

    A line is fitted by least squares to the last FIT_S; fewer than three events give the last value and no velocity.

    :returns: None if no event lies within `max_gap_ns`
    """
    stamps, values = timeline.stamps, timeline.values
    end = int(np.searchsorted(stamps, instant_ns, side='right'))
    if end > 0 and instant_ns - stamps[end - 1] <= max_gap_ns:
        begin = int(np.searchsorted(stamps, instant_ns - round(FIT_S * NS)))
        if end - begin < 3 or np.isnan(values[begin:end]).any():
            return Pose(values[end - 1], np.zeros(values.shape[1]))
        t = (stamps[begin:end] - instant_ns) / NS
        slope, level = np.polynomial.polynomial.polyfit(t, values[begin:end], 1)[::-1]
        return Pose(level, slope)
    if end < len(stamps) and stamps[end] - instant_ns <= max_gap_ns:
        return Pose(values[end], np.zeros(values.shape[1]))
    return None


def settled(timeline: Timeline, instant_ns: int, max_gap_ns: int) -> bool:
    """Whether the pose at an instant cannot change any more once the watermark is there: an event lies close before."""
    stamps = timeline.stamps
    end = int(np.searchsorted(stamps, instant_ns, side='right'))
    return end > 0 and bool(instant_ns - stamps[end - 1] <= max_gap_ns)


def place(binding: Binding, poses: Mapping[str, Pose]) -> mujoco.MjData:
    """A simulation put on the measured joints and bodies; what is not measured stays at home.

    Home is the keyframe `home` where the model has one, else its reference pose. Joints that an equality ties to a
    measured one follow it.
    """
    model = binding.model
    data = mujoco.MjData(model)
    home = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_KEY, 'home')
    if home >= 0:
        mujoco.mj_resetDataKeyframe(model, data, home)
    data.time = 0.0
    measured: set[int] = set()
    for plan in binding.channels:
        if plan.kind == 'pose' and plan.name in poses:
            measured |= _place_channel(model, data, plan, poses[plan.name])
    _follow_equalities(model, data, measured)
    return data


def _place_channel(model: mujoco.MjModel, data: mujoco.MjData, plan: ChannelPlan, pose: Pose) -> set[int]:
    measured: set[int] = set()
    for index, element in enumerate(plan.elements):
        if element.sense == 'pose':
            _place_body(model, data, element.target, pose.values[7 * index : 7 * index + 7])
        elif not np.isnan(pose.values[index]):
            joint = model.joint(element.target)
            data.qpos[joint.qposadr[0]] = pose.values[index]
            data.qvel[joint.dofadr[0]] = pose.rates[index]
            measured.add(joint.id)
    return measured


def _place_body(model: mujoco.MjModel, data: mujoco.MjData, target: str, pose: Array) -> None:
    kind, _, name = target.partition(':')
    if kind != 'body' or np.isnan(pose).any():
        return
    body = model.body(name)
    joint = int(body.jntadr[0])
    if joint >= 0 and model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE:
        address = model.jnt_qposadr[joint]
        data.qpos[address : address + 7] = pose
        dof = model.jnt_dofadr[joint]
        data.qvel[dof : dof + 6] = 0.0


def _follow_equalities(model: mujoco.MjModel, data: mujoco.MjData, measured: set[int]) -> None:
    ties = [eq for eq in range(model.neq) if model.eq_type[eq] == mujoco.mjtEq.mjEQ_JOINT and data.eq_active[eq]]
    known = set(measured)
    for eq in ties * len(ties):  # a joint may follow one that follows
        follower, leader = int(model.eq_obj1id[eq]), int(model.eq_obj2id[eq])
        if leader in known and follower not in known:
            known.add(follower)
            q, q0 = model.jnt_qposadr[leader], model.jnt_qposadr[follower]
            polynomial = np.polynomial.Polynomial(model.eq_data[eq, :5])
            lead = data.qpos[q] - model.qpos0[q]
            data.qpos[q0] = model.qpos0[q0] + polynomial(lead)
            rate = polynomial.deriv()(lead) * data.qvel[model.jnt_dofadr[leader]]
            data.qvel[model.jnt_dofadr[follower]] = rate


def resting_controls(binding: Binding, data: mujoco.MjData) -> Array:
    """Controls of the commanded actuators that hold a hand where it is, shape (A,): a position servo's own joint
    position, else the control of `home`."""
    model, plan = binding.model, binding.command
    rest = data.ctrl[list(plan.actuators)].copy()
    for index, (actuator, joint) in enumerate(zip(plan.actuators, plan.joints, strict=True)):
        servo = model.actuator_biasprm[actuator, 1] == -model.actuator_gainprm[actuator, 0] != 0
        if joint >= 0 and servo:
            rest[index] = data.qpos[model.jnt_qposadr[joint]] * model.actuator_gear[actuator, 0]
    return rest


def start_actuators(binding: Binding, data: mujoco.MjData, past: Array, now: Array) -> None:
    """Fill delay buffers with past controls, shape (H, A), and set controls and activations for now, shape (A,)."""
    model = binding.model
    for index, actuator in enumerate(binding.command.actuators):
        data.ctrl[actuator] = now[index]
        samples = int(model.actuator_history[actuator, 0])
        if samples:
            times = -model.opt.timestep * np.arange(samples, 0, -1.0)
            mujoco.mj_initCtrlHistory(model, data, actuator, times, np.ascontiguousarray(past[-samples:, index]))
        if model.actuator_actnum[actuator] == 1:
            data.act[model.actuator_actadr[actuator]] = now[index]
    for actuator in set(range(model.nu)) - set(binding.command.actuators):
        samples = int(model.actuator_history[actuator, 0])
        if samples:
            times = -model.opt.timestep * np.arange(samples, 0, -1.0)
            mujoco.mj_initCtrlHistory(model, data, actuator, times, np.full(samples, data.ctrl[actuator]))


def start_at_rest(binding: Binding, data: mujoco.MjData) -> None:
    """The hand has stood where it is for as long as its delay buffers reach back."""
    rest = resting_controls(binding, data)
    history = int(binding.model.actuator_history[:, 0].max(initial=0))
    start_actuators(binding, data, np.tile(rest, (history, 1)), rest)


def state_of(model: mujoco.MjModel, data: mujoco.MjData) -> Array:
    """All that a simulation goes on from, bit for bit, shape (S,)."""
    state = np.empty(mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_INTEGRATION))
    mujoco.mj_getState(model, data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
    return state
