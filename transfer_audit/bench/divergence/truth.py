"""What is true of a faulty round: read off the same round without noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transfer_audit.core.types import Array

DRIFT, LEVEL = 0.5, 25.0
"""Of the reference test, a CUSUM: what an excess loses per row, and what must add up before it counts, in units of
noise. The level is what a budget of one false alarm an hour over 28 elements asks for (Siegmund 1985)."""
TOGETHER = 2
"""Elements that part within this many rows of the first are equally true."""

Element = tuple[str, str]


@dataclass(frozen=True)
class Truth:
    """What a verdict should say of a round.

    :param onset: audit row where the real hand first leaves the widened envelope, or, for faults of stamps, where the
        fault begins
    :param kinds: kinds that are right, `elements` the (channel, element) that are
    """

    onset: int
    kinds: frozenset[str]
    elements: frozenset[Element]


def onsets(excess: Array) -> dict[int, int]:
    """Columns that the reference test would call, and the row where each of their excursions began.

    :param excess: of a round without noise, shape (N, C)
    """
    found = {}
    for column in np.flatnonzero((excess > 0).any(axis=0)):
        row = _onset(excess[:, column])
        if row is not None:
            found[int(column)] = row
    return found


def _onset(excess: Array) -> int | None:
    sums = np.cumsum(excess - DRIFT)
    statistic = sums - np.minimum(np.minimum.accumulate(sums), 0.0)
    over = np.flatnonzero(statistic >= LEVEL)
    if len(over) == 0:
        return None
    zeros = np.flatnonzero(statistic[: over[0]] <= 0)
    row = int(zeros[-1]) + 1 if len(zeros) else 0
    inside = np.flatnonzero(excess[:row] <= 0)
    return int(inside[-1]) + 1 if len(inside) else 0


def parted(excess: Array, names: tuple[tuple[str, str, str], ...]) -> Truth | None:
    """The truth of a round whose noise-free excess is given, or None if nothing of it can be seen.

    :param names: (channel, element, kind) of each column
    """
    found = onsets(excess)
    if not found:
        return None
    first = min(found.values())
    together = [names[column] for column, row in found.items() if row <= first + TOGETHER]
    return Truth(
        first, frozenset(kind for *_, kind in together), frozenset((channel, name) for channel, name, _ in together)
    )
