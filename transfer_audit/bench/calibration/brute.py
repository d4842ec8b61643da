"""A servo on a pendulum by brute force: differential evolution over a plain simulation, then least squares.

Shares neither simulator nor optimizer with what it is held against; only the stretches are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from scipy.optimize import differential_evolution, least_squares

from transfer_audit.core.calibrate.joints.chain import Chain, inertia_of
from transfer_audit.core.calibrate.joints.windows import EARLIEST_S, Window
from transfer_audit.core.types import Array

BOUNDS = np.array([[EARLIEST_S, 0.06], [0.0, 0.3], [0.0, 0.15], [0.3, 3.0], [0.0, 0.02], [-0.2, 0.2]])
"""Delay s, Coulomb friction N m, viscous damping N m s/rad, gain as a factor of the model's, armature, offset rad."""
MEMBERS, GENERATIONS = 10, 50
Errors = Callable[[Sequence[Window], Array], Array]
"""Simulated less measured of all windows one after another, shape (M, N), for parameters of shape (M, 6)."""


@dataclass(frozen=True)
class Pendulum:
    """What is known of the arm: its inertia and its torque at an angle, sine * sin(q) + cosine * cos(q), SI units."""

    inertia: float
    sine: float
    cosine: float
    gain: float
    limit: float
    timestep: float


def pendulum_of(chain: Chain) -> Pendulum:
    """The pendulum of a model of one hinge."""
    data, torques = mujoco.MjData(chain.model), []
    for angle in (np.pi / 2, 0.0):
        data.qpos[0] = angle
        mujoco.mj_forward(chain.model, data)
        torques.append(float(data.qfrc_bias[0]))
    actuator = chain.actuators[0]
    gain, limit = chain.model.actuator_gainprm[actuator, 0], chain.model.actuator_forcerange[actuator, 1]
    return Pendulum(
        float(inertia_of(chain)[0]), torques[0], torques[1], float(gain), float(limit), chain.model.opt.timestep
    )


def plain(chain: Chain) -> Errors:
    """By semi-implicit Euler, with Coulomb friction as an impulse that brings to rest at most."""
    pendulum = pendulum_of(chain)

    def errors(windows: Sequence[Window], parameters: Array) -> Array:
        return np.concatenate([_errors(pendulum, window, parameters) for window in windows], axis=1)

    return errors


def _errors(p: Pendulum, window: Window, parameters: Array) -> Array:
    delay, friction, damping, factor, armature, offset = parameters.T
    inertia = p.inertia + armature
    whole = inertia + p.timestep * damping
    at = np.arange(window.steps)[:, None] + window.history - delay / p.timestep
    column = window.commands[:, 0]
    targets = np.interp(at, np.arange(len(column)), column) + offset
    q, v = np.full(len(parameters), window.qpos[0]), np.full(len(parameters), window.qvel[0])
    track = np.empty((window.steps + 1, len(parameters)))
    for step in range(window.steps):
        track[step] = q
        torque = np.clip(p.gain * factor * (targets[step] - q), -p.limit, p.limit)
        v = (inertia * v + p.timestep * (torque - p.sine * np.sin(q) - p.cosine * np.cos(q))) / whole
        v = np.sign(v) * np.maximum(np.abs(v) - p.timestep * friction / whole, 0.0)
        q = q + p.timestep * v
    track[-1] = q
    known = ~np.isnan(window.measured[:, 0])
    place = window.times_s[known] / p.timestep
    before = np.minimum(place.astype(int), window.steps - 1)
    share = (place - before)[:, None]
    sampled = track[before] * (1 - share) + track[before + 1] * share
    return np.asarray((sampled - window.measured[known]).T)


def brute_force(windows: Sequence[Window], errors: Errors, seed: int = 0) -> Array:
    """The best parameters, shape (6,), in the order of BOUNDS."""

    def squares(x: Array) -> Array:
        return np.asarray(np.square(errors(windows, x.T)).mean(axis=1))

    found = differential_evolution(
        squares, BOUNDS, popsize=MEMBERS, maxiter=GENERATIONS, vectorized=True, updating='deferred', polish=False,
        rng=seed, tol=1e-4,
    )  # fmt: skip
    start = np.clip(found.x, BOUNDS[:, 0] + 1e-6, BOUNDS[:, 1] - 1e-6)
    size = np.array([0.005, 0.05, 0.03, 0.5, 0.001, 0.01])
    step = 1e-3 * size

    def jacobian(x: Array) -> Array:
        found = errors(windows, x + np.vstack([np.zeros(len(x)), np.diag(step)]))
        return np.asarray((found[1:] - found[0]).T / step)

    polished = least_squares(
        lambda x: errors(windows, x[None])[0], start, jacobian, bounds=(BOUNDS[:, 0], BOUNDS[:, 1]), x_scale=size,
        max_nfev=20,
    )  # fmt: skip
    best = polished.x if float(np.mean(polished.fun**2)) < found.fun else found.x
    return np.asarray(best)
