"""What rounds say of a range, and how much of the gap ranges leave in a round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.binding import Binding, bind
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.coverage.misfit import Misfit, misfit
from transfer_audit.core.coverage.places import MARGIN, RoundPlaces
from transfer_audit.core.coverage.scan import best_of
from transfer_audit.core.coverage.search import NOISE_ALONE, locate
from transfer_audit.core.coverage.space import Space, space_of
from transfer_audit.core.profile import Parameter
from transfer_audit.core.types import Array

INFORMATIVE = 1.0
"""A round speaks of a parameter if its interval is no wider than this to either side, in widths of the range."""


@dataclass(frozen=True)
class Estimate:
    """What one round says of one parameter, in units of its range: value and standard error."""

    value: float
    error: float


def estimates(rounds: Sequence[RoundPlaces], name: str) -> list[Estimate | None]:
    """What each round says of a parameter; None where it says nothing."""
    out: list[Estimate | None] = []
    for one in rounds:
        index = one.space.names.index(name)
        free, beyond = (
            float(one.free.units[index]),
            max(-float(one.free.units[index]), float(one.free.units[index]) - 1),
        )
        speaks = one.half_width[index] <= INFORMATIVE or beyond > one.half_width[index]
        out.append(Estimate(free, float(one.error[index])) if speaks else None)
    return out


def hull(found: Sequence[Estimate | None]) -> tuple[float, float] | None:
    """A range that holds what rounds say and what one more round would: from the lowest to the highest value, and on
    either side twice the typical error and a share of the hull that falls with the rounds. None without any.

    How far rounds differ, one alone does not say: it gets the margin by which a parameter is called outside at least.
    """
    known = [one for one in found if one is not None]
    if not known:
        return None
    values = [one.value for one in known]
    pad = 2 * float(np.median([one.error for one in known])) + (max(values) - min(values)) / len(known)
    if len(known) == 1:
        pad = max(pad, MARGIN)
    return min(values) - pad, max(values) + pad


def spoken(space: Space, name: str, units: tuple[float, float]) -> tuple[float, float]:
    """A range in units of the old one -> in units of the profile, outward to three digits, within what exists."""
    index = space.names.index(name)
    points = np.tile(np.full(len(space.names), 0.5), (2, 1))
    points[:, index] = np.clip(units, space.least[index], space.most[index])
    low, high = (float(value) for value in space.values(points)[:, index])
    return _rounded(low, np.floor), _rounded(high, np.ceil)


def _rounded(value: float, to: object) -> float:
    if value == 0:
        return 0.0
    digits = 10.0 ** (int(np.floor(np.log10(abs(value)))) - 2)
    return float(f'{to(value / digits) * digits:.6g}')  # type: ignore[operator]


@dataclass(frozen=True)
class Gap:
    """What the best place within ranges leaves of a round.

    :param values: that place, in units of the profile
    """

    cost: float
    values: Mapping[str, float]

    @property
    def unexplained(self) -> float:
        """What is left beyond what noise alone leaves."""
        return max(0.0, self.cost - NOISE_ALONE)


def gap(
    trace: Trace,
    binding: Binding,
    parameters: Mapping[str, Parameter],
    starts: Sequence[Mapping[str, float]],
    threads: int,
) -> Gap:
    """The gap that a family leaves of a round.

    :param parameters: of the family
    :param starts: good places, in units of the profile, as far as they are known
    :raises Unsimulated: if a member cannot be simulated
    """
    hand = with_family(binding, parameters)
    space = space_of(hand, reach=0.0)

    def run(units: Array) -> Misfit:
        return misfit([trace], hand, space, units, threads)

    size = len(space.names)
    points = np.clip([units_of(space, start) for start in starts], 0.0, 1.0)
    begin = best_of(run, points) if len(points) > 1 else points[0]
    place = locate(space, run, begin, np.zeros(size), np.ones(size))
    return Gap(place.cost, values_of(space, place.units))


def values_of(space: Space, units: Array) -> dict[str, float]:
    """A point of a space in units of the profile."""
    return dict(zip(space.names, map(float, space.values(units[None])[0]), strict=True))


def units_of(space: Space, values: Mapping[str, float]) -> Array:
    """A point in units of the profile as one of a space, shape (P,), kept within what exists; what is not known lies in
    the middle of its range."""
    middle = values_of(space, np.full(len(space.names), 0.5))
    ends = np.sort(space.values(np.stack([space.least, space.most])), axis=0)
    point = np.clip([values.get(name, middle[name]) for name in space.names], ends[0], ends[1])
    return np.clip(space.units(point[None])[0], space.least, space.most)


def with_family(binding: Binding, parameters: Mapping[str, Parameter]) -> Binding:
    """The hand with another family."""
    family = binding.profile.family.model_copy(update={'parameters': dict(parameters)})
    return bind(binding.profile.model_copy(update={'family': family}))
