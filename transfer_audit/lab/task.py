"""What the channels say of a round, and what the round was worth: the same on both sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transfer_audit.core import family as families
from transfer_audit.core.binding import Binding
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.family import Family
from transfer_audit.core.rounds import slip_rate
from transfer_audit.core.types import Array
from transfer_audit.lab.policy import HOLD_S, REST_S

LIFTED_M = 0.004
"""A cube that is held this far above where it lay, at the end, and is turned by less than UPRIGHT_RAD: success."""
UPRIGHT_RAD = 0.3
Readings = dict[str, Array]
"""By channel, row by row: what the drivers would send, shape (K, T, `carried`), channel units."""


@dataclass(frozen=True)
class Outcome:
    """What became of K rounds, each of shape (K,).

    :param lifted_m: height of the cube at the end over where it lay; `turned_rad`: how far it is turned then
    :param slip_rate: share of the contact time in which a tip slips; NaN where none ever touched
    :param effort_n: sum of the tips' forces, mean over the round
    """

    success: Array
    lifted_m: Array
    turned_rad: Array
    slip_rate: Array
    effort_n: Array


def readings(binding: Binding, family: Family, sensed: Array, seed: int | None) -> Readings:
    """Sensor rows -> the channels' numbers, with the declared noise from `seed`, or with none.

    :param sensed: shape (K, T, S)
    """
    own = families.noise_of(binding, family)
    found = {}
    for index, plan in enumerate(binding.channels):
        values = _carried(plan, sensed)
        if seed is not None:
            draws = np.random.default_rng([seed, index, 12]).standard_normal(values.shape)
            sigma = own[index]
            values = values + draws * (_sigma(plan) if sigma is None else sigma[:, None, None])
        found[plan.name] = values
    return found


def _carried(plan: ChannelPlan, sensed: Array) -> Array:
    if plan.elements[0].sense != 'pose':
        return plan.simulated(sensed)
    return np.concatenate([sensed[..., e.address : e.address + 7] for e in plan.elements], axis=-1)


def _sigma(plan: ChannelPlan) -> Array:
    """Noise of what is carried: positions of bodies are noisy, their orientation is not."""
    if plan.elements[0].sense != 'pose':
        return plan.noise
    return np.concatenate([np.append(plan.noise[4 * e : 4 * e + 3], np.zeros(4)) for e in range(len(plan.elements))])


def judge(binding: Binding, read: Readings) -> Outcome:
    """What became of each round."""
    rate = binding.profile.clock.rate_hz
    first, last = round(REST_S * rate), -round(HOLD_S * rate)
    cubes = np.stack([binding.channel('cube').compared(one) for one in read['cube']])
    lifted = cubes[:, last:, 2].mean(axis=1) - cubes[:, :first, 2].mean(axis=1)
    turned = cubes[:, last:, 3].mean(axis=1)
    effort = read['tips'].clip(min=0.0).sum(axis=2).mean(axis=1)
    return Outcome((lifted > LIFTED_M) & (turned < UPRIGHT_RAD), lifted, turned, _slip_rates(binding, read), effort)


def _slip_rates(binding: Binding, read: Readings) -> Array:
    """As the audit counts it: over all tips together, `core.rounds.SlipMetric`."""
    plan = binding.channel('slip')
    touching = read['tips'] > plan.floor
    slipping = touching & (read['slip'] > plan.tolerance)
    counts = zip(slipping.sum(axis=(1, 2)).tolist(), touching.sum(axis=(1, 2)).tolist(), strict=True)
    rates = [slip_rate(slips, touches) for slips, touches in counts]
    return np.array([np.nan if rate is None else rate for rate in rates])
