"""What is true of a faulty round: read off the same round without noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transfer_audit.core.types import Array

DRIFT, LEVEL = 0.5, 25.0
"""Of the reference test, a CUSUM: what an excess loses per row, and what must add up before it counts, in units of
noise. The level is what a budget of one false alarm an hour over 28 elements asks for (Siegmund 1985)."""
MARGINAL = LEVEL / 5
"""An excursion that reaches this may be seen or not, by its noise: to name it is right, to leave it out is no miss."""
TOGETHER = 2
"""Elements that part within this many rows of the first are equally true."""

Element = tuple[str, str]


@dataclass(frozen=True)
class Truth:
    """What a verdict should say of a round.

    :param onset: row of the audit clock where the real hand first leaves the widened envelope, or, for faults of
        stamps, where the fault begins, which may lie between two rows
    :param kinds: kinds that are right, `elements` the (channel, element) that are
    """

    onset: float
    kinds: frozenset[str]
    elements: frozenset[Element]


@dataclass(frozen=True)
class Seen:
    """What there is to see of a fault.

    :param truth: None if nothing that must be seen
    :param marginal: earlier departures that may be seen or not
    """

    truth: Truth | None
    marginal: tuple[Truth, ...] = ()

    def nearest(self, onset: float) -> Truth | None:
        """The departure that a stated onset speaks of."""
        known = [*([] if self.truth is None else [self.truth]), *self.marginal]
        return min(known, key=lambda one: abs(one.onset - onset), default=None)


def excursions(excess: Array) -> list[tuple[int, float]]:
    """When each departure of one column began, and how high the reference statistic rose in it.

    :param excess: of a round without noise, shape (N,)
    """
    sums = np.cumsum(excess - DRIFT)
    statistic = sums - np.minimum(np.minimum.accumulate(sums), 0.0)
    edges = np.diff(np.concatenate(([0], (statistic > 0).astype(int), [0])))
    found = []
    for begin, end in zip(np.flatnonzero(edges > 0).tolist(), np.flatnonzero(edges < 0).tolist(), strict=True):
        inside = np.flatnonzero(excess[:begin] <= 0)
        onset = int(inside[-1]) + 1 if len(inside) else 0
        found.append((onset, float(statistic[begin:end].max())))
    return found


def seen(excess: Array, names: tuple[tuple[str, str, str], ...]) -> Seen:
    """What there is to see in a round whose noise-free excess is given, shape (N, C).

    :param names: (channel, element, kind) of each column
    """
    departures = [
        (onset, peak, names[column])
        for column in np.flatnonzero((excess > 0).any(axis=0)).tolist()
        for onset, peak in excursions(excess[:, column])
    ]
    plain = [(onset, name) for onset, peak, name in departures if peak >= LEVEL]
    truth = _first(plain)
    end = truth.onset if truth else np.inf
    marginal = [_first([(onset, name)]) for onset, peak, name in departures if peak >= MARGINAL and onset < end]
    return Seen(truth, tuple(one for one in marginal if one is not None))


def _first(departures: list[tuple[int, tuple[str, str, str]]]) -> Truth | None:
    """The earliest departure, with all that part together with it."""
    if not departures:
        return None
    first = min(onset for onset, _ in departures)
    together = [name for onset, name in departures if onset <= first + TOGETHER]
    return Truth(
        first, frozenset(kind for *_, kind in together), frozenset((channel, name) for channel, name, _ in together)
    )
