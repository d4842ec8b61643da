"""Fits of presses -> quantities, with what they cannot say and which motion would."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from transfer_audit.core.calibrate.compliance.contact import SAME, Contact
from transfer_audit.core.calibrate.compliance.law import Fit
from transfer_audit.core.calibrate.compliance.presses import Press
from transfer_audit.core.calibrate.compliance.reading import Dynamics, noise
from transfer_audit.core.calibrate.compliance.several import mean
from transfer_audit.core.calibrate.compliance.tips import Tip
from transfer_audit.core.calibrate.quantities import Quantity, Stretch
from transfer_audit.core.calibrate.ranges import Ranged
from transfer_audit.core.types import Array

WIDE = 2.0
"""An interval whose end is this many times its beginning says nothing of use."""
VAGUE = 0.3
"""Where the noise of the indentation is more than this share of its depth, a reading that lags cannot be told."""
_BETTER_PRESSES = 'press slowly, to several depths, at least three times, and hold each press for half a second'


def unpressed(of: str, presses: Sequence[Press], good: int, fewest: int) -> Quantity:
    """The stiffness of a tip whose presses say nothing."""
    stretches = tuple(press.stretch for press in presses)
    why = (
        f'the force follows the indentation in {good} of {len(presses)} presses, {fewest} are needed; {_BETTER_PRESSES}'
    )
    return Quantity(
        'stiffness', of, math.nan, math.nan, math.nan, 'N/m', len(presses), stretches, 'not identifiable', why
    )  # fmt: skip


def of_stiffness(
    tip: Tip, presses: Sequence[tuple[str, Press, Fit]], log: tuple[float, float, float, bool], seen: int
) -> Quantity:
    """Mean slope of force over indentation while the tip is pressed, tip and object together."""
    value, low, high = (float(np.exp(edge)) for edge in log[:3])
    stretches = tuple(press.stretch for _, press, _ in presses)
    depth = float(np.median([one.deepest for _, _, one in presses]))
    unsure = float(np.median([noise(press.travel) for _, press, _ in presses]))
    said = []
    standing = 'measured'
    if not high < WIDE * low:
        standing = 'not identifiable'
        said.append(
            f'presses of {depth * 1e3:.2g} mm, with the tip known to {unsure * 1e3:.2g} mm, leave it between {low:.3g} '
            f'and {high:.3g} N/m; {_BETTER_PRESSES}'
        )
    if log[3]:
        said.append(f'recordings differ by more than presses of one do: {_by_recording(presses)}')
    if len(presses) < seen:
        said.append(f'{seen - len(presses)} of {seen} presses left out: their force does not follow the indentation')
    if all(press.touch is None for _, press, _ in presses):
        said.append('the model has nothing where the tip touched: taken to be met head-on')
    return Quantity(
        'stiffness', tip.name, value, low, high, 'N/m', len(presses), stretches,
        'measured' if standing == 'measured' else 'not identifiable', '; '.join(said),
    )  # fmt: skip


def _by_recording(presses: Sequence[tuple[str, Press, Fit]]) -> str:
    """The smallest and the largest mean of a recording, each with the depth it was pressed to."""
    rows = []
    for name in dict.fromkeys(recording for recording, _, _ in presses):
        fits = [one for recording, _, one in presses if recording == name]
        slope = float(np.exp(np.mean(np.log([one.stiffness for one in fits]))))
        rows.append(
            (slope, float(np.median([one.deepest for one in fits])), float(np.median([one.peak for one in fits])))
        )
    ends = (min(rows), max(rows))
    return ' to '.join(f'{slope:.3g} N/m ({depth * 1e3:.2g} mm, {peak:.2g} N)' for slope, depth, peak in ends)


def shape(tip: Tip, power: tuple[float, float, float], stretches: tuple[Stretch, ...]) -> Quantity:
    """The power of the indentation that the force grows with: 1 for a spring, 1.5 for a ball on a plane (Hertz)."""
    why = 'one stiffness does not tell the whole: it grows with the depth' if power[1] > 1.0 else ''
    return Quantity('power of indentation', tip.name, *power, '', len(stretches), stretches, 'measured', why)


def damping(
    tip: Tip, dynamics: Sequence[Dynamics], groups: Sequence[str], stiffness: Quantity, stretches: tuple[Stretch, ...]
) -> Quantity:  # fmt: skip
    """Damping of the contact; a transport delay of the reading takes away from it, and only their sum is seen."""
    value, low, high, _ = mean(_kept([one.damping_s for one in dynamics]), groups)
    here, least, most = (edge * stiffness.value for edge in (value, low, high))
    if low > 0:
        return Quantity('contact damping', tip.name, here, least, most, 'N s/m', len(dynamics), stretches)
    why = (
        f'a force reading late by more than its lag looks like negative damping, and both leave {value * 1e3:.3g} ms '
        f'({low * 1e3:.3g} to {high * 1e3:.3g}); press at several speeds, with the delay of the sensor known'
    )
    return Quantity(
        'contact damping', tip.name, here, least, most, 'N s/m', len(dynamics), stretches, 'not identifiable', why
    )


def lag(
    tip: Tip, presses: Sequence[tuple[str, Press, Fit]], dynamics: Sequence[Dynamics], stretches: tuple[Stretch, ...]
) -> Quantity:  # fmt: skip
    """The time constant with which the reading goes on rising after the joints have stopped."""
    groups = [recording for recording, _, _ in presses]
    value, low, high, differ = mean(_kept([one.lag_s for one in dynamics]), groups)
    unsure = float(np.median([noise(press.travel) / one.deepest for _, press, one in presses]))
    here = Quantity('force lag', tip.name, value, max(low, 0.0), high, 's', len(dynamics), stretches)
    if value > 0 and unsure > VAGUE:
        why = f'the indentation is known to {unsure:.0%} of its depth only, and creeps alike; {_BETTER_PRESSES}'
        return replace(here, standing='not identifiable', why=why)
    return replace(here, why='it differs from recording to recording' if differ else '')


def _kept(values: Sequence[float]) -> Array:
    """The values with those far out moved to where the others end: one press may slip."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    reach = 3.0 * max(float(high - low), 1e-9)
    return np.asarray(np.clip(values, middle - reach, middle + reach))


