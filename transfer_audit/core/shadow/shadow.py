"""A family of simulated hands that does what the real one was told, row by row on the audit clock."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np
import numpy.typing as npt
from mujoco.batch import Batch, SimulationError

from transfer_audit.core import family as families
from transfer_audit.core.binding import Binding
from transfer_audit.core.shadow.placement import place, pose_at, resting_controls, settled, start_actuators, state_of
from transfer_audit.core.shadow.schedule import Schedule
from transfer_audit.core.timeline import Timeline
from transfer_audit.core.types import NS, Array, Columns, Envelope, Stamps, to_ns

STATES_AT_ONCE = 4096
"""Rows times members that one call simulates at most: enough to make calls cheap, little enough to hold in memory."""
_TIME = mujoco.mjtState.mjSTATE_TIME
Teller = Callable[[str, Stamps, Array], None]


class Shadow:
    """K members stepped in lockstep behind the watermark, on `threads` threads.

    Feed it commands and pose measurements in order of arrival, `start` a round, and `advance` it: it returns each
    channel's median and envelope for every row that is due. The same events give the same rows, bit for bit, however
    they were cut into calls and whatever the number of threads.

    :param tell: shown what each member says, free of sensor noise: channel, row times (N,), values (K, N, C)
    """

    def __init__(
        self, binding: Binding, threads: int = 1, family: families.Family | None = None, tell: Teller | None = None
    ) -> None:
        self.binding = binding
        self._tell = tell
        self.family = families.draw(binding) if family is None else family
        profile = binding.profile
        self._batch = Batch(binding.model, self.family.members, threads)
        families.apply(binding, self.family, self._batch)
        self._noise = families.noise_of(binding, self.family)
        hold_back = to_ns(profile.clock.hold_back_s)
        self._max_gap_ns = to_ns(profile.clock.max_gap_s)
        self._schedule = Schedule(binding.command, binding.model.opt.timestep, hold_back)
        poses = [plan for plan in binding.channels if plan.kind == 'pose']
        self._poses = {plan.name: Timeline(plan.carried, hold_back) for plan in poses}
        self._joints = {plan.name for plan in poses if any(e.sense == 'scalar' for e in plan.elements)}
        horizon = profile.resync.horizon_s
        self._horizon_rows = max(1, round(horizon * profile.clock.rate_hz)) if horizon else None
        self.rows_at_once = int(np.clip(STATES_AT_ONCE // self.family.members, 8, 256))
        self._history_steps = int(binding.model.actuator_history[:, 0].max(initial=0))
        self._control_columns = list(binding.command.actuators)
        self._base = np.zeros(binding.model.nu)
        self._start_ns: int | None = None
        self._placed = False
        self._row = self._step = self._first_row = 0
        self.problem = ''

    @property
    def late(self) -> int:
        """Commands that arrived too late to act."""
        return len(self._schedule.timeline.faults['late'])

    @property
    def placed_by(self) -> tuple[str, ...]:
        """The channels that put the family on the real joints; it needs no others."""
        return tuple(self._poses)

    def command(self, columns: Columns) -> None:
        """Take commands, raw values (speeds after positions where the profile has a speed), in order of arrival."""
        self._schedule.add(columns)

    def measured(self, channel: str, columns: Columns) -> None:
        """Take measurements of a pose channel; others are not needed here."""
        if channel in self._poses:
            self._poses[channel].add(columns)

    def start(self, start_ns: int, number: int = 1) -> None:
        """Begin a round: rows are counted from `start_ns`, members start where the real hand is then."""
        self._start_ns, self._placed, self.problem = start_ns, False, ''
        self._row = self._step = self._first_row = 0
        seed = self.binding.profile.family.seed
        self._draws = [np.random.default_rng([seed, number, index]) for index in range(len(self._noise))]

    def stop(self) -> None:
        """End the round."""
        self._start_ns = None

    def forget(self, before_ns: int) -> None:
        """Drop what no round that starts at or after `before_ns` needs."""
        before_ns -= to_ns(self.binding.history_s) + NS
        self._schedule.forget(before_ns)
        for timeline in self._poses.values():
            timeline.forget(before_ns)

    def _drop(self, before_ns: int) -> None:
        """Let go of what rows after `before_ns` do not need, so that memory does not grow with a round."""
        before_ns -= to_ns(self.binding.history_s) + NS
        self._schedule.drop(before_ns)
        for timeline in self._poses.values():
            timeline.drop(before_ns)

    def advance(self, watermark_ns: int, end_ns: int | None = None) -> dict[str, Envelope] | None:
        """Simulate up to `rows_at_once` rows at or before the watermark and before `end_ns`.

        :returns: an envelope per channel and `joints` of the model, or None if no row is due
        """
        if self._start_ns is None or self.problem:
            return None
        due = self._due(watermark_ns, end_ns)
        if len(due) == 0:
            self._run_ahead(watermark_ns if end_ns is None else min(watermark_ns, end_ns - 1))
            return None
        if not self._ready(int(due[0]), watermark_ns):
            return None
        if self._horizon_rows:
            due = due[: self._horizon_rows - self._row % self._horizon_rows]
        return self._simulate(due)

    def _due(self, watermark_ns: int, end_ns: int | None) -> Stamps:
        """Times of the next rows that may be simulated, `rows_at_once` at most."""
        assert self._start_ns is not None
        rate = self.binding.profile.clock.rate_hz
        last_ns = watermark_ns if end_ns is None else min(watermark_ns, end_ns - 1)
        rows = grid(self._start_ns, rate, self._row, self._row + self.rows_at_once)
        return rows[rows <= last_ns]

    def _ready(self, instant_ns: int, watermark_ns: int) -> bool:
        """Put the family on the real joints where a round or a horizon begins; False while it cannot be."""
        if self._placed and not self._resync_due():
            return True
        timelines = self._poses.values()
        if watermark_ns < instant_ns + self._max_gap_ns and not all(
            settled(timeline, instant_ns, self._max_gap_ns) for timeline in timelines
        ):
            return False
        poses = {name: pose_at(timeline, instant_ns, self._max_gap_ns) for name, timeline in self._poses.items()}
        missing = sorted(name for name in self._joints if poses[name] is None)
        if missing and self._placed:
            return True
        if missing:
            self.problem = f'no measurement of {", ".join(missing)} within {self._max_gap_ns / NS:g} s of the start'
            return False
        data = place(self.binding, {name: pose for name, pose in poses.items() if pose is not None})
        self._begin(data, instant_ns)
        return True

    def _resync_due(self) -> bool:
        """Whether the next row is the first of a horizon, where the family is put on the real joints again."""
        return bool(self._horizon_rows and self._row > self._first_row and self._row % self._horizon_rows == 0)

    def _begin(self, data: mujoco.MjData, epoch_ns: int) -> None:
        model = self.binding.model
        self._base = data.ctrl.copy()
        self._schedule.begin(epoch_ns, resting_controls(self.binding, data), self._history_steps)
        past = self._schedule.controls(-self._history_steps, self._history_steps)
        start_actuators(self.binding, data, past, self._schedule.controls(0, 1)[0])
        mujoco.mj_forward(model, data)
        self._batch.state[:] = state_of(model, data)
        self._times = np.full(self.family.members, data.time)
        self._first_row, self._step, self._placed = self._row, 0, True

    def _run_ahead(self, watermark_ns: int) -> None:
        """Run the steps that are certain already on the way to the next row, so that little is left when it is due."""
        if not self._placed or self._resync_due():
            return
        next_row = (self._row - self._first_row) * self.binding.steps_per_row
        certain = self._schedule.steps_until(watermark_ns)
        if (steps := min(certain, next_row) - self._step) > 0:
            self._run(steps)

    def _simulate(self, row_ns: Stamps) -> dict[str, Envelope]:
        """Run the steps whose starting states are the next rows, and read the sensors there."""
        rows = np.arange(self._row, self._row + len(row_ns))
        at = (rows - self._first_row) * self.binding.steps_per_row - self._step
        sensordata = self._run(int(at[-1]) + 1)
        at = at[at < sensordata.shape[1]]
        if len(at) == 0:
            return {}
        self._row += len(at)
        self._drop(int(row_ns[len(at) - 1]))
        return self._envelopes(row_ns[: len(at)], sensordata[:, at])

    def _run(self, steps: int) -> Array:
        """Run physics steps; what the sensors read at their starts, shape (K, N, S), up to the first that failed."""
        controls = np.tile(self._base, (steps, 1))
        controls[:, self._control_columns] = self._schedule.controls(self._step, steps)
        try:
            recorded = self._batch.rollout(steps, controls[None], record=('sensordata', _TIME))
        except SimulationError as error:
            self.problem = f'the simulation failed: {error}'
            return np.empty((self.family.members, 0, self.binding.model.nsensordata))
        ends = recorded[_TIME][:, :, 0]
        running = np.diff(ends, axis=1, prepend=self._times[:, None]) > 0
        self._times = ends[:, -1].copy()
        if not running.all():
            steps = int(running.all(axis=0).argmin())
            self._report_unstable(np.flatnonzero(~running[:, steps]), self._step + steps)
        self._step += steps
        return np.asarray(recorded['sensordata'][:, :steps])

    def _report_unstable(self, members: npt.NDArray[np.intp], step: int) -> None:
        self._batch.warning[:] = 0
        made_of = ', '.join(
            f'{name}={value:.3g}' for name, value in zip(self.family.names, self.family.draws[members[0]], strict=True)
        )
        self.problem = (
            f'the simulation became unstable in {len(members)} of {self.family.members} members '
            f'{step * self.binding.model.opt.timestep:.3g} s after it was put on the real joints '
            f'(member {members[0]}: {made_of}); use a smaller timestep or narrower ranges'
        )

    def _envelopes(self, row_ns: Stamps, sensordata: Array) -> dict[str, Envelope]:
        found = {}
        for index, plan in enumerate(self.binding.channels):
            values = plan.simulated(sensordata)
            if self._tell is not None:
                self._tell(plan.name, row_ns, values)
            noise = self._noise[index]
            if noise is not None:
                draws = self._draws[index].standard_normal((len(row_ns), len(noise), values.shape[2]))
                values = values + draws.swapaxes(0, 1) * noise[:, None, None]
            found[plan.name] = envelope(row_ns, values)
        joints = sensordata[..., [address for _, address in self.binding.joints]]
        found[JOINTS] = envelope(row_ns, joints)
        return found


def grid(start_ns: int, rate_hz: float, first: int, end: int) -> Stamps:
    """Times of the rows first .. end - 1 of a round: multiples of the period, never sums."""
    return start_ns + np.rint(np.arange(first, end) * (NS / rate_hz)).astype(np.int64)


JOINTS = '/joints'
"""The key of all scalar joints of the model among the envelopes; no channel can be called so."""


def envelope(row_ns: Stamps, values: Array) -> Envelope:
    """Median and bounds over the members.

    :param values: shape (K, N, C)
    """
    ranked = np.sort(values, axis=0)
    middle = len(ranked) // 2
    median = ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2
    return Envelope(row_ns, median, ranked[0], ranked[-1])
