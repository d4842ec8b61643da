"""When a clock began to drift: a level, and a slope from some instant on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import fdtri

from transfer_audit.core.types import Array

USUAL_SLOPE = 5e-4
"""Of a clock before it broke: time daemons slew by up to 500 ppm."""
CLEARLY, COVERED = 0.999, 0.9
"""A later beginning is believed at the first level, and bounded at the second."""
_GRID = 200
_FEWEST_AFTER = 3
_LEAST_SCATTER_S = 1e-6
_OUTLYING = 6.0


@dataclass(frozen=True)
class Hinge:
    """From `at_s` on the level slopes by `slope` s/s more than before; 90 % of the beginnings lie in low..high.

    :param level_s: the level at the beginning, s
    """

    at_s: float
    low_s: float
    high_s: float
    slope: float
    level_s: float


def hinge(times: Array, levels: Array, places: Sequence[int]) -> Hinge:
    """Where a slope begins: at the first time, unless a later one explains clearly better.

    Least squares over the beginning (Hinkley 1971, "Inference in two-phase regression"), with a level of its own
    between steps and, before the beginning, a slope as a sound clock has. The interval holds the beginnings whose
    squares are within the F test's bound of the least, widened for the correlation of neighbours. Blocks that fit badly
    are left out: their messages were held up.

    :param times: receipt, s, shape (B,), rising, B >= 10
    :param levels: stamp minus receipt, s, shape (B,)
    :param places: the blocks that begin a new level
    """
    pieces = np.searchsorted(places, np.arange(len(times)), side='right')
    first = _Fit(times, levels, pieces)
    rest = first.rest(first.best())
    off = np.abs(rest - np.median(rest))
    kept = off <= _OUTLYING * max(1.4826 * float(np.median(off)), _LEAST_SCATTER_S)
    fit = _Fit(times[kept], levels[kept], pieces[kept]) if kept.sum() >= len(times) // 2 else first
    return fit.hinge()


class _Fit:
    """Squares that remain once levels, a usual slope and a slope from an instant on are taken off."""

    def __init__(self, times: Array, levels: Array, pieces: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
        self._times, self._raw, self._pieces = times, levels, pieces
        self._bounds = [0, *(np.flatnonzero(np.diff(pieces)) + 1).tolist(), len(times)]
        rises = np.diff(levels) - np.median(np.diff(levels))
        scatter = max(1.4826 * float(np.median(np.abs(rises))) / np.sqrt(2), _LEAST_SCATTER_S)
        self._usual = np.append(self._centred(times[:, None])[:, 0], scatter / USUAL_SLOPE)
        self._levels = self._without_usual(self._centred(levels[:, None]))[:, 0]

    def _centred(self, values: Array) -> Array:
        """Columns less their mean between steps, shape (B, K)."""
        centred = values.copy()
        for begin, end in pairwise(self._bounds):
            centred[begin:end] -= centred[begin:end].mean(axis=0)
        return centred

    def _without_usual(self, columns: Array) -> Array:
        """Columns less their part along a slope whose size is known beforehand, as one more row, shape (B + 1, K)."""
        longer = np.vstack((columns, np.zeros(columns.shape[1])))
        along = self._usual @ longer / (self._usual @ self._usual)
        return np.asarray(longer - np.outer(self._usual, along))

    def _ramps(self, begins: Array) -> Array:
        return self._without_usual(self._centred(np.maximum(self._times[:, None] - begins, 0.0)))

    def squares(self, begins: Array) -> Array:
        """What remains with a slope from each of the instants on, s^2, shape (K,)."""
        ramps = self._ramps(begins)
        explained = (self._levels @ ramps) ** 2 / (ramps * ramps).sum(axis=0)
        return np.asarray(np.maximum(self._levels @ self._levels - explained, 0.0))

    def _slope(self, begin: float) -> float:
        ramp = self._ramps(np.array([begin]))[:, 0]
        return float(self._levels @ ramp / (ramp @ ramp))

    def rest(self, begin: float) -> Array:
        """What remains of each block, s, shape (B,)."""
        ramp = self._ramps(np.array([begin]))[:, 0]
        return np.asarray((self._levels - self._slope(begin) * ramp)[:-1])

    def best(self) -> float:
        """The beginning with the least squares."""
        cell = (self._last() - self._times[0]) / (_GRID - 1)
        coarse = self._least(np.linspace(self._times[0], self._last(), _GRID))
        return self._least(self._grid(coarse - cell, coarse + cell))

    def _least(self, begins: Array) -> float:
        return float(begins[self.squares(begins).argmin()])

    def _last(self) -> float:
        return float(self._times[-_FEWEST_AFTER])

    def _grid(self, low: float, high: float) -> Array:
        return np.linspace(max(low, self._times[0]), min(high, self._last()), _GRID)

    def hinge(self) -> Hinge:
        """The beginning, bounded."""
        begin, best = float(self._times[0]), self.best()
        least = float(self.squares(np.array([best]))[0])
        low, high = self._within(best, least)
        if float(self.squares(np.array([begin]))[0]) <= self._bound(least, best, CLEARLY):
            best = low = begin
        return Hinge(best, low, high, self._slope(best), self._level(best))

    def _bound(self, least: float, best: float, share: float) -> float:
        """Squares up to which a beginning is as good, s^2."""
        rest = self.rest(best)
        freedom = max(1, len(self._times) - len(self._bounds) - 2)
        variance = float(rest @ rest)
        alike = float(np.clip(rest[1:] @ rest[:-1] / variance, 0.0, 0.9)) if variance > 0 else 0.0
        wider = float(fdtri(1, freedom, share)) * (1 + alike) / (1 - alike)
        return max(least, len(rest) * _LEAST_SCATTER_S**2) * (1 + wider / freedom)

    def _within(self, best: float, least: float) -> tuple[float, float]:
        """The first and last beginning as good as the best."""
        bound = self._bound(least, best, COVERED)
        coarse = self._grid(float(self._times[0]), self._last())
        cell = float(coarse[1] - coarse[0])
        good = np.append(coarse[self.squares(coarse) <= bound], best)
        edges = []
        for edge, pick in ((good.min(), np.min), (good.max(), np.max)):
            fine = self._grid(edge - cell, edge + cell)
            edges.append(float(pick(np.append(fine[self.squares(fine) <= bound], edge))))
        return edges[0], edges[1]

    def _level(self, begin: float) -> float:
        """The fitted level at an instant, s."""
        near = int(np.abs(self._times - begin).argmin())
        ramp = self._slope(begin) * max(0.0, float(self._times[near]) - begin)
        return float(self._raw[near] - self.rest(begin)[near]) - ramp
