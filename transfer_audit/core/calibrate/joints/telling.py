"""What a motion can tell of a joint's parameters, and which motion would tell the rest."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.calibrate.joints import terms as t
from transfer_audit.core.calibrate.joints.chain import Chain, inertia_of
from transfer_audit.core.calibrate.joints.solve import Fit
from transfer_audit.core.calibrate.joints.spread import Spread

TELLS = 0.04
"""The sensors' noise alone may leave half an interval this wide, relative to the value: then 95 % lie within 5 %."""
TOO_WIDE = 0.5
"""So wide may half the interval be once everything is counted that the model does not explain."""
CORRELATED = 0.95


def correlated(fit: Fit, spread: Spread, joint: int) -> tuple[tuple[str, str, float], ...]:
    """Pairs of parameters of one servo that hardly can be told apart, the closest first."""
    count = len(fit.terms)
    own = spread.correlation[joint * count : (joint + 1) * count, joint * count : (joint + 1) * count]
    pairs = [
        (fit.terms[a].name, fit.terms[b].name, float(own[a, b]))
        for a in range(count)
        for b in range(a + 1, count)
        if abs(own[a, b]) > CORRELATED
    ]
    return tuple(sorted(pairs, key=lambda pair: -abs(pair[2])))


def why_not(fit: Fit, spread: Spread, joint: int, index: int) -> str:
    """Why a parameter cannot be told from this motion, and which would tell it, in a sentence; '' if it can."""
    term, value = fit.terms[index], abs(float(fit.values[joint, index]))
    floor = float(spread.floor[joint, index])
    half = float(spread.high[joint, index] - spread.low[joint, index]) / 2
    fine, wide = (term.allowed, 10 * term.allowed) if term.allowed else (TELLS * value, TOO_WIDE * value)
    wanted = f'it needs {motion_for(term, fit.chain, joint)}'
    if spread.at_edge[joint, index]:
        return f'the best fit lies at the edge of what is possible, {value:.3g} {term.unit}; {wanted}'
    if not floor <= fine:
        share = f'{floor:.2g} {term.unit}' if term.allowed else f'{100 * floor / max(value, 1e-12):.0f} %'
        pairs = [pair for pair in correlated(fit, spread, joint) if term.name in pair[:2]]
        like = f' and it acts like the {_other(pairs[0], term.name)} (r = {pairs[0][2]:.3f})' if pairs else ''
        return f'noise alone leaves ± {share}{like}; {wanted}'
    if not half <= wide:
        return f'stretches of the recordings disagree by ± {half:.2g} {term.unit} about {value:.3g}; {wanted}'
    return ''


def _other(pair: tuple[str, str, float], name: str) -> str:
    return pair[1] if pair[0] == name else pair[0]


def motion_for(term: t.Term, chain: Chain, joint: int) -> str:
    """The motion that would show a parameter.

    Inertia matters against the servo's spring from about a third of its natural frequency sqrt(k / I) / 2 pi on.
    """
    dof, actuator = chain.dofs[joint], chain.actuators[joint]
    inertia = float(inertia_of(chain)[joint] + chain.model.dof_armature[dof])
    natural = float(np.sqrt(chain.model.actuator_gainprm[actuator, 0] / max(inertia, 1e-12)) / (2 * np.pi))
    return {
        t.DELAY: 'sudden changes of the command: steps, or a sine that gets faster',
        t.FRICTION: 'slow sweeps that turn back often',
        t.DAMPING: f'sweeps at several speeds, up to a sine of {natural / 3:.2g} Hz',
        t.GAIN: 'holding still against known loads, as gravity in several poses, and steps',
        t.ARMATURE: f'fast reversals: a sine above {natural / 3:.2g} Hz, better steps',
        t.OFFSET: 'holding still in several poses, reached from both sides',
        t.STRIBECK: 'starts from rest, many of them and slow',
        t.BACKLASH: 'slow reversals under little load',
    }.get(term, 'motion under different loads')
