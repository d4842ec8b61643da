"""Which stream is the command, which measures the joints, and what else is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from transfer_audit.core.interview.matching import Matched, match_motion, match_names, match_positions
from transfer_audit.core.interview.motion import lag_s
from transfer_audit.core.interview.notes import Noted
from transfer_audit.core.interview.streams import GRID_HZ, Stream, on_grid, words
from transfer_audit.core.interview.things import Thing, Things
from transfer_audit.core.types import Array

COMMAND = frozenset(
    [
        'command',
        'commands',
        'cmd',
        'target',
        'targets',
        'goal',
        'setpoint',
        'desired',
        'reference',
        'action',
        'trajectory',
        'ctrl',
    ]
)
STATE = frozenset(['state', 'states', 'feedback', 'measured', 'actual', 'current', 'sensor', 'encoder'])
FORCE = frozenset(
    ['force', 'forces', 'wrench', 'tactile', 'touch', 'fsr', 'load', 'pressure', 'contact', 'taxel', 'taxels', 'ft']
)
SLIP = frozenset(['slip', 'slippage'])
OTHER = frozenset(
    ['velocity', 'velocities', 'effort', 'efforts', 'torque', 'torques', 'acceleration', 'accelerations', 'temperature']
)
UPSTREAM = frozenset(['policy', 'raw', 'request', 'requested', 'input', 'teleop'])
"""Words of a command that something between may still alter."""
LEAD_S = 0.005
"""Half a sample of the grid: what differs by less moves at the same time."""
ALIKE = 0.3
"""Streams that are less alike than this at any lag have nothing to do with each other."""


@dataclass(frozen=True)
class Role:
    """A stream that could be command or measured joints, with what speaks for it: above 0 command, below 0 joints.

    :param note: how it was settled that it is that
    :param leads_s: by how much it moves before the others that it is like, the largest in size; NaN if like none
    """

    stream: Stream
    matched: tuple[Matched, ...]
    score: float
    leads_s: float
    note: Noted = field(default_factory=lambda: Noted(''))

    @property
    def said(self) -> str:
        """What the motion says."""
        if self.leads_s != self.leads_s:
            return 'nothing moves as it does'
        ahead = 'before what follows it' if self.leads_s > 0 else 'after the command'
        return f'it moves {abs(self.leads_s) * 1e3:.0f} ms {ahead}'


def joint_roles(streams: Sequence[Stream], things: Things) -> list[Role]:
    """Streams that speak of actuators or joints, and on which side each seems to be, commands first."""
    able = [s for s in streams if s.width == 1 and not (FORCE | SLIP) & s.words and not _is_rate(s)]
    matched = {id(s): match_elements(s, (things.joints, things.actuators)[_wordy(s) > 0]) for s in able}
    able = [s for s in able if matched[id(s)] and 2 * len(matched[id(s)]) >= s.count]
    leads = _leads(able)
    roles = [
        Role(s, tuple(matched[id(s)]), _wordy(s) + _by_motion(leads[i]), leads[i]) for i, s in enumerate(able)
    ]  # fmt: skip
    return sorted(roles, key=lambda role: -role.score)


def match_elements(stream: Stream, things: Sequence[Thing]) -> list[Matched]:
    """By name if the messages name their entries; a stream without names by its only entry or its position."""
    if stream.names is not None:
        return match_names(stream.names, things)
    return match_positions(stream.count, things)


def rematched(role: Role, other: Role, side: Sequence[Thing], things: Things) -> list[Matched]:
    """Entries of a stream without names, by what the other side's named entries do; by position if motion is silent.

    :param side: what the stream's entries are: actuators or joints
    """
    if role.stream.names is not None or other.stream.names is None:
        return match_elements(role.stream, side)
    joint_of = {thing.target: thing.joint for thing in (*things.joints, *things.actuators)}
    by_joint = {thing.joint: thing.target for thing in side if thing.joint}
    known = [m for m in other.matched if joint_of[m.target] in by_joint]
    mine, theirs = on_grid([role.stream, other.stream])
    late = round(lag_of(role, other) * GRID_HZ)
    rows = len(mine) - abs(late)
    mine, theirs = mine[max(0, -late) :][:rows], theirs[max(0, late) :][:rows]
    columns = theirs[:, [other.stream.keys.index(m.key) for m in known]]
    targets = [by_joint[joint_of[m.target]] for m in known]
    found = match_motion(mine, columns, targets) if known and rows > GRID_HZ else []
    commanded = [thing for thing in side if thing.target in targets]
    return found or match_positions(role.stream.count, commanded) or match_elements(role.stream, side)


def lag_of(command: Role, pose: Role) -> float:
    """How long after the command the joints do the same, s; 0 where they are not alike."""
    a, b = _paired(command.stream, pose.stream)
    lag, alike = lag_s(a, b)
    return lag if alike >= ALIKE else 0.0


def _leads(streams: Sequence[Stream]) -> list[float]:
    found = [np.nan] * len(streams)
    for i, first in enumerate(streams):
        for j in range(i + 1, len(streams)):
            lag, alike = lag_s(*_paired(first, streams[j]))
            if alike >= ALIKE:
                found[i] = _farther(found[i], lag)
                found[j] = _farther(found[j], -lag)
    return found


def _farther(known: float, new: float) -> float:
    return known if abs(known) >= abs(new) else new


def _paired(first: Stream, second: Stream) -> tuple[Array, Array]:
    """The columns of both that go by the same name; all of them if they are as many; else of what changes most."""
    a, b = on_grid([first, second])
    if first.names and second.names and set(first.names) & set(second.names):
        both = [name for name in first.names if name in second.names]
        return a[:, [first.names.index(n) for n in both]], b[:, [second.names.index(n) for n in both]]
    if a.shape[1] == b.shape[1]:
        return a, b
    return a[:, [int(np.argmax(np.ptp(a, axis=0)))]], b[:, [int(np.argmax(np.ptp(b, axis=0)))]]


def _wordy(stream: Stream) -> float:
    """What topic and type say: above 0 command, below 0 measurement."""
    said = {*words(stream.topic), *words(stream.field)} | (COMMAND & {*words(stream.type)})
    return 2.0 * bool(COMMAND & said) - 2.0 * bool(STATE & said) - 0.5 * bool(UPSTREAM & said)


def _by_motion(leads_s: float) -> float:
    """Leading speaks for a command as much as a name does."""
    return float(np.sign(leads_s)) * 2.0 if abs(leads_s) >= LEAD_S else 0.0


def _is_rate(stream: Stream) -> bool:
    """Speeds and efforts beside positions."""
    last = stream.field.rpartition('.')[2].partition('[')[0].lower()
    return last in OTHER
