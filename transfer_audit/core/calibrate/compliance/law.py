"""Indentation against force: lines, and how far a reading runs ahead of its spring.

Regressed on the indentation, a force looks too small: joint noise of two milliradians moves a tip by a third of what a
stiff one gives, and noise in the variable that explains flattens a line (Fuller, Measurement Error Models, 1987,
section 1.1). The force is known to about a hundredth of what it changes by. So the travel is explained by the force.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from transfer_audit.core.calibrate.compliance.reading import Rows
from transfer_audit.core.types import Array

POWERS = np.array([1.0, 1.3, 1.6, 2.0, 2.5])
"""Of the indentation that the force may grow with. No contact grows softer as it is pressed."""
LEAD_S = (-0.6, 0.5)
_TRIED = 23


@dataclass(frozen=True)
class Line:
    """Travel as a straight line over a power of the force.

    :param slope: m per N^(1 / power)
    :param rms: of the residual, m; `about_mean`: of the travel about its mean
    :param unexplained: share of the variance of the travel that is neither the line's nor noise of its measurement
    """

    slope: float
    rms: float
    about_mean: float
    unexplained: float


def line(rows: Rows, force: Array, power: float = 1.0) -> Line:
    """The line by least squares; `force` of the spring of each row, N, shape (n,)."""
    root = np.maximum(force, 0.0) ** (1.0 / power)
    root, travel = root - root.mean(), rows.travel - rows.travel.mean()
    slope = float(root @ travel / max(float(root @ root), 1e-300))
    left, whole = float(np.mean((travel - slope * root) ** 2)), max(float(np.mean(travel**2)), 1e-300)
    return Line(slope, float(np.sqrt(left)), float(np.sqrt(whole)), max(left - rows.noise**2, 0.0) / whole)


def lead_of(presses: Sequence[Rows], powers: Sequence[float] | Array = POWERS) -> tuple[float, float]:
    """How far the readings run ahead, s, and the power, that explain the travel of presses best.

    For a given lead and power the law is linear (variable projection: Golub and Pereyra, 1973). A contact that stiffens
    looks like a reading that lags: where a straight one needs a lag, it is taken to be straight.
    """
    whole = sum(float(np.sum((rows.travel - rows.travel.mean()) ** 2)) for rows in presses) + 1e-300

    def cost(lead: float, power: float) -> float:
        return sum(line(rows, rows.spring(lead), power).rms ** 2 * len(rows) for rows in presses) / whole

    found = []
    tried = np.linspace(*LEAD_S, _TRIED)
    for power in powers:
        near = int(np.clip(np.argmin([cost(lead, power) for lead in tried]), 1, _TRIED - 2))
        bounds = (float(tried[near - 1]), float(tried[near + 1]))
        best = minimize_scalar(cost, bounds=bounds, args=(power,), method='bounded', options={'xatol': 1e-4})
        found.append((float(best.fun), float(best.x), float(power)))
        if power == 1.0 and best.x < 0 and len(powers) > 1:
            break
    return min(found)[1:]
