"""Traces -> the stretches of free motion that are simulated in one go, each from where the hand was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import mujoco
import numpy as np
import numpy.typing as npt

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.joints.chain import SCALAR, Chain
from transfer_audit.core.calibrate.quantities import Stretch, part
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.phases import AROUND_S, ContactMap
from transfer_audit.core.shadow.placement import Pose, place, resting_controls
from transfer_audit.core.shadow.schedule import Schedule
from transfer_audit.core.types import NS, Array, Columns, Stamps, to_ns

Mask = npt.NDArray[np.bool_]
EARLIEST_S, LATEST_S = -0.005, 0.3
"""Command delays that can be told; less than nothing, so that none is not at the edge."""
SHORTEST_S, LONGEST_S = 0.6, 10.0
SETTLE_S = 0.1
"""Beginning of a stretch that is simulated and not compared: the measured start is not exact."""
START_S = 0.04
"""Position and velocity at the start are read off this much on either side."""


@dataclass(frozen=True)
class Window:
    """A stretch of one trace.

    :param trace: index of the trace it is from
    :param times_s: measured instants since its start, shape (N,)
    :param measured: shape (N, J), NaN where unknown and where the simulation settles
    :param commands: control of each physics step in which LATEST_S and EARLIEST_S are contained, shape (H + T + E, A)
    :param history: H; `steps`: T
    :param qpos: where the chain starts; `qvel` likewise
    """

    trace: int
    stretch: Stretch
    times_s: Array
    measured: Array
    commands: Array
    history: int
    steps: int
    qpos: Array
    qvel: Array


def windows_of(traces: Sequence[Trace], binding: Binding, chain: Chain) -> list[Window]:
    """The stretches of free motion in which every servo of the chain is measured without a gap."""
    contacts = ContactMap.of(binding)
    found = []
    for index, trace in enumerate(traces):
        measured = {name: _in_order(columns) for name, columns in trace.channels.items()}
        for start_ns, end_ns in _free(trace, measured, binding, chain, contacts):
            found.append(_window(index, trace, measured, binding, chain, start_ns, end_ns))
    return found


def _in_order(columns: Columns) -> Columns:
    _, order = np.unique(columns.stamp_ns, return_index=True)
    return columns[order]


def _free(
    trace: Trace, measured: dict[str, Columns], binding: Binding, chain: Chain, contacts: ContactMap
) -> Iterator[tuple[int, int]]:
    """Stretches (ns) without contact and without gaps, of SHORTEST_S to LONGEST_S."""
    stamps = measured[chain.servos[0].channel].stamp_ns
    stamps = stamps[(stamps >= trace.start_ns) & (stamps < trace.end_ns)]
    if len(stamps) < 2:
        return
    free = ~_touching(stamps, measured, chain, contacts)
    gap = np.diff(stamps, prepend=stamps[0]) > to_ns(binding.profile.clock.max_gap_s)
    begins = free & (gap | ~np.concatenate([[False], free[:-1]]))
    for begin in np.flatnonzero(begins):
        stops = np.flatnonzero(~free[begin + 1 :] | gap[begin + 1 :])
        end = begin + 1 + stops[0] if len(stops) else len(stamps)
        yield from _pieces(int(stamps[begin]), int(stamps[end - 1]))


def _pieces(start_ns: int, end_ns: int) -> Iterator[tuple[int, int]]:
    length = (end_ns - start_ns) / NS
    if length >= SHORTEST_S:
        edges = np.linspace(start_ns, end_ns, int(np.ceil(length / LONGEST_S)) + 1).astype(np.int64)
        yield from ((int(a), int(b)) for a, b in pairwise(edges))


def _touching(stamps: Stamps, measured: dict[str, Columns], chain: Chain, contacts: ContactMap) -> Mask:
    """Whether a tip that tells of the chain touches within AROUND_S, shape (N,)."""
    ours = {(servo.channel, servo.element) for servo in chain.servos}
    tips = {tip for name, told in zip(contacts.names, contacts.tips_of, strict=True) if name in ours for tip in told}
    touching = np.zeros(len(stamps), bool)
    for tip in tips:
        channel, column = contacts.tips[tip]
        forces = measured[channel]
        if len(forces):
            touched = forces.stamp_ns[np.abs(forces.values[:, column]) > contacts.floor[tip]]
            first = np.searchsorted(touched, stamps - to_ns(AROUND_S))
            touching |= np.searchsorted(touched, stamps + to_ns(AROUND_S)) > first
    return touching


def _window(
    index: int, trace: Trace, measured: dict[str, Columns], binding: Binding, chain: Chain, start_ns: int, end_ns: int
) -> Window:
    dt = chain.model.opt.timestep
    poses = {plan.name: _pose(measured[plan.name], start_ns, plan.carried) for plan in binding.channels
             if plan.kind == 'pose' and len(measured[plan.name])}  # fmt: skip
    data = place(binding, poses)
    history, after = (int(np.ceil(abs(edge) / dt)) + 2 for edge in (LATEST_S, EARLIEST_S))
    steps = int((end_ns - start_ns) / NS / dt) + 1
    schedule = Schedule(binding.command, dt, np.iinfo(np.int64).max // 2)
    schedule.add(trace.command)
    schedule.begin(start_ns, resting_controls(binding, data), history)
    commands = schedule.controls(-history, history + steps + after)
    times, values = _rows(measured, chain, start_ns, end_ns)
    qpos, qvel = _state(binding.model, data, chain.model)
    since_s = ((start_ns - trace.start_ns) / NS, (end_ns - trace.start_ns) / NS)
    columns = [servo.command for servo in chain.servos]
    return Window(
        index, part(trace, *since_s), times, values, commands[:, columns], history, steps, qpos, qvel
    )  # fmt: skip


def _pose(columns: Columns, instant_ns: int, width: int) -> Pose:
    """Position and velocity at an instant: a parabola through what was measured within START_S of it."""
    near = np.abs(columns.stamp_ns - instant_ns) <= to_ns(START_S)
    if np.count_nonzero(near) < 5 or np.isnan(columns.values[near]).any():
        nearest = int(np.abs(columns.stamp_ns - instant_ns).argmin())
        return Pose(columns.values[nearest], np.zeros(width))
    fit = np.polynomial.polynomial.polyfit((columns.stamp_ns[near] - instant_ns) / NS, columns.values[near], 2)
    return Pose(fit[0], fit[1])


def _rows(measured: dict[str, Columns], chain: Chain, start_ns: int, end_ns: int) -> tuple[Array, Array]:
    """Instants since the start, shape (N,), and what each servo's channel measured then, shape (N, J)."""
    names = list(dict.fromkeys(servo.channel for servo in chain.servos))
    inside = {n: measured[n][(measured[n].stamp_ns >= start_ns) & (measured[n].stamp_ns <= end_ns)] for n in names}
    stamps = np.unique(np.concatenate([inside[name].stamp_ns for name in names]))
    values = np.full((len(stamps), len(chain.servos)), np.nan)
    for index, servo in enumerate(chain.servos):
        columns = inside[servo.channel]
        values[np.searchsorted(stamps, columns.stamp_ns), index] = columns.values[:, servo.column]
    times = (stamps - start_ns) / NS
    values[times < SETTLE_S] = np.nan
    return times, values


def _state(full: mujoco.MjModel, data: mujoco.MjData, model: mujoco.MjModel) -> tuple[Array, Array]:
    """The state of the whole hand, as that of the chain."""
    own = mujoco.MjData(model)
    for joint in range(model.njnt):
        name = model.joint(joint).name
        if name and model.jnt_type[joint] in SCALAR:
            there = full.joint(name)
            own.qpos[model.jnt_qposadr[joint]] = data.qpos[there.qposadr[0]]
            own.qvel[model.jnt_dofadr[joint]] = data.qvel[there.dofadr[0]]
    return own.qpos.copy(), own.qvel.copy()


def halved(window: Window) -> list[Window]:
    """Both halves of a window: each is simulated from the start, and only its own half compared."""
    middle = float(window.times_s[len(window.times_s) // 2])
    first = (window.times_s <= middle)[:, None]
    return [
        replace(window, measured=np.where(own, window.measured, np.nan), stretch=stretch)
        for own, stretch in (
            (first, replace(window.stretch, end_s=window.stretch.start_s + middle)),
            (~first, replace(window.stretch, start_s=window.stretch.start_s + middle)),
        )
    ]
