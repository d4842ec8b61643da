"""Parameter ranges -> K model variations, drawn once from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from mujoco.batch import Batch
from scipy.stats import qmc

from transfer_audit.core.binding import GAINS, Binding, Variation
from transfer_audit.core.types import Array


@dataclass(frozen=True)
class Family:
    """The members and what they are made of.

    :param draws: value (absolute) or factor (relative) of each parameter in each member, shape (K, P)
    """

    names: tuple[str, ...]
    draws: Array

    @property
    def members(self) -> int:
        """K."""
        return len(self.draws)

    def __getitem__(self, name: str) -> Array:
        """The draws of one parameter, shape (K,)."""
        return self.draws[:, self.names.index(name)]


def draw(binding: Binding) -> Family:
    """Draw the family: a Latin hypercube over the ranges; a family of one sits at the centre.

    McKay, Beckman, Conover (1979): with K members each range is covered in K equal strata. Factors are drawn on a
    logarithmic scale, so that halving is as likely as doubling.
    """
    spec, count = binding.profile.family, len(binding.variations)
    unit = np.full((spec.members, count), 0.5)
    if spec.members > 1 and count:
        unit = qmc.LatinHypercube(count, seed=spec.seed).random(spec.members)
    return _family(binding, unit)


def nominal(binding: Binding) -> Family:
    """A family of one, at the centre of every range."""
    return _family(binding, np.full((1, len(binding.variations)), 0.5))


def _family(binding: Binding, unit: Array) -> Family:
    draws = np.empty(unit.shape)
    for index, variation in enumerate(binding.variations):
        low, high = variation.low, variation.high
        if variation.relative and low > 0:
            draws[:, index] = low * (high / low) ** unit[:, index]
        else:
            draws[:, index] = low + (high - low) * unit[:, index]
    return Family(tuple(variation.name for variation in binding.variations), draws)


def apply(binding: Binding, family: Family, simulations: Batch) -> None:
    """Write each member's values into its simulation and update the constants derived from them."""
    recompute = False
    for variation, values in zip(binding.variations, family.draws.T, strict=True):
        if variation.channel is None:
            _vary(simulations, variation, values)
            recompute |= variation.field in mujoco.MjModel._setconst_inputs
    if recompute:
        simulations.set_const()


def _vary(simulations: Batch, variation: Variation, values: Array) -> None:
    rows = list(variation.rows)
    if variation.field in GAINS:
        _vary_gain(simulations, variation.field, rows, values, variation.relative)
        return
    field = simulations.expand(variation.field)
    if field.ndim == 1:
        field[:] = field * values if variation.relative else values
        return
    if variation.field.startswith('opt.'):
        rows = list(variation.columns)
    for column in variation.columns if field.ndim == 3 else (None,):
        part = (slice(None), rows) if column is None else (slice(None), rows, column)
        field[part] = field[part] * values[:, None] if variation.relative else values[:, None]


def _vary_gain(simulations: Batch, name: str, rows: list[int], values: Array, relative: bool) -> None:
    bias = simulations.expand('actuator_biasprm')
    if name == 'actuator_kv':
        bias[:, rows, 2] = bias[:, rows, 2] * values[:, None] if relative else -values[:, None]
        return
    gain = simulations.expand('actuator_gainprm')
    gain[:, rows, 0] = gain[:, rows, 0] * values[:, None] if relative else values[:, None]
    bias[:, rows, 1] = -gain[:, rows, 0]


def noise_of(binding: Binding, family: Family) -> list[Array | None]:
    """Sensor noise of each member per channel, shape (K,), or None where the family has none."""
    found: list[Array | None] = [None] * len(binding.channels)
    for variation, values in zip(binding.variations, family.draws.T, strict=True):
        if variation.channel is not None:
            found[variation.channel] = values
    return found


def delays_of(binding: Binding, family: Family) -> Array:
    """Command delay of each member and commanded actuator, shape (K, A), s."""
    base = binding.model.actuator_delay[list(binding.command.actuators)]
    delays = np.tile(base, (family.members, 1))
    for variation, values in zip(binding.variations, family.draws.T, strict=True):
        if variation.field == 'actuator_delay':
            hit = [index for index, a in enumerate(binding.command.actuators) if a in variation.rows]
            delays[:, hit] = delays[:, hit] * values[:, None] if variation.relative else values[:, None]
    return delays
