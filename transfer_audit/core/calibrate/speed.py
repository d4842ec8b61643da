"""How fast a hand moves for the speed that it is commanded, and how far it stays behind before it sets out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.driven import Driven, series
from transfer_audit.core.calibrate.quantities import Quantity, Stretch, some
from transfer_audit.core.calibrate.spread import median, quantile
from transfer_audit.core.calibrate.starts import Start, Starts
from transfer_audit.core.calibrate.touch import SURE_S, touched
from transfer_audit.core.calibrate.traces import Trace

RECORD = 'long free motions at three or more commanded speeds, one of them as fast as it goes'
FEWEST = 5
_RUN_IN = 0.15
_SAME = 0.1
"""Speeds are proportional to what was commanded where their ratio stays within so much of the smallest one's."""


@dataclass(frozen=True)
class _Run:
    """One free motion: commanded speed, message units, its speed, message units/s, and where it is from."""

    start: Start
    speed: float


def speed_law(traces: Sequence[Trace], binding: Binding, joint: Driven, starts: Starts) -> list[Quantity]:
    """Scale and saturation of the commanded speed, for hands that have one; message units."""
    if binding.command.speed_scale is None:
        return []
    unit = abs(float(binding.command.scale[joint.actuator]))
    runs = [run for start in starts.found if (run := _run(joint, start, binding, unit)) is not None]
    told = [run for run in runs if run.start.speed > 0]
    if len(told) < FEWEST:
        why = f'{len(told)} free motions at a commanded speed; record {RECORD}'
        nan = math.nan
        found = [Quantity('speed scale', joint.name, nan, nan, nan, '1/s', len(told), (), 'not identifiable', why)]
    else:
        found = list(_law(joint, told))
    return [*found, *_untold(joint, [run for run in runs if not run.start.speed > 0])]


def _run(joint: Driven, start: Start, binding: Binding, unit: float) -> _Run | None:
    """The speed of a motion between its run-in and where it stops or meets something: the slope of a line."""
    times, values = joint.measured(start.trace)
    begin = start.commanded_s + start.seen_s[1]
    end = min([begin + start.travel_s, *(at - SURE_S for at in _meets(start, binding))])
    inside = (times > begin + _RUN_IN * (end - begin)) & (times < end)
    t, z = times[inside], values[inside]
    fresh = np.concatenate([[True], np.diff(z) != 0]) if len(z) else np.zeros(0, bool)
    t, z = t[fresh], z[fresh]
    if len(t) < FEWEST:
        return None
    return _Run(start, float(np.polyfit(t - t[0], z, 1)[0]) * start.direction / unit)


def _meets(start: Start, binding: Binding) -> Iterator[float]:
    """When a force of the hand says that something is met, s since the round's start."""
    for plan in binding.channels:
        columns = start.trace.channels[plan.name]
        if plan.kind == 'force' and len(columns):
            for column in range(len(plan.elements)):
                at = touched(start, *series(start.trace, columns, column))
                if at is not None and start.direction > 0:
                    yield at


def _law(joint: Driven, runs: Sequence[_Run]) -> Iterator[Quantity]:
    """The scale, from the commanded speeds that are kept proportionally, and where the hand gets no faster.

    Each commanded speed has one vote; the interval holds the intervals of all of them.
    """
    told = np.array([run.start.speed for run in runs])
    levels = np.unique(told)
    ratios = [_ratio([run for run in runs if run.start.speed == level]) for level in levels]
    kept = np.logical_and.accumulate([ratio[0] >= (1 - _SAME) * ratios[0][0] for ratio in ratios])
    follows = [ratio for ratio, is_kept in zip(ratios, kept, strict=True) if is_kept]
    value = float(np.median([ratio[0] for ratio in follows]))
    low, high = min(ratio[1] for ratio in follows), max(ratio[2] for ratio in follows)
    used = [run for run in runs if run.start.speed <= levels[kept].max()]
    why = 'medians: ' + ', '.join(f'{ratio[0]:.3g} at {level:g}' for level, ratio in zip(levels, ratios, strict=True))
    yield Quantity('speed scale', joint.name, value, low, high, '1/s', len(used), _stretches(used), why=why)
    yield _limit(joint, [run for run in runs if run not in used], float(levels[kept].max()), value)


def _ratio(runs: Sequence[_Run]) -> tuple[float, float, float]:
    """Speed by commanded speed: median and interval, by a bootstrap over recordings."""
    ratios = np.array([run.speed / run.start.speed for run in runs])
    return median(ratios, [run.start.trace.recording for run in runs])


def _limit(joint: Driven, faster: Sequence[_Run], top: float, scale: float) -> Quantity:
    """The commanded speed above which the hand gets no faster."""
    if not faster:
        why = f'speed follows the command up to the fastest that was commanded, {top:g}; record {RECORD}'
        return Quantity('speed limit', joint.name, math.nan, top, math.inf, '1', 0, (), 'not identifiable', why)
    speeds = np.array([run.speed for run in faster])
    value, low, high = (number / scale for number in median(speeds, [run.start.trace.recording for run in faster]))
    return Quantity('speed limit', joint.name, value, low, high, '1', len(faster), _stretches(faster))


def _stretches(runs: Sequence[_Run]) -> tuple[Stretch, ...]:
    return some([run.start.stretch for run in runs])


def _untold(joint: Driven, runs: Sequence[_Run]) -> Iterator[Quantity]:
    """How fast the hand moves where no speed is commanded."""
    if runs:
        value, low, high = quantile(np.array([run.speed for run in runs]), 0.5)
        name = 'speed without a commanded one'
        yield Quantity(name, joint.name, value, low, high, '1/s', len(runs), _stretches(runs))


def dead_band(binding: Binding, joint: Driven, starts: Starts) -> Quantity:
    """How far the set point goes before the joint begins to move.

    With a commanded speed: the way of the set point from the onset of the motion, followed back, to the first sample
    that shows it; what is measured at the slowest commanded speed, where samples are the least apart. Otherwise it lies
    between the largest step that moved nothing and the smallest that moved the joint.
    """
    name, unit = 'dead band', joint.plan.unit
    moved = min((start.step for start in starts.found), default=math.inf)
    slow = [start for start in starts.found if start.speed > 0]
    slow = [start for start in slow if start.speed == min(other.speed for other in slow)]
    if binding.command.speed_scale is not None and len(slow) >= FEWEST:
        ways = np.array([start.rate * (np.mean(start.seen_s) - start.onset_s) for start in slow])
        value, low, high = quantile(ways, 0.5)
        stretches = some([start.stretch for start in slow])
        return Quantity(name, joint.name, max(0.0, value), max(0.0, low), max(0.0, high), unit, len(slow), stretches)
    if 0 < starts.small < moved < 4 * starts.small:
        middle = (starts.small + moved) / 2
        return Quantity(name, joint.name, middle, starts.small, moved, unit, len(starts.found) + starts.unseen, ())
    why = 'no steps near it; record steps that grow from one unit of the encoder until the joint moves'
    count = len(starts.found) + starts.unseen
    return Quantity(name, joint.name, math.nan, starts.small, moved, unit, count, (), 'not identifiable', why)
