"""Each parameter against the rounds: where it lies, and what it explains if it alone leaves its range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from transfer_audit.core.binding import Binding
from transfer_audit.core.coverage.noise import noise_of
from transfer_audit.core.coverage.places import LEVEL, MARGIN, Pooled, RoundPlaces, pooled
from transfer_audit.core.coverage.search import NOISE_ALONE, Place, charge
from transfer_audit.core.types import Array

Side = Literal['below', 'above']
Standing = Side | Literal['inside', 'not excited']
NOT_EXCITED = 0.5
"""A parameter whose interval is wider than this to either side, in widths of its range, was not excited."""
RELEASED_ROUNDS = 3
"""Rounds, those with the most to explain, in which parameters are released one by one."""
TIED = 0.8
"""A parameter that explains this share of what the best one does is tied with it, unless blocks of time say else."""
SURE, HIDDEN = 3.0, 0.3
"""Standard errors by which, and share of the gap that, all parameters together explain if some lie outside unseen."""


@dataclass(frozen=True)
class ParameterCoverage:
    """One parameter of the family against the rounds.

    :param low: its range, in units of the profile; `high` likewise
    :param estimate: the best value wherever it is, `interval` at 99 %; `between_rounds` how far rounds differ
    :param explained: share of what the ranges leave unexplained that it takes away if it alone leaves its range
    :param ties: parameters that explain as much
    :param rounds_outside: rounds that call it outside by themselves, of `rounds`
    """

    name: str
    low: float
    high: float
    estimate: float
    interval: tuple[float, float]
    standing: Standing
    explained: float
    ties: tuple[str, ...]
    rounds_outside: int
    rounds: int


def parameters(rounds: Sequence[RoundPlaces]) -> list[ParameterCoverage]:
    """Every parameter of the model that has a range."""
    space, pool = rounds[0].space, pooled(rounds)
    counts = [_outside_alone(rounds, index) for index in range(len(space.names))]
    sides = {index: side for index, pair in enumerate(counts) if (side := _side(pool, pair, len(rounds), index))}
    sides = sides or _hidden(rounds, pool)
    sides = {**sides, **_alternatives(rounds, pool, list(sides))}
    explained, ties = _released(rounds, list(sides))
    zeros = np.zeros(len(pool.mean))
    values = space.values(np.stack([zeros, zeros + 1, pool.mean, pool.low, pool.high]))
    out = []
    for index, name in enumerate(space.names):
        loose = pool.high[index] - pool.low[index] > 2 * NOT_EXCITED
        low, high, mean, least, most = (float(value) for value in values[:, index])
        standing: Standing = sides.get(index) or ('not excited' if loose else 'inside')
        tied = tuple(space.names[other] for other in ties.get(index, ()))
        share, alone = explained.get(index, 0.0), sum(counts[index])
        out.append(ParameterCoverage(name, low, high, mean, (least, most), standing, share, tied, alone, len(rounds)))
    return out


def _outside_alone(rounds: Sequence[RoundPlaces], index: int) -> tuple[int, int]:
    """Rounds that by themselves call a parameter below, and above, its range."""
    below = sum(one.free.units[index] < -max(MARGIN, one.half_width[index]) for one in rounds)
    above = sum(one.free.units[index] - 1 > max(MARGIN, one.half_width[index]) for one in rounds)
    return int(below), int(above)


def _side(pool: Pooled, alone: tuple[int, int], rounds: int, index: int) -> Side | None:
    """On which side of its range a parameter lies: the mean over rounds by its interval, or more rounds by themselves
    than chance allows (binomial)."""
    mean = float(pool.mean[index])
    if pool.high[index] < 0 and mean < -MARGIN:
        return 'below'
    if pool.low[index] > 1 and mean > 1 + MARGIN:
        return 'above'
    most = max(alone)
    if most and stats.binom.sf(most - 1, rounds, (1 - LEVEL) / 2) < 0.05:
        return 'below' if alone[0] == most else 'above'
    return None


def _hidden(rounds: Sequence[RoundPlaces], pool: Pooled) -> dict[int, Side]:
    """The sides of parameters of which none is sure by itself, as others can do the same, though the ranges surely do
    not hold the hand: without them blocks of time agree that far more is explained."""
    gains = np.concatenate([_gains(one.inside, one.free) for one in rounds])
    unexplained = sum(max(0.0, one.inside.cost - NOISE_ALONE) * len(one.inside.left) for one in rounds)
    error = float(np.std(gains)) * np.sqrt(len(gains))
    if gains.sum() < max(SURE * error, HIDDEN * unexplained) or gains.sum() <= 0:
        return {}
    loose = [index for index in range(len(pool.mean)) if pool.low[index] < 0 or pool.high[index] > 1]
    return _sides_alone(_worst(rounds), loose)


def _alternatives(rounds: Sequence[RoundPlaces], pool: Pooled, sure: Sequence[int]) -> dict[int, Side]:
    """The sides of parameters that the motion does not excite by themselves, and that explain as much as the one which
    seems sure: the search took one of them."""
    worst = _worst(rounds)
    best = max((_gain(worst, index) for index in sure), default=0.0)
    wide = [int(index) for index in np.flatnonzero(pool.high - pool.low > 2 * NOT_EXCITED) if index not in sure]
    loose = [index for index in wide if best > 0 and _gain(worst, index) >= TIED * best]
    return _sides_alone(worst, loose)


def _worst(rounds: Sequence[RoundPlaces]) -> RoundPlaces:
    return max(rounds, key=lambda one: one.inside.cost - one.free.cost)


def _gain(one: RoundPlaces, index: int) -> float:
    return one.inside.cost - one.released(index).cost


def _sides_alone(one: RoundPlaces, indices: Sequence[int]) -> dict[int, Side]:
    """Where parameters lie if each alone leaves its range, of those that then do."""
    found = {index: float(one.released(index).units[index]) for index in indices}
    below: dict[int, Side] = {index: 'below' for index, unit in found.items() if unit < -MARGIN}
    return {**below, **{index: 'above' for index, unit in found.items() if unit > 1 + MARGIN}}


def _gains(before: Place, after: Place) -> Array:
    """What one place explains more than another, summed over each block of time."""
    gain = charge(before.left) - charge(after.left)
    return np.bincount(before.emulator.blocks, gain).astype(np.float64)


def _released(
    rounds: Sequence[RoundPlaces], suspects: Sequence[int]
) -> tuple[dict[int, float], dict[int, tuple[int, ...]]]:
    """What each suspect explains if it alone leaves its range, and with which others it is tied."""
    if not suspects:
        return {}, {}
    most = sorted(rounds, key=lambda one: one.free.cost - one.inside.cost)[:RELEASED_ROUNDS]
    gains: dict[int, list[Array]] = {index: [] for index in suspects}
    unexplained = 0.0
    for one in most:
        unexplained += max(1e-12, (one.inside.cost - NOISE_ALONE)) * len(one.inside.left)
        for index in suspects:
            gains[index].append(_gains(one.inside, one.released(index)))
    blocks = {index: np.concatenate(parts) for index, parts in gains.items()}
    explained = {index: float(np.clip(part.sum() / unexplained, 0.0, 1.0)) for index, part in blocks.items()}
    return explained, {
        index: tuple(o for o in suspects if o != index and _tied(blocks, index, o)) for index in suspects
    }


def _tied(blocks: dict[int, Array], one: int, other: int) -> bool:
    """Whether two parameters explain alike: their gains are close, or differ by less than blocks of time differ (paired
    t, as Diebold and Mariano 1995 compare forecasts)."""
    a, b = sorted((float(blocks[one].sum()), float(blocks[other].sum())))
    if b <= 0 or a < TIED * b:
        return False
    apart = blocks[one] - blocks[other]
    error = float(np.std(apart, ddof=1)) * np.sqrt(len(apart)) if len(apart) > 1 else np.inf
    return abs(float(apart.sum())) < 2 * error


def noises(rounds: Sequence[RoundPlaces], binding: Binding) -> list[ParameterCoverage]:
    """The noise parameters; they explain nothing of the motion."""
    out = []
    for variation in binding.variations:
        if variation.channel is None:
            continue
        found = noise_of([one.trace for one in rounds], binding, variation, LEVEL)
        margin = MARGIN * (variation.high - variation.low)
        standing: Standing = 'inside'
        if np.isnan(found.value):
            standing = 'not excited'
        elif found.high < variation.low and found.value < variation.low - margin:
            standing = 'below'
        elif found.low > variation.high and found.value > variation.high + margin:
            standing = 'above'
        out.append(
            ParameterCoverage(
                variation.name, variation.low, variation.high, found.value, (found.low, found.high), standing,
                0.0, (), 0, len(rounds),
            )
        )  # fmt: skip
    return out
