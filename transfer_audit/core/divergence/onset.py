"""When a departure began: where it crosses the edge of the family, with an interval."""

from __future__ import annotations

import math

import numpy as np

from transfer_audit.core.types import Array

LEVEL = 0.9
"""The interval of an onset covers the truth with this probability."""
_QUANTILE = 1.645
_CLEAR = 5.0
"""A slope is clear at this many standard errors; until then the window about the crossing widens."""
WIDEST = 100
_SPREAD = 0.5
"""The crossing lies anywhere between two rows: half a row to both sides, whatever the noise."""


def onset(departure: Array, zero: int) -> tuple[float, float, float]:
    """The row at which a departure crosses zero for good, and its interval at LEVEL.

    Starting from the row after the last zero of the statistic (Page's estimate, late by the drift where a departure
    grows slowly), a line is fitted to the departure in the narrowest window about its crossing in which the slope is
    clear. The interval is that of the crossing of a fitted line with noise of unit variance (delta method; Draper and
    Smith, Applied Regression Analysis, 1998, sec. 3.2).

    :param departure: beyond one bound in units of noise, up to the alarm, shape (n,); NaN where unknown
    :param zero: index of the row after the last zero of the statistic
    :returns: index of the first row outside, earliest, latest; fractions of a row in the interval
    """
    centre = _outside_from(departure, zero)
    for half in range(1, WIDEST + 1):
        begin, end = max(0, round(centre) - half), min(len(departure), round(centre) + half + 1)
        rows = np.arange(begin, end)[~np.isnan(departure[begin:end])]
        if len(rows) < 2:
            continue
        middle = rows.mean()
        spread = float(((rows - middle) ** 2).sum())
        mean = float(departure[rows].mean())
        slope = float(((rows - middle) * departure[rows]).sum()) / spread
        if slope <= 0 or slope * math.sqrt(spread) < _CLEAR:
            continue
        crossing = middle - mean / slope
        if begin - 1 <= crossing <= end:
            error = math.sqrt(1 / len(rows) + (crossing - middle) ** 2 / spread) / slope
            return _interval(crossing, error, len(departure) - 1)
    return _interval(float(centre), WIDEST / 2, len(departure) - 1)


def _outside_from(departure: Array, zero: int) -> int:
    """The first row from `zero` on (or of those just before it) that is followed by none inside."""
    begin = zero
    while begin > 0 and departure[begin - 1] > 0:
        begin -= 1
    return begin


def _interval(crossing: float, error: float, last: int) -> tuple[float, float, float]:
    first = min(max(0.0, math.ceil(crossing - 1e-9)), float(last))
    low, high = crossing - _QUANTILE * error - _SPREAD, crossing + _QUANTILE * error + _SPREAD
    return first, max(0.0, min(low, first)), min(max(high, first), float(last))
