"""Parameters -> where the chain would have been measured, for many sets of parameters at once."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np
from mujoco.batch import Batch

from transfer_audit.core.calibrate.joints import terms as t
from transfer_audit.core.calibrate.joints.chain import Chain
from transfer_audit.core.calibrate.joints.windows import Window
from transfer_audit.core.types import Array

SPEED = 0.2
"""Speed at which the Stribeck effect has faded to 1/e, rad/s."""
_FOLLOWS_S = 0.002
"""Friction follows load and speed this often."""
_QPOS = mujoco.mjtState.mjSTATE_QPOS
_AT_ONCE = 96
"""Simulations in a batch, which bounds the memory for controls and tracks."""


class Simulation:
    """The windows of a chain, simulated for M sets of parameters: M x W simulations in a batch, one after another in
    time.

    :param terms: what the columns of a set of parameters mean
    """

    def __init__(self, chain: Chain, windows: Sequence[Window], terms: Sequence[t.Term], threads: int = 1) -> None:
        self.chain, self.windows, self.terms = chain, tuple(windows), tuple(terms)
        self._threads = threads
        self._batches: dict[int, Batch] = {}

    def predicted(self, values: Array) -> Array:
        """What would have been measured.

        :param values: shape (M, J, P), SI units
        :returns: one column per set, shape (M, N, J), the rows of all windows one after another
        """
        count = max(1, _AT_ONCE // max(len(self.windows), 1))
        parts = [self._together(values[first : first + count]) for first in range(0, len(values), count)]
        return np.concatenate(parts)

    def _together(self, values: Array) -> Array:
        members, windows = len(values), len(self.windows)
        each = np.repeat(values, windows, axis=0)
        batch = self._batch(members * windows)
        self._apply(batch, each)
        controls = self._controls(each)
        track = self._stepped(batch, each, controls) if self._steps_by_hand else self._rolled(batch, controls)
        track = track[:, :, list(self.chain.positions)].reshape(members, windows, -1, len(self.chain.servos))
        sampled = [self._sampled(track[:, index], window) for index, window in enumerate(self.windows)]
        if t.BACKLASH in self.terms:
            widths = values[:, :, self.terms.index(t.BACKLASH)]
            sampled = [play(rows, widths) for rows in sampled]
        return np.concatenate(sampled, axis=1)

    @property
    def _steps(self) -> int:
        """Physics steps of the longest window, in whole updates of the friction."""
        return -(-max(window.steps for window in self.windows) // self._per) * self._per

    @property
    def _per(self) -> int:
        """Physics steps from one recorded state to the next."""
        return max(1, round(_FOLLOWS_S / self.chain.model.opt.timestep)) if self._steps_by_hand else 1

    @property
    def _steps_by_hand(self) -> bool:
        return t.LOAD in self.terms or t.STRIBECK in self.terms

    def _batch(self, simulations: int) -> Batch:
        if simulations not in self._batches:
            self._batches[simulations] = Batch(self.chain.model, simulations, self._threads)
        return self._batches[simulations]

    def _apply(self, batch: Batch, values: Array) -> None:
        """Write parameters and starting states; values of shape (K, J, P)."""
        dofs, actuators = list(self.chain.dofs), list(self.chain.actuators)
        for index, term in enumerate(self.terms):
            if term is t.GAIN:
                batch.expand('actuator_gainprm')[:, actuators, 0] = values[:, :, index]
                batch.expand('actuator_biasprm')[:, actuators, 1] = -values[:, :, index]
            elif term is t.LIMIT:
                limits = batch.expand('actuator_forcerange')
                limits[:, actuators] = values[:, :, index, None] * np.array([-1.0, 1.0])
            elif term.field.startswith('dof_'):
                batch.expand(term.field)[:, dofs] = values[:, :, index]
        batch.set_const()
        batch.reset(stage=mujoco.mjtStage.mjSTAGE_NONE.value)
        batch.qpos = np.tile([window.qpos for window in self.windows], (len(values) // len(self.windows), 1))
        batch.qvel = np.tile([window.qvel for window in self.windows], (len(values) // len(self.windows), 1))

    def _controls(self, values: Array) -> Array:
        """Controls of every step, shape (K, T, nu): the commands, later by the delay and shifted by the offset.

        A delay that is no whole number of steps mixes two, as MuJoCo's own delay does with linear interpolation.
        """
        steps = self._steps
        controls = np.zeros((len(values), steps, self.chain.model.nu))
        delays = self._of(t.DELAY, values) / self.chain.model.opt.timestep
        offsets = self._of(t.OFFSET, values)
        for member in range(len(values)):
            window = self.windows[member % len(self.windows)]
            for joint, actuator in enumerate(self.chain.actuators):
                at = np.arange(steps) + window.history - delays[member, joint]
                column = window.commands[:, joint]
                controls[member, :, actuator] = np.interp(at, np.arange(len(column)), column) + offsets[member, joint]
        return controls

    def _of(self, term: t.Term, values: Array) -> Array:
        if term in self.terms:
            return values[:, :, self.terms.index(term)]
        return np.zeros(values.shape[:2])

    def _rolled(self, batch: Batch, controls: Array) -> Array:
        start = batch.bind('qpos').copy()
        rolled = batch.rollout(controls.shape[1], controls, record=(_QPOS,))[_QPOS]
        return np.concatenate([start[:, None], rolled], axis=1)

    def _stepped(self, batch: Batch, values: Array, controls: Array) -> Array:
        """As `_rolled`, with friction that follows load and speed; load is that of the step before.

        f = f_c + k |tau_motor - tau_external| + f_s exp(-(v / v_s)^2): Duclusaud, Passault, Padois, Ly (2024), Extended
        friction models for the physics simulation of servo actuators (models M2, M3); Armstrong-Helouvry (1994).
        """
        dofs = list(self.chain.dofs)
        coulomb, load, extra = (self._of(term, values) for term in (t.FRICTION, t.LOAD, t.STRIBECK))
        friction, ctrl, qpos, qvel = (
            batch.expand('dof_frictionloss'), batch.bind('ctrl'), batch.bind('qpos'), batch.bind('qvel')
        )  # fmt: skip
        motor, bias = batch.bind('qfrc_actuator'), batch.bind('qfrc_bias')
        per = self._per
        count = controls.shape[1] // per
        track = np.empty((len(values), count + 1, self.chain.model.nq))
        ctrl[:] = controls[:, 0]
        batch.forward()
        for step in range(count):
            track[:, step] = qpos
            speed = qvel[:, dofs] / SPEED
            friction[:, dofs] = coulomb + load * np.abs(motor[:, dofs] + bias[:, dofs]) + extra * np.exp(-speed * speed)
            ctrl[:] = controls[:, step * per]
            batch.step(nstep=per)
        track[:, -1] = qpos
        return track

    def _sampled(self, track: Array, window: Window) -> Array:
        """The simulated positions at the measured instants, shape (M, N, J)."""
        at = window.times_s / (self.chain.model.opt.timestep * self._per)
        before = np.minimum(at.astype(np.intp), track.shape[1] - 2)
        share = (at - before)[:, None]
        return np.asarray(track[:, before] * (1 - share) + track[:, before + 1] * share)


def play(values: Array, widths: Array) -> Array:
    """What follows a motion with play: it moves only once the gap is crossed (the play operator).

    :param values: shape (M, N, J); `widths` the whole gap, shape (M, J)
    """
    out = np.empty_like(values)
    at = values[:, 0]
    for row in range(values.shape[1]):
        at = np.clip(at, values[:, row] - widths / 2, values[:, row] + widths / 2)
        out[:, row] = at
    return out
