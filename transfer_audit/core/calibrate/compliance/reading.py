"""The rows of a press that count, and the force of the spring behind what the sensor reads."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from transfer_audit.core.calibrate.compliance.presses import Press
from transfer_audit.core.types import Array

SMOOTH_S = 0.02
"""Width of the filter that measured force and indentation pass, both: what is linear between them stays as it is."""
MEETING, PARTING = 0.15, 0.05
"""Shares of the peak force below which a loading and a release are not looked at: how a tip bounces as it meets its
object says little of a spring."""
_FEWEST, _ARRIVED = 5, 0.9


class Rows:
    """Some rows of a press, in contact: where the tip was, and with which force a spring there must have pushed.

    They are chosen by the force, which is known well, so that the noise of the travel does not choose among them.

    :ivar travel: smoothed, m, shape (n,); `noise` what is left of the noise on it, m; `white` that of one row before
    :ivar peak: largest force of the whole press, N; `rise_s` from the touch until the tip has nearly arrived
    """

    def __init__(self, press: Press, part: slice) -> None:
        self._period = press.period_s
        width = max(SMOOTH_S / press.period_s, 1.0)
        self._force = gaussian_filter1d(press.force, width, mode='nearest')
        self._rate = np.gradient(self._force, self._period)
        rows = np.arange(len(press))
        least = np.where(rows < press.held, MEETING, PARTING) * self._force.max()
        here = (self._force > least) & (rows >= press.begin)
        self._at = rows[part][here[part]]
        self.travel = gaussian_filter1d(press.travel, width, mode='nearest')[self._at]
        self.peak = float(self._force.max())
        travel = press.travel[press.begin : press.held]
        self.rise_s = float(np.argmax(travel >= _ARRIVED * travel.max(initial=0.0))) * press.period_s
        self.white = noise(press.travel)
        self.noise = float(self.white / np.sqrt(2 * np.sqrt(np.pi) * width))

    def __len__(self) -> int:
        return len(self._at)

    @property
    def enough(self) -> bool:
        """Whether they can tell a slope."""
        return len(self) >= _FEWEST and self.peak > 0

    def spring(self, lead_s: float) -> Array:
        """The force of the spring alone, N, shape (n,).

        :param lead_s: how far the reading runs ahead of the spring. Above 0 it is the damping over the stiffness of the
            contact: reading = spring + lead_s * its rate. Below 0 the sensor lags: spring = reading - lead_s * its rate
        """
        force = lagged(self._force, lead_s, self._period) if lead_s > 0 else self._force - lead_s * self._rate
        return np.asarray(force[self._at])


def lagged(values: Array, lag_s: float, period_s: float) -> Array:
    """A first-order lag, shape (N,), that starts settled."""
    keep = float(np.exp(-period_s / lag_s)) if lag_s > 0 else 0.0
    return np.asarray(lfilter([1.0 - keep], [1.0, -keep], values, zi=[keep * values[0]])[0])


def noise(values: Array) -> float:
    """Standard deviation of white noise on a signal that changes slowly, by second differences, shape (N,)."""
    steps = np.diff(values, 2)
    return float(np.sqrt(np.mean(steps**2) / 6.0) if len(steps) else 0.0)


def loading(press: Press) -> slice:
    """Rows up to the release, but for those that the filter mixes with what comes after it."""
    after = 0 if press.held == len(press) else round(2 * SMOOTH_S / press.period_s)
    return slice(0, max(press.held - after, 1))


def unloading(press: Press) -> slice:
    """Rows of the release; empty if the press ends loaded."""
    return slice(press.held, len(press))
