"""Traces -> the compliance of each tip: its presses, one law for all of them, and the model's contact parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.compliance.contact import LIKELY, NINETY, Contact, SimulatedPress, contact_of, shaped
from transfer_audit.core.calibrate.compliance.curves import Curve, Load, cost, matched, residual
from transfer_audit.core.calibrate.compliance.law import POWERS, lead_of, line
from transfer_audit.core.calibrate.compliance.presses import Press, presses_of
from transfer_audit.core.calibrate.compliance.reading import Rows, loading, noise, unloading
from transfer_audit.core.calibrate.compliance.result import Compliance, TipCompliance
from transfer_audit.core.calibrate.compliance.several import Mean, edges, least, mean
from transfer_audit.core.calibrate.compliance.telling import (
    damping,
    faster,
    lag,
    of_stiffness,
    ranges_of,
    shape,
    unpressed,
)
from transfer_audit.core.calibrate.compliance.tips import PressWorld, Tip, tips_of
from transfer_audit.core.calibrate.quantities import Quantity
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.types import Array

FEWEST = 3
FORM = 0.01
"""By how much, as a share, the law is off on presses without noise: it stands still where a tip moves."""
_UNEXPLAINED, _BETTER, _AS_GOOD = 0.2, 0.05, 1.2


@dataclass(frozen=True)
class Pressed:
    """A press whose travel follows its force.

    :param lead_s: how far the readings of its recording run ahead of the spring; `own_lead_s` what this press adds to
        that, as a pseudovalue of the jackknife (Tukey, 1958)
    :param power: of the indentation that suits its recording
    :param costs: what each power leaves, as a share, shape (P,)
    """

    recording: str
    press: Press
    rows: Rows
    lead_s: float
    own_lead_s: float
    power: float
    costs: Array

    @property
    def fast(self) -> bool:
        """Whether the tip arrived before the reading could follow: that shows where a press ends, not the way there."""
        return -self.lead_s > self.rows.rise_s

    def load(self, later_s: float = 0.0) -> Load:
        """The rows with the force of the spring, with another lead if wanted."""
        return Load(self.rows, self.rows.spring(self.lead_s + later_s), self.recording)


@dataclass(frozen=True)
class HeldOut:
    """Every other press, judged by the rest.

    :param before: residual with the model's contact, N; `after` with one fitted to the rest
    :param explained: share of the travel, without its noise, that the latter explains
    :param own_as_good: whether the model's contact explains it as well
    """

    before: float
    after: float
    explained: float
    own_as_good: bool


def fit(traces: Sequence[Trace], binding: Binding) -> Compliance:
    """Stiffness, damping and contact parameters of every tip that pressed on something.

    Joint angles are measured, so neither the give of the servos nor their backlash counts as indentation. What the
    object gives does: tip and object are springs in series, and only their sum is seen.
    """
    tips = tips_of(binding)
    found = [_tip(traces, binding, tip) for tip in tips]
    idle = [tip.name for tip, one in zip(tips, found, strict=True) if one is None]
    warnings = (
        [f'{", ".join(idle)}: never pressed on anything; press each tip slowly, to several depths'] if idle else []
    )
    return Compliance(tuple(one for one in found if one is not None), tuple(warnings))


def _tip(traces: Sequence[Trace], binding: Binding, tip: Tip) -> TipCompliance | None:
    world = PressWorld(binding, tip)
    presses = [(trace.recording, press) for trace in traces for press in presses_of(trace, binding, tip, world)]
    if not presses:
        return None
    follow = [one for name in dict.fromkeys(name for name, _ in presses) for one in _explained(presses, name)]
    good = [one for one in follow if not one.fast]
    fast = faster([(one.rows, one.lead_s) for one in follow if one.fast])
    if len(good) < FEWEST:
        quantity = unpressed(tip.name, [press for _, press in presses], len(good), FEWEST, fast)
        return TipCompliance(tip.name, (quantity,), (), None, math.nan, math.nan, math.nan, (quantity.why,))
    return _together(binding, tip, good, len(presses), fast)


def _explained(presses: Sequence[tuple[str, Press]], recording: str) -> list[Pressed]:
    """The presses of a recording whose travel follows their force, all with one lead.

    The release counts where it lies on the same line: it takes the force the other way, which tells the lead, and ends
    as slowly as the tip then moves, which tells where the contact begins.
    """
    mine = [(press, _rows(press)) for name, press in presses if name == recording]
    mine = [(press, rows) for press, rows in mine if rows.enough]
    for _ in range(2):
        if not mine:
            return []
        lead, power = lead_of([rows for _, rows in mine])
        mine = [(p, rows) for p, rows in mine if line(rows, rows.spring(lead), power).unexplained < _UNEXPLAINED]
    own = _pseudovalues([rows for _, rows in mine], lead, power)
    return [
        Pressed(recording, press, rows, lead, one, power, _costs(rows, lead))
        for (press, rows), one in zip(mine, own, strict=True)
    ]


def _rows(press: Press) -> Rows:
    every = Rows(press, slice(None))
    if every.enough:
        lead, power = lead_of([every])
        if line(every, every.spring(lead), power).unexplained < _UNEXPLAINED / 4:
            return every
    return Rows(press, loading(press))


def _pseudovalues(presses: Sequence[Rows], lead: float, power: float) -> list[float]:
    count = len(presses)
    if count < 2:
        return [lead] * count
    without = [lead_of([*presses[:at], *presses[at + 1 :]], [power])[0] for at in range(count)]
    return [count * lead - (count - 1) * one for one in without]


def _costs(rows: Rows, lead: float) -> Array:
    fits = [line(rows, rows.spring(lead), float(power)) for power in POWERS]
    return np.array([(one.rms / one.about_mean) ** 2 for one in fits])


def _together(binding: Binding, tip: Tip, good: Sequence[Pressed], seen: int, fast: str) -> TipCompliance:
    groups = [one.recording for one in good]
    stretches = tuple(one.press.stretch for one in good)
    simulated, solref, solimp = _simulated(binding, tip, good)
    own = simulated.curve()
    lead = mean(np.array([one.own_lead_s for one in good]), groups)
    contact = contact_of(simulated, [one.load() for one in good], solimp, reshape=lead.value >= 0)
    found = _sure(contact, good, lead)
    contact = contact.stiffer(math.exp(found.value))
    presses = [(one.recording, one.press, one.rows) for one in good]
    stiffness = of_stiffness(tip, presses, contact, found, seen, fast)
    quantities = [stiffness, shape(tip, _power(good), stretches), *_released(tip, good, contact, stiffness)]
    quantities += [
        damping(tip, lead, stiffness, np.median([one.power for one in good]), stretches),
        lag(tip, lead, stretches),
    ]
    held_out = _held_out(simulated, good, contact.solimp, own)
    if not held_out.explained > 0.5:
        share = max(held_out.explained, 0.0)
        why = f'the same curve explains {share:.0%} of the travel of other presses; press slowly, head-on'
        quantities[0] = replace(quantities[0], standing='explains nothing', why=why)
    kept = _direct(solref) if held_out.own_as_good else math.nan
    ranges = ranges_of(tip, quantities, contact, found.spread, kept)
    warnings = tuple(f'{tip.name}: {one.why}' for one in quantities if one.why)
    force_noise = float(np.median([noise(one.press.force) for one in good]))
    return TipCompliance(
        tip.name, tuple(quantities), ranges, contact, held_out.before, held_out.after, force_noise, warnings
    )


def _simulated(binding: Binding, tip: Tip, good: Sequence[Pressed]) -> tuple[SimulatedPress, Array, Array]:
    """The press in the middle, to half as deep again as any was seen, with the model's own solref and solimp."""
    middle = sorted(good, key=lambda one: one.rows.peak)[len(good) // 2].press
    world = PressWorld(binding, tip, middle.touch)
    solimp, solref = (np.array(getattr(world.model, f'geom_{name}')[world.tips[0]]) for name in ('solimp', 'solref'))
    slopes = [line(one.rows, one.load().spring, one.power).slope for one in good]
    slope = float(np.median(slopes))
    peaks = [max(float(one.load().spring.max()), 0.0) ** (1.0 / one.power) for one in good]
    deepest = float(np.clip(slope * max(peaks), 1e-4, 0.05))
    return SimulatedPress(world, middle, deepest), solref, solimp


def _sure(contact: Contact, good: Sequence[Pressed], lead: Mean) -> Mean:
    """By what share the tip may be stiffer or softer: from press to press, with another shape of the contact that is as
    likely, with another lead, and by what the law leaves."""
    found = mean(contact.matched.off, [one.recording for one in good], contact.matched.errors)
    unit = contact.matched.curve.times(1.0 / contact.stiffness)
    others = [matched(unit, [one.load(later) for one in good]).stiffness for later in (-lead.half, lead.half)]
    led = max(abs(math.log(other / contact.stiffness)) for other in others)
    return replace(found, half=math.hypot(found.half, led, contact.apart, NINETY * contact.beyond, FORM))


def _power(good: Sequence[Pressed]) -> tuple[float, float, float]:
    """The power of the indentation; 1 where another one hardly explains more."""
    costs = np.array([one.costs for one in good])
    found = least(POWERS, costs)
    total = costs.sum(axis=0)
    straight = float(total[list(POWERS).index(1.0)])
    return found if total.min() < (1.0 - _BETTER) * straight else (1.0, min(found[1], 1.0), max(found[2], 1.0))


def _released(tip: Tip, good: Sequence[Pressed], contact: Contact, stiffness: Quantity) -> list[Quantity]:
    """The stiffness of the releases, where enough presses have one."""
    rows = [(one, Rows(one.press, unloading(one.press))) for one in good]
    loads = [Load(part, part.spring(one.lead_s)) for one, part in rows if part.enough]
    loads = [load for load in loads if line(load.rows, load.spring).unexplained < _UNEXPLAINED]
    if len(loads) < FEWEST:
        return []
    unit = contact.matched.curve.times(1.0 / contact.stiffness)
    found = matched(unit, loads)
    sure = mean(found.off, ['' for _ in loads], found.errors)
    value = stiffness.value * found.stiffness / contact.stiffness * math.exp(sure.value)
    stretches = tuple(one.press.stretch for one, part in rows if part.enough)
    return [Quantity('unloading stiffness', tip.name, value, *edges(value, sure.half), 'N/m', len(loads), stretches)]


def _held_out(simulated: SimulatedPress, good: Sequence[Pressed], solimp: Sequence[float], own: Curve) -> HeldOut:
    seen = [one.load() for one in good[::2]]
    fitted = shaped(simulated, seen, solimp).matched
    stiffer = {load.recording: math.exp(apart) for load, apart in zip(seen, fitted.apart, strict=True)}
    pairs = [(one.load(), fitted.curve.times(stiffer.get(one.recording, 1.0))) for one in good[1::2] or good]
    before = math.sqrt(np.mean([residual(load, own) for load, _ in pairs]))
    after = math.sqrt(np.mean([residual(load, curve) for load, curve in pairs]))
    costs = np.array([(cost(load, own)[0], *cost(load, curve)) for load, curve in pairs]).sum(axis=0)
    left = max(costs[1] - costs[2], 0.0)
    as_good = costs[0] - costs[2] < _AS_GOOD * left + LIKELY
    return HeldOut(before, after, 1.0 - left / costs[3], bool(as_good))


def _direct(solref: Array) -> float:
    """The stiffness of solref in the direct format, 1/s^2."""
    return float(-solref[0] if solref[0] <= 0 else 1.0 / (solref[0] * solref[1]) ** 2)
