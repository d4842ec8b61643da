"""Force against indentation -> the contact parameters with which the simulated tip gives the same curve.

MuJoCo's contact at rest pushes with

    F(r) = stiffness * d(r)^2 / (dw^2 * (1 - d(r)) * A) * r,  solref = (-stiffness, -damping), solimp = d0 dw width

where A, the inverse weight of both bodies, is the model's and not the tip's (mujoco/doc: modeling, Solver parameters;
computation, Parameters). So the force is linear in `stiffness`, and its shape is that of d(r). This law itself is
fitted to the presses: with the model's d(r), or where that is not enough with another. The direct format is
used since `(timeconst, dampratio)` ties damping to stiffness (their ratio is 2 * timeconst * dampratio^2: a contact as
soft as a finger would creep for a tenth of a second and more) and is held at two timesteps from below.

Limits. The same parameters are softer against a light body that moves than against a fixed one, by A. With equal
`priority` on both sides MuJoCo takes the lesser solref but mixes solimp; with a lower one the tip's are not used. A d0
below the usual 0.9 lets friction creep as well. At an impact the contact has a mass of its own, d / ((1 - d) A), that
no measurement shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from transfer_audit.core.calibrate.compliance.presses import Press
from transfer_audit.core.calibrate.compliance.reading import Rows
from transfer_audit.core.calibrate.compliance.tips import PressWorld
from transfer_audit.core.types import Array

SAME = 0.1
"""Two curves are the same where they differ by less than this share of the largest force."""
_POINTS, _BINS, _STEPS = 30, 8, 50
NINETY, _TWICE, _BEYOND = 1.645, 2.0, 1.5
_LEAST_ROOT, _SHAPES = 0.05, 20
LIKELY = 2.71
"""What a likely shape costs more than the best at most: 90 % of chi-square with one degree of freedom."""


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


@dataclass(frozen=True)
class Contact:
    """Contact parameters of a tip, and how well they reproduce the presses that they were made for.

    :param stiffness: of solref in the direct format, 1/s^2, positive
    :param solimp: the five numbers; `reshaped` whether they differ from the model's
    :param secant: mean slope of the force from the touch to the deepest point of the press in the middle, N/m;
        `deepest` how deep that is, m
    :param error: largest difference of the simulated from the measured curve, as a share of the largest force;
        `beyond` what of it is more than noise
    :param shapes: least and largest d0 that are likely; `apart` logarithm of how much another secant that may be
    """

    stiffness: float
    solimp: tuple[float, ...]
    secant: float
    deepest: float
    error: float
    beyond: float
    matched: Matched
    reshaped: bool = False
    shapes: tuple[float, float] = (math.nan, math.nan)
    apart: float = 0.0

    def stiffer(self, factor: float) -> Contact:
        """The same shape, so many times as stiff."""
        found = replace(self.matched, stiffness=factor * self.stiffness, curve=self.matched.curve.times(factor))
        return replace(self, stiffness=found.stiffness, secant=factor * self.secant, matched=found)


class SimulatedPress:
    """The actual model pressing its tip on a fixed plane, along the path on which the real one pressed.

    Depth is the travel of the tip along the plane's normal; the hand stands still at each depth.
    """

    def __init__(self, world: PressWorld, press: Press, deepest: float) -> None:
        self._world, self.deepest = world, deepest
        deepest = _BEYOND * deepest
        self._depths = np.linspace(deepest / _POINTS, deepest, _POINTS)
        smooth = gaussian_filter1d(press.poses, max(0.05 / press.period_s, 1.0), axis=0, mode='nearest')
        start = smooth[max(press.begin - round(0.05 / press.period_s), 0)]
        end = smooth[int(np.argmax(gaussian_filter1d(press.travel, 2.0)[: press.held]))]
        world.stand(press.point, press.normal)
        world.stand(press.point + (world.gap(end) + deepest) * press.normal, press.normal)
        along = np.linspace(-1.0, 1.5, 60)
        gaps = np.array([world.gap(start + share * (end - start)) for share in along])
        shares = np.interp(self._depths, -gaps, along)
        self._poses = start + shares[:, None] * (end - start)

    def curve(self) -> Curve:
        """With the world's present parameters."""
        forces = np.array([self._world.force(pose) for pose in self._poses])
        return Curve(np.append(0.0, self._depths), np.append(0.0, forces))

    def with_parameters(self, stiffness: float, solimp: Sequence[float] | Array) -> Curve:
        """With other parameters of the tip."""
        self._world.soften((-stiffness, -1.0), tuple(solimp))
        return self.curve()


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


