"""One element against its family moved in time: how long they agree, and how closely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from transfer_audit.core.timing.rivals import free_residual, rival_residual
from transfer_audit.core.types import Array

Mask = npt.NDArray[np.bool_]
AlarmOf = Callable[[Array, Array, Array], int | None]
"""The detector: (real, lower, upper) of one element -> onset row of its first alarm, or None."""
CLOSE_NOISE, CLOSE_TOLERANCE = 2.0, 0.3
"""What may remain outside of the moved family, RMS in units of noise or of the tolerance. Servos with nothing but a
delay leave 0.3 to 1.1 noise (0.2 tolerances after seconds of creep), with another friction, damping or gain 4 and
more."""
_FLOOR = 0.01
"""Squares of residuals below a tenth of the noise are alike."""


@dataclass(frozen=True)
class Element:
    """One pose element over the rows of a round.

    :param real: shape (N,), NaN allowed; `median`, `lower`, `upper` likewise, the latter two widened by the tolerance
    :param noise: standard deviation of the measurement
    """

    real: Array
    median: Array
    lower: Array
    upper: Array
    noise: float
    rate_hz: float
    alarm: AlarmOf

    def __len__(self) -> int:
        return len(self.real)

    @property
    def tolerance(self) -> float:
        """Half of the narrowest envelope: at most what the family was widened by."""
        width = self.upper - self.lower
        return float(np.nanmin(width)) / 2 if np.isfinite(width).any() else np.inf

    @property
    def stir(self) -> float:
        """What a joint moves by at most while it stands."""
        return self.tolerance + 3 * self.noise

    def moved(self, delay_s: float, hold: bool = False) -> Element:
        """The same with the family later by `delay_s`; before its first row unknown, or held where it began."""
        lag = delay_s * self.rate_hz
        median, lower, upper = (moved(side, lag, hold) for side in (self.median, self.lower, self.upper))
        return replace(self, median=median, lower=lower, upper=upper)

    def without(self, rows: slice) -> Element:
        """The same with rows that are not compared."""
        real = self.real.copy()
        real[rows] = np.nan
        return replace(self, real=real)

    def clean_until(self) -> int:
        """The onset of the first alarm, N if there is none."""
        row = self.alarm(self.real, self.lower, self.upper)
        return len(self) if row is None else row

    def known(self, rows: slice) -> Mask:
        """Which of the rows have both sides, shape (N,)."""
        mask = np.zeros(len(self), bool)
        mask[rows] = True
        return np.asarray(mask & ~np.isnan(self.real + self.median + self.lower + self.upper))

    def span(self, rows: slice) -> float:
        """How far the real joint moves within rows."""
        values = self.real[self.known(rows)]
        return float(np.ptp(values)) if len(values) else 0.0

    def turns(self, rows: slice) -> bool:
        """Whether the real joint moves both up and down by more than it does while it stands."""
        values = self.real[self.known(rows)]
        if len(values) == 0:
            return False
        up = (values - np.minimum.accumulate(values)).max()
        down = (np.maximum.accumulate(values) - values).max()
        return bool(min(up, down) > self.stir)

    def squares(self, rows: slice) -> float:
        """Mean square of real minus median over rows."""
        mask = self.known(rows)
        return float(np.mean((self.real - self.median)[mask] ** 2)) if mask.any() else np.inf

    def agrees(self, rows: slice) -> bool:
        """Whether what remains outside of the family itself, tolerance taken off again, is noise."""
        mask = self.known(rows)
        low, high, real = self.lower[mask] + self.tolerance, self.upper[mask] - self.tolerance, self.real[mask]
        outside = np.maximum(np.maximum(low - real, real - high), 0.0)
        close = max(CLOSE_NOISE * self.noise, CLOSE_TOLERANCE * self.tolerance)
        return bool(mask.any() and np.sqrt(np.mean(outside**2)) <= close)

    def lead_over_rivals(self, unmoved: Array, rows: slice) -> float:
        """How many times as much as the moved median the best explanation without a delay leaves, in squares.

        :param unmoved: median of the family as it was, shape (N,)
        """
        mask = self.known(rows) & ~np.isnan(unmoved)
        floor = _FLOOR * self.noise**2 * np.count_nonzero(mask)
        ours = free_residual(self.real[mask], self.median[mask]) + floor
        return (rival_residual(self.real, unmoved, mask, self.rate_hz) + floor) / ours


def moved(values: Array, lag: float, hold: bool = False) -> Array:
    """Values `lag` rows later, by linear interpolation, shape (N,); NaN next to NaN and beyond the last row."""
    at = np.arange(len(values)) - lag
    inside = (at >= 0) & (at <= len(values) - 1)
    left = np.floor(np.clip(at, 0, len(values) - 1)).astype(np.int_)
    right = np.minimum(left + 1, len(values) - 1)
    share = np.clip(at - left, 0.0, 1.0)
    out = np.where(share == 0.0, values[left], values[left] + share * (values[right] - values[left]))
    if hold:
        first = np.flatnonzero(~np.isnan(values))
        return np.where(at < first[0], values[first[0]], np.where(inside, out, np.nan)) if len(first) else out
    return np.where(inside, out, np.nan)


def first_stir(values: Array, stir: float) -> int | None:
    """The first row that is further than `stir` from where a motion began, shape (N,), NaN allowed."""
    known = values[~np.isnan(values)]
    away = np.abs(values - known[0]) > stir if len(known) else np.zeros(0, bool)
    return int(np.argmax(away)) if away.any() else None
