"""Hands of known joints that move freely, and the traces they leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np
from mujoco.batch import Batch

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.traces import LEAD_S, Trace
from transfer_audit.core.shadow.placement import place, start_at_rest, state_of
from transfer_audit.core.types import NS, Array, Columns, Round

EPOCH_NS = 1_700_000_000 * NS
COMMAND_HZ = 100
SPANS = {
    'actuator_delay': (0.005, 0.035), 'dof_frictionloss': (0.5, 2.0), 'dof_damping': (0.6, 1.6),
    'actuator_kp': (0.8, 1.25), 'dof_armature': (0.5, 2.0),
}  # fmt: skip
"""What true joints are drawn from: delays in s, the others as factors of the model's."""


@dataclass(frozen=True)
class Truth:
    """The true parameters of every commanded joint by family field, each of shape (A,), SI units."""

    values: Mapping[str, Array]


def truth_of(binding: Binding, seed: int) -> Truth:
    """A hand each of whose joints is drawn by itself."""
    rng = np.random.default_rng([seed, 1])
    found = {}
    for field, (low, high) in SPANS.items():
        share = rng.random(len(binding.command.actuators))
        drawn = low + (high - low) * share if field == 'actuator_delay' else low * (high / low) ** share
        found[field] = drawn * _base(binding, field)
    return Truth(found)


def _base(binding: Binding, field: str) -> Array:
    actuators = list(binding.command.actuators)
    dofs = binding.model.jnt_dofadr[list(binding.command.joints)]
    if field == 'actuator_delay':
        return np.ones(len(actuators))
    if field == 'actuator_kp':
        return np.asarray(binding.model.actuator_gainprm[actuators, 0])
    return np.asarray(getattr(binding.model, field)[dofs])


def lively(binding: Binding, seed: int, seconds: float) -> Array:
    """Commands that show everything: slow sweeps that turn back often, then steps, each joint on its own.

    :returns: shape (N, A)
    """
    rng = np.random.default_rng([seed, 2])
    times = np.arange(round((seconds + LEAD_S) * COMMAND_HZ)) / COMMAND_HZ - LEAD_S
    out = []
    for middle in _middle(binding):
        sweeps = 0.05 * (4 * np.abs(times * rng.uniform(0.8, 1.6) % 1 - 0.5) - 1)
        steps = rng.uniform(-0.35, 0.35, len(times))[(np.maximum(times, 0) / 0.2).astype(int)]
        out.append(middle + np.where(times < 0, 0.0, np.where(times < 0.6 * seconds, sweeps, steps)))
    return np.stack(out, axis=1)


def slow(binding: Binding, seed: int, seconds: float) -> Array:
    """Commands of one slow sine, shape (N, A)."""
    rng = np.random.default_rng([seed, 3])
    times = np.arange(round((seconds + LEAD_S) * COMMAND_HZ)) / COMMAND_HZ - LEAD_S
    rates = rng.uniform(0.15, 0.25, len(binding.command.actuators))
    return _middle(binding) + np.where(times[:, None] < 0, 0.0, 0.3 * np.sin(2 * np.pi * rates * times[:, None]))


def _middle(binding: Binding) -> Array:
    ranges = binding.model.jnt_range[list(binding.command.joints)]
    limited = binding.model.jnt_limited[list(binding.command.joints)]
    return np.where(limited, ranges.mean(axis=1), 0.0)


def trace_of(binding: Binding, truth: Truth, commands: Array, seed: int, noise: bool = True) -> Trace:
    """What a hand of known joints leaves of a motion, without contact, at the rate of the audit clock.

    :param commands: shape (N, A), model units, COMMAND_HZ; the first LEAD_S of them lie before the round
    """
    controls = np.repeat(commands, round(1 / (COMMAND_HZ * binding.model.opt.timestep)), axis=0)
    track = _moved(binding, truth, controls)
    step = binding.steps_per_row
    stamps = EPOCH_NS + np.rint(np.arange(0, len(track), step) * binding.model.opt.timestep * NS).astype(np.int64)
    rng, channels = np.random.default_rng([seed, 4]), {}
    for plan in binding.channels:
        if plan.kind == 'pose' and plan.elements[0].sense == 'scalar':
            joints = [binding.model.joint(element.target).qposadr[0] for element in plan.elements]
            values = track[::step][:, joints]
            values = values + noise * plan.noise * rng.standard_normal(values.shape)
            channels[plan.name] = Columns(stamps, stamps, values)
        else:
            channels[plan.name] = Columns.empty(plan.carried)
    sent = EPOCH_NS + np.arange(len(commands)) * (NS // COMMAND_HZ)
    raw = (commands - binding.command.offset) / binding.command.scale
    start_ns = EPOCH_NS + round(LEAD_S * NS)
    return Trace(f'lively {seed}', EPOCH_NS, Round(1, start_ns, int(stamps[-1])), Columns(sent, sent, raw), channels)


def _moved(binding: Binding, truth: Truth, controls: Array) -> Array:
    """Joint positions at the start of every physics step, shape (T, nq)."""
    hand = Batch(binding.model, 1, 1)
    actuators, dofs = list(binding.command.actuators), binding.model.jnt_dofadr[list(binding.command.joints)]
    for field, values in truth.values.items():
        if field == 'actuator_kp':
            hand.expand('actuator_gainprm')[0, actuators, 0] = values
            hand.expand('actuator_biasprm')[0, actuators, 1] = -values
        else:
            hand.expand(field)[0, actuators if field == 'actuator_delay' else dofs] = values
    hand.expand('opt.disableflags')[:] |= int(mujoco.mjtDisableBit.mjDSBL_CONTACT)
    hand.set_const()
    data = place(binding, {})
    data.qpos[binding.model.jnt_qposadr[list(binding.command.joints)]] = controls[0]
    start_at_rest(binding, data)
    hand.state[:] = state_of(binding.model, data)
    full = np.tile(data.ctrl, (len(controls), 1))
    full[:, actuators] = controls
    qpos = mujoco.mjtState.mjSTATE_QPOS
    rolled = hand.rollout(len(controls), full[None], record=(qpos,))[qpos][0]
    return np.concatenate([data.qpos[None], rolled[:-1]])
