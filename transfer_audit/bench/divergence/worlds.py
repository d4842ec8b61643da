"""Rounds of the emulated hand without ROS: a motion, the hand that does it, and the messages its driver would send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from mujoco.batch import Batch

from transfer_audit.core import family as families
from transfer_audit.core.binding import Binding
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.script import Script, script_of
from transfer_audit.core.shadow import Shadow
from transfer_audit.core.shadow.placement import place, start_at_rest, state_of
from transfer_audit.core.types import NS, Array, Columns, Envelope, Round, Stamps

EPOCH_NS = 1_700_000_000 * NS
REST_S, LEAD_S, TAIL_S = 0.5, 0.3, 0.5
"""At rest before the round begins, from there to the first motion, and after the last."""
COMMAND_HZ = 100
LATENCY_S, JITTER_S = 0.0007, 0.0003
"""A message arrives this long after its stamp: a constant and the mean of an exponential."""
Change = Callable[[Batch], None]


@dataclass(frozen=True)
class Streams:
    """What one round's messages hold: commands and measurements, each in order of arrival."""

    command: Columns
    channels: Mapping[str, Columns]

    def with_channel(self, name: str, columns: Columns) -> Streams:
        """The same round with other messages on one channel."""
        return replace(self, channels={**self.channels, name: columns})


@dataclass(frozen=True)
class Motion:
    """One round's script and its commands.

    :param controls: control of every physics step from EPOCH_NS on, shape (T, A)
    :param phase: physics steps by which the driver's samples lag behind the rows of the audit clock
    """

    number: int
    controls: Array
    round: Round
    phase: int


def motion_of(binding: Binding, number: int) -> Motion:
    """A motion through five keyframes at a pace of its own; the same number gives the same motion."""
    rng = np.random.default_rng([number, 1])
    names = [binding.model.key(index).name for index in range(binding.model.nkey)]
    keys = ['home', 'grasp' if 'grasp' in names else names[-1]]
    for _ in range(3):
        keys.append(str(rng.choice([name for name in names if name != keys[-1]])))
    script = script_of(binding, tuple(keys), float(rng.uniform(0.7, 1.3)))
    seconds = REST_S + LEAD_S + script.duration_s + TAIL_S
    rows = round(seconds * COMMAND_HZ)
    start_ns = EPOCH_NS + round(REST_S * NS)
    end_ns = EPOCH_NS + round((rows / COMMAND_HZ - 0.02) * NS)
    per_row = binding.steps_per_row
    phase = int(rng.integers(per_row))
    return Motion(number, _controls(script, rows, per_row), Round(1, start_ns, end_ns), phase)


def _controls(script: Script, rows: int, per_row: int) -> Array:
    times = np.arange(rows) / COMMAND_HZ - REST_S - LEAD_S
    return np.repeat([script.at(float(at)) for at in times], per_row, axis=0)


def simulate(
    binding: Binding, truth: families.Family, controls: Array, change: Change | None = None, at_step: int = 0
) -> Array:
    """What the sensors of a hand made of `truth` read at the start of every physics step, shape (T, S).

    :param truth: a family of one
    :param controls: of the commanded actuators, shape (T, A)
    :param change: what becomes of the hand at `at_step`
    """
    hand = Batch(binding.model, 1, 1)
    families.apply(binding, truth, hand)
    data = place(binding, {})
    start_at_rest(binding, data)
    hand.state[:] = state_of(binding.model, data)
    full = np.tile(data.ctrl, (len(controls), 1))
    full[:, list(binding.command.actuators)] = controls
    sensed = [_rolled(hand, full[:at_step])] if at_step else []
    if change is not None:
        change(hand)
    return np.concatenate([*sensed, _rolled(hand, full[at_step:])])


def _rolled(hand: Batch, controls: Array) -> Array:
    controls = np.ascontiguousarray(controls)
    return np.asarray(hand.rollout(len(controls), controls[None], record=('sensordata',))['sensordata'][0])


