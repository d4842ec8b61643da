"""What of a joint is fitted: its names, where it starts from and how far it may go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.calibrate.joints.chain import Chain, inertia_of
from transfer_audit.core.calibrate.joints.windows import EARLIEST_S, LATEST_S, Window
from transfer_audit.core.types import Array


@dataclass(frozen=True)
class Term:
    """One kind of parameter that every joint has.

    :param field: the field of the family that it is, '' where the family has none
    :param allowed: for those without a size of their own: how much half an interval may be and still tell, `unit`
    """

    name: str
    unit: str
    field: str = ''
    allowed: float | None = None


DELAY = Term('command delay', 's', 'actuator_delay', 0.002)
FRICTION = Term('Coulomb friction', 'N m', 'dof_frictionloss')
DAMPING = Term('viscous damping', 'N m s/rad', 'dof_damping')
GAIN = Term('position gain', 'N m/rad', 'actuator_kp')
ARMATURE = Term('armature', 'kg m^2', 'dof_armature')
OFFSET = Term('command offset', 'rad', '', 0.01)
LIMIT = Term('torque limit', 'N m')
LOAD = Term('load-dependent friction', 'N m per N m of load')
STRIBECK = Term('breakaway friction over Coulomb', 'N m')
BACKLASH = Term('backlash', 'rad')

PLAIN = (DELAY, FRICTION, DAMPING, GAIN, ARMATURE, OFFSET)
"""What MuJoCo's own model of a servo and its joint has; all are fitted together."""


@dataclass(frozen=True)
class Start:
    """Where each parameter starts, its bounds and its natural size, each of shape (J, P) in SI units."""

    value: Array
    low: Array
    high: Array
    size: Array


def start_of(chain: Chain, windows: Sequence[Window], terms: Sequence[Term]) -> Start:
    """The profile's own values, and bounds from what the motion makes of them."""
    rows = [_rows_of(chain, windows, joint, terms) for joint in range(len(chain.servos))]
    return Start(*(np.array(part) for part in np.moveaxis(np.array(rows), 2, 0)))


def _rows_of(
    chain: Chain, windows: Sequence[Window], joint: int, terms: Sequence[Term]
) -> list[tuple[float, float, float, float]]:
    model, dof = chain.model, chain.dofs[joint]
    gain = float(model.actuator_gainprm[chain.actuators[joint], 0])
    swing, speed = _motion(windows, joint)
    torque, inertia = gain * swing, float(inertia_of(chain)[joint])
    friction, damping, armature = (
        float(field[dof]) for field in (model.dof_frictionloss, model.dof_damping, model.dof_armature)
    )
    limit = float(model.actuator_forcerange[chain.actuators[joint], 1])
    sticking = max(friction, 0.02 * torque)
    known = {
        DELAY: (chain.servos[joint].delay_s, EARLIEST_S, LATEST_S, 0.01),
        FRICTION: _positive(friction, 0.02 * torque),
        DAMPING: _positive(damping, 0.02 * torque / speed),
        GAIN: (gain, 0.1 * gain, 10.0 * gain, gain),
        ARMATURE: _positive(armature, 0.1 * inertia),
        OFFSET: (0.0, -0.5, 0.5, 0.02),
        LIMIT: (limit, 0.2 * limit, 5.0 * limit, limit),
        LOAD: (0.05, 0.0, 2.0, 0.1),
        STRIBECK: (0.2 * sticking, 0.0, 20.0 * sticking, sticking),
        BACKLASH: (0.01 * swing, 0.0, swing, 0.02 * swing),
    }  # fmt: skip
    return [known[term] for term in terms]


def _positive(nominal: float, size: float) -> tuple[float, float, float, float]:
    """Starts inside the bounds where the profile has none, so that the fit does not begin in a corner."""
    size = max(nominal, size, 1e-9)
    return (nominal if nominal > 0.01 * size else 0.1 * size, 0.0, 20.0 * size, size)


def _motion(windows: Sequence[Window], joint: int) -> tuple[float, float]:
    """How far and how fast a joint moves: standard deviations, rad and rad/s."""
    swings, speeds = [], []
    for window in windows:
        known = ~np.isnan(window.measured[:, joint])
        if np.count_nonzero(known) > 2:
            values, times = window.measured[known, joint], window.times_s[known]
            swings.append(np.std(values))
            speeds.append(np.std(np.gradient(values, times)))
    swing = max(float(np.max(swings, initial=0.0)), 0.02)
    return swing, max(float(np.max(speeds, initial=0.0)), 0.1 * swing)
