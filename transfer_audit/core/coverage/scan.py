"""A coarse look along each parameter: from a flat place no line through nearby members shows the way."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from transfer_audit.core.coverage.search import Run, charge
from transfer_audit.core.coverage.space import Space
from transfer_audit.core.types import Array

SHARES = (0.2, 0.6)
"""Where beyond a range is looked, of the way from its bound to the last value that is looked at."""
CLEARLY = 0.8
"""A place outside the ranges is begun from if it leaves less than this share of what the best one inside does."""


def along(space: Space, centre: Array, axes: Iterable[int]) -> Array:
    """Points that leave the ranges in one parameter each, to either side, shape (K, P).

    A grip that sticks, for one, does not feel a friction that changes a little; it slips where that changes a lot.

    :param centre: all other parameters, shape (P,)
    """
    found = []
    for axis in axes:
        beyond = [share * space.least[axis] for share in SHARES if space.least[axis] < 0]
        beyond += [1 + share * (space.most[axis] - 1) for share in SHARES if space.most[axis] > 1]
        for value in beyond:
            point = centre.copy()
            point[axis] = value
            found.append(point)
    return np.array(found).reshape(len(found), len(centre))


def best_of(run: Run, points: Array, share: float = 1.0) -> Array:
    """The point at which least is left, shape (P,); the first, unless that is less than a share of what it leaves."""
    left = charge(run(points).left).mean(axis=1)
    return np.asarray(points[int(np.argmin(left)) if left.min() < share * left[0] else 0])
