"""Where a command changes course and when the joint follows: the starts that a trace holds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.driven import Driven, commanded
from transfer_audit.core.calibrate.quantities import Stretch, part
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.types import Array

QUIET_S = 0.2
"""How long a command stands before it changes course."""
HOLD_S = 0.1
"""How long it stands at its new value at least; what changes earlier is a stream, not a step."""
LINE_S = 0.15
"""How long the first clear motion may last that is extrapolated backwards."""
_CLEAR_NOISE, _CLEAR_STEPS, _CLEAR_TOLD = 5.0, 2.5, 3.0
_FEWEST, _MOST, _SHARE = 3, 8, 0.7
_MOST_OF_THE_WAY = 0.9
_VAGUE_S = 0.05


@dataclass(frozen=True)
class Start:
    """A joint that set out after its command changed course.

    :param direction: +1 towards larger joint positions (closing), -1 towards smaller (opening)
    :param speed: commanded speed, message units; NaN if none was commanded
    :param step: commanded change, model units, unsigned
    :param seen_s: command to the last sample at rest and to the first that shows motion
    :param onset_s: command to motion: the line through the first clear motion, followed back to where the joint stood
    :param error_s: half of the 90 % interval of `onset_s`
    :param rate: slope of that line, model units/s, unsigned
    :param travel_s: how long it is under way: until it has gone nine tenths of the way that it goes
    :param commanded_s: when, since the round's start; `until_s` the next change of course or the end
    """

    direction: int
    speed: float
    step: float
    seen_s: tuple[float, float]
    onset_s: float
    error_s: float
    rate: float
    commanded_s: float
    until_s: float
    travel_s: float
    trace: Trace
    stretch: Stretch


@dataclass(frozen=True)
class Starts:
    """All starts of one joint, and how many changes of course were not followed by a motion that was seen.

    :param small: the largest commanded step without motion, model units; 0 if each step moved the joint
    :param stream: whether the command flows, so that it has no steps
    """

    found: tuple[Start, ...]
    unseen: int
    small: float
    stream: bool

    def of(self, trace: Trace) -> list[Start]:
        """The starts within one trace."""
        return [start for start in self.found if start.trace is trace]


def starts_of(traces: Sequence[Trace], binding: Binding, joint: Driven) -> Starts:
    """The starts of a joint, in order."""
    found: list[Start] = []
    unseen, small, changes = 0, 0.0, 0
    for trace in traces:
        times, targets, speeds = commanded(trace, binding)
        changes += int((np.diff(targets[:, joint.actuator]) != 0).sum()) if len(times) else 0
        for index, until in _steps(times, targets[:, joint.actuator], (trace.end_ns - trace.start_ns) / 1e9):
            speed = math.nan if speeds is None else float(speeds[index, joint.actuator])
            target = float(targets[index, joint.actuator])
            start = _start(trace, joint, float(times[index]), until, target, speed)
            if isinstance(start, Start):
                found.append(start)
                continue
            unseen += 1
            small = max(small, start)
    steps = len(found) + unseen
    return Starts(tuple(found), unseen, small, changes > 10 * max(steps, 1))


def _steps(times: Array, targets: Array, end_s: float) -> Iterator[tuple[int, float]]:
    """Which commands change course after a pause and then stand, each with the time of the next change, or the end."""
    changed = np.concatenate([[True], np.diff(targets) != 0]) if len(times) else np.zeros(0, bool)
    at = np.flatnonzero(changed & ~np.isnan(targets))
    for here, index in enumerate(at):
        after = float(times[at[here + 1]]) if here + 1 < len(at) else end_s
        before = float(times[at[here - 1]]) if here else -math.inf
        if times[index] - before >= QUIET_S and after - times[index] >= HOLD_S:
            yield int(index), after


def _start(trace: Trace, joint: Driven, at_s: float, until_s: float, target: float, speed: float) -> Start | float:
    """The start that follows one command, or the size of the step if no motion is seen to begin."""
    times, values = joint.measured(trace)
    resting = values[(times > at_s - QUIET_S) & (times <= at_s)]
    if len(resting) == 0:
        resting = values[(times > at_s) & (times < until_s)][:1]
    if len(resting) == 0:
        return 0.0
    rest = float(np.median(resting))
    direction, step = (1 if target > rest else -1), abs(target - rest)
    told = _CLEAR_TOLD * float(joint.plan.noise[joint.column])
    clear = max(_CLEAR_NOISE * float(np.std(resting)), _CLEAR_STEPS * quantum(values), told)
    if step <= clear or float(np.ptp(resting)) > 2 * clear:
        return 0.0
    after = slice(max(0, int(np.searchsorted(times, at_s, side='right')) - 1), int(np.searchsorted(times, until_s)))
    t, z = times[after] - at_s, (values[after] - rest) * direction
    line = first_motion(t, z, clear)
    if line is None:
        return 0.0 if len(t) and z.max() > clear else step
    first, onset, error, rate = line
    if onset < -error:  # it moved already
        return 0.0
    last = float(t[first - 1]) if first else 0.0
    travel = float(t[int(np.argmax(z >= _MOST_OF_THE_WAY * z.max()))] - t[first])
    stretch = part(trace, at_s, at_s + float(t[first]) + LINE_S)
    return Start(
        direction, speed, step, (last, float(t[first])), onset, error, rate, at_s, until_s, travel, trace, stretch
    )


def first_motion(t: Array, z: Array, clear: float) -> tuple[int, float, float, float] | None:
    """The first sample that is clearly under way, and the line through the motion from there on: onset, half of its
    interval, s, and slope, 1/s. None if nothing moves or too little is seen of it.

    Registers that are refreshed more slowly than they are read repeat themselves: only samples that differ from the one
    before tell when they were taken.
    """
    if len(z) == 0 or z.max() <= clear:
        return None
    half = int(np.argmax(z > max(clear, z.max() / 2)))
    still = np.flatnonzero(z[:half] <= clear)
    first = int(still[-1]) + 1 if len(still) else 0
    fresh = np.concatenate([[True], np.diff(z) != 0])
    moving = np.flatnonzero((z > clear) & fresh & (np.arange(len(z)) >= first))
    gap = float(t[first] - t[first - 1]) if first else math.inf
    usual = float(np.median(np.diff(t)))
    near = moving[(t[moving] <= t[first] + LINE_S) & (z[moving] <= _SHARE * z.max() + clear)][:_MOST]
    if gap > 5 * usual + 0.02 or len(near) < _FEWEST:
        return None
    fit = _line(t[near], z[near])
    return None if fit is None else (first, *fit)


def _line(t: Array, z: Array) -> tuple[float, float, float] | None:
    """Where a line through points crosses zero, half of the 90 % interval of that, and the slope; None if it falls or
    that is vague."""
    middle, count = float(t.mean()), len(t)
    slope, level = np.polyfit(t - middle, z, 1)
    if slope <= 0:
        return None
    scatter = float(np.sqrt(np.sum((z - level - slope * (t - middle)) ** 2) / (count - 2)))
    lever = math.sqrt(1 / count + (level / slope) ** 2 / float(np.sum((t - middle) ** 2)))
    half = float(stdtrit(count - 2, 0.95)) * scatter / float(slope) * lever
    return None if half > _VAGUE_S else (middle - float(level / slope), half, float(slope))


def quantum(values: Array) -> float:
    """The step in which values come: the difference that others are whole multiples of; 0 if there is none.

    :param values: shape (N,)
    """
    steps = np.abs(np.diff(np.unique(values)))
    if len(steps) == 0:
        return 0.0
    least = float(steps[steps > 1e-9 * max(1.0, float(np.abs(values).max()))].min(initial=np.inf))
    if not math.isfinite(least):
        return 0.0
    counts = steps / least
    whole = np.abs(counts - np.rint(counts)) < 0.02 * np.maximum(1.0, np.rint(counts)).clip(max=5)
    return float(np.median(steps / np.rint(counts).clip(min=1))) if whole.mean() > 0.95 else 0.0
