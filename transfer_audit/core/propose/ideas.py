"""Changes that may be made, each with what every round says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.coverage.misfit import Misfit, misfit
from transfer_audit.core.coverage.places import RoundPlaces
from transfer_audit.core.coverage.scan import along, best_of
from transfer_audit.core.coverage.search import NOISE_ALONE, Place, locate
from transfer_audit.core.coverage.space import Space, reaching, space_of
from transfer_audit.core.profile import Parameter
from transfer_audit.core.propose.change import Range
from transfer_audit.core.propose.evidence import Estimate, estimates, hull, spoken, units_of, values_of, with_family
from transfer_audit.core.types import Array

HELD_OUT = 4
"""Rounds that changes are tested on, the ones with most to explain; none takes part in the ranges it is tested with."""
SCREENED = 2
"""Rounds of these that a new parameter is tried on first; if it explains neither, it is tried no further."""
LEAST = 0.03
"""Share of the gap that a change must take away."""
UNSURE = 0.1
"""The largest error that an added parameter's range allows for, in widths; what it is worth, held-out rounds tell."""


@dataclass(frozen=True)
class Idea:
    """A change that may be made: of an old range or of a new parameter.

    :param found: what each round says, in units of the range of `parameter`
    :param places: the best place of each round that was searched for it, in units of the profile
    """

    name: str
    parameter: Parameter
    old: Range | None
    space: Space
    found: Sequence[Estimate | None]
    places: Mapping[int, Mapping[str, float]]

    def without(self, held_out: int | None) -> Parameter | None:
        """The parameter as the rounds but one would have it; an old range is only ever widened here."""
        kept = [one for index, one in enumerate(self.found) if index != held_out]
        units = hull(kept)
        if units is None:
            return None
        low, high = spoken(self.space, self.name, units)
        if self.old is not None:
            low, high = (low if units[0] < 0 else self.old[0]), (high if units[1] > 1 else self.old[1])
        return self.parameter.model_copy(update={'range': (low, high)}) if low < high else None


def old_idea(rounds: Sequence[RoundPlaces], name: str, binding: Binding) -> Idea:
    """A parameter of the family, whose range may be elsewhere."""
    parameter = binding.profile.family.parameters[name]
    places = {index: values_of(one.space, one.free.units) for index, one in enumerate(rounds)}
    return Idea(name, parameter, parameter.range, rounds[0].space, estimates(rounds, name), places)


def new_idea(
    rounds: Sequence[RoundPlaces], name: str, parameter: Parameter, binding: Binding, threads: int
) -> Idea | None:
    """A parameter that the family does not have, if rounds say where it lies; the worst rounds are asked.

    :raises Unsimulated: if it cannot be simulated
    """
    hand = with_family(binding, {**binding.profile.family.parameters, name: parameter})
    space = space_of(hand)
    hand = reaching(hand, space)
    found: list[Estimate | None] = [None] * len(rounds)
    places = {}
    for tried, index in enumerate(worst(rounds)):
        if tried == SCREENED and not any(found):
            return None
        place = _placed(rounds[index], hand, space, name, threads)
        before = rounds[index].free.cost
        if before - place.cost > LEAST * (before - NOISE_ALONE):
            found[index] = _estimate(place, space.names.index(name))
            places[index] = values_of(space, place.units)
    return Idea(name, parameter, None, space, found, places) if any(found) else None


def _placed(one: RoundPlaces, hand: Binding, space: Space, name: str, threads: int) -> Place:
    """The best place of a round with one parameter more, from the best one without it."""

    def run(units: Array) -> Misfit:
        return misfit([one.trace], hand, space, units, threads)

    axis = space.names.index(name)
    start = units_of(space, values_of(one.space, one.free.units))
    points = np.vstack([list(_within(start, axis)), along(space, start, [axis])])
    return locate(space, run, best_of(run, points), space.least, space.most)


def _within(start: Array, axis: int) -> Iterator[Array]:
    """A point with one parameter at the bounds and in the middle of its range."""
    for unit in (0.0, 0.5, 1.0):
        point = start.copy()
        point[axis] = unit
        yield point


def _estimate(place: Place, axis: int) -> Estimate:
    error = float(np.sqrt(place.emulator.covariance(place.units)[axis, axis]))
    return Estimate(float(place.units[axis]), min(error, UNSURE))


def worst(rounds: Sequence[RoundPlaces]) -> list[int]:
    """The rounds of which the ranges leave most, that first."""
    return sorted(range(len(rounds)), key=lambda index: -rounds[index].inside.cost)[:HELD_OUT]
