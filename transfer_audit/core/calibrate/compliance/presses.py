"""Traces -> presses: stretches in which a tip meets something and travels on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.compliance.tips import PressWorld, Tip, Touch, touched
from transfer_audit.core.calibrate.driven import seconds, series
from transfer_audit.core.calibrate.quantities import Stretch, part
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.shadow.placement import Pose, place
from transfer_audit.core.types import Array

BEFORE_S = 0.4
"""How much of the free motion before a touch belongs to a press: it shows where the force began."""
APPROACH_S = 0.2
"""Over how long before a touch the direction is taken in which the tip came."""
_CLEAR = 2.0
_LOOK_BACK_S, _FREE_S, _AFTER_S, _JOIN_S, _LEAST_S = 2.0, 0.1, 0.2, 0.06, 0.1
_FEWEST = 8
_HELD, _RISE_S = 0.8, 0.1


@dataclass(frozen=True)
class Press:
    """One press of a tip, on an even grid of times.

    :param period_s: of the grid
    :param travel: displacement of the tip along the contact's normal, m, shape (N,); its zero is where the force was
        first seen, not where the contact began
    :param force: over the level of the free motion before, N, shape (N,)
    :param free: that level, N
    :param begin: row of the touch; `held` first row of the release; N if the press ends loaded
    :param poses: qpos of each row, shape (N, nq)
    :param normal: out of the object, shape (3,); `point` of the tip at the touch, shape (3,), m
    """

    stretch: Stretch
    period_s: float
    travel: Array
    force: Array
    free: float
    begin: int
    held: int
    poses: Array
    normal: Array
    point: Array
    touch: Touch | None

    def __len__(self) -> int:
        return len(self.force)


def presses_of(trace: Trace, binding: Binding, tip: Tip, world: PressWorld) -> list[Press]:
    """The presses of one tip in a trace, in order.

    Where the model has an object that the tip touches, its normal counts; else the tip is taken to meet it head-on, so
    that an oblique press looks deeper, and what it meets softer, than it is.
    """
    times, force = series(trace, trace.channels[tip.plan.name], tip.column)
    grid = _grid(trace, binding, times)
    if len(grid) < _FEWEST:
        return []
    force = np.interp(grid, times, force)
    period = float(grid[1] - grid[0])
    noise = float(tip.plan.noise[tip.column])
    floor = float(tip.plan.tolerance[tip.column]) + 3.0 * noise
    max_gap = binding.profile.clock.max_gap_s
    found = []
    for first, begin, end, after in _stretches(grid, force, floor, noise):
        if float(np.diff(times[(times >= grid[first]) & (times <= grid[end - 1])]).max(initial=0.0)) > max_gap:
            continue
        rows = slice(first, after)
        press = _press(trace, binding, tip, world, grid[rows], force[rows], begin - first, period)
        if press is not None:
            found.append(press)
    return found


def _grid(trace: Trace, binding: Binding, times: Array) -> Array:
    """Even times, s since the round's start, over which the force and all joints were measured."""
    spans, periods = [times], []
    for plan in binding.channels:
        if plan.kind == 'pose' and all(element.sense == 'scalar' for element in plan.elements):
            stamps = np.sort(seconds(trace, trace.channels[plan.name]))
            spans.append(stamps)
            periods += [float(np.median(np.diff(stamps)))] if len(stamps) > 1 else []
    if not periods or any(len(span) < _FEWEST for span in spans):
        return np.empty(0)
    begin, end = max(span[0] for span in spans), min(span[-1] for span in spans)
    return np.asarray(begin + np.arange(max(int((end - begin) / min(periods)), 0)) * min(periods))


def _stretches(grid: Array, force: Array, floor: float, noise: float) -> Iterator[tuple[int, int, int, int]]:
    """Rows where the free motion begins, the touch is seen, it ends, and the free motion after ends, of each touch."""
    period = float(grid[1] - grid[0])
    rows = max(round(_RISE_S / period), 3)
    over = np.concatenate([[False], force > np.quantile(force, 0.05) + floor, [False]])
    edges = np.flatnonzero(np.diff(over.astype(int)))
    begins, ends = edges[::2], edges[1::2]
    apart = (begins[1:] - ends[:-1]) * period > _JOIN_S
    begins, ends = (begins[np.append(True, apart)], ends[np.append(apart, True)]) if len(begins) else (begins, ends)
    for index, (seen, end) in enumerate(zip(begins, ends, strict=True)):
        since = max(int(ends[index - 1]) if index else 0, seen - round(_LOOK_BACK_S / period))
        begin = _touch(force[since : seen + 1], noise, rows) + since
        first = max(since, begin - round(BEFORE_S / period))
        following = int(begins[index + 1]) if index + 1 < len(begins) else len(grid)
        enough = (end - seen) * period >= _LEAST_S and end - seen >= _FEWEST
        if enough and (begin - first) * period >= _FREE_S:
            yield first, begin, int(end), min(following, int(end) + round(_AFTER_S / period))


