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
_GRID, _FINER = 200, 2
_ROUNDING = 1e-13
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
    """Squares that remain once levels, a usual slope and a slope from an instant on are taken off.

    Sums over the blocks after an instant follow from running sums, so that hundreds of instants cost little.
    """

    def __init__(self, times: Array, levels: Array, pieces: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
        self._times, self._raw, self._middle = times, levels, float(times.mean())
        self._bounds = [0, *(np.flatnonzero(np.diff(pieces)) + 1).tolist(), len(times)]
        self._levels, self._usual = self._centred(levels), self._centred(times)
        rises = np.diff(levels) - np.median(np.diff(levels))
        scatter = max(1.4826 * float(np.median(np.abs(rises))) / np.sqrt(2), _LEAST_SCATTER_S)
        self._known = float(self._usual @ self._usual) + (scatter / USUAL_SLOPE) ** 2
        self._along = float(self._usual @ self._levels)
        t = times - self._middle
        self._after = [_from_each(part) for part in (self._levels, self._levels * t, self._usual, self._usual * t)]
        self._moments = [_from_each(part) for part in (t, t * t)]

    def _centred(self, values: Array) -> Array:
        """Values less their mean between steps, shape (B,)."""
        centred = values.copy()
        for begin, end in pairwise(self._bounds):
            centred[begin:end] -= centred[begin:end].mean()
        return centred

    def _products(self, begins: Array) -> tuple[Array, Array, Array]:
        """Of a ramp from each instant on with the levels, with the usual slope, and with itself, shape (K,) each."""
        c, first = begins - self._middle, np.searchsorted(self._times, begins, side='right')
        level, level_t, usual, usual_t = (sums[first] for sums in self._after)
        own = np.zeros(len(begins))
        once, twice = self._moments
        for begin, end in pairwise(self._bounds):
            inside = np.clip(first, begin, end)
            count, t, tt = end - inside, once[inside] - once[end], twice[inside] - twice[end]
            own += tt - 2 * c * t + count * c * c - (t - count * c) ** 2 / (end - begin)
        return level_t - c * level, usual_t - c * usual, own

    def _fitted(self, begins: Array) -> tuple[Array, Array]:
        """The slope from each instant on, s/s, and what remains with it, s^2, shape (K,) each.

        The usual slope is a known size with a deviation: one more row of the least squares.
        """
        with_levels, with_usual, own = self._products(begins)
        across = with_levels - self._along * with_usual / self._known
        own = own - with_usual**2 / self._known
        all_of_it = float(self._levels @ self._levels) - self._along**2 / self._known
        return across / own, np.maximum(all_of_it - across**2 / own, 0.0)

    def squares(self, begins: Array) -> Array:
        """What remains with a slope from each of the instants on, s^2, shape (K,)."""
        return self._fitted(begins)[1]

    def _slope(self, begin: float) -> float:
        return float(self._fitted(np.array([begin]))[0][0])

    def rest(self, begin: float) -> Array:
        """What remains of each block, s, shape (B,)."""
        rest = self._levels - self._slope(begin) * self._centred(np.maximum(self._times - begin, 0.0))
        return np.asarray(rest - self._usual * float(self._usual @ rest) / self._known)

    def best(self) -> float:
        """The beginning with the least squares."""
        begins = self._grid(float(self._times[0]), self._last())
        for _ in range(_FINER):
            cell, least = begins[1] - begins[0], begins[self.squares(begins).argmin()]
            begins = self._grid(least - cell, least + cell)
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
        rounding = _ROUNDING * float(self._levels @ self._levels)
        return max(least, len(rest) * _LEAST_SCATTER_S**2) * (1 + wider / freedom) + rounding

    def _within(self, best: float, least: float) -> tuple[float, float]:
        """The first and last beginning as good as the best, outwards by what the finest grid resolves."""
        bound = self._bound(least, best, COVERED)
        low, high, begins = best, best, self._grid(float(self._times[0]), self._last())
        for _ in range(_FINER + 1):
            good, cell = begins[self.squares(begins) <= bound], begins[1] - begins[0]
            low, high = float(good.min(initial=low)), float(good.max(initial=high))
            begins = np.concatenate((self._grid(low - cell, low + cell), self._grid(high - cell, high + cell)))
        return max(low - cell, float(self._times[0])), min(high + cell, self._last())

    def _level(self, begin: float) -> float:
        """The fitted level at an instant, s."""
        near = int(np.abs(self._times - begin).argmin())
        ramp = self._slope(begin) * max(0.0, float(self._times[near]) - begin)
        return float(self._raw[near] - self.rest(begin)[near]) - ramp


def _from_each(values: Array) -> Array:
    """Sums from each entry on, and 0 after the last, shape (B + 1,)."""
    return np.append(np.cumsum(values[::-1])[::-1], 0.0)
