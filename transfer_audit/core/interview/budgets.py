"""First budgets of the gate, from what the recording shows, taken low."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from transfer_audit.core.interview.channels import Measured
from transfer_audit.core.interview.matching import Matched
from transfer_audit.core.interview.notes import Noted
from transfer_audit.core.interview.plausible import GAPS, usual
from transfer_audit.core.interview.sensing import low
from transfer_audit.core.interview.streams import Stream
from transfer_audit.core.interview.units import Scale
from transfer_audit.core.profile import element_name

WINDOW_S = 0.05
STALE_S, RARE_STALE_S = 0.1, 0.2
"""How long a side may be silent, at least; and where commands come rarely anyway."""
TOUCHING = 0.1
"""The part of the largest force from which on a finger touches."""
OFTEN = 0.99
"""The speed budget lets through what the hand did in this share of its motion."""
MOSTLY = 0.9
"""The force budget likewise; lower, since hands press harder than they were told to."""


def speeds_of(joints: Measured) -> float:
    """The speed that joints stay below in 99 of 100 moments of their motion, model units/s; NaN if they rest."""
    order = joints.stream.stamp_ns.argsort(kind='stable')
    times, values = joints.stream.stamp_ns[order] / 1e9, joints.values[order]
    every = max(1, round(WINDOW_S / joints.stream.period_s)) if joints.stream.period_s > 0 else 1
    spans = times[every:] - times[:-every]
    near = (spans > 0) & (spans < 10 * WINDOW_S)
    rates = np.abs(values[every:] - values[:-every])[near] / spans[near, None]
    rates = rates[rates > 0.05 * np.nanmax(rates, initial=0.0)]
    return usual(rates.ravel().tolist(), OFTEN)


def gate_of(
    stream: Stream, asked: Sequence[Matched], scale: Scale, channels: Mapping[str, Measured], speed: float
) -> dict[str, Any]:
    """Budgets of speed and force, and how long silence may last."""
    out: dict[str, Any] = {}
    if speed > 0:
        why = 'what the joints stayed below in 99 of 100 moments of the recorded motion; raise it with care'
        out['speed_budget'] = Noted(low(speed), why, guessed=True)
    force: dict[str, float] = {}
    for measured in channels.values():
        if measured.kind != 'force':
            continue
        size = np.abs(measured.values)
        whole = float(np.nanmax(size, initial=0.0))
        for column, matched in zip(size.T, measured.matched, strict=True):
            most = usual(column[column > TOUCHING * whole].tolist(), MOSTLY)
            if whole > 0:
                force[element_name(matched.key, matched.target)] = low(most if most > 0 else whole)
    if force:
        out['force_budget'] = Noted(
            force, 'what 9 of 10 recorded forces of a touch stayed below; raise it with care', True
        )
    out['failure_budget'] = Noted(3, 'failed rounds in a row before a latched stop')
    period = stream.period_s if math.isfinite(stream.period_s) else 0.01
    stale = max(STALE_S, math.ceil(GAPS * period * 100) / 100) if period < RARE_STALE_S else RARE_STALE_S
    out['stale_s'] = Noted(stale, f'commands usually come every {period * 1e3:.0f} ms', guessed=True)
    out['unrecorded'] = Noted('hold')
    return out
