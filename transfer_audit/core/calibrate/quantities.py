"""What a calibration found: one value each, how sure it is, and from where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.types import to_ns

LEVEL = 0.9
"""The level of every interval of a calibration."""
SHOWN = 20
"""Stretches that a quantity names at most."""
Standing = Literal['measured', 'not identifiable', 'explains nothing']


@dataclass(frozen=True)
class Stretch:
    """A piece of a recording, in seconds since it began."""

    recording: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Quantity:
    """One thing measured.

    :param name: in the field's words: `command delay`, `Coulomb friction`, `encoder noise`, `stiffness`, …
    :param of: the joint, tip or element it belongs to, as the profile names it
    :param low, high: interval at `LEVEL`; for a spread (p50, p90 of delays) that of the quantile
    :param standing: `measured`; `not identifiable` from this motion; or `explains nothing`: a fit that helps nothing
    :param count: how many events or samples it rests on
    :param why: for anything but `measured`, and for warnings: one sentence, with what would identify it
    """

    name: str
    of: str
    value: float
    low: float
    high: float
    unit: str
    count: int
    stretches: tuple[Stretch, ...]
    standing: Standing = 'measured'
    why: str = ''


def some(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """At most SHOWN of many stretches, evenly spread over them."""
    count = min(len(stretches), SHOWN)
    return tuple(stretches[index * len(stretches) // count] for index in range(count))


def whole(trace: Trace) -> Stretch:
    """The whole round of a trace."""
    return part(trace, 0.0, (trace.end_ns - trace.start_ns) / to_ns(1))


def part(trace: Trace, start_s: float, end_s: float) -> Stretch:
    """A piece of a trace, given in seconds since its round began."""
    at = trace.since_recording_s(trace.start_ns)
    return Stretch(trace.recording, at + start_s, at + end_s)
