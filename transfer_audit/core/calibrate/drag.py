"""The force that is read while a finger moves freely: drag of its linkage, and what else is no touch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.driven import Driven, series
from transfer_audit.core.calibrate.quantities import Quantity, Stretch, part, some
from transfer_audit.core.calibrate.spread import quantile
from transfer_audit.core.calibrate.starts import Start, Starts
from transfer_audit.core.calibrate.touch import touched
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.phases.contacts import ContactMap
from transfer_audit.core.types import Array

FEWEST = 3
_MARGIN_S = 0.03


def drags(traces: Sequence[Trace], binding: Binding, joints: Sequence[tuple[Driven, Starts]]) -> Iterator[Quantity]:
    """The largest force in free motion, median and p99 over the starts of the joints that move a tip."""
    contacts = ContactMap.of(binding)
    for tip, (channel, column) in enumerate(contacts.tips):
        found: list[tuple[float, Stretch]] = []
        for joint, starts in joints:
            if tip in contacts.tips_of[contacts.names.index((joint.plan.name, joint.name))]:
                found += _free(traces, starts, channel, column)
        plan = binding.channel(channel)
        yield from _quantities(f'{channel}/{plan.columns[column]}', plan.unit, found)


def _quantities(of: str, unit: str, found: Sequence[tuple[float, Stretch]]) -> Iterator[Quantity]:
    if len(found) < FEWEST:
        why = f'{len(found)} free motions of its joints; record 20 or more closings, each from rest'
        nan = math.nan
        yield Quantity('drag', of, nan, nan, nan, unit, len(found), (), 'not identifiable', why)
        return
    peaks, stretches = np.array([peak for peak, _ in found]), some([stretch for _, stretch in found])
    for name, at in (('drag, p50', 0.5), ('drag, p99', 0.99)):
        value, low, high = quantile(peaks, at)
        yield Quantity(name, of, value, low, high, unit, len(peaks), stretches)


def _free(traces: Sequence[Trace], starts: Starts, channel: str, column: int) -> Iterator[tuple[float, Stretch]]:
    """The peak of the force in each free motion that begins without a load."""
    for trace in traces:
        if len(trace.channels[channel]) == 0:
            continue
        times, forces = series(trace, trace.channels[channel], column)
        at_rest = _unloaded(starts.of(trace), times, forces)
        for start in at_rest:
            begin = start.commanded_s + start.seen_s[1]
            touch = touched(start, times, forces)
            end = begin + start.travel_s if touch is None else min(touch - _MARGIN_S, begin + start.travel_s)
            inside = (times >= begin) & (times <= end)
            if inside.sum() >= FEWEST:
                yield float(np.abs(forces[inside]).max()), part(trace, begin, end)


def _unloaded(starts: Sequence[Start], times: Array, forces: Array) -> list[Start]:
    """Starts before which no more force is read than before most of those that close."""
    before = {id(s): forces[(times > s.commanded_s - 0.2) & (times <= s.commanded_s + s.seen_s[0])] for s in starts}
    levels = {id(s): float(np.median(np.abs(before[id(s)]))) for s in starts if len(before[id(s)])}
    if not levels:
        return []
    bound = 3 * min(levels.values()) + 0.05 * float(np.ptp(forces))
    return [start for start in starts if levels.get(id(start), math.inf) <= bound]
