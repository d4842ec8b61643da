"""How fast each measured number changes."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.types import NS, Array

SPAN_NS, SPANS = 8_000_000, 7
"""A number is compared with its readings of about 8, 16, … 56 ms ago: the nearest tell a steep rise at once, the
farthest a slow one that its noise hides from one reading to the next."""
STEEPEST = 1e12
"""Faster than this is no number of a sensor; it stays finite."""


class Rates:
    """Rates of E numbers, per second, as far as noise does not explain them.

    Of a difference over a span, three deviations of noise (of a difference: sqrt(2) of one reading's) may be chance;
    what is left over the span is a rate that there certainly is. The steepest of all spans counts. None is shorter than
    SPAN_NS: messages that were delayed arrive in a bunch, and what lies between them took longer than their arrival.

    `rising`: how fast each is growing at least, 0 or more; `now`: signed, over the longest span; both of shape (E,).
    """

    def __init__(self, noise: Array) -> None:
        count = len(noise)
        self._chance = 3.0 * np.sqrt(2.0) * noise
        self._values = np.full((SPANS, count), np.nan)
        self._times_ns = np.zeros((SPANS, count), np.int64)
        self._read_ns = np.zeros(count, np.int64)
        self.rising: Array = np.zeros(count)
        self.now: Array = np.zeros(count)

    def see(self, values: Array, times_ns: np.ndarray) -> None:
        """The newest numbers and when each was measured, shapes (E,); times on a clock without steps."""
        new = np.isfinite(values) & (times_ns != self._read_ns)
        if not new.any():
            return
        past_s = (times_ns - self._times_ns) / NS
        past_s = np.where((past_s >= SPAN_NS / NS) & (past_s < 4 * SPANS * SPAN_NS / NS), past_s, np.nan)
        with np.errstate(invalid='ignore', over='ignore'):
            change = values - self._values
            rates = np.clip((change - self._chance) / past_s, 0.0, STEEPEST)
            slow = np.clip(change[-1] / past_s[-1], -STEEPEST, STEEPEST)
        self.rising = np.where(new, np.fmax.reduce(rates, initial=0.0), self.rising)
        self.now = np.where(new, np.where(np.isfinite(slow), slow, 0.0), self.now)
        self._read_ns = np.where(new, times_ns, self._read_ns)
        self._keep(values, times_ns, new & (np.abs(times_ns - self._times_ns[0]) >= SPAN_NS))

    def _keep(self, values: Array, times_ns: np.ndarray, new: np.ndarray) -> None:
        """Readings to compare with, the newest first, each SPAN_NS or more from the next."""
        self._values[1:, new], self._times_ns[1:, new] = self._values[:-1, new], self._times_ns[:-1, new]
        self._values[0, new], self._times_ns[0, new] = values[new], times_ns[new]
