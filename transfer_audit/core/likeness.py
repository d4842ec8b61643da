"""What a parted pose looks like: another element's motion, or the simulated one flipped, scaled or shifted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.types import Array

AlarmRow = Callable[[Array, Array, Array, int], int | None]
"""Real, lower and upper, each of shape (N,), and the column whose noise and tolerance hold -> the onset row of the
first alarm, or None."""

SETTLE_S = 0.5
"""A shadow that was put on misread joints takes this long to come to where the command wants it."""
EXPLAINED = 0.99
"""A likeness takes out this share of the squared residual at least."""
FOLLOWS = 0.9
"""The real motion is the simulated one by this share of its variance at least, so that it does move with it."""
_SAME_GAIN, _SPECIAL_GAIN = 0.05, 0.1
"""How close, relative, a gain must be to 1, and to one that has a name of its own."""
_LEAST_RANGE = 10.0
_LEAST_RESIDUAL = 3.0
_LEAST_ROWS = 20
_DISTANCE_ROWS = 4000


def settled(real: Array, rate_hz: float, horizon_s: float | None = None, settle_s: float = SETTLE_S) -> Array:
    """The real side without the rows in which the shadow still comes from where it was put: these become NaN.

    A shadow starts on the measured joints. Where these are misread it starts elsewhere than the hand, and what follows
    says nothing of the motion.

    :param real: shape (N, …), from the first row of a round on
    :param horizon_s: time between two placements of the shadow, as in the profile; None: one, at the start
    """
    period = max(1, round(horizon_s * rate_hz)) if horizon_s else max(1, len(real))
    out = np.array(real, np.float64)
    out[np.arange(len(real)) % period < settle_s * rate_hz] = np.nan
    return out


def swapped(real: Array, lower: Array, upper: Array, alarm: AlarmRow) -> list[tuple[int, int]]:
    """Pairs of elements each of which does what the other one should.

    An element is held against the two whose simulated motions are nearest to its own. Nothing is claimed where both
    would fit, or where motionless envelopes would fit the pair as well.

    :param real: of the elements that parted, shape (N, C), NaN where unknown (see `settled`)
    :param lower: envelope, shape (N, C); `upper` likewise
    :param alarm: the detector, for one element and one envelope (widened by the tolerance or not, as it wants them)
    :returns: columns (i, j), i < j
    """
    middle = (lower + upper) / 2

    def fits(i: int, j: int, moving: bool = True) -> bool:
        swing = 0.0 if moving else middle[:, j] - _mean(middle[~np.isnan(real[:, i]), j])
        return alarm(real[:, i], lower[:, j] - swing, upper[:, j] - swing, j) is None

    wrong = [i for i in range(real.shape[1]) if not fits(i, i)]
    near = _nearest(real, middle, wrong)
    fitting = {i: [j for j in near[i] if fits(i, j)] for i in wrong}
    pairs = [(i, j) for i in wrong for j in wrong if i < j and fitting[i] == [j] and fitting[j] == [i]]
    return [(i, j) for i, j in pairs if not (fits(i, j, moving=False) and fits(j, i, moving=False))]


def _nearest(real: Array, middle: Array, among: Sequence[int]) -> dict[int, list[int]]:
    """For each column the two others whose simulated motions lie nearest to its real one, in the mean square."""
    every = max(1, len(real) // _DISTANCE_ROWS)
    found = {}
    for i in among:
        square = (real[::every, i : i + 1] - middle[::every, list(among)]) ** 2
        distance = {j: _mean(column[~np.isnan(column)]) for j, column in zip(among, square.T, strict=True) if j != i}
        found[i] = sorted((j for j in distance if not math.isnan(distance[j])), key=distance.__getitem__)[:2]
    return found


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else math.nan


@dataclass(frozen=True)
class Likeness:
    """A real motion that is `a` times the simulated one plus `b`.

    :param kind: what that is called, to be read after "looks"
    :param explained: share of the squared residual that this takes out
    """

    kind: str
    a: float
    b: float
    explained: float


def likeness(real: Array, median: Array, noise: float) -> Likeness | None:
    """What simple change of the simulated motion a real one is, if it is one.

    Least squares of real = a * median + b, with a = 1 where that is enough. It must hold on the way up as on the way
    down: on one way alone a delay or friction is an offset too. A joint that stands still is not like one that moves.

    :param real: shape (N,), NaN where unknown (see `settled`); `median` likewise, in the same unit
    :param noise: standard deviation of the measurement; this much of a residual needs no explanation
    :returns: None if too little moves or differs to tell, or nothing so simple explains it
    """
    known = ~(np.isnan(real) | np.isnan(median))
    y, x = real[known], median[known]
    if len(x) < _LEAST_ROWS or _swing(x) < _LEAST_RANGE * noise or _square(y - x) < (_LEAST_RESIDUAL * noise) ** 2:
        return None
    shift = float((y - x).mean())
    if _holds(y, x, 1.0, shift, noise):
        return Likeness(f'offset by {shift:+.2g}', 1.0, shift, _explained(y, x, 1.0, shift, noise))
    a = float(((x - x.mean()) * (y - y.mean())).mean() / x.var())
    b = float(y.mean() - a * x.mean())
    if abs(a - 1.0) <= _SAME_GAIN or not _holds(y, x, a, b, noise):
        return None
    also = f' and offset by {b:+.2g}' if abs(b) > max(_LEAST_RESIDUAL * noise, _SAME_GAIN * abs(a) * np.ptp(x)) else ''
    return Likeness(_gain(a) + also, a, b, _explained(y, x, a, b, noise))


def _gain(a: float) -> str:
    special = {'sign flipped': -1.0, 'in degrees': 180 / math.pi, 'in radians instead of degrees': math.pi / 180}
    near = (name for name, gain in special.items() if abs(a - gain) <= _SPECIAL_GAIN * abs(gain))
    return next(near, f'scaled by {a:.3g}')


def _swing(x: Array) -> float:
    """How far a trajectory goes at least in either direction."""
    return float(min((x - np.minimum.accumulate(x)).max(), (np.maximum.accumulate(x) - x).max()))


def _holds(y: Array, x: Array, a: float, b: float, noise: float) -> bool:
    """Whether a * x + b is what y does: in all, and in each direction."""
    if _square(y - a * x - b) > (1 - FOLLOWS) * y.var():
        return False
    step = np.diff(x, prepend=x[0])
    parts = (np.full(len(x), True), step > 0, step < 0)
    return all(_explained(y[part], x[part], a, b, noise) >= EXPLAINED for part in parts)


def _explained(y: Array, x: Array, a: float, b: float, noise: float) -> float:
    """Share of the squared residual y - x that a * x + b takes out, apart from the noise."""
    before = max(_square(y - x) - noise**2, 0.0)
    after = max(_square(y - a * x - b) - noise**2, 0.0)
    return 1.0 - after / before if before else float(after == 0.0)


def _square(values: Array) -> float:
    return float(np.mean(values**2)) if len(values) else 0.0
