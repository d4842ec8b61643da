"""Faults in recordings of a real servo: on what was measured and on its stamps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.signal import savgol_filter

from transfer_audit.bags.traces import traces_of
from transfer_audit.bench.divergence import changes
from transfer_audit.bench.divergence.cases import of_kind, outcomes, stamps_truth
from transfer_audit.bench.divergence.changes import Edit
from transfer_audit.bench.divergence.faults import CATALOGUE, TIMING, Fault
from transfer_audit.bench.divergence.rows import Judged, excess_of, judge, names_of, real_of
from transfer_audit.bench.divergence.score import Outcome
from transfer_audit.bench.divergence.truth import Seen, seen
from transfer_audit.bench.divergence.worlds import Streams, shadow_of
from transfer_audit.core.binding import Binding, open_hand
from transfer_audit.core.types import NS, Array, Columns, Envelope, Round
from transfer_audit.resources import hand_profile

HAND, CHANNEL, SERVO = 'xl330_pendulum', 'joints', 'servo'
RECORDINGS = ('twin_nominal_kp400_sinsin', 'kp400_*', 'kp100_*')
ONSETS = 4
SMOOTH_ROWS = 11
"""Rows that the smooth part of a measured motion is fitted over (Savitzky and Golay, 1964)."""


def _late(binding: Binding, target: str, size: float) -> Edit:
    """Motion that comes later: values of a while ago under the stamps of now."""

    def edit(columns: Columns, at_ns: int) -> Columns:
        stamps = columns.stamp_ns
        then = np.where(stamps >= at_ns, stamps - round(size * NS), stamps)
        origin = stamps[0]
        values = [np.interp(then - origin, stamps - origin, column) for column in columns.values.T]
        return changes.with_values(columns, np.stack(values, axis=1))

    return edit


DELAYS = (0.003, 0.01, 0.02, 0.035, 0.06, 0.1)
OWN = (
    Fault('late_motion', 's', 'joint', DELAYS, message=_late, kinds=TIMING, always=True),
    Fault('late_motion_step', 's', 'joint', DELAYS, message=_late, kinds=TIMING),
    Fault(
        'reading_gain', 'share', 'joint', (0.02, 0.05, 0.1, 0.2, 0.4, 0.8),
        message=lambda b, t, s: changes.affine(0, 1 - s, 0.0),
    ),
)  # fmt: skip
OF_MESSAGES = ('joint_offset', 'sign_flip', 'degrees', 'stuck')
FAULTS = OWN + tuple(fault for fault in CATALOGUE if fault.of_stamps or fault.name in OF_MESSAGES)


@dataclass(frozen=True)
class Recording:
    """A recording, and the envelopes of a family that agrees with it."""

    name: str
    binding: Binding
    streams: Streams
    round: Round
    envelopes: dict[str, Envelope]

    @property
    def rate_hz(self) -> float:
        """Of the audit clock."""
        return self.binding.profile.clock.rate_hz

    def judge(self, streams: Streams) -> Judged:
        """What the judge says of these messages."""
        return judge(self.binding, streams, self.envelopes, self.round)

    def excess(self, streams: Streams) -> Array:
        """How far these messages lie outside, shape (N, C)."""
        return excess_of(self.binding, streams, self.envelopes, self.round)

    def with_tolerance(self, tolerance: float) -> Recording:
        """The same recording, judged with another tolerance."""
        plans = tuple(
            replace(plan, tolerance=np.full_like(plan.tolerance, tolerance)) for plan in self.binding.channels
        )
        return replace(self, binding=replace(self.binding, channels=plans))


@dataclass(frozen=True)
class TraceCase:
    """A fault in a recording. There is but one noise: what was recorded is what the truth is read off."""

    scene: Recording
    fault: Fault
    target: str
    begins_ns: int

    def world(self, seed: int) -> str:
        """What is told apart in tables."""
        return f'{self.scene.name}, from {(self.begins_ns - self.scene.round.start_ns) / NS:.2f} s'

    def sensed(self, size: float) -> Array:
        """There is no hand to simulate."""
        return np.empty(0)

    def noisy(self, sensed: Array, size: float, seed: int | None) -> Streams:
        """The recorded messages with the fault in them."""
        assert self.fault.message is not None
        edit = self.fault.message(self.scene.binding, self.target, size)
        columns = edit(self.scene.streams.channels[CHANNEL], self.begins_ns)
        return self.scene.streams.with_channel(CHANNEL, columns)

    def seen(self, size: float, sensed: Array | None = None) -> Seen:
        """What there is to see of the fault at this size."""
        excess = self.scene.excess(self.noisy(np.empty(0), size, None))
        found = seen(excess, names_of(self.scene.binding))
        elements = frozenset({(CHANNEL, CHANNEL), (CHANNEL, SERVO)})
        row = (self.begins_ns - self.scene.round.start_ns) * self.scene.rate_hz / NS
        if self.fault.of_stamps:
            return stamps_truth(self.fault, size, found, row, elements)
        return of_kind(found, self.fault, elements, row) if self.fault.kinds else found


def cases(recording: Recording) -> Iterator[TraceCase]:
    """Every fault, from ONSETS times within the recording on; one that is always there, once."""
    start_ns, end_ns = recording.round.start_ns, recording.round.end_ns
    assert end_ns is not None
    times = np.linspace(start_ns + 0.1 * (end_ns - start_ns), start_ns + 0.7 * (end_ns - start_ns), ONSETS)
    for fault in FAULTS:
        target = CHANNEL if fault.of_stamps else SERVO
        for at_ns in [start_ns - NS] if fault.always else times.astype(np.int64).tolist():
            yield TraceCase(recording, fault, target, at_ns)


def recordings(folder: Path) -> Iterator[Recording]:
    """The recordings of a folder, each against a family that agrees with it."""
    for pattern in RECORDINGS:
        for path in sorted(folder.glob(pattern)):
            if path.is_dir():
                yield _agreeing(_read(path))


def _read(path: Path) -> Recording:
    gain = 'kp100' if 'kp100' in path.name else 'kp400'
    binding = open_hand(hand_profile(HAND), path.parent / f'pendulum_{gain}.xml')
    (trace,) = traces_of(path, binding)
    streams = Streams(trace.command, dict(trace.channels))
    return Recording(path.name, binding, streams, trace.round, shadow_of(binding, streams, trace.round))


def _agreeing(recording: Recording) -> Recording:
    """The recording against a family that agrees with it: moved, row by row, onto the smooth part of what was measured.

    A family with a mismatch of its own would not do. Made to agree by a tolerance as large as that mismatch, the
    faintest fault would lift just its peak over the tolerance: a departure that is the model's and not the fault's.
    Noise, stamps, cycles and the shape of the motion stay those of the hardware.
    """
    measured = real_of(recording.binding, recording.streams, recording.envelopes, recording.round)
    moved = {name: _moved_onto(measured[name], rows) for name, rows in recording.envelopes.items() if name in measured}
    recording = replace(recording, envelopes=moved)
    excess = recording.excess(recording.streams)
    plan = recording.binding.channel(CHANNEL)
    return recording.with_tolerance(float(plan.tolerance[0] + excess.max() * plan.noise[0]))


def _moved_onto(measured: Array, rows: Envelope) -> Envelope:
    """The envelope about the smooth part of what was measured; unmoved in gaps."""
    rest = np.nan_to_num(measured - rows.median)
    shift = savgol_filter(rest, SMOOTH_ROWS, 2, axis=0)
    return Envelope(rows.row_ns, rows.median + shift, rows.lower + shift, rows.upper + shift)


def measure(folder: Path, levels: dict[str, float], thin: int, say: Callable[[str], None]) -> list[Outcome]:
    """Every fault in every recording of a folder."""
    found: list[Outcome] = []
    for recording in recordings(folder):
        tolerance = float(recording.binding.channel(CHANNEL).tolerance[0])
        say(f'{recording.name}: agrees at a tolerance of {tolerance:.3g} rad')
        for case in cases(recording):
            found += outcomes(case, case.fault.sizes[::-thin][::-1], [0], levels)
    return found
