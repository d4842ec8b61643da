"""How sure a fit is of its parameters, where residuals are not white, and which of them it cannot tell apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from transfer_audit.core.calibrate.joints.solve import Fit
from transfer_audit.core.calibrate.quantities import LEVEL
from transfer_audit.core.types import Array

SHORTEST_BLOCK_S = 0.25
_FEWEST_BLOCKS = 12
_TIMES = 4.0
"""Blocks are this many correlation times of the residual long."""


@dataclass(frozen=True)
class Spread:
    """The uncertainty of the parameters of a fit, each of shape (J, P), SI units.

    :param low, high: interval at `LEVEL`, within the bounds
    :param at_edge: the parameter lies at a bound of the fit
    :param floor: half the interval that the sensors' noise alone would leave: what the motion could tell at best
    :param correlation: between all parameters in the order of `values.ravel()`, shape (J * P, J * P)
    :param condition: condition number of each servo's part of the Jacobian, columns of unit length, shape (J,)
    :param noise: of each servo's measurement, without what is alike from sample to sample, shape (J,), rad
    """

    low: Array
    high: Array
    at_edge: npt.NDArray[np.bool_]
    floor: Array
    correlation: Array
    condition: Array
    noise: Array


def spread_of(fit: Fit) -> Spread:
    """Intervals from the delete-one-block jackknife, one Gauss-Newton step for each block left out.

    Residuals of neighbouring samples are alike, so whole blocks of time are left out, and long ones where they stay
    alike for long. The estimate is the CR3 form of the cluster-robust sandwich: Bell, McCaffrey (2002), Bias reduction
    in standard errors for linear regression with multi-stage samples.
    """
    at_edge, shape = _at_edge(fit), fit.values.shape
    free = np.flatnonzero(~at_edge.ravel() & (np.linalg.norm(fit.jacobian, axis=0) > 0))
    steps = _left_out(fit.jacobian[:, free], fit.residual, _blocks(fit))
    groups = len(steps)
    sandwich = _filled((groups - 1) / groups * steps.T @ steps, free, at_edge.size)
    sandwich[at_edge.ravel(), at_edge.ravel()] = _of_edge(fit, at_edge.ravel())
    half = stdtrit(groups - 1, 0.5 + LEVEL / 2) * np.sqrt(np.diag(sandwich)).reshape(shape) * fit.start.size
    noise = fit.noise
    plain = _filled(_of_noise(fit, free, noise), free, at_edge.size)
    sigma = np.sqrt(np.diag(plain))
    return Spread(
        np.clip(fit.values - half, fit.start.low, fit.start.high),
        np.clip(fit.values + half, fit.start.low, fit.start.high),
        at_edge,
        ndtri(0.5 + LEVEL / 2) * sigma.reshape(shape) * fit.start.size,
        _correlation(plain),
        np.array([_condition(fit, joint) for joint in range(len(fit.values))]),
        noise * np.array([servo.noise for servo in fit.chain.servos]),
    )


def _of_edge(fit: Fit, edge: npt.NDArray[np.bool_]) -> Array:
    """The variance of each parameter at a bound, as if nothing held it there: how far it could still move inwards."""
    lengths = np.square(fit.jacobian[:, edge]).sum(axis=0)
    return np.asarray(np.mean(np.square(fit.residual)) / np.maximum(lengths, 1e-300))


def _filled(covariance: Array, free: npt.NDArray[np.intp], size: int) -> Array:
    """The covariance of all parameters, endless for those that nothing speaks of."""
    found = np.diag(np.full(size, np.inf))
    found[np.ix_(free, free)] = covariance
    return found


def _correlation(covariance: Array) -> Array:
    sigma = np.sqrt(np.diag(covariance))
    known = np.isfinite(sigma) & (sigma > 0)
    return np.where(
        np.outer(known, known), covariance / np.outer(np.where(known, sigma, 1), np.where(known, sigma, 1)), 0
    )


def _of_noise(fit: Fit, free: npt.NDArray[np.intp], noise: Array) -> Array:
    """The covariance that white noise of the sensors would leave, shape (F, F)."""
    own = fit.jacobian[:, free]
    whole = own.T @ own
    back = np.linalg.solve(whole + 1e-10 * np.diag(np.diag(whole)), own.T * noise[fit.joint])
    return np.asarray(back @ back.T)


def _at_edge(fit: Fit) -> npt.NDArray[np.bool_]:
    near = 1e-3 * fit.start.size
    return np.asarray((fit.values <= fit.start.low + near) | (fit.values >= fit.start.high - near))


def _blocks(fit: Fit) -> npt.NDArray[np.int64]:
    """The block of time each residual lies in, shape (R,)."""
    length = max(SHORTEST_BLOCK_S, _TIMES * correlation_time_s(fit))
    total = sum(float(np.ptp(fit.time_s[fit.window == window])) for window in np.unique(fit.window))
    length = min(length, max(total / _FEWEST_BLOCKS, SHORTEST_BLOCK_S))
    labels = fit.window * 1_000_000 + (fit.time_s / length).astype(np.int64)
    return np.asarray(np.unique(labels, return_inverse=True)[1])


def correlation_time_s(fit: Fit) -> float:
    """How long the residual stays alike: the median of its one-sided autocorrelation times over servos and windows."""
    found = []
    for window in np.unique(fit.window):
        for joint in range(len(fit.values)):
            rows = (fit.window == window) & (fit.joint == joint)
            if np.count_nonzero(rows) > 20:
                found.append(_correlation_time(fit.residual[rows], fit.time_s[rows]))
    return float(np.median(found)) if found else 0.0


def _correlation_time(residual: Array, time_s: Array) -> float:
    count = len(residual)
    power = np.abs(np.fft.rfft(residual, 2 * count)) ** 2
    correlation = np.fft.irfft(power)[: count // 2]
    if not correlation[0] > 0:
        return 0.0
    correlation /= correlation[0]
    negative = np.flatnonzero(correlation < 0.05)
    until = int(negative[0]) if len(negative) else len(correlation)
    return float((correlation[:until].sum() - 1.0) * np.median(np.diff(time_s)))


def _left_out(jacobian: Array, residual: Array, blocks: npt.NDArray[np.int64]) -> Array:
    """How far the parameters move when each block is left out, shape (G, F)."""
    whole = jacobian.T @ jacobian
    ridge = 1e-10 * np.diag(np.diag(whole))
    steps = np.empty((int(blocks.max()) + 1, jacobian.shape[1]))
    for block in range(len(steps)):
        own = jacobian[blocks == block]
        steps[block] = np.linalg.solve(whole - own.T @ own + ridge, own.T @ residual[blocks == block])
    return steps


def _condition(fit: Fit, joint: int) -> float:
    terms = fit.values.shape[1]
    own = fit.jacobian[:, joint * terms : (joint + 1) * terms]
    lengths = np.linalg.norm(own, axis=0)
    return float(np.linalg.cond(own / lengths)) if (lengths > 0).all() else float('inf')
