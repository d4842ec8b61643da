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
SURE = 3.0
"""A row this far on one side of the edge, in deviations of the noise, is on that side."""
_SPREAD = 1.0
"""The edge of a family is known to a row: this much to both sides, whatever the noise."""


def onset(departure: Array, zero: int) -> tuple[float, float, float]:
    """The row at which a departure crosses zero for good, and its interval at LEVEL.

    Starting from the row after the last zero of the statistic (Page's estimate, late by the drift where a departure
    grows slowly), a line is fitted to the departure in the narrowest window about its crossing in which the slope is
    clear. It cannot lie before a row that is surely inside, nor behind one that is surely outside. The interval is that
    of the crossing of a fitted line with noise of unit variance (delta method; Draper and Smith, Applied Regression
    Analysis, 1998, sec. 3.2).

    :param departure: beyond one bound in units of noise, up to the alarm, shape (n,); NaN where unknown
    :param zero: index of the row after the last zero of the statistic
    :returns: index of the first row outside, earliest, latest; fractions of a row in the interval
    """
    centre = _outside_from(departure, zero)
    inside = np.flatnonzero(departure[: centre + 1] < -SURE)
    after = float(inside[-1]) if len(inside) else -1.0
    outside = np.flatnonzero(departure[int(after) + 1 :] > SURE)
    until = after + 1.0 + float(outside[0]) if len(outside) else float(len(departure) - 1)
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
            return _interval(crossing, error, after, until)
    return _interval(float(centre), WIDEST / 2, after, until)


def _outside_from(departure: Array, zero: int) -> int:
    """The first row from `zero` on (or of those just before it) that is followed by none inside."""
    begin = zero
    while begin > 0 and departure[begin - 1] > 0:
        begin -= 1
    return begin


def _interval(crossing: float, error: float, after: float, until: float) -> tuple[float, float, float]:
    """Row and interval of a crossing that lies behind row `after` and not behind row `until`."""
    first = min(max(after + 1.0, math.ceil(crossing - 1e-9)), until)
    low, high = crossing - _QUANTILE * error - _SPREAD, crossing + _QUANTILE * error + _SPREAD
    return first, min(max(low, after, 0.0), first), max(min(high, until), first)
