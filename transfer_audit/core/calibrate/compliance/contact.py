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

from transfer_audit.core.calibrate.compliance.curves import Curve, Load, Matched, matched
from transfer_audit.core.calibrate.compliance.presses import Press
from transfer_audit.core.calibrate.compliance.tips import PressWorld
from transfer_audit.core.types import Array

SAME = 0.1
"""Two curves are the same where they differ by less than this share of the largest force."""
_POINTS, _BINS = 30, 8
NINETY, _TWICE, _BEYOND = 1.645, 2.0, 1.5
_LEAST_ROOT, _SHAPES = 0.05, 20
LIKELY = 2.71
"""What a likely shape costs more than the best at most: 90 % of chi-square with one degree of freedom."""


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
