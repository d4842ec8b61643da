"""A measured force-indentation curve -> the contact parameters with which the simulated tip gives the same curve.

MuJoCo's contact at rest pushes with

    F(r) = stiffness * d(r)^2 / (dw^2 * (1 - d(r)) * A) * r,  solref = (-stiffness, -damping), solimp = d0 dw width

where A, the inverse weight of both bodies, is the model's and not the tip's (mujoco/doc: modeling, Solver parameters;
computation, Parameters). So the force is linear in `stiffness`, and its shape is that of d(r). The direct format is
used since `(timeconst, dampratio)` ties damping to stiffness (their ratio is 2 * timeconst * dampratio^2: a contact as
soft as a finger would creep for a tenth of a second and more) and is held at two timesteps from below.

Limits. The same parameters are softer against a light body that moves than against a fixed one, by A. With equal
`priority` on both sides MuJoCo takes the lesser solref but mixes solimp; with a lower one the tip's are not used. A d0
below the usual 0.9 lets friction creep as well. At an impact the contact has a mass of its own, d / ((1 - d) A), that
no measurement shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import minimize_scalar

from transfer_audit.core.calibrate.compliance.law import Curve
from transfer_audit.core.calibrate.compliance.presses import Press
from transfer_audit.core.calibrate.compliance.tips import PressWorld
from transfer_audit.core.types import Array

SAME = 0.1
"""Two curves are the same where they differ by less than this share of the largest force."""
_POINTS = 15
_LEAST_IMPEDANCE = 0.01


@dataclass(frozen=True)
class Contact:
    """Contact parameters of a tip, and how well they reproduce the curve they were made for.

    :param stiffness: of solref in the direct format, 1/s^2, positive
    :param solimp: the five numbers; `reshaped` whether they differ from the model's
    :param error: largest difference of the simulated from the measured curve, as a share of the largest force
    """

    stiffness: float
    solimp: tuple[float, ...]
    reshaped: bool
    error: float


class SimulatedPress:
    """The actual model pressing its tip on a fixed plane, along the path on which the real one pressed.

    Depth is the travel of the tip along the plane's normal; the hand stands still at each depth.
    """

    def __init__(self, world: PressWorld, press: Press, deepest: float) -> None:
        self._world = world
        self.depths = np.linspace(deepest / _POINTS, deepest, _POINTS)
        smooth = gaussian_filter1d(press.poses, max(0.05 / press.period_s, 1.0), axis=0, mode='nearest')
        start = smooth[max(press.begin - round(0.05 / press.period_s), 0)]
        end = smooth[int(np.argmax(gaussian_filter1d(press.travel, 2.0)[: press.held]))]
        world.stand(press.point, press.normal)
        world.stand(press.point + (world.gap(end) + deepest) * press.normal, press.normal)
        along = np.linspace(-1.0, 1.5, 60)
        gaps = np.array([world.gap(start + share * (end - start)) for share in along])
        shares = np.interp(self.depths, -gaps, along)
        self._poses = start + shares[:, None] * (end - start)

    def forces(self) -> Array:
        """Force at each depth with the world's present parameters, N, shape (P,)."""
        return np.array([self._world.force(pose) for pose in self._poses])

    def curve(self) -> Curve:
        """The same as a function of the depth; beyond the deepest it goes on as it ended."""
        depths, forces = np.append(0.0, self.depths), np.append(0.0, self.forces())
        end = (forces[-1] - forces[-2]) / (depths[-1] - depths[-2])
        return lambda depth: np.interp(depth, depths, forces) + end * np.maximum(depth - depths[-1], 0.0)

    def with_parameters(self, stiffness: float, solimp: Array) -> Array:
        """Force at each depth with other parameters of the tip, N, shape (P,)."""
        self._world.soften((-stiffness, -1.0), tuple(solimp))
        return self.forces()


def matching(simulated: SimulatedPress, wanted: Curve, solimp: Array, reshape: bool | None = None) -> Contact:
    """The stiffness, and where that is not enough the shape of the impedance, that give a curve.

    The shape is searched for over d0 alone, between almost nothing and dw, with the deepest indentation as `width`:
    from a spring that stiffens as it is pressed to one that does not.

    :param solimp: the model's, shape (5,)
    :param reshape: whether to change the shape; None: only where the stiffness alone leaves more than SAME
    """
    target = wanted(simulated.depths)
    plain = _scaled(simulated, target, solimp)
    if reshape is False or (reshape is None and plain.error <= SAME):
        return plain

    def shaped(least: float) -> Array:
        return np.array([least, solimp[1], simulated.depths[-1], 0.5, 1.0])

    best = minimize_scalar(
        lambda least: _scaled(simulated, target, shaped(least)).error,
        bounds=(_LEAST_IMPEDANCE, float(solimp[1])), method='bounded', options={'xatol': 1e-3},
    )  # fmt: skip
    found = _scaled(simulated, target, shaped(float(best.x)))
    simulated.with_parameters(found.stiffness, np.asarray(found.solimp))
    return Contact(found.stiffness, found.solimp, True, found.error)


def _scaled(simulated: SimulatedPress, target: Array, solimp: Array) -> Contact:
    """The stiffness that suits a shape best: forces are proportional to it."""
    unit = simulated.with_parameters(1.0, solimp)
    stiffness = float(unit @ target / max(float(unit @ unit), 1e-300))
    forces = simulated.with_parameters(stiffness, solimp)
    error = float(np.abs(forces - target).max() / target.max())
    return Contact(stiffness, tuple(float(value) for value in solimp), False, error)
