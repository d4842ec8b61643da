"""The ranges of a family as a box of unit length, and the space around it that a hand may really lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from transfer_audit.core.binding import Binding, Variation, bind
from transfer_audit.core.family import Family
from transfer_audit.core.profile.checks import NEVER_NEGATIVE
from transfer_audit.core.types import Array

REACH = 3.0
"""How far beyond its range a parameter is looked for, in widths of the range."""

LATEST_S = 0.15
"""How far beyond its range a delay is looked for at least."""


@dataclass(frozen=True)
class Space:
    """Parameters of the model in units of their ranges: 0 is the lower bound and 1 the upper one; factors are
    logarithmic, as the family draws them. Ranges of no width and the noise of channels are no part of it.

    :param least: the smallest value that exists and is looked for, shape (P,); `most` likewise the largest
    :param fixed: index of each parameter among the variations; `centre` is what all variations are else, shape (V,)
    """

    variations: tuple[Variation, ...]
    least: Array
    most: Array
    fixed: tuple[int, ...]
    centre: Array
    all_names: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters."""
        return tuple(variation.name for variation in self.variations)

    def values(self, units: Array) -> Array:
        """Parameters in units of their ranges -> as the profile says them, shape (..., P)."""
        out = np.empty(units.shape)
        for index, one in enumerate(self.variations):
            unit = units[..., index]
            if _logarithmic(one):
                out[..., index] = one.low * (one.high / one.low) ** unit
            else:
                out[..., index] = np.maximum(one.low + (one.high - one.low) * unit, _floor(one))
        return out

    def units(self, values: Array) -> Array:
        """Inverse of `values`."""
        out = np.empty(values.shape)
        for index, one in enumerate(self.variations):
            if _logarithmic(one):
                out[..., index] = np.log(values[..., index] / one.low) / np.log(one.high / one.low)
            else:
                out[..., index] = (values[..., index] - one.low) / (one.high - one.low)
        return out

    def family(self, units: Array) -> Family:
        """Members at points of the space, shape (K, P)."""
        draws = np.tile(self.centre, (len(units), 1))
        draws[:, list(self.fixed)] = self.values(units)
        return Family(self.all_names, draws)

    def spread(self, low: Array, high: Array, count: int, seed: int) -> Array:
        """Points that fill a box evenly (Latin hypercube), kept within what is looked at, shape (count, P)."""
        sample = qmc.LatinHypercube(len(low), seed=seed).random(count)
        return np.clip(low + (high - low) * sample, self.least, self.most)


def space_of(binding: Binding, reach: float = REACH) -> Space:
    """The space around a hand's family."""
    chosen = [i for i, v in enumerate(binding.variations) if v.channel is None and v.high > v.low]
    picked = tuple(binding.variations[index] for index in chosen)
    least = [max(-reach, (_floor(v) - v.low) / (v.high - v.low)) if not _logarithmic(v) else -reach for v in picked]
    return Space(
        picked,
        np.array(least),
        np.array([_most(variation, reach) for variation in picked]),
        tuple(chosen),
        np.array([(v.low + v.high) / 2 for v in binding.variations]),
        tuple(v.name for v in binding.variations),
    )


def _most(variation: Variation, reach: float) -> float:
    """How far up a parameter is looked for, in widths of its range; delays at least LATEST_S beyond it."""
    width = variation.high - variation.low
    late = reach > 0 and variation.field == 'actuator_delay' and not variation.relative
    return 1 + max(reach, LATEST_S / width if late else 0.0)


def reaching(binding: Binding, space: Space) -> Binding:
    """The same hand with room for every delay that is looked for."""
    ends = {name: value for name, value in zip(space.names, space.values(space.most[None])[0], strict=True)}
    parameters = dict(binding.profile.family.parameters)
    for name, end in ends.items():
        if parameters[name].field == 'actuator_delay':
            parameters[name] = parameters[name].model_copy(update={'range': (parameters[name].range[0], float(end))})
    family = binding.profile.family.model_copy(update={'parameters': parameters})
    return bind(binding.profile.model_copy(update={'family': family}))


def said(value: float) -> str:
    """A value of a parameter as a person says it."""
    return f'{value:.3g}'


def ranges(variations: Sequence[Variation]) -> dict[str, tuple[float, float]]:
    """Each parameter's range."""
    return {variation.name: (variation.low, variation.high) for variation in variations}


def _logarithmic(variation: Variation) -> bool:
    return variation.relative and variation.low > 0


def _floor(variation: Variation) -> float:
    """The smallest value that a parameter can have."""
    return 0.0 if variation.field in NEVER_NEGATIVE or variation.relative else -np.inf