def contact_of(simulated: SimulatedPress, loads: Sequence[Load], solimp: Array, reshape: bool = True) -> Contact:
    """The stiffness, and where the model's shape of the impedance is not likely also that, which explain presses best.

    The shape is searched for over d0 alone, between almost nothing and dw, with the deepest indentation as `width`:
    from a spring that stiffens as it is pressed to one that does not.

    Shapes have the odds that their costs give them, the model's own as much beforehand as all others together, and the
    secants of all are what is not known of it (Bayesian model averaging: Hoeting et al., 1999).

    :param solimp: the model's, shape (5,)
    :param reshape: whether to search for another shape; where a reading lags it cannot be told from the lag
    """
    plain = shaped(simulated, loads, solimp)
    if not reshape:
        return plain
    width = simulated.deepest
    tried = [(*one, solimp[1], width, 0.5, 1.0) for one in _leasts(float(solimp[1]))]
    others = [shaped(simulated, loads, np.array(one)) for one in tried]
    costs = np.array([one.matched.cost for one in (plain, *others)])
    least = int(np.argmin(costs))
    costs = (costs - costs[least]) / max(1.0, costs[least] / plain.matched.expected)
    odds = np.exp(-costs / 2.0) * np.array([1.0, *np.full(_SHAPES, 1.0 / _SHAPES)])
    odds /= odds.sum()
    own = bool(odds[0] > 0.5)
    found = plain if own else others[int(np.argmin(costs[1:]))]
    logs = np.log([one.secant / found.secant for one in (plain, *others)])
    likely = [one.solimp[0] for one, cost in zip(others, costs[1:], strict=True) if cost <= costs[1:].min() + LIKELY]
    return replace(
        found, reshaped=not own, shapes=(min(likely), max(likely)), apart=NINETY * float(np.sqrt(odds @ logs**2))
    )


def _leasts(most: float) -> list[tuple[float]]:
    """Values of d0 between which the stiffness at the touch, d0^2 / (1 - d0), rises to that of dw, its root evenly."""
    ends = np.linspace(_LEAST_ROOT, 1.0, _SHAPES) ** 2 * most**2 / (1.0 - most)
    return [(float((np.sqrt(end**2 + 4.0 * end) - end) / 2.0),) for end in ends]


def shaped(simulated: SimulatedPress, loads: Sequence[Load], solimp: Sequence[float] | Array) -> Contact:
    """The stiffness that explains presses best with a given shape, (d0, dw, width, midpoint, power)."""
    found = matched(simulated.with_parameters(1.0, solimp), loads)
    error, beyond = _error(found, loads)
    peak = float(np.median([load.spring.max() for load in loads]))
    depth = float(found.curve.depth(np.array(peak)))
    return Contact(
        found.stiffness,
        tuple(map(float, solimp)),
        peak / depth,
        depth,
        error,
        beyond,
        found,
    )


def _error(found: Matched, loads: Sequence[Load]) -> tuple[float, float]:
    """Largest difference of a curve from the mean of the presses, in bins of the force, as a share of the largest; and
    what of it is more than the noise of such a mean."""
    curve = found.curve
    forces = np.concatenate([load.spring / np.exp(apart) for load, apart in zip(loads, found.apart, strict=True)])
    depths = np.concatenate([load.rows.travel - onset for load, onset in zip(loads, found.onsets, strict=True)])
    bins = np.array_split(np.argsort(forces), _BINS)
    means = np.array([(forces[part].mean(), depths[part].mean()) for part in bins])
    off = np.abs(curve.force(np.maximum(means[:, 1], 0.0)) - means[:, 0])
    white = float(np.mean([load.rows.white for load in loads])) / np.sqrt(len(forces) / _BINS)
    noise = white / np.maximum(curve.slope(np.maximum(means[:, 0], 0.0)), 1e-12)
    beyond = np.sqrt(np.maximum(off**2 - (_TWICE * noise) ** 2, 0.0))
    return float(off.max() / means[:, 0].max()), float(beyond.max() / means[:, 0].max())
