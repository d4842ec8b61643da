"""A bag -> the traces of its rounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from transfer_audit.bags.reader import open_bag
from transfer_audit.bags.replay import Replay
from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.traces import LEAD_S, Trace
from transfer_audit.core.types import Columns, Round, to_ns


def traces_of(path: Path, binding: Binding) -> list[Trace]:
    """Each round of a bag with what was commanded and measured in it and shortly before, in memory.

    :raises AuditError: if the bag cannot be read or does not match the profile
    """
    with open_bag(path) as bag:
        replay = Replay(bag, binding)
        return [_trace(replay, round_) for round_ in replay.rounds()]


def recording_of(path: Path, binding: Binding) -> Trace:
    """A whole bag as one trace, with what happened between its rounds: where a hand is opened again, for example.

    :raises AuditError: if the bag cannot be read or does not match the profile
    """
    with open_bag(path) as bag:
        return _trace(Replay(bag, binding), Round(1, bag.start_ns, bag.end_ns))


def _trace(replay: Replay, round_: Round) -> Trace:
    assert round_.end_ns is not None
    begin = max(replay.bag.start_ns, round_.start_ns - to_ns(LEAD_S))
    pieces: dict[str | None, list[Columns]] = {None: [], **{plan.name: [] for plan in replay.binding.channels}}
    for _, sources in replay.stretches(begin, round_.end_ns):
        for plan, columns in sources:
            pieces[None if plan is None else plan.name].append(columns)
    width = len(replay.binding.command.actuators) * (1 if replay.binding.command.speed_scale is None else 2)
    channels = {plan.name: _joined(pieces[plan.name], plan.carried) for plan in replay.binding.channels}
    return Trace(str(replay.bag.path), replay.bag.start_ns, round_, _joined(pieces[None], width), channels)


def _joined(pieces: list[Columns], width: int) -> Columns:
    pieces = [columns for columns in pieces if len(columns)]
    if not pieces:
        return Columns.empty(width)
    return Columns(
        np.concatenate([columns.receive_ns for columns in pieces]),
        np.concatenate([columns.stamp_ns for columns in pieces]),
        np.concatenate([columns.values for columns in pieces]),
    )
