"""A line through the members: what the simulation would say at parameters it was not run with, and how surely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.optimize import lsq_linear

from transfer_audit.core.coverage.misfit import Misfit
from transfer_audit.core.types import Array

RIDGE = 1e-6


@dataclass(frozen=True)
class Emulator:
    """What is left of the measurement as a linear function of the parameters, weighted by how well that is known.

    A regression of each sample on the members' parameters, as in the regression adjustment of approximate Bayesian
    computation (Beaumont, Zhang, Balding 2002) and ensemble Kalman inversion (Iglesias, Law, Stuart 2013). The scatter
    of the members about the line is added to the noise, so that samples that chaos or curvature make unpredictable
    count for little (implausibility of history matching: Craig et al. 1997, Vernon et al. 2010).

    :param at: point around which it is linear, shape (P,)
    :param level: what is left there, weighted, shape (M,); `slope` its change per unit, shape (M, P)
    """

    at: Array
    level: Array
    slope: Array
    weight: Array
    blocks: npt.NDArray[np.int64]

    @staticmethod
    def of(misfit: Misfit) -> Emulator:
        """Fit one to members, at least two more than parameters."""
        count, size = misfit.units.shape
        at = misfit.units.mean(axis=0)
        design = np.hstack([np.ones((count, 1)), misfit.units - at])
        gram = design.T @ design + RIDGE * np.eye(size + 1)
        coefficients = np.linalg.solve(gram, design.T @ misfit.left)
        scatter = misfit.left - design @ coefficients
        variance = (scatter**2).sum(axis=0) / max(1, count - size - 1)
        weight = 1.0 / np.sqrt(1.0 + variance)
        return Emulator(at, coefficients[0] * weight, (coefficients[1:] * weight).T, weight, misfit.block)

    def left(self, units: Array) -> Array:
        """What is left of the measurement at a point, weighted, shape (M,)."""
        return np.asarray(self.level + self.slope @ (units - self.at))

    def loss(self, units: Array) -> float:
        """Weighted sum of squares at a point."""
        return float(np.sum(self.left(units) ** 2))

    def best(self, low: Array, high: Array) -> Array:
        """The point of a box that leaves least, shape (P,): bounded least squares (Stark, Parker 1995)."""
        if not len(low):
            return np.empty(0)
        gram = self.slope.T @ self.slope + RIDGE * np.eye(len(low))
        root = np.linalg.cholesky(gram).T
        target = np.linalg.solve(root.T, -self.slope.T @ self.level)
        room = np.maximum(high - low, 1e-9)
        found = lsq_linear(root, target, (low - self.at, low - self.at + room)).x
        return np.asarray(np.clip(found + self.at, low, high))

    def covariance(self, units: Array) -> Array:
        """Covariance of the least squares estimate, shape (P, P), robust against errors that last.

        The larger of two, parameter by parameter: that of white errors, and the jackknife that leaves out one block of
        time after the other (Kuensch 1989), which also sees that all evidence comes from one moment.
        """
        size = self.slope.shape[1]
        left = self.left(units)
        names, which = np.unique(self.blocks, return_inverse=True)
        count = len(names)
        gram, pull = np.zeros((count, size, size)), np.zeros((count, size))
        for block in range(count):
            slope = self.slope[which == block]
            gram[block], pull[block] = slope.T @ slope, slope.T @ left[which == block]
        ridge = RIDGE * np.eye(size)
        white = np.linalg.inv(gram.sum(axis=0) + ridge) * max(1.0, float(left @ left) / max(1, len(left) - size))
        without = -np.linalg.solve(gram.sum(axis=0) - gram + ridge, (pull.sum(axis=0) - pull)[:, :, None])[:, :, 0]
        jackknife = (count - 1) / max(1, count) * (without - without.mean(axis=0)).T @ (without - without.mean(axis=0))
        larger = np.sqrt(np.maximum(1.0, np.diag(white) / np.maximum(np.diag(jackknife), 1e-300)))
        return np.asarray(jackknife * np.outer(larger, larger))

    def half_width(self, units: Array, level: float) -> Array:
        """Half the interval of each parameter, shape (P,), by Student's t over the blocks."""
        spare = max(1, len(np.unique(self.blocks)) - len(units))
        return np.asarray(stats.t.ppf(0.5 + level / 2, spare) * np.sqrt(np.diag(self.covariance(units))))
