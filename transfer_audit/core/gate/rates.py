"""How fast each measured number changes, from one message to the next."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.types import NS, Array

REFRESH_NS = 50_000_000
"""A number repeated for less than this may be a sensor that is read more often than it refreshes."""
STEEPEST = 1e12
"""Faster than this is no number of a sensor; it stays finite."""


class Rates:
    """Rates of E numbers, per second: the steeper of the last two differences, so that one late sample hides nothing.

    Differences within three deviations of noise (of a difference: sqrt(2) of one sample's) count as none. An exact
    repetition may be the same sample read twice: it says nothing, and what follows it came about since it was read.
    """

    def __init__(self, noise: Array) -> None:
        self._dead = 3.0 * np.sqrt(2.0) * noise
        self._value = np.full(len(noise), np.nan)
        self._read_ns = np.zeros(len(noise), np.int64)
        self._new_ns = np.zeros(len(noise), np.int64)
        self._last = np.zeros(len(noise))
        self._before = np.zeros(len(noise))

    def see(self, values: Array, times_ns: np.ndarray) -> None:
        """The newest numbers and when each was measured, shapes (E,); times on a clock without steps."""
        past_ns = times_ns - self._read_ns
        known = np.isfinite(self._value) & (past_ns > 0)
        with np.errstate(invalid='ignore', over='ignore'):
            change = values - self._value
            repeated = known & (change == 0) & (times_ns - self._new_ns < REFRESH_NS)
            take = np.isfinite(values) & ~repeated & (past_ns != 0)
            risen = np.clip(change * NS / np.maximum(past_ns, 1), -STEEPEST, STEEPEST)
            risen = np.where(known & (np.abs(change) > self._dead), risen, 0.0)
        self._before = np.where(take, self._last, self._before)
        self._last = np.where(take, risen, self._last)
        self._value = np.where(take, values, self._value)
        self._new_ns = np.where(take, times_ns, self._new_ns)
        self._read_ns = np.where(np.isfinite(values), times_ns, self._read_ns)

    @property
    def rising(self) -> Array:
        """Per second, shape (E,), 0 or more: how fast each may be growing now."""
        return np.asarray(np.maximum(np.maximum(self._last, self._before), 0.0))

    @property
    def now(self) -> Array:
        """Per second, shape (E,), signed: the last difference."""
        return self._last
