"""The model made to do what was commanded: what it takes for that itself is no delay of the hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from transfer_audit.core.interview.channels import Measured
from transfer_audit.core.interview.motion import lag_s
from transfer_audit.core.interview.roles import ALIKE
from transfer_audit.core.interview.streams import GRID_HZ, on_grid
from transfer_audit.core.interview.things import Things
from transfer_audit.core.types import Array

LONGEST_S = 30.0
OFTEN = 0.9
UNSURE_S = 0.02
"""How far the delay may lie from what the lags say: contacts and unknown friction act on them too."""


@dataclass(frozen=True)
class Delay:
    """A range for the delay of the command, s, and where it is from."""

    low: float
    high: float
    why: str


def delay_of(things: Things, command: Measured, joints: Measured) -> Delay:
    """How long commands may wait: the lag of the hand less the lag of its model under the same commands."""
    driven = {thing.target: thing.joint for thing in things.actuators}
    pairs = [(a, j) for a, m in enumerate(command.matched) for j, n in enumerate(joints.matched)
             if driven[m.target] == n.target]  # fmt: skip
    raw = on_grid([command.stream, joints.stream])
    asked, seen = (side.modelled(values) for side, values in zip((command, joints), raw, strict=True))
    rows = slice(0, round(LONGEST_S * GRID_HZ))
    asked, seen = asked[rows][:, [a for a, _ in pairs]], seen[rows][:, [j for _, j in pairs]]
    hand, alike = lag_s(asked, seen)
    if not pairs or alike < ALIKE or hand <= 0:
        return Delay(0.0, 0.04, 'the recording does not show it; a usual range')
    actuators = [command.matched[a].target for a, _ in pairs]
    done = _rehearsed(things, actuators, [driven[name] for name in actuators], asked, seen[0])
    model, alike = lag_s(asked, done)
    most = math.ceil(hand / 0.005) * 0.005
    if alike < ALIKE or not 0 <= model <= hand + UNSURE_S:
        said = f'the joints follow {hand * 1e3:.0f} ms after the command; how much of it is the servo is not known'
        return Delay(0.0, round(most, 3), said)
    said = (
        f'the joints follow {hand * 1e3:.0f} ms after the command, those of the model {model * 1e3:.0f} ms; '
        f'what is between may be delay, or friction that the model lacks'
    )
    return Delay(0.0, round(max(0.0, hand - model) + UNSURE_S, 3), said)


def delay_of_starts(starts_s: Sequence[float]) -> Delay:
    """For hands that move at a commanded speed and set out at once: from each step of the command to the motion."""
    known = np.array([start for start in starts_s if start == start])
    if len(known) == 0:
        return Delay(0.0, 0.1, 'the recording does not show it; a usual range')
    usual, late = float(np.median(known)), float(np.quantile(known, OFTEN))
    why = f'joints set out {usual * 1e3:.0f} ms after a step of the command, 9 of 10 within {late * 1e3:.0f} ms'
    return Delay(0.0, round(late + UNSURE_S, 3), why)


def _rehearsed(things: Things, actuators: Sequence[str], joints: Sequence[str], asked: Array, start: Array) -> Array:
    """Joint positions of the model under controls on the grid, shape (T, J), from where the hand was."""
    model, data = things.model, mujoco.MjData(things.model)
    at = [int(model.joint(name).qposadr[0]) for name in joints]
    controls = [int(model.actuator(name).id) for name in actuators]
    data.qpos[at] = start
    steps = max(1, round(1.0 / (GRID_HZ * things.step_s)))
    out = np.empty_like(asked)
    for row, goal in enumerate(asked):
        out[row] = data.qpos[at]
        data.ctrl[controls] = goal
        mujoco.mj_step(model, data, nstep=steps)
    return np.nan_to_num(out)
