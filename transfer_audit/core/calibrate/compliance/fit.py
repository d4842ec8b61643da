"""Traces -> the compliance of each tip: press by press, then together, then as contact parameters of the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.compliance.contact import Contact, SimulatedPress, matching
from transfer_audit.core.calibrate.compliance.law import Curve, Fit, dynamics_of, fit_press, predicted
from transfer_audit.core.calibrate.compliance.presses import Press, presses_of
from transfer_audit.core.calibrate.compliance.reading import Dynamics, loading, noise, unloading
from transfer_audit.core.calibrate.compliance.result import Compliance, TipCompliance
from transfer_audit.core.calibrate.compliance.several import least, mean
from transfer_audit.core.calibrate.compliance.telling import damping, lag, of_stiffness, ranges_of, shape, unpressed
from transfer_audit.core.calibrate.compliance.tips import PressWorld, Tip, tips_of
from transfer_audit.core.calibrate.quantities import Quantity
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.types import Array

POWERS = np.array([1.0, 1.3, 1.6, 2.0, 2.5])
"""No contact grows softer as it is pressed."""
FEWEST = 3
_EXPLAINED, _BETTER, _LAGS, _POOR, _AS_GOOD = 0.9, 0.05, 0.5, 0.15, 1.1


@dataclass(frozen=True)
class Pressed:
    """A press that a spring explains: its fit as a straight line, and what each power leaves, shape (P,).

    :param rival: logarithm of the stiffness with other dynamics that explain the recording as well, else of `line`'s
    """

    recording: str
    press: Press
    line: Fit
    rival: float
    dynamics: Dynamics
    costs: Array


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
    good = _explained(presses)
    if len(good) < FEWEST:
        quantity = unpressed(tip.name, [press for _, press in presses], len(good), FEWEST)
        return TipCompliance(tip.name, (quantity,), (), None, math.nan, math.nan, math.nan, (quantity.why,))
    return _together(binding, tip, good, len(presses))


def _explained(presses: Sequence[tuple[str, Press]]) -> list[Pressed]:
    """The presses whose force follows their indentation, each fitted with the dynamics of its recording."""
    found = []
    for recording in dict.fromkeys(name for name, _ in presses):
        mine = [press for name, press in presses if name == recording]
        dynamics, other = _dynamics(mine)
        for press in mine:
            line = fit_press(press, loading(press), dynamics)
            if line is None or not line.explained > _EXPLAINED or line.deepest <= 0:
                continue
            fits = [fit_press(press, loading(press), dynamics, float(power)) for power in POWERS]
            costs = np.array([one.rms**2 if one else line.about_mean**2 for one in fits]) / line.about_mean**2
            own = dynamics_of(press, 1.0, None if dynamics.lag_s else 0.0)
            rival = fit_press(press, loading(press), other)
            slope = (line if rival is None else rival).stiffness
            found.append(Pressed(recording, press, line, float(np.log(slope)), own or dynamics, costs))
    return found


def _dynamics(presses: Sequence[Press]) -> tuple[Dynamics, Dynamics]:
    """Damping and lag of a recording, with a lag only where the presses need one, and a rival as good, or the same."""
    without, lagging = [_median([dynamics_of(press, 1.0, lag) for press in presses]) for lag in (0.0, None)]
    left = [_rms(presses, dynamics) for dynamics in (without, lagging)]
    return (lagging, lagging) if left[0] > _POOR and left[1] < _LAGS * left[0] else (without, lagging)


def _median(found: Sequence[Dynamics | None]) -> Dynamics:
    known = [one for one in found if one is not None]
    if not known:
        return Dynamics(0.0, 0.0)
    damping_s = float(np.median([one.damping_s for one in known]))
    return Dynamics(damping_s, float(np.median([one.lag_s for one in known])))


def _rms(presses: Sequence[Press], dynamics: Dynamics) -> float:
    fits = [fit_press(press, loading(press), dynamics) for press in presses]
    return float(np.median([one.rms / one.about_mean if one else 1.0 for one in fits]))


def _together(binding: Binding, tip: Tip, good: Sequence[Pressed], seen: int) -> TipCompliance:
    groups = [one.recording for one in good]
    stretches = tuple(one.press.stretch for one in good)
    logs = np.log([one.line.stiffness for one in good])
    centre, low, high, differ = mean(logs, groups)
    apart = float(np.mean([one.rival for one in good]) - logs.mean())
    half = math.hypot((high - low) / 2, apart)
    presses = [(one.recording, one.press, one.line) for one in good]
    stiffness = of_stiffness(tip, presses, (centre, centre - half, centre + half, differ), seen)
    power = _power(good)
    released = _released(good)
    quantities = [stiffness, shape(tip, power, stretches)]
    if len(released) >= FEWEST:
        logs = np.log([one.stiffness for one in released])
        value, low, high = (float(np.exp(edge)) for edge in mean(logs, ['' for _ in released])[:3])
        quantities.append(Quantity('unloading stiffness', tip.name, value, low, high, 'N/m', len(released), stretches))
    quantities += [damping(tip, [one.dynamics for one in good], groups, stiffness, stretches)]
    quantities += [lag(tip, presses, [one.dynamics for one in good], stretches)]
    used = power[0] if power[1] > 1.0 or power[2] < 1.0 else 1.0
    return _simulated(binding, tip, good, quantities, (used, power[1], power[2]))


def _power(good: Sequence[Pressed]) -> tuple[float, float, float]:
    """The power of the indentation; 1 where another one hardly explains more."""
    costs = np.array([one.costs for one in good])
    found = least(POWERS, costs)
    total = costs.sum(axis=0)
    straight = float(total[list(POWERS).index(1.0)])
    return found if total.min() < (1.0 - _BETTER) * straight else (1.0, min(found[1], 1.0), max(found[2], 1.0))


def _released(good: Sequence[Pressed]) -> list[Fit]:
    """Fits of the releases, where presses have one."""
    rows = [(one, unloading(one.press)) for one in good]
    fits = [fit_press(one.press, part, one.line.dynamics) for one, part in rows if part.stop - part.start >= 5]
    return [one for one in fits if one is not None and one.explained > _EXPLAINED]


def _curve(good: Sequence[Pressed], power: float) -> tuple[Curve, float]:
    """Force against indentation over all presses, and the depth down to which it was seen, m."""
    fits = [fit_press(one.press, loading(one.press), one.line.dynamics, power) for one in good]
    known = [one for one in fits if one is not None and one.deepest > 0] or [one.line for one in good]
    power = known[0].power
    stiffness = float(np.exp(np.median(np.log([one.stiffness for one in known]))))
    return lambda depth: stiffness * depth**power, float(np.median([one.deepest for one in known]))


def _simulated(
    binding: Binding, tip: Tip, good: Sequence[Pressed], quantities: list[Quantity], power: tuple[float, float, float]
) -> TipCompliance:
    """The contact parameters, from half of the presses for the residuals on the other half, and from all of them."""
    middle = sorted(good, key=lambda one: one.line.deepest)[len(good) // 2].press
    world = PressWorld(binding, tip, middle.touch)
    solimp = np.array(world.model.geom_solimp[world.tips[0]])
    solref = np.array(world.model.geom_solref[world.tips[0]])
    wanted, deepest = _curve(good[::2], power[0])
    simulated = SimulatedPress(world, middle, deepest)
    own = simulated.curve()
    matching(simulated, wanted, solimp)
    fitted = simulated.curve()
    tested = [one for one in good[1::2] or good]
    rests = np.array([[predicted(one.press, curve, one.line.dynamics) for curve in (own, fitted)] for one in tested])
    before, after = (float(np.sqrt(np.mean(rests[:, index, 0]))) for index in (0, 1))
    explained = 1.0 - float(rests[:, 1, 0].sum() / rests[:, 1, 1].sum())
    if not explained > 0.5:
        why = f'the same curve explains {max(explained, 0.0):.0%} of the force of other presses; press slowly, head-on'
        quantities[0] = replace(quantities[0], standing='explains nothing', why=why)
    kept = _direct(solref) if before < _AS_GOOD * after else math.nan
    wanted, deepest = _curve(good, power[0])
    contact = matching(SimulatedPress(world, middle, deepest), wanted, solimp)
    spread = _spread_of_shape(SimulatedPress(world, middle, deepest), good, power, contact, solimp)
    ranges = ranges_of(tip, quantities, [one.line for one in good], contact, spread, kept)
    warnings = tuple(f'{tip.name}: {one.why}' for one in quantities if one.why)
    force_noise = float(np.median([noise(one.press.force) for one in good]))
    return TipCompliance(tip.name, tuple(quantities), ranges, contact, before, after, force_noise, warnings)


def _direct(solref: Array) -> float:
    """The stiffness of solref in the direct format, 1/s^2."""
    return float(-solref[0] if solref[0] <= 0 else 1.0 / (solref[0] * solref[1]) ** 2)


def _spread_of_shape(
    simulated: SimulatedPress,
    good: Sequence[Pressed],
    power: tuple[float, float, float],
    contact: Contact,
    solimp: Array,
) -> tuple[float, float]:
    """The least and the largest d0 that the interval of the power allows."""
    if not contact.reshaped:
        return contact.solimp[0], contact.solimp[0]
    ends = [matching(simulated, _curve(good, edge)[0], solimp, reshape=True).solimp[0] for edge in power[1:]]
    return min(ends), max(ends)
