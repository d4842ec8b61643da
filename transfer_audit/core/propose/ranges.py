"""Ranges that are narrower than they need to be, and ranges of noise: changes that explain nothing of the motion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.coverage.coverage import Coverage
from transfer_audit.core.coverage.places import MARGIN, RoundPlaces, pooled
from transfer_audit.core.propose.change import Change
from transfer_audit.core.propose.evidence import estimates, spoken

NARROW_ROUNDS = 5
NARROW_TO = 0.6
"""A range is narrowed if this many rounds or more agree on this share of it or less."""


def noise(found: Coverage, binding: Binding) -> list[Change]:
    """Noise ranges follow the measured noise; they explain nothing of the motion."""
    out = []
    for one in found.outside:
        parameter = binding.profile.family.parameters[one.name]
        if parameter.channel is None:
            continue
        low, high = (float(f'{value:.3g}') for value in (max(one.interval[0], 0.5 * one.estimate), one.interval[1]))
        new = (min(low, parameter.range[0]), max(high, parameter.range[1]))
        reason = f'the noise of {parameter.channel} is {one.estimate:.3g}, outside {one.low:.3g} to {one.high:.3g}'
        changed = parameter.model_copy(update={'range': new})
        out.append(Change(one.name, 'widen', parameter.range, new, 0.0, reason, changed))
    return out


def narrowed(rounds: Sequence[RoundPlaces], found: Coverage, binding: Binding) -> list[Change]:
    """Ranges of which many rounds use a part: the interval of one more round, from the spread between rounds."""
    out = []
    space, pool = rounds[0].space, pooled(rounds)
    inside = {one.name for one in found.parameters if one.standing == 'inside'}
    for index, name in enumerate(space.names):
        known = [one for one in estimates(rounds, name) if one is not None]
        if name not in inside or len(known) < NARROW_ROUNDS:
            continue
        reach = 3.0 * float(np.hypot(pool.spread[index], np.median([one.error for one in known])))
        reach = max(reach, MARGIN, float(pool.high[index] - pool.low[index]) / 2)
        units = (max(0.0, float(pool.mean[index]) - reach), min(1.0, float(pool.mean[index]) + reach))
        if units[1] - units[0] > NARROW_TO or units[1] <= units[0]:
            continue
        parameter = binding.profile.family.parameters[name]
        low, high = spoken(space, name, units)
        new = (max(low, parameter.range[0]), min(high, parameter.range[1]))
        reason = f'{len(known)} rounds agree on {new[0]:.3g} to {new[1]:.3g} of {parameter.range[0]:.3g} to '
        reason += f'{parameter.range[1]:.3g}: three standard deviations between rounds, errors included'
        out.append(
            Change(name, 'narrow', parameter.range, new, 0.0, reason, parameter.model_copy(update={'range': new}))
        )
    return out
