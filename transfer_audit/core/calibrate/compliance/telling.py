"""Fits of presses -> quantities, with what they cannot say and which motion would."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from transfer_audit.core.calibrate.compliance.contact import NINETY, SAME, Contact
from transfer_audit.core.calibrate.compliance.presses import Press
from transfer_audit.core.calibrate.compliance.reading import Rows
from transfer_audit.core.calibrate.compliance.several import Mean, edges, needed
from transfer_audit.core.calibrate.compliance.tips import Tip
from transfer_audit.core.calibrate.quantities import Quantity, Stretch
from transfer_audit.core.calibrate.ranges import Ranged

TOLD = 0.1
"""A stiffness is told where half of its interval is no more than this share of it."""
WIDE = 0.5
"""The same where recordings differ, and the interval speaks of how much."""
VAGUE_S = 0.1
"""A lag that may be anything from nothing to more than this is not told."""
_SLOWER = 3.0
_BETTER_PRESSES = 'press slowly, to several depths, at least three times, and hold each press for half a second'


def unpressed(of: str, presses: Sequence[Press], good: int, fewest: int, fast: str) -> Quantity:
    """The stiffness of a tip whose presses say nothing."""
    stretches = tuple(press.stretch for press in presses)
    why = (
        f'the force follows the indentation in {good} of {len(presses)} presses, {fewest} are needed; '
        f'{fast or _BETTER_PRESSES}'
    )
    return Quantity(
        'stiffness', of, math.nan, math.nan, math.nan, 'N/m', len(presses), stretches, 'not identifiable', why
    )  # fmt: skip


def faster(presses: Sequence[tuple[Rows, float]]) -> str:
    """What is said of presses in which the tip was at the end before the reading could follow; '' of none.

    :param presses: each with how far its reading runs ahead, s
    """
    if not presses:
        return ''
    rise = float(np.median([rows.rise_s for rows, _ in presses]))
    late = -float(np.median([lead for _, lead in presses]))
    return (
        f'{len(presses)} presses arrive within {rise * 1e3:.0f} ms, and the reading lags by {late * 1e3:.0f} ms: they '
        f'show where they end, not the way there; take {_SLOWER * late:.2g} s or more from touch to deepest point'
    )


def of_stiffness(
    tip: Tip, presses: Sequence[tuple[str, Press, Rows]], contact: Contact, sure: Mean, seen: int, fast: str
) -> Quantity:
    """Mean slope of force over indentation from the touch to the deepest point, tip and object together.

    :param sure: logarithm of how much stiffer the tip may be; `fast` what is said of presses that were too fast
    """
    value = contact.secant
    depth = float(np.median([rows.peak for _, _, rows in presses])) / value
    said = []
    if not sure.half <= (WIDE if sure.differ else TOLD):
        said.append(_better(presses, sure.half, depth))
    standing = 'not identifiable' if said else 'measured'
    if sure.differ:
        said.append(f'recordings differ by more than presses of one do: {_by_recording(presses, contact, value, sure)}')
    if len(presses) < seen:
        said.append(
            f'{seen - len(presses)} of {seen} presses left out: {fast or "their force does not follow the indentation"}'
        )
    if all(press.touch is None for _, press, _ in presses):
        said.append('the model has nothing where the tip touched: taken to be met head-on')
    return Quantity(
        'stiffness', tip.name, value, *edges(value, sure.half), 'N/m', len(presses),
        tuple(press.stretch for _, press, _ in presses),
        'measured' if standing == 'measured' else 'not identifiable', '; '.join(said),
    )  # fmt: skip


def _better(presses: Sequence[tuple[str, Press, Rows]], half: float, depth: float) -> str:
    """What these presses leave open, and how many of them, or how much deeper ones, would not."""
    unsure = float(np.median([rows.white for _, _, rows in presses]))
    more = needed(half, len(presses), TOLD)
    return (
        f'{len(presses)} presses of {depth * 1e3:.2g} mm, with the tip known to {unsure * 1e3:.2g} mm, leave it open '
        f'by {half:.0%}; for {TOLD:.0%} press slowly, {more} times like this, or as often as now but '
        f'{half / TOLD:.2g} times as deep or {(half / TOLD) ** 2:.2g} times as long'
    )


def _by_recording(presses: Sequence[tuple[str, Press, Rows]], contact: Contact, value: float, sure: Mean) -> str:
    """The softest and the stiffest recording, each with the force it was pressed to."""
    rows = []
    for name in dict.fromkeys(recording for recording, _, _ in presses):
        mine = [index for index, (recording, _, _) in enumerate(presses) if recording == name]
        off = float(np.average(contact.matched.off[mine], weights=contact.matched.errors[mine] ** -2))
        rows.append((value * math.exp(off - sure.value), float(np.median([presses[index][2].peak for index in mine]))))
    return ' to '.join(f'{stiffness:.3g} N/m (up to {peak:.2g} N)' for stiffness, peak in (min(rows), max(rows)))


def shape(tip: Tip, power: tuple[float, float, float], stretches: tuple[Stretch, ...]) -> Quantity:
    """The power of the indentation that the force grows with: 1 for a spring, 1.5 for a ball on a plane (Hertz)."""
    why = 'one stiffness does not tell the whole: it grows with the depth' if power[1] > 1.0 else ''
    return Quantity('power of indentation', tip.name, *power, '', len(stretches), stretches, 'measured', why)


def damping(tip: Tip, lead: Mean, stiffness: Quantity, power: float, stretches: tuple[Stretch, ...]) -> Quantity:
    """Damping of the contact: how far a moving contact's force runs ahead of the spring's, by its stiffness.

    A sensor that lags takes away from it, and only their sum is seen. Where the force grows with a power of the
    indentation, its rate does with that power of the speed.
    """
    here, low, high = (edge * power * stiffness.value for edge in (lead.value, lead.low, lead.high))
    found = Quantity('contact damping', tip.name, here, low, high, 'N s/m', len(stretches), stretches)
    if low > 0:
        return found
    why = (
        f'a reading that lags looks like negative damping, and both leave {lead.value * 1e3:.3g} ms '
        f'({lead.low * 1e3:.3g} to {lead.high * 1e3:.3g}); press at several speeds, with the lag of the sensor known'
    )
    return replace(found, standing='not identifiable', why=why)


def lag(tip: Tip, lead: Mean, stretches: tuple[Stretch, ...]) -> Quantity:
    """The time constant with which the reading follows the spring, less what the damping of the contact gains."""
    value, low, high = (max(-edge, 0.0) for edge in (lead.value, lead.high, lead.low))
    here = Quantity('force lag', tip.name, value, low, high, 's', len(stretches), stretches)
    if low == 0.0 and high > VAGUE_S:
        why = f'it may be anything up to {high * 1e3:.2g} ms; {_BETTER_PRESSES}'
        return replace(here, standing='not identifiable', why=why)
    return replace(here, why='it differs from recording to recording' if lead.differ else '')


def ranges_of(
    tip: Tip, quantities: Sequence[Quantity], contact: Contact, spread: float, own: float
) -> tuple[Ranged, ...]:  # fmt: skip
    """The family's parameters: from the softest to the stiffest press but for one in twenty at each end.

    Both numbers of solref go together: the direct format has no default for either.

    :param spread: standard deviation between presses, as a share
    :param own: the model's own stiffness, 1/s^2, where it explains other presses as well as the fitted one; else NaN
    """
    stiffness = quantities[0]
    if stiffness.standing != 'measured' or contact.error > SAME:
        return ()
    within = float(np.exp(NINETY * spread))
    ends = min(stiffness.value / within, stiffness.low), max(stiffness.value * within, stiffness.high)
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
        layer = contact.solimp[2]
        bend = f'the force grows faster than the indentation in {stiffness.count} presses'
        found += [
            Ranged('tip_impedance', 'geom_solimp', select, *contact.shapes, 'absolute', (0,), bend),
            Ranged('tip_layer', 'geom_solimp', select, layer, layer, 'absolute', (2,), bend),
            Ranged('tip_layer_middle', 'geom_solimp', select, 0.5, 0.5, 'absolute', (3,), bend),
            Ranged('tip_layer_power', 'geom_solimp', select, 1.0, 1.0, 'absolute', (4,), bend),
        ]
    return tuple(found)
