"""What is wrong with the messages of one topic over a round, each fault once, under its cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from transfer_audit.core.timing.clock import ClockStep, Drift, Drifting
from transfer_audit.core.timing.hinge import COVERED
from transfer_audit.core.types import NS

Kind = Literal['gap', 'drops', 'duplicates', 'disorder', 'late', 'clock step', 'clock drift']

FEW = 3
ALLOWED_SHARE: dict[Kind, float] = {'drops': 0.34, 'duplicates': 0.02, 'disorder': 0.02, 'late': 0.02}
"""A topic may lose, repeat, disorder or be late with this many messages, and this share. Interpolation over single
messages is harmless, and real serial buses skip up to a fifth of their cycles; a third means another rate."""
ALLOWED_DRIFT_PPM = 500.0
"""Quartz keeps 100 ppm and time daemons slew by up to 500: a clock beyond that is broken, or no clock of seconds."""
STEPPED_S = 0.025
"""A smaller step is only counted: a receiver that is starved for a while looks the same."""
DRIFTED_S = 0.030
"""A drift matters once it has amounted to this over the round; a starved receiver wanders by most of it."""


@dataclass(frozen=True)
class Fault:
    """A fault of a topic: when it began, how large it is and what is allowed, both in `unit`.

    :param start_ns: the first message that is wrong, or the best estimate; of a gap the last message before it
    :param earliest_ns: with `latest_ns` the interval of the beginning, at 90 % where it rests on chance: the last
        message that was right, and the first that is wrong
    """

    kind: Kind
    start_ns: int
    size: float
    allowed: float
    unit: str
    earliest_ns: int
    latest_ns: int


@dataclass(frozen=True)
class Gap:
    """A stretch without messages that is longer than allowed."""

    start_ns: int
    end_ns: int


def gap_faults(
    gaps: Sequence[Gap], steps: Sequence[ClockStep], max_gap_ns: int, hold_back_ns: int, period_ns: int
) -> list[Fault]:
    """Gaps that no step of the clock has torn; each began before the message that should have come a period later.

    A clock put forward leaves a gap of its own size; put back by most of the hold-back it makes all that follows late.
    """

    def torn(gap: Gap) -> bool:
        at = [step for step in steps if gap.start_ns <= step.at_ns + max_gap_ns and step.at_ns <= gap.end_ns]
        length = gap.end_ns - gap.start_ns
        return any(step.size_ns > 0 and length <= step.size_ns + max_gap_ns for step in at) or any(
            -step.size_ns > hold_back_ns / 2 for step in at
        )

    return [
        Fault(
            'gap',
            gap.start_ns,
            (gap.end_ns - gap.start_ns) / NS,
            max_gap_ns / NS,
            's',
            gap.start_ns,
            min(gap.start_ns + period_ns, gap.end_ns),
        )
        for gap in gaps
        if not torn(gap)
    ]


def share_faults(kind: Kind, count: int, total: int, first_ns: int, start_ns: int, period_ns: int) -> list[Fault]:
    """Drops, duplicates, disorder or lateness, if there are more than a few among `total` messages.

    What befalls a share p of the messages spares the first n with probability (1 - p)^n: with 90 % the first to be hit
    is among as many as make that 0.1.
    """
    share = count / total if total else 0.0
    if count <= FEW or share <= ALLOWED_SHARE[kind]:
        return []
    since = max(1.0, total - (first_ns - start_ns) / max(1, period_ns))
    spared = np.ceil(np.log(1 - COVERED) / np.log1p(-min(count / since, COVERED)))
    earliest_ns = max(start_ns, first_ns - int(spared) * period_ns)
    return [Fault(kind, first_ns, share, ALLOWED_SHARE[kind], 'of the messages', earliest_ns, first_ns)]


def step_faults(steps: Sequence[ClockStep]) -> list[Fault]:
    """Steps of the clock, from the first message after each on."""
    return [
        Fault('clock step', step.until_ns, step.size_ns / NS, STEPPED_S, 's', step.at_ns, step.until_ns)
        for step in steps
        if abs(step.size_ns) >= STEPPED_S * NS
    ]


def broken(drift: Drift | None) -> bool:
    """Whether a clock drifts by more than is allowed, and for so long that it matters."""
    if drift is None or abs(drift.ppm) * drift.seconds / 1e6 < DRIFTED_S:
        return False
    return drift.low_ppm > ALLOWED_DRIFT_PPM or drift.high_ppm < -ALLOWED_DRIFT_PPM


def drift_fault(drifting: Drifting) -> Fault:
    """A drift from its beginning on, since it makes messages late long before it is seen."""
    return Fault(
        'clock drift', drifting.since_ns, drifting.ppm, ALLOWED_DRIFT_PPM, 'ppm',
        drifting.earliest_ns, drifting.latest_ns,
    )  # fmt: skip


def unexplained(stamps: Sequence[int], start_ns: int, end_ns: int, steps: Sequence[ClockStep]) -> list[int]:
    """Stamps within the round that a clock put back has not disordered."""
    return [
        stamp
        for stamp in stamps
        if start_ns <= stamp < end_ns
        and not any(step.size_ns < 0 and step.at_ns + step.size_ns <= stamp <= step.at_ns for step in steps)
    ]
