"""The rows of a press: smoothed readings, what a law makes of the travel, and how sure each row is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from transfer_audit.core.calibrate.compliance.presses import Press
from transfer_audit.core.types import Array

SMOOTH = 0.05
"""Measured force and indentation pass the same filter: what is linear between them stays as it is. Its width is this
share of the time that the force takes to rise, within SMOOTH_S."""
SMOOTH_S = (0.02, 0.1)
MEETING = 0.15
"""The first share of the way into the contact: how a tip bounces as it meets its object says little of a spring."""
PARTING = 0.2
"""Below this share of the peak force the release is not looked at: there a damped contact parts early."""
_RESOLVED = 0.01
"""Share of the peak force below which differences between readings are not looked at."""


@dataclass(frozen=True)
class Dynamics:
    """How a reading follows a spring: reading = lagged(spring + damping_s * its rate of change).

    :param damping_s: damping over stiffness, s: how far a moving contact's force runs ahead of the spring's; a sensor
        that answers late by more than its lag takes away from it
    :param lag_s: time constant with which the reading follows the force
    """

    damping_s: float
    lag_s: float


class Problem:
    """Some rows of a press: the smoothed readings, and what a law makes of the travel.

    :param rows: which rows count; those before them still act through the lag
    """

    def __init__(self, press: Press, rows: slice) -> None:
        self.travel = press.travel
        self.rows = rows
        self._period = press.period_s
        self._width = max(width_s(press) / press.period_s, 1.0)
        self.measured = self._smooth(press.force)[rows]
        self.smooth_travel = self._smooth(press.travel)
        self.reach = float(self.smooth_travel[: press.held].max())
        self.peak = float(self.measured.max())
        self.contact = np.arange(len(press))[rows] >= press.begin
        self._travel_noise = noise(press.travel)
        self._quiet = max(noise(press.force), _RESOLVED * self.peak) / np.sqrt(2 * np.sqrt(np.pi) * self._width)
        rise = int(np.argmax(self.smooth_travel >= 0.9 * self.reach)) - press.begin
        since = np.arange(len(press))[rows] - press.begin
        self.meeting = (since >= 0) & (since < MEETING * rise)
        self._impulse = np.zeros(len(press))
        self._impulse[len(press) // 4] = 1.0

    def _smooth(self, values: Array) -> Array:
        return np.asarray(gaussian_filter1d(values, self._width, mode='nearest'))

    def parts(self, force: Array, lag_s: float) -> Array:
        """How a force and its rate of change would be read, shape (N,) -> (N, 2)."""
        smooth = self._smooth(force)
        return np.stack(
            [lagged(smooth, lag_s, self._period) for smooth in (smooth, np.gradient(smooth, self._period))], 1
        )

    def spring(self, onset: float, power: float) -> Array:
        """Force of a spring of unit stiffness, shape (N,)."""
        return np.asarray(np.maximum(self.travel - onset, 0.0) ** power)

    def shared(self, lag_s: float) -> Array:
        """Covariance that the noise of the travel leaves in `parts` of a spring of unit stiffness, shape (2, 2)."""
        response = self.parts(self._impulse, lag_s)
        return np.asarray(self._travel_noise**2 * response.T @ response)

    def trust(self, slope: float, dynamics: Dynamics) -> Array:
        """Standard deviation of each row's residual, from the noise of both measurements, N, shape (n,)."""
        mix = slope * np.array([1.0, dynamics.damping_s])
        through = float(mix @ self.shared(dynamics.lag_s) @ mix)
        spread = np.sqrt(self._quiet**2 + np.where(self.contact, through, 0.0))
        return np.asarray(np.where(self.meeting, np.hypot(spread, self.peak), spread))


def lagged(values: Array, lag_s: float, period_s: float) -> Array:
    """A first-order lag, shape (N,), that starts settled."""
    keep = float(np.exp(-period_s / lag_s)) if lag_s > 0 else 0.0
    return np.asarray(lfilter([1.0 - keep], [1.0, -keep], values, zi=[keep * values[0]])[0])


def noise(values: Array) -> float:
    """Standard deviation of white noise on a signal that changes slowly, by second differences, shape (N,)."""
    steps = np.diff(values, 2)
    return float(np.sqrt(np.mean(steps**2) / 6.0) if len(steps) else 0.0)


def width_s(press: Press) -> float:
    """Width of the filter, s."""
    peak = float(press.force.max())
    rise = int(np.argmax(press.force >= 0.9 * peak)) - int(np.argmax(press.force >= 0.1 * peak))
    return float(np.clip(SMOOTH * rise * press.period_s, *SMOOTH_S))


def loading(press: Press) -> slice:
    """Rows from the free motion before to the release, but for those that the filter mixes with what comes after it."""
    after = 0 if press.held == len(press) else round(2 * width_s(press) / press.period_s)
    return slice(0, max(press.held - after, 1))


def unloading(press: Press) -> slice:
    """Rows of the release, down to where the contact may part; empty if the press ends loaded."""
    falling = press.force[press.held :] > PARTING * press.force.max()
    return slice(press.held, press.held + (int(np.argmin(falling)) if not falling.all() else len(falling)))
