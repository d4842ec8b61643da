"""A first clock and a first family: what could plausibly vary, to be narrowed by `calibrate` and `family`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from transfer_audit.core.interview.channels import Measured
from transfer_audit.core.interview.notes import Noted
from transfer_audit.core.interview.rehearsal import Delay
from transfer_audit.core.interview.streams import Stream
from transfer_audit.core.interview.things import Things

RATES_HZ = (10, 20, 25, 40, 50, 100, 125, 200, 250, 500, 1000)
FASTER = 1.1
"""How much faster than the measurement the audit clock may be."""
GAPS = 5
"""A silence of so many periods is a gap."""


def clock_of(streams: Sequence[Stream], step_s: float) -> dict[str, Any]:
    """The audit clock: about as fast as the joints are measured, a whole number of physics steps.

    :param streams: command and joints
    """
    periods = [s.period_s for s in streams if s.period_s == s.period_s]
    period = periods[-1] if periods else 0.01
    seen = f'joints are measured at {1 / period:.0f} Hz; a' if periods else 'a usual rate; a'
    possible = [hz for hz in RATES_HZ if abs(1 / (hz * step_s) - round(1 / (hz * step_s))) < 1e-6 and hz * step_s <= 1]
    rate = max((hz for hz in possible if hz * period <= FASTER), default=1 / (step_s * max(1, round(period / step_s))))
    late = max([s.late_s for s in streams if s.stamp != 'receive' and s.late_s == s.late_s], default=0.0)
    hold = max(0.05, math.ceil(late * 1.5 * 100) / 100)
    dense = [period for period in periods if period < 0.2]
    gap = max(0.1, math.ceil(GAPS * max(dense, default=0.0) * 100) / 100)
    return {
        'rate_hz': Noted(float(rate), f'{seen} whole number of physics steps'),
        'hold_back_s': Noted(min(hold, 1.0), f'99 of 100 messages arrive within {max(late, 0) * 1e3:.0f} ms'),
        'max_gap_s': Noted(gap, 'a longer silence is a finding'),
    }


def family_of(
    things: Things, actuators: Sequence[str], joints: Sequence[str], channels: Mapping[str, Measured], delay: Delay
) -> dict[str, Any]:
    """Ranges from the model and the recording; none of them was measured."""
    model, out = things.model, {}
    range_ = (delay.low, delay.high)
    out['command_delay'] = _entry('actuator_delay', actuators, range_, 'absolute', delay.why)
    if all(model.actuator(a).biasprm[1] != 0 for a in actuators):
        out['gain'] = _entry('actuator_kp', actuators, (0.8, 1.25), 'relative', 'gains of servos are known to a fifth')
    for name, field, low, high, said in (
        ('joint_damping', 'dof_damping', 0.7, 1.5, 'damping changes with heat and wear'),
        ('joint_friction', 'dof_frictionloss', 0.5, 2.0, 'dry friction is the least known of a gear'),
    ):
        having = [j for j in joints if getattr(model, field)[int(model.joint(j).dofadr[0])] > 0]
        if having:
            out[name] = _entry(field, having, (low, high), 'relative', said)
    out |= _contact(things, channels)
    return {'members': Noted(16), 'seed': Noted(0), 'parameters': out}


def _contact(things: Things, channels: Mapping[str, Measured]) -> dict[str, Noted]:
    """What varies where the hand touches, and the noise of the forces."""
    out = {}
    touching = [m for m in channels.values() if m.kind in ('force', 'slip')]
    geoms = list(dict.fromkeys(p for m in touching for e in m.matched if (p := _pattern(things, e.target))))
    if geoms:
        said = 'skins on usual objects'
        out['tip_friction'] = _entry('geom_friction', geoms, (0.5, 1.1), 'absolute', said)
        rows = [things.model.geom(g).id for g in geoms if not g.startswith('body:')]
        if rows and bool((things.model.geom_solref[rows, 0] > 0).all()):
            out['tip_compliance'] = _entry('geom_solref', geoms, (0.8, 1.5), 'relative', 'how soft the tips are')
    return out


def _pattern(things: Things, target: str) -> str:
    """How `select` names the geoms of a tip; '' for sensors."""
    kind, _, name = target.rpartition(':')
    geoms = {things.model.geom(g).name for g in range(things.model.ngeom)}
    if kind == 'body':
        return target if things.model.body(name).geomnum[0] else ''
    return name if name in geoms else ''


def _entry(field: str, select: Sequence[str], range_: tuple[float, float], scale: str, why: str) -> Noted:
    return Noted({'field': field, 'select': list(select), 'range': list(range_), 'scale': scale}, why, guessed=True)


def usual(values: Sequence[float], at: float) -> float:
    """A quantile of what is known; NaN for nothing."""
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    return float(np.quantile(known, at)) if len(known) else math.nan