def commands_of(binding: Binding, motion: Motion) -> Columns:
    """The commands as they were sent, 100 Hz."""
    plan = binding.command
    values = (motion.controls[:: binding.steps_per_row] - plan.offset) / plan.scale
    stamps = EPOCH_NS + np.arange(len(values)) * (NS // COMMAND_HZ)
    return Columns(stamps + round(LATENCY_S * NS), stamps, values)


def measured(binding: Binding, motion: Motion, sensed: Array, seed: int | None) -> Streams:
    """The messages of the driver, with the declared noise from `seed`, or with none.

    Up to the round's start the noise is the motion's own, so that the shadow starts from the same pose for every seed.

    :param sensed: what the sensors read at every physics step, shape (T, S)
    """
    taken = np.arange(motion.phase, len(sensed), binding.steps_per_row)
    stamps = EPOCH_NS + np.rint(taken * (binding.model.opt.timestep * NS)).astype(np.int64)
    before = int(np.searchsorted(stamps, motion.round.start_ns, side='right'))
    latency = np.random.default_rng([motion.number, seed or 0, 2])
    found = {}
    for index, plan in enumerate(binding.channels):
        values = _carried(plan, sensed[taken])
        sigma = _sigma(binding, index)
        for part, key in ((slice(0, before), 0), (slice(before, None), 0 if seed is None else seed + 1)):
            draws = np.random.default_rng([motion.number, key, index, 3]).standard_normal(values[part].shape)
            if seed is not None or (key == 0 and part.start == 0):
                values[part] += sigma * draws
        arrives = stamps + np.rint((LATENCY_S + latency.exponential(JITTER_S, len(stamps))) * NS).astype(np.int64)
        on_receive = binding.profile.channels[plan.name].stamp == 'receive'
        found[plan.name] = Columns(arrives, arrives if on_receive else stamps, values)
    return Streams(commands_of(binding, motion), found)


def _carried(plan: ChannelPlan, sensed: Array) -> Array:
    if plan.elements[0].sense != 'pose':
        return np.array(plan.simulated(sensed))
    raw = np.stack([sensed[:, e.address : e.address + 7][:, [0, 1, 2, 4, 5, 6, 3]] for e in plan.elements], axis=1)
    return plan.measured(raw)


def _sigma(binding: Binding, index: int) -> Array:
    """Noise of what is carried, shape (M,): positions of bodies are noisy, their orientation is not."""
    plan = binding.channels[index]
    if plan.elements[0].sense == 'pose':
        blocks = [np.append(plan.noise[4 * e : 4 * e + 3], np.zeros(4)) for e in range(len(plan.elements))]
        return np.concatenate(blocks)
    own = families.noise_of(binding, families.nominal(binding))[index]
    return plan.noise if own is None else np.full(len(plan.noise), own[0])


def shadow_of(binding: Binding, streams: Streams, round_: Round) -> dict[str, Envelope]:
    """The family's envelopes of one round: they depend on its commands and its starting pose alone."""
    assert round_.end_ns is not None
    shadow = Shadow(binding)
    shadow.command(streams.command)
    for name in shadow.placed_by:
        shadow.measured(name, streams.channels[name])
    shadow.start(round_.start_ns, round_.number)
    parts: dict[str, list[Envelope]] = {plan.name: [] for plan in binding.channels}
    while found := shadow.advance(round_.end_ns, round_.end_ns):
        for name, rows in parts.items():
            rows.append(found[name])
    return {name: joined(rows) for name, rows in parts.items()}


def joined(parts: list[Envelope]) -> Envelope:
    """Stretches of one envelope, one after the other."""
    stamps: Stamps = np.concatenate([part.row_ns for part in parts])
    sides = [np.concatenate([getattr(part, side) for part in parts]) for side in ('median', 'lower', 'upper')]
    return Envelope(stamps, *sides)


def random_truth(binding: Binding, seed: int) -> families.Family:
    """A hand drawn from inside the family's ranges, factors on a logarithmic scale as the family's own."""
    rng = np.random.default_rng([seed, 4])
    draws = families.nominal(binding).draws.copy()
    for index, variation in enumerate(binding.variations):
        low, high, share = variation.low, variation.high, rng.random()
        logarithmic = variation.relative and low > 0
        draws[0, index] = low * (high / low) ** share if logarithmic else low + (high - low) * share
    return families.Family(families.nominal(binding).names, draws)
