"""When a moving finger meets something, as its force tells."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.calibrate.starts import Start
from transfer_audit.core.types import Array

BEFORE_S, AFTER_S, APPROACH_S = 0.1, 0.2, 0.3
SURE_S = 0.02
_FEWEST = 10
_SHARE = 0.1
_RISE = 10.0


def touched(start: Start, times: Array, forces: Array) -> float | None:
    """When the force sets in after a start, s since the round's start; None if nothing is met.

    Up to a tenth of its peak the force is two lines that meet at the touch: what a linkage drags, and what is pressed.
    Something is met if the force then rises by ten times what it wanders by before.

    :param times: s since the round's start, shape (N,); `forces` likewise
    """
    during = (times > start.commanded_s + start.seen_s[1]) & (times < start.until_s)
    t, force = times[during], forces[during]
    if len(t) < _FEWEST:
        return None
    free = float(np.median(force[:5]))
    at = int(np.argmax(force > free + _SHARE * (force.max() - free)))
    rise = slice(max(0, int(np.searchsorted(t, t[at] - APPROACH_S))), at + 2)
    corner = _corner(t[rise], force[rise]) if at > 3 else None
    if corner is None:
        return None
    before = force[(t < corner) & (t > t[at] - APPROACH_S)]
    wandered = max(float(np.ptp(before)), 1e-9) if len(before) else np.inf
    return corner if force.max() - before.max(initial=-np.inf) >= _RISE * wandered else None


def _corner(t: Array, z: Array) -> float | None:
    """Where two lines meet that fit best (Hinkley 1971); None if the second does not rise more than the first."""
    fresh = np.concatenate([[True], np.diff(z) != 0])
    fresh[-1] = True
    t, z = t[fresh], z[fresh]
    if len(t) < 4:
        return None
    best: tuple[float, float, float] = (np.inf, 0.0, 0.0)
    for corner in np.linspace(t[1], t[-1], 60, endpoint=False):
        design = np.stack([np.ones(len(t)), t - corner, np.maximum(t - corner, 0.0)], axis=1)
        solution = np.linalg.lstsq(design, z, rcond=None)[0]
        squares = float(np.sum((z - design @ solution) ** 2))
        best = min(best, (squares, float(corner), float(solution[2])))
    return best[1] if best[2] > 0 else None
