"""Where in the space around a family the hand lies: waves of members that close in on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transfer_audit.core.coverage.emulator import Emulator
from transfer_audit.core.coverage.misfit import Misfit
from transfer_audit.core.coverage.space import Space
from transfer_audit.core.types import Array

WAVES = 8
STEP = 0.75
"""How far the centre may move in the first wave, in widths of the ranges; twice as far after a step that it bounded."""
WIDE, NARROW = 0.3, 0.08
"""Half the size of the first waves, and of the last one."""
STAYS = 0.04
"""A centre that moves less than this, in widths, stays."""
GAINS, NOISY = 1e-3, 2.0
"""A last step that takes off less than this share has arrived, where so many times what noise leaves is left: a model
that is wrong wanders in flat directions for ever. Near the noise small gains tell parameters apart."""
WORSE = 1.02
HEAVY = 3.0

Run = Callable[[Array], Misfit]
"""Simulates members at points, shape (K, P)."""


@dataclass(frozen=True)
class Place:
    """The best point of a box.

    :param units: shape (P,); `left` of the measurement there, as simulated, in units of noise, shape (M,)
    :param emulator: of a small wave around it
    :param spread: what that wave left, shape (K, M)
    """

    units: Array
    left: Array
    emulator: Emulator
    spread: Array

    @property
    def cost(self) -> float:
        """See `cost`."""
        return cost(self.left)


def locate(space: Space, run: Run, start: Array, low: Array, high: Array, seed: int = 0) -> Place:
    """Gauss-Newton steps by ensembles (see `Emulator`) within a box.

    A step that makes it worse is halved, or given up for the best member seen so far, where there is a better one:
    about contacts that begin elsewhere no line through the members is any good.

    :param start: first centre, shape (P,)
    :param low: the box, shape (P,); `high` likewise
    """
    low, high = np.maximum(low, space.least), np.minimum(high, space.most)
    count = max(8, 2 * (len(start) + 1))
    centre, pad, step = np.clip(start, low, high), WIDE, STEP
    best: Place | None = None
    seen, seen_cost = centre, np.inf
    for wave in range(WAVES):
        points = space.spread(centre - pad, centre + pad, count, seed + wave)
        points[0] = centre
        found = run(points)
        place = Place(centre, found.left[0], Emulator.of(found), found.left)
        costs = np.where(_within(points, low, high), charge(found.left).mean(axis=1), np.inf)
        if costs.min() < seen_cost:
            seen, seen_cost = points[int(costs.argmin())], float(costs.min())
        if best is not None and place.cost > WORSE * best.cost:
            step, pad = step / 2, max(NARROW, pad / 2)
            centre = seen if WORSE * seen_cost < best.cost else (centre + best.units) / 2
            continue
        arrived = best is not None and pad <= NARROW and place.cost > (1 - GAINS) * best.cost > NOISY * NOISE_ALONE
        if best is None or place.cost <= best.cost or pad <= NARROW:
            best = place
        if arrived:
            break
        aim = place.emulator.best(np.maximum(low, centre - step), np.minimum(high, centre + step))
        moved = float(np.abs(aim - centre).max(initial=0.0))
        if moved < STAYS and pad <= NARROW:
            break
        step = 2 * step if moved > 0.99 * step else max(step / 2, 2 * moved)
        pad = NARROW if moved < 3 * STAYS else float(np.clip(moved / 2, NARROW, WIDE))
        centre = aim
    assert best is not None
    return best


def _within(points: Array, low: Array, high: Array) -> npt.NDArray[np.bool_]:
    return np.asarray(((points >= low - 1e-9) & (points <= high + 1e-9)).all(axis=1))


def cost(left: Array) -> float:
    """How much is left of the measurement: the mean of `charge`."""
    return float(np.mean(charge(left))) if left.size else 0.0


def charge(left: Array) -> Array:
    """sqrt(1 + (x / 3)^2) - 1: a square for small x, |x| / 3 for what chaos does (Charbonnier et al. 1994).

    :param left: in units of noise, any shape
    """
    return np.asarray(np.sqrt(1.0 + (left / HEAVY) ** 2) - 1.0)


_AT, _WEIGHTS = np.polynomial.hermite_e.hermegauss(64)
NOISE_ALONE = float(_WEIGHTS @ charge(_AT) / _WEIGHTS.sum())
"""What noise alone costs, per sample."""
