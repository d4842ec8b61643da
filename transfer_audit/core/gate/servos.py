"""What the model knows of the actuators: how far they may go, and where they press at rest on the measured joints."""

from __future__ import annotations

import mujoco
import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.errors import ProfileError
from transfer_audit.core.gate.watch import Wanted, wanted
from transfer_audit.core.types import Array


class Servos:
    """The A actuators of the command.

    The *rest* of an actuator is the control at which it exerts no static force:
    gain * ctrl + bias0 + bias1 * length = 0. For a position servo that is where its joint is now, for a torque motor or
    a velocity servo it is 0. An actuator whose length or law is not known here (spatial tendons, muscles, joints nobody
    measures) rests at NaN.

    `least` and `most` are the model's range, `low` and `high` what the profile leaves of it, shape (A,), control units.
    `forceless`: those whose rest does not depend on their joint, torque motors and velocity servos, shape (A,).
    """

    def __init__(self, binding: Binding) -> None:
        model, rows = binding.model, list(binding.command.actuators)
        limited = model.actuator_ctrllimited[rows].astype(bool)
        self.least: Array = np.where(limited, model.actuator_ctrlrange[rows, 0], -np.inf)
        self.most: Array = np.where(limited, model.actuator_ctrlrange[rows, 1], np.inf)
        self.low, self.high = _narrowed(binding, self.least, self.most)
        per_length, self._at_zero = _rest_law(model, rows)
        self.forceless = (per_length == 0) & np.isfinite(self._at_zero)
        moments = [_moments(model, row) if slope else {} for row, slope in zip(rows, per_length, strict=True)]
        names = [model.joint(joint).name for joint in sorted({j for moment in moments for j in moment} - {-1})]
        self.joints: list[Wanted] = wanted(binding, 'pose', targets=names)
        column = {model.joint(c.target).id: index for index, c in enumerate(self.joints)}
        self._slopes = np.zeros((len(rows), len(self.joints)))
        for index, moment in enumerate(moments):
            if not moment.keys() <= column.keys():
                self._at_zero[index] = np.nan
            for joint in moment.keys() & column.keys():
                self._slopes[index, column[joint]] = per_length[index] * moment[joint]
        self._used = self._slopes != 0
        self.blur: Array = 3.0 * np.abs(self._slopes) @ np.array([c.noise for c in self.joints])

    def rest(self, joints: Array) -> Array:
        """The control at which each actuator exerts no static force.

        :param joints: measured, shape (J,), in the order of `self.joints`, rad or m; NaN: not known
        :returns: shape (A,), control units; NaN where not known. Its noise is below `self.blur` (three deviations)
        """
        return np.asarray(self._at_zero + np.where(self._used, self._slopes * joints, 0.0).sum(axis=1))


def _narrowed(binding: Binding, least: Array, most: Array) -> tuple[Array, Array]:
    """The model's range as the profile's position limits narrow it.

    :raises ProfileError: if nothing is left of a range
    """
    limits = binding.profile.gate.position_limits
    each = [limits.get(name, (-np.inf, np.inf)) for name in binding.command.names]
    low = np.maximum(least, [pair[0] for pair in each])
    high = np.minimum(most, [pair[1] for pair in each])
    wrong = [
        f'gate.position_limits.{name}: {list(limits[name])} lies outside the range {a:g} to {b:g} of the model'
        for name, a, b, good in zip(binding.command.names, least, most, low < high, strict=True)
        if name in limits and not good
    ]
    if wrong:
        raise ProfileError(str(binding.profile.path), wrong)
    return low, high


def _rest_law(model: mujoco.MjModel, rows: list[int]) -> tuple[Array, Array]:
    """Rest = at_zero + per_length * length: both of shape (A,), NaN at_zero where the actuator follows another law."""
    gain, bias = model.actuator_gainprm[rows, 0], model.actuator_biasprm[rows]
    static = model.actuator_dyntype[rows] != mujoco.mjtDyn.mjDYN_INTEGRATOR
    affine = static & (model.actuator_biastype[rows] == mujoco.mjtBias.mjBIAS_AFFINE)
    lawful = (model.actuator_gaintype[rows] == mujoco.mjtGain.mjGAIN_FIXED) & (gain != 0)
    lawful &= affine | ~static | (model.actuator_biastype[rows] == mujoco.mjtBias.mjBIAS_NONE)
    divisor = np.where(gain != 0, gain, 1.0)
    per_length = np.where(lawful & affine, -bias[:, 1] / divisor, 0.0)
    return per_length, np.where(lawful, np.where(affine, -bias[:, 0] / divisor, 0.0), np.nan)


def _moments(model: mujoco.MjModel, actuator: int) -> dict[int, float]:
    """How an actuator's length follows from joints: joint id -> length per rad or m; -1: not linear in joints."""
    kind, target = int(model.actuator_trntype[actuator]), int(model.actuator_trnid[actuator, 0])
    gear = float(model.actuator_gear[actuator, 0])
    if kind in (mujoco.mjtTrn.mjTRN_JOINT, mujoco.mjtTrn.mjTRN_JOINTINPARENT):
        return {target: gear}
    if kind != mujoco.mjtTrn.mjTRN_TENDON:
        return {-1: gear}
    start = int(model.tendon_adr[target])
    wraps = range(start, start + int(model.tendon_num[target]))
    if any(model.wrap_type[wrap] != mujoco.mjtWrap.mjWRAP_JOINT for wrap in wraps):
        return {-1: gear}
    return {int(model.wrap_objid[wrap]): gear * float(model.wrap_prm[wrap]) for wrap in wraps}
