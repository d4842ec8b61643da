"""Force against indentation: one press fitted with a spring, a damper, and a sensor that lags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares, minimize_scalar

from transfer_audit.core.calibrate.compliance.presses import Press
from transfer_audit.core.calibrate.compliance.reading import Dynamics, Problem, loading
from transfer_audit.core.types import Array

ROBUST = 2.0
"""Rows off by more than so many standard deviations count little."""
MOST_LAG_S = 0.6
_LAGS_S = (0.0, 0.02, 0.1, 0.3)
_HIDDEN = 0.3
"""Share of the least eigenvalue that must be left without noise."""
Curve = Callable[[Array], Array]


@dataclass(frozen=True)
class Fit:
    """What one press says: its spring gives stiffness * indentation^power.

    :param stiffness: N/m^power
    :param onset: travel at which the contact begins, m
    :param deepest: largest indentation, m; `peak` the largest reading, N
    :param rms: of the residual, N; `about_mean` of the readings about their mean
    """

    power: float
    dynamics: Dynamics
    stiffness: float
    onset: float
    deepest: float
    peak: float
    rms: float
    about_mean: float

    @property
    def explained(self) -> float:
        """Share of the variance of the force that the law explains."""
        return 1.0 - (self.rms / self.about_mean) ** 2 if self.about_mean > 0 else 0.0


def dynamics_of(press: Press, power: float = 1.0, lag_s: float | None = None) -> Dynamics | None:
    """The damping and lag that fit the loading of a press best; None if the force does not grow with the indentation.

    For given onset and lag the law is linear in stiffness and damping (variable projection: Golub and Pereyra, 1973).

    :param lag_s: known lag; else it is searched for
    """
    problem = Problem(press, loading(press))
    if problem.reach <= 0 or problem.peak <= 0:
        return None
    low, high = [-0.5 * problem.reach - 1e-3, 0.0], [0.8 * problem.reach, MOST_LAG_S]
    if lag_s is not None:
        low[1], high[1] = lag_s - 1e-9, lag_s + 1e-9

    def plain(unknown: Array) -> Array:
        parts = problem.parts(problem.spring(unknown[0], power), unknown[1])[problem.rows]
        return np.asarray((parts @ _linear(parts, problem) - problem.measured) / problem.peak)

    starts = [[0.0, lag] for lag in (_LAGS_S if lag_s is None else (lag_s,))]
    scale = [problem.reach, 0.1]
    onset, lag = min(
        (least_squares(plain, s, bounds=(low, high), x_scale=scale) for s in starts), key=lambda s: s.cost
    ).x
    stiffness, damping = _linear(problem.parts(problem.spring(onset, power), lag)[problem.rows], problem)
    if not stiffness > 0:
        return None
    slope = stiffness * power * max(problem.reach - onset, 1e-9) ** (power - 1.0)
    trust = problem.trust(slope, Dynamics(damping / stiffness, lag))

    def residual(unknown: Array) -> Array:
        parts = problem.parts(problem.spring(unknown[0], power), unknown[1])[problem.rows]
        return np.asarray((parts @ (stiffness * unknown[2:]) - problem.measured) / trust)

    best = least_squares(
        residual,
        [onset, np.clip(lag, low[1], high[1]), 1.0, damping / stiffness],
        bounds=([*low, 0.05, -np.inf], [*high, np.inf, np.inf]),
        x_scale=[*scale, 1.0, 0.1],
        loss='soft_l1',
        f_scale=ROBUST,
    )
    lag = max(float(best.x[1]), 0.0)
    found = _without_noise(
        problem, power, float(best.x[0]), stiffness * best.x[2:], lag, residual(best.x), trust, np.eye(2)
    )
    stiffness, damping = best.x[2:] if found is None or not found[0] > 0 else found[:2]
    return Dynamics(float(damping / stiffness), lag if lag_s is None else lag_s)


def _linear(parts: Array, problem: Problem) -> Array:
    scale = np.maximum(np.abs(parts).max(axis=0), 1e-300)
    found, *_ = np.linalg.lstsq(parts / scale, problem.measured, rcond=None)
    return np.asarray(found / scale)


def _without_noise(
    problem: Problem, power: float, onset: float, linear: Array, lag_s: float, residual: Array, trust: Array, mix: Array
) -> Array | None:  # fmt: skip
    """One step of least squares from a solution, without what the noise of the travel adds to the sums of squares.

    Left in, noise of the indentation makes a contact look soft (Fuller, Measurement Error Models, 1987, section 2.2).

    :param linear: stiffness and damping of the solution, shape (2,); `residual` in units of `trust`, shape (n,)
    :param mix: the combinations of spring and damper that are unknown, shape (2, m)
    :returns: the unknown factors and the onset, shape (m + 1,); None if there is nothing but noise
    """
    weights = problem.contact / (trust**2 * np.sqrt(1.0 + (residual / ROBUST) ** 2))
    parts = problem.parts(problem.spring(onset, power), lag_s)[problem.rows]
    step = 1e-3 * problem.reach
    moved = problem.parts(problem.spring(onset + step, power), lag_s)[problem.rows]
    columns = np.column_stack([parts @ mix, (moved - parts) @ linear / step])
    size = np.sqrt((weights[:, None] * columns**2).sum(axis=0)) + 1e-300
    depth = max(problem.reach - onset, 1e-9)
    noisy = np.zeros((len(size), len(size)))
    noisy[:-1, :-1] = mix.T @ problem.shared(lag_s) @ mix * (power * depth ** (power - 1.0)) ** 2
    squares = columns.T * weights @ columns / np.outer(size, size)
    clean = squares - weights.sum() * noisy / np.outer(size, size)
    if not np.linalg.eigvalsh(clean)[0] > _HIDDEN * np.linalg.eigvalsh(squares)[0] > 0:
        return None
    found = np.linalg.solve(clean, columns.T @ (weights * problem.measured) / size) / size
    return np.append(found[:-1], onset + found[-1])


def fit_press(press: Press, rows: slice, dynamics: Dynamics, power: float = 1.0) -> Fit | None:
    """Stiffness and onset that fit some rows of a press best; None if there is nothing to fit, or only noise."""
    problem = Problem(press, rows)
    if problem.reach <= 0 or problem.peak <= 0 or len(problem.measured) < 4:
        return None
    mix = np.array([1.0, dynamics.damping_s])

    def reading(onset: float, stiffness: float) -> Array:
        spring = stiffness * problem.spring(onset, power)
        return np.asarray(problem.parts(spring, dynamics.lag_s)[problem.rows] @ mix)

    def of(unknown: Array) -> tuple[float, float]:  # unknown[1]: logarithm of the force at the deepest point
        return float(unknown[0]), float(np.exp(unknown[1]) / max(problem.reach - unknown[0], 1e-9) ** power)

    bounds = ([-problem.reach - 1e-3, np.log(0.1 * problem.peak)], [0.8 * problem.reach, np.log(10.0 * problem.peak)])
    best, trust = np.array([0.0, np.log(problem.peak)]), np.full(len(problem.measured), 0.03 * problem.peak)
    for _ in range(2):
        best = least_squares(
            lambda unknown, trust=trust: (reading(*of(unknown)) - problem.measured) / trust,
            best, bounds=bounds, x_scale=[problem.reach, 1.0], loss='soft_l1', f_scale=ROBUST,
        ).x  # fmt: skip
        onset, stiffness = of(best)
        last, trust = trust, problem.trust(stiffness * power * (problem.reach - onset) ** (power - 1.0), dynamics)
    residual = (reading(onset, stiffness) - problem.measured) / last
    found = _without_noise(
        problem, power, onset, stiffness * mix, dynamics.lag_s, residual, last, mix[:, None]
    )  # fmt: skip
    if found is None or not found[0] > 0:
        return None
    stiffness, onset = float(found[0]), float(found[1])
    off = (reading(onset, stiffness) - problem.measured)[~problem.meeting]
    rms = float(np.sqrt(np.mean(off**2)))
    deepest = float(np.quantile(problem.smooth_travel[: press.held], 0.98)) - onset
    return Fit(power, dynamics, stiffness, onset, deepest, problem.peak, rms, float(problem.measured.std()))


def predicted(press: Press, curve: Curve, dynamics: Dynamics) -> tuple[float, float]:
    """Mean squared residual of a known law on the loading of a press, and the variance of its readings, N^2.

    Only where the contact begins is searched for: no two presses begin at the same place.

    :param curve: indentation, m -> force, N
    """
    problem = Problem(press, loading(press))
    mix = np.array([1.0, dynamics.damping_s])

    def cost(onset: float) -> float:
        force = curve(np.maximum(problem.travel - onset, 0.0))
        off = problem.parts(force, dynamics.lag_s)[problem.rows] @ mix - problem.measured
        return float(np.mean(off[~problem.meeting] ** 2))

    tried = np.linspace(-problem.reach - 1e-3, 0.8 * problem.reach, 15)
    near = float(tried[np.argmin([cost(onset) for onset in tried])])
    step = float(tried[1] - tried[0])
    best = minimize_scalar(cost, bounds=(near - step, near + step), method='bounded', options={'xatol': 1e-6})
    return float(best.fun), float(problem.measured.var())
