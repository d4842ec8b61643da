"""Force against indentation as a curve, and the stiffness with which a curve explains many presses best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.calibrate.compliance.reading import Rows
from transfer_audit.core.types import Array

_STEPS = 50


@dataclass(frozen=True)
class Curve:
    """Force against indentation of a contact, straight beyond its last point.

    :param depths: m, shape (P,), rising from 0; `forces` N, shape (P,), rising
    """

    depths: Array
    forces: Array

    def force(self, depth: Array) -> Array:
        """The force at some indentations, N; 0 outside."""
        return _along(depth, self.depths, self.forces)

    def depth(self, force: Array) -> Array:
        """The indentation at some forces, m."""
        return _along(force, self.forces, self.depths)

    def slope(self, force: Array) -> Array:
        """Of the indentation over the force, m/N."""
        step = 1e-3 * self.forces[-1]
        return (self.depth(force + step) - self.depth(np.maximum(force - step, 0.0))) / (step + np.minimum(force, step))

    def times(self, stiffness: float) -> Curve:
        """The same shape with a force so many times as large."""
        return Curve(self.depths, stiffness * self.forces)


def _along(at: Array, places: Array, values: Array) -> Array:
    end = (values[-1] - values[-2]) / (places[-1] - places[-2])
    return np.asarray(np.interp(at, places, values) + end * np.maximum(at - places[-1], 0.0))


@dataclass(frozen=True)
class Load:
    """Rows of a press with the force of the spring behind their readings, N, shape (n,)."""

    rows: Rows
    spring: Array
    recording: str = ''


@dataclass(frozen=True)
class Matched:
    """A curve brought to the stiffness that explains the travel of many presses best.

    :param curve: force against indentation, N, m
    :param apart: logarithm of how much stiffer the recording of each press is, shape (N,)
    :param off: the same of each press, shape (N,); `errors` its standard deviations from the
        noise of the travel
    :param onsets: travel at which each contact begins, m, shape (N,)
    :param cost: sum of squares over the variance of the noise; `expected` if there were nothing but noise
    """

    stiffness: float
    curve: Curve
    apart: Array
    off: Array
    errors: Array
    onsets: Array
    cost: float
    expected: float


def matched(unit: Curve, loads: Sequence[Load]) -> Matched:
    """The stiffness of a curve that explains the travel of all presses best, by Gauss and Newton.

    Travel is onset + depth(spring / stiffness). Where the contact begins is each press's own; the stiffness is that of
    its recording, and the mean of theirs counts.

    :param unit: of stiffness 1
    """
    names = sorted({load.recording for load in loads})
    logs, steps = np.zeros(len(loads)), np.zeros((len(loads), 4))
    for name in names:
        mine = [index for index, load in enumerate(loads) if load.recording == name]
        logs[mine], steps[mine] = _alone(unit, [loads[index] for index in mine])
    log = float(np.mean([logs[[load.recording == name for load in loads]][0] for name in names]))
    stiffness, expected = float(np.exp(log)), sum(map(_expected, loads))
    curve, apart = unit.times(stiffness), logs - log
    return Matched(
        stiffness, curve, apart, apart + steps[:, 0], steps[:, 1], steps[:, 2], float(steps[:, 3].sum()), expected
    )


def _alone(unit: Curve, loads: Sequence[Load]) -> tuple[float, Array]:
    """Logarithm of the stiffness of one recording, and what `_step` says of each press there, shape (N, 4)."""
    peak = float(np.median([load.spring.max() for load in loads]))
    slope = float(np.median([np.polyfit(load.spring, load.rows.travel, 1)[0] for load in loads]))
    log = float(np.log(peak / unit.force(np.array(max(slope, 1e-9) * peak))))
    for _ in range(_STEPS):
        steps = np.array([_step(unit.times(float(np.exp(log))), load) for load in loads])
        move = float(np.clip(np.average(steps[:, 0], weights=steps[:, 1] ** -2), -0.5, 0.5))
        if abs(move) < 1e-6:
            break
        log += move
    return log, steps


def _step(curve: Curve, load: Load) -> tuple[float, float, float, float]:
    """How much stiffer a press is than a curve, as a share, its standard deviation, its onset, and its cost."""
    depth = curve.depth(np.maximum(load.spring, 0.0))
    gives = load.spring * curve.slope(np.maximum(load.spring, 0.0))
    gives = gives - gives.mean()
    off = load.rows.travel - depth
    onset, off = float(off.mean()), off - off.mean()
    size, white = max(float(gives @ gives), 1e-300), max(load.rows.white, 1e-9)
    return -float(gives @ off) / size, white / np.sqrt(size), onset, float(off @ off) / white**2


def residual(load: Load, curve: Curve) -> float:
    """Mean squared residual of the force of a press under a known curve, N^2."""
    onset = _step(curve, load)[2]
    return float(np.mean((curve.force(np.maximum(load.rows.travel - onset, 0.0)) - load.spring) ** 2))


def cost(load: Load, curve: Curve) -> tuple[float, float, float]:
    """Sums of squares of the travel of a press, over the variance of its noise: what a known curve leaves, what noise
    would leave, and all about the mean."""
    whole = float(((load.rows.travel - load.rows.travel.mean()) ** 2).sum()) / max(load.rows.white, 1e-9) ** 2
    return _step(curve, load)[3], _expected(load), whole


def _expected(load: Load) -> float:
    return len(load.rows) * float(load.rows.noise / max(load.rows.white, 1e-9)) ** 2