def ranges_of(
    tip: Tip, quantities: Sequence[Quantity], fits: Sequence[Fit], contact: Contact,
    shape_ends: tuple[float, float],
    own: float,
) -> tuple[Ranged, ...]:  # fmt: skip
    """The family's parameters: from the softest to the stiffest press but for one in twenty at each end.

    Both numbers of solref go together: the direct format has no default for either.

    :param own: the model's own stiffness, 1/s^2, where it explains other presses as well as the fitted one; else NaN
    """
    stiffness = quantities[0]
    if stiffness.standing != 'measured' or contact.error > SAME:
        return ()
    seen = np.quantile([one.stiffness for one in fits], [0.05, 0.95])
    ends = min(float(seen[0]), stiffness.low), max(float(seen[1]), stiffness.high)
    softest, stiffest = (contact.stiffness * edge / stiffness.value for edge in ends)
    softest, stiffest = float(np.fmin(softest, own)), float(np.fmax(stiffest, own))
    held = next(one for one in quantities if one.name == 'contact damping')
    calm = 0.2 * math.sqrt(contact.stiffness)  # a tenth of critical: less would ring, and no press shows it
    least = max(held.low / stiffness.value * softest, calm)
    most = max(held.high / stiffness.value * stiffest, 2.0 * least)
    why = f'{stiffness.count} presses: {stiffness.value:.3g} N/m'
    select = (tip.select,)
    found = [
        Ranged('tip_compliance', 'geom_solref', select, -stiffest, -softest, 'absolute', (0,), why),
        Ranged('tip_contact_damping', 'geom_solref', select, -most, -least, 'absolute', (1,), why),
    ]
    if contact.reshaped:
        depths = np.quantile([one.deepest for one in fits], [0.1, 0.9])
        bend = f'the force grows faster than the indentation in {stiffness.count} presses'
        found += [
            Ranged('tip_impedance', 'geom_solimp', select, *shape_ends, 'absolute', (0,), bend),
            Ranged('tip_layer', 'geom_solimp', select, float(depths[0]), float(depths[1]), 'absolute', (2,), bend),
            Ranged('tip_layer_middle', 'geom_solimp', select, 0.5, 0.5, 'absolute', (3,), bend),
            Ranged('tip_layer_power', 'geom_solimp', select, 1.0, 1.0, 'absolute', (4,), bend),
        ]
    return tuple(found)
