"""What the simulated motion of a joint did when it parted: real servos part where they turn."""

from __future__ import annotations

from typing import Literal

import numpy as np

from transfer_audit.core.types import Array

Motion = Literal['holding', 'starting', 'moving', 'reversing', 'stopping']

TURN_S = 0.1
"""How far around a row its motion is looked at; twice as far where nothing moves that close."""
_SHARE = 1 / 8
"""A movement below this share of all movement around a row is its run-out, not one of its own."""


def motion_phase(median: Array, row: int, rate_hz: float, still: float) -> Motion | None:
    """What the simulated motion of a joint did around a row.

    Two opposite movements within TURN_S of the row are a reversal, also where a pause lies between them.

    :param median: simulated trajectory, shape (N,), NaN where unknown
    :param still: amplitude below which nothing moves, units of `median`
    :returns: None where less than three values around the row are known
    """
    reach = max(1, round(TURN_S * rate_hz))
    before, after = _halves(median, row, reach)
    if min(len(before), len(after)) == 0 or len(before) + len(after) < 4:
        return None
    found = _motion(before, after, still)
    if found != 'holding':
        return found
    wide = _motion(*_halves(median, row, 2 * reach), still)
    return wide if wide in ('moving', 'reversing') else found


def _halves(median: Array, row: int, reach: int) -> tuple[Array, Array]:
    """The known values up to a row and from it on."""
    before, after = median[max(0, row - reach) : row + 1], median[row : row + reach + 1]
    return before[~np.isnan(before)], after[~np.isnan(after)]


def _motion(before: Array, after: Array, still: float) -> Motion:
    around = np.concatenate([before, after])
    least = max(still, _SHARE * float(np.ptp(around)))
    if max(_turn(around), _turn(-around)) > least:
        return 'reversing'
    moved, moves = float(np.ptp(before)) > least, float(np.ptp(after)) > least
    if len(before) < 2 or len(after) < 2:  # at the border only one side tells
        return 'moving' if moved or moves else 'holding'
    if moved or moves:
        return 'moving' if moved and moves else 'stopping' if moved else 'starting'
    return 'moving' if float(np.ptp(around)) > still else 'holding'


def _turn(values: Array) -> float:
    """How far a trajectory rises to a point and falls again behind it."""
    rise = values - np.minimum.accumulate(values)
    fall = values - np.minimum.accumulate(values[::-1])[::-1]
    return float(np.minimum(rise, fall).max())
