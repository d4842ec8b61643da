"""Two detectors of the trade on the same rows: a fixed threshold held for a while, and Page-Hinkley from `river`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.types import Array

HELD_S = 0.05
DELTA = 0.5
"""What Page-Hinkley lets pass, in units of noise: the same slack as the detector's own drift."""


@dataclass(frozen=True)
class Call:
    """A peer's alarm: which column, at which row, and since when by its own account."""

    column: int
    row: int
    onset: int


@dataclass(frozen=True)
class Peer:
    """A detector with one level to tune.

    :param peak: highest value of its statistic over a round of excess, shape (N, C): it alarms at every level below
    :param call: its first alarm at a level
    """

    name: str
    peak: Callable[[Array], float]
    call: Callable[[Array, float], Call | None]


def held_rows(rate_hz: float) -> int:
    """How many rows in a row a threshold must be passed."""
    return max(1, round(HELD_S * rate_hz))


def held(excess: Array, rows: int) -> Array:
    """The least excess over the last `rows` rows, shape (N, C): 0 before there are as many."""
    out = np.zeros_like(excess)
    if len(excess) >= rows:
        out[rows - 1 :] = np.lib.stride_tricks.sliding_window_view(excess, rows, axis=0).min(axis=2)
    return out


def threshold_peer(rate_hz: float) -> Peer:
    """Excess over a level for 50 ms; its onset is the first row of these."""
    rows = held_rows(rate_hz)

    def call(excess: Array, level: float) -> Call | None:
        over = held(excess, rows) > level
        if not over.any():
            return None
        row = int(over.any(axis=1).argmax())
        column = int(np.where(over[row], excess[row], -1.0).argmax())
        return Call(column, row, row - rows + 1)

    return Peer('threshold', lambda excess: float(held(excess, rows).max(initial=0.0)), call)


def page_hinkley() -> Peer:
    """`river.drift.PageHinkley` on the excess of each element; it offers no onset, so its onset is its alarm."""
    from river.drift import PageHinkley

    def columns(excess: Array) -> list[int]:
        """Columns that ever leave the envelope: the statistic of the others never rises."""
        return [int(column) for column in np.flatnonzero((excess > 0).any(axis=0))]

    def peak(excess: Array) -> float:
        highest = 0.0
        for column in columns(excess):
            test = PageHinkley(delta=DELTA, threshold=np.inf, mode='up')
            for row, value in enumerate(excess[:, column].tolist(), 1):
                test.update(value)
                if row >= test.min_instances:
                    highest = max(highest, test._sum_increase - test._min_increase)
        return float(highest)

    def call(excess: Array, level: float) -> Call | None:
        first: Call | None = None
        for column in columns(excess):
            test = PageHinkley(delta=DELTA, threshold=level, mode='up')
            for row, value in enumerate(excess[:, column].tolist()):
                if first is not None and row >= first.row:
                    break
                test.update(value)
                if test.drift_detected:
                    first = Call(column, row, row)
                    break
        return first

    return Peer('page_hinkley', peak, call)


def tuned(peaks: list[float], alarms: int) -> float:
    """The lowest level at which no more than `alarms` of the rounds with these peaks raise an alarm."""
    ranked = sorted(peaks, reverse=True)
    return max(ranked[alarms], 0.0) if alarms < len(ranked) else 0.0
