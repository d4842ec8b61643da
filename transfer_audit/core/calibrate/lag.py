"""How much later one stream of a recording speaks of the same instant than another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.driven import Driven, seconds, series
from transfer_audit.core.calibrate.quantities import Quantity, part, some, whole
from transfer_audit.core.calibrate.spread import median, quantile
from transfer_audit.core.calibrate.starts import Start, Starts, first_motion
from transfer_audit.core.calibrate.touch import AFTER_S, BEFORE_S, SURE_S, touched
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.phases.contacts import ContactMap
from transfer_audit.core.types import Array

DENSE_S = 0.1
"""Commands that come more rarely are not what a driver reads its state after."""
FEWEST = 5
_APPROACH_S = 0.25
_WIDEST_S = 0.04
NAN = math.nan


def log_to_command(traces: Sequence[Trace], plan_name: str) -> Quantity:
    """How long after the command before it the states of a channel are stamped.

    Known up to a whole number of command periods, since a state may also follow from an older command.
    """
    lags, grouped = [], []
    for index, trace in enumerate(traces):
        commands, states = np.sort(seconds(trace, trace.command)), seconds(trace, trace.channels[plan_name])
        if len(commands) > 2 and np.median(np.diff(commands)) < DENSE_S:
            before = np.searchsorted(commands, states, side='right') - 1
            found = (states - commands[before])[(before >= 0) & (states <= commands[-1] + DENSE_S)]
            lags.append(found)
            grouped.append(np.full(len(found), index))
    name, of = 'log-to-command lag', plan_name
    values = np.concatenate([*lags, np.empty(0)])
    if len(values) == 0:
        why = 'commands come too rarely for states to be paired with; record a command stream of 10 Hz or more'
        return Quantity(name, of, NAN, NAN, NAN, 's', 0, (), 'not identifiable', why)
    value, low, high = median(values, np.concatenate(grouped))
    spread = [quantile(values, at)[0] * 1e3 for at in (0.05, 0.95)]
    why = f'p05 to p95 of all states: {spread[0]:.2f} to {spread[1]:.2f} ms'
    return Quantity(name, of, value, low, high, 's', len(values), some([whole(trace) for trace in traces]), why=why)


def force_to_pose(
    traces: Sequence[Trace], binding: Binding, joints: Sequence[tuple[Driven, Starts]]
) -> Iterator[Quantity]:
    """How much later a force channel shows a touch than the joint that it stops, for each tip.

    Where a moving joint meets something, the force begins to rise as the joint begins to lag behind its free motion:
    both corners are followed back by lines through the first clear change.
    """
    contacts = ContactMap.of(binding)
    for tip, (channel, column) in enumerate(contacts.tips):
        name = binding.channel(channel).columns[column]
        lags: list[tuple[float, str, Trace, float]] = []
        for joint, starts in joints:
            if tip in contacts.tips_of[contacts.names.index((joint.plan.name, joint.name))]:
                lags += _touches(traces, joint, starts, channel, column)
        yield _sensor_delay(f'{channel}/{name}', lags)


def _sensor_delay(of: str, lags: Sequence[tuple[float, str, Trace, float]]) -> Quantity:
    name = 'sensor delay, force against pose'
    if len(lags) < FEWEST:
        why = f'{len(lags)} touches of a moving joint; record 20 or more presses on something hard'
        return Quantity(name, of, NAN, NAN, NAN, 's', len(lags), (), 'not identifiable', why)
    value, low, high = median(np.array([lag for lag, *_ in lags]), [recording for _, recording, *_ in lags])
    stretches = some([part(trace, at - BEFORE_S, at + AFTER_S) for _, _, trace, at in lags])
    if high - low > _WIDEST_S:
        why = (
            f'the touches disagree: recordings give {low * 1e3:.0f} to {high * 1e3:.0f} ms; record presses of '
            f'one speed on something hard, or read force and pose faster'
        )
        return Quantity(name, of, value, low, high, 's', len(lags), stretches, 'not identifiable', why)
    return Quantity(name, of, value, low, high, 's', len(lags), stretches)


def _touches(
    traces: Sequence[Trace], joint: Driven, starts: Starts, channel: str, column: int
) -> Iterator[tuple[float, str, Trace, float]]:
    for trace in traces:
        if len(trace.channels[channel]) == 0:
            continue
        poses, forces = joint.measured(trace), series(trace, trace.channels[channel], column)
        for start in starts.of(trace):
            found = _touch(start, *poses, *forces, floor=float(joint.plan.noise[joint.column]))
            if found is not None:
                yield found[0], trace.recording, trace, found[1]


def _touch(
    start: Start, times: Array, values: Array, force_times: Array, forces: Array, floor: float
) -> tuple[float, float] | None:
    """Force onset less the joint's, s, and when the force set in, s since the round's start; None without a touch."""
    rise = touched(start, force_times, forces)
    knee = None if rise is None else _knee(start, times, values, rise, floor)
    return None if rise is None or knee is None else (rise - knee, rise)


def _knee(start: Start, times: Array, values: Array, touch_s: float, floor: float) -> float | None:
    """Where a joint begins to lag behind the line of its free motion near a touch, s since the round's start.

    Found twice: the second time the line ends before the joint lags, and not only before the force is read.
    """
    knee: float | None = touch_s
    for _ in range(2):
        knee = None if knee is None else _behind(start, times, values, min(knee, touch_s), touch_s, floor)
    return knee


def _behind(
    start: Start, times: Array, values: Array, free_until_s: float, touch_s: float, floor: float
) -> float | None:  # fmt: skip
    begin = max(start.commanded_s + start.seen_s[1], free_until_s - _APPROACH_S)
    free = (times > begin) & (times < free_until_s - SURE_S)
    fresh = np.concatenate([[True], np.diff(values) != 0])
    t, z = times[free & fresh] - touch_s, values[free & fresh]
    if len(t) < FEWEST:
        return None
    slope, level = np.polyfit(t, z, 1)
    scatter = float(np.std(z - level - slope * t))
    near = (times > touch_s - BEFORE_S) & (times < min(start.until_s, touch_s + AFTER_S))
    behind = (level + slope * (times[near] - touch_s) - values[near]) * start.direction
    knee = first_motion(times[near], behind, max(4 * scatter, 3 * floor))
    return None if knee is None else knee[1]
