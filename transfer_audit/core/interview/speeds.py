"""Hands that move at a commanded speed: told from commands that step while the joints move evenly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.interview.streams import Stream, words
from transfer_audit.core.types import NS, Array

STEP, MOVING = 0.1, 0.2
"""A command that steps by this part of the whole motion counts; joints that move this part of it in a second, too."""
WINDOW_S = 0.1
SPEEDS = frozenset(('velocity', 'velocities', 'speed', 'speeds'))
FEWEST = 3
SATURATED = 0.85
SET_OUT = 0.01


@dataclass(frozen=True)
class SpeedLaw:
    """Message units/s for each unit of commanded speed, and the commanded speed above which it gets no faster.

    :param starts_s: how long after each step of the command the joint was first seen to move
    """

    field: str
    scale: float
    limit: float | None
    why: str
    starts_s: tuple[float, ...]


@dataclass(frozen=True)
class _Run:
    """Commanded speed, usual rate, message units, and the time from the command to the first motion seen, s."""

    speed: float
    rate: float
    start_s: float


def speed_law(streams: Sequence[Stream], command: Stream, entry: int, pose: Stream, column: int) -> SpeedLaw | None:
    """The law of one entry of the command, or None: speeds that are sometimes 0, or commands that flow, are none.

    :param entry: which entry of the command moves `column` of the measured joints
    """
    beside = [s for s in streams if s.topic == command.topic and SPEEDS & {*words(s.field)}]
    if not beside or len(beside[0].stamp_ns) != len(command.stamp_ns) or not bool((beside[0].values > 0).all()):
        return None
    runs = _runs(command, entry, beside[0].values[:, entry, 0], pose, column)
    groups = {speed: [r.rate for r in runs if r.speed == speed] for speed in sorted({r.speed for r in runs})}
    known = [(speed, float(np.median(rates))) for speed, rates in groups.items() if len(rates) >= FEWEST]
    if not known:
        return None
    speed, rate = known[0]
    scale = float(f'{rate / speed:.3g}')
    slow = [(s, r) for s, r in known[1:] if r < SATURATED * scale * s]
    limit = float(f'{max(r for _, r in slow) / scale:.2g}') if slow else None
    said = ', '.join(f'{r:.0f}/s at {s:g}' for s, r in known)
    return SpeedLaw(
        beside[0].field,
        scale,
        limit,
        f'commands carry a speed, and the joints then move {said}',
        tuple(run.start_s for run in runs),
    )


def _runs(command: Stream, entry: int, speeds: Array, pose: Stream,
          column: int) -> list[_Run]:  # fmt: skip
    """Each motion that a step of the command begins."""
    order = pose.stamp_ns.argsort(kind='stable')
    times, values = pose.stamp_ns[order], pose.values[order, column, 0]
    span = float(np.nanmax(values) - np.nanmin(values))
    asked = command.values[:, entry, 0]
    every = max(1, round(WINDOW_S / pose.period_s))
    found = []
    for row in np.flatnonzero(np.abs(np.diff(asked, prepend=asked[0])) > STEP * span):
        end = command.stamp_ns[row + 1] if row + 1 < len(asked) else times[-1]
        inside = (times >= command.stamp_ns[row]) & (times < end)
        t, z = times[inside] / NS, values[inside]
        if len(z) <= every:
            continue
        rates = np.abs(z[every:] - z[:-every]) / (t[every:] - t[:-every])
        moving = rates[rates > MOVING * span]
        if len(moving) >= FEWEST:
            away = t[np.abs(z - z[0]) > SET_OUT * span]
            start_s = float(away[0] - command.stamp_ns[row] / NS) if len(away) else np.nan
            found.append(_Run(float(speeds[row]), float(np.quantile(moving, 0.8)), start_s))
    return found
