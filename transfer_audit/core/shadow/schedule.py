"""Stamped commands -> the control of every physics step."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from transfer_audit.core.binding import CommandPlan
from transfer_audit.core.timeline import Timeline, forward_filled
from transfer_audit.core.types import NS, Array, Columns


class Schedule:
    """Which control acts in which physics step, counted from an epoch.

    A command acts from the first step that begins at or after its stamp. Step times are multiples of the timestep,
    never sums, so a command period that is no whole number of steps does not drift.
    """

    def __init__(self, plan: CommandPlan, timestep_s: float, hold_back_ns: int) -> None:
        self._plan = plan
        self._step_ns = timestep_s * NS
        self._width = len(plan.actuators)
        self._timeline = Timeline(self._width * (1 if plan.speed_scale is None else 2), hold_back_ns)
        self._filled = Columns.empty(self._timeline.values.shape[1]).values
        self._epoch_ns = 0
        self._rest = np.zeros(self._width)
        self._ramp = _Ramp(np.zeros(self._width))

    @property
    def timeline(self) -> Timeline:
        """The commands in stamp order."""
        return self._timeline

    def add(self, columns: Columns) -> None:
        """Take commands in order of arrival: positions, shape (N, A), or positions and speeds, shape (N, 2A)."""
        self._timeline.add(columns)

    def drop(self, before_ns: int) -> None:
        """Let go of commands older than `before_ns`, but for what the last one left in force; counts stay."""
        last = np.searchsorted(self._timeline.stamps, before_ns, side='right') - 1
        if last > 0:
            self._timeline.values[last] = forward_filled(self._timeline.values)[last]
        self._timeline.drop(before_ns)

    def forget(self, before_ns: int) -> None:
        """Let go of commands and counts older than `before_ns`."""
        self.drop(before_ns)
        self._timeline.forget(before_ns)

    def begin(self, epoch_ns: int, rest: Array, history_steps: int) -> None:
        """Count steps from `epoch_ns`; `rest`, shape (A,), acts where no command is known.

        A hand that moves at a commanded speed is taken to rest there until `history_steps` before the epoch.
        """
        self._epoch_ns, self._rest = epoch_ns, rest
        self._ramp = _Ramp(rest, -history_steps)

    def steps_until(self, instant_ns: int) -> int:
        """How many steps begin at or before an instant."""
        return int((instant_ns - self._epoch_ns) // self._step_ns) + 1

    def controls(self, first_step: int, count: int) -> Array:
        """Controls of the steps first_step .. first_step + count - 1, shape (count, A)."""
        values = forward_filled(self._timeline.values)
        steps = np.arange(first_step, first_step + count)
        acts_from = np.ceil((self._timeline.stamps - self._epoch_ns) / self._step_ns - 1e-6)
        index = np.searchsorted(acts_from, steps, side='right') - 1
        known = np.vstack([self._rest_row(), values])[index + 1]
        targets = known[:, : self._width] * self._plan.scale + self._plan.offset
        targets = np.where(np.isnan(targets), self._rest, targets)
        if self._plan.speed_scale is None:
            return targets
        speeds = np.minimum(np.abs(known[:, self._width :]), self._plan.speed_limit)
        rates = speeds * self._plan.speed_scale * np.abs(self._plan.scale) * (self._step_ns / NS)
        return self._ramp.follow(first_step, targets, np.where(np.isnan(rates), np.inf, rates))

    def _rest_row(self) -> Array:
        return np.full((1, self._timeline.values.shape[1]), np.nan)


class _Ramp:
    """A set point that moves towards its target by at most a rate per step.

    Each stretch of constant target is computed from its first step in closed form, so the result does not depend on how
    the steps were cut into calls.
    """

    def __init__(self, start: Array, step: int = 0) -> None:
        self._step = step
        self._start = start
        self._target = start
        self._rate = np.full(len(start), np.inf)

    def follow(self, first_step: int, targets: Array, rates: Array) -> Array:
        """Set points of consecutive steps, shape (n, A); `targets` and `rates` likewise."""
        out = np.empty_like(targets)
        changed = np.ones(len(targets), bool)
        changed[1:] = _rows_differ(targets[1:], targets[:-1]) | _rows_differ(rates[1:], rates[:-1])
        if len(targets):
            changed[0] = bool(_rows_differ(targets[:1], self._target) | _rows_differ(rates[:1], self._rate))
        bounds = [*np.flatnonzero(changed), len(targets)]
        out[: bounds[0]] = self._at(np.arange(first_step, first_step + bounds[0]))
        for begin, end in pairwise(bounds):
            step = first_step + int(begin)
            self._start = self._at(np.array([step]))[0]
            self._step, self._target, self._rate = step, targets[begin], rates[begin]
            out[begin:end] = self._at(np.arange(step, first_step + end))
        return out

    def _at(self, steps: npt.NDArray[np.int_]) -> Array:
        gap = self._target - self._start
        elapsed = (steps - self._step)[:, None]
        with np.errstate(invalid='ignore'):
            moved = np.where(np.isinf(self._rate), np.abs(gap), self._rate * elapsed)
        return self._start + np.sign(gap) * np.minimum(moved, np.abs(gap))


def _rows_differ(a: Array, b: Array) -> npt.NDArray[np.bool_]:
    return np.asarray((a != b).any(axis=-1))