def _touch(force: Array, noise: float, rows: int) -> int:
    """Going back from where a force is clearly seen, the row from which on it stays above the level it grew from.

    What a finger feels before it touches (the drag of its linkage) need not be its level at rest: that level is where,
    going back, the force no longer falls, over `rows`.
    """
    at = len(force) - 1 - rows
    for span in (rows, 3 * rows):
        clear = 3.0 * noise * np.sqrt(2.0 / span)
        sums = np.concatenate([[0.0], np.cumsum(force)]) / span
        at = min(at, len(force) - 1 - span)
        while at > span and sums[at + span] - 2 * sums[at] + sums[at - span] > clear:
            at -= 1
    at = max(at, 0)
    level = float(np.median(force[max(at - rows, 0) : at + 1]))
    low = np.flatnonzero(force[at:] <= level + 2.0 * noise)
    return at + int(low[-1]) if len(low) else at


def _press(
    trace: Trace, binding: Binding, tip: Tip, world: PressWorld, times: Array, force: Array, begin: int, period: float
) -> Press | None:  # fmt: skip
    free = float(np.median(force[: begin + 1][-max(round(APPROACH_S / period), 1) :]))
    peak = int(np.argmax(force))
    held = 1 + int(np.flatnonzero(force - free >= _HELD * (force[peak] - free))[-1])
    poses = _poses(trace, binding, times, bodies=False)
    touch = touched(binding.model, tip, _poses(trace, binding, times[held - 1 : held], bodies=True)[0])
    point = world.centre(poses[begin])
    normal = _approach(world, poses[:begin], period) if touch is None else touch.normal
    if normal is None:
        return None
    world.stand(point, normal)
    gaps = np.array([world.gap(pose) for pose in poses])
    stretch = part(trace, float(times[0]), float(times[-1]))
    held = held if held < len(force) - 1 else len(force)
    return Press(stretch, period, gaps[begin] - gaps, force - free, free, begin, held, poses, normal, point, touch)


def _approach(world: PressWorld, poses: Array, period: float) -> Array | None:
    """Against the direction in which the tip came, shape (3,): normal of what it meets head-on; None if it stood."""
    centres = np.array([world.centre(pose) for pose in poses[-max(round(APPROACH_S / period), 3) :]])
    times = np.arange(len(centres)) * period
    velocity = np.polyfit(times, centres, 1)[0]
    speed = float(np.linalg.norm(velocity))
    scatter = float(np.linalg.norm(np.std(centres - np.outer(times, velocity), axis=0)))
    return -velocity / speed if speed * times[-1] > _CLEAR * scatter else None


def _poses(trace: Trace, binding: Binding, times: Array, bodies: bool) -> Array:
    """The hand as it was measured at some times; what is not measured stays at home, shape (N, nq).

    :param bodies: put measured bodies where they were, too
    """
    carried = {}
    for plan in binding.channels:
        scalar = all(element.sense == 'scalar' for element in plan.elements)
        columns = trace.channels[plan.name]
        if plan.kind == 'pose' and (scalar or bodies) and len(columns):
            tracks = [series(trace, columns, column) for column in range(plan.carried)]
            carried[plan.name] = np.array([np.interp(times, *track) for track in tracks]).T
    rest = {name: np.zeros(values.shape[1]) for name, values in carried.items()}

    def placed(row: int) -> Array:
        at = {name: Pose(values[row], rest[name]) for name, values in carried.items()}
        return np.array(place(binding, at).qpos)

    if binding.model.neq or bodies:
        return np.array([placed(row) for row in range(len(times))])
    poses = np.tile(placed(0), (len(times), 1))
    for plan in binding.channels:
        for column, element in enumerate(plan.elements if plan.name in carried else ()):
            poses[:, binding.model.joint(element.target).qposadr[0]] = carried[plan.name][:, column]
    return poses
