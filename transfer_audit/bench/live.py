"""A pilot on the emulated hand, measured from its own recording: lag of the shadow, late rows, memory."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transfer_audit.bags.decode import decode
from transfer_audit.bags.reader import open_bag
from transfer_audit.bags.types import typestore_of
from transfer_audit.cli.demo import Pilot
from transfer_audit.core.binding import open_hand
from transfer_audit.core.fields import Selector
from transfer_audit.core.types import to_ns
from transfer_audit.ledger.store import Ledger
from transfer_audit.resources import hand_profile

ROUND_S = 6.5
GROWTH_MIB = 10.0
"""Memory that a node may gain from the end of its first quarter to the end of the run."""
ROWS = '/shadow/joint_states'


@dataclass(frozen=True)
class Figures:
    """What a pilot of `minutes` did.

    :param behind_ms: how long after it was due a row of the shadow was received, p50, p99 and worst
    :param period_ms: the command period that p99 must stay below
    :param growth_mib: memory gained by each node after its first quarter
    """

    minutes: float
    rounds: int
    rows: int
    missing_rows: int
    late_commands: int
    behind_ms: tuple[float, float, float]
    period_ms: float
    memory_mib: dict[str, float]
    growth_mib: dict[str, float]
    verdicts: dict[str, int]

    @property
    def good(self) -> bool:
        """No row missing, no command late, p99 within one command period, memory flat."""
        flat = max(self.growth_mib.values()) < GROWTH_MIB
        return not self.missing_rows and not self.late_commands and self.behind_ms[1] < self.period_ms and flat

    def table(self) -> str:
        """The figures for a person."""
        p50, p99, worst = self.behind_ms
        lines = [
            f'{self.rounds} rounds in {self.minutes:g} min, {self.rows} rows of 16 members; verdicts {self.verdicts}',
            f'missing rows {self.missing_rows}, late commands {self.late_commands}   bound 0',
            f'shadow behind its watermark: p50 {p50:.2f} ms, p99 {p99:.2f} ms (ratio to the command period '
            f'{p99 / self.period_ms:.2f}, bound 1), worst {worst:.2f} ms',
        ]
        for name, memory in self.memory_mib.items():
            lines.append(f'  {name:15s} {memory:6.1f} MiB, {self.growth_mib[name]:+.1f} MiB after the first quarter')
        return '\n'.join(lines)


def measure(minutes: float, say: Callable[[str], None]) -> Figures:
    """Run a pilot of about that length, then read its recording."""
    rounds = max(1, round(minutes * 60 / ROUND_S))
    profile = hand_profile('emulated_hand')
    with tempfile.TemporaryDirectory(prefix='transfer_audit_bench_') as name:
        out = Path(name)
        memory: list[tuple[float, dict[str, float]]] = []
        with Pilot(profile, '', out) as pilot:
            say(f'a pilot of {rounds} rounds, about {minutes:g} min')
            pilot.play(rounds, lambda: memory.append((time.monotonic(), pilot.memory_mib())))
        say('reading the recording')
        return _figures(out, minutes, memory)


def _figures(out: Path, minutes: float, memory: list[tuple[float, dict[str, float]]]) -> Figures:
    with Ledger.open(out / 'ledger.db', read_only=True) as ledger:
        records = [round_.record for round_ in ledger.rounds() if round_.record is not None]
    binding = open_hand(hand_profile('emulated_hand'))
    clock = binding.profile.clock
    due, received = _rows(out / 'bag')
    behind = (received - due - to_ns(clock.hold_back_s)) / 1e6
    expected = sum(int(np.ceil((record.end_ns - record.start_ns) * clock.rate_hz / 1e9)) for record in records)
    verdicts: dict[str, int] = {}
    for record in records:
        verdicts[record.verdict] = verdicts.get(record.verdict, 0) + 1
    quarter, last = memory[len(memory) // 4][1], memory[-1][1]
    p50, p99, worst = (float(value) for value in np.percentile(behind, [50, 99, 100]))
    return Figures(
        minutes=minutes,
        rounds=len(records),
        rows=len(due),
        missing_rows=max(0, expected - len(due)),
        late_commands=_late_commands(out / 'bag'),
        behind_ms=(p50, p99, worst),
        period_ms=10.0,
        memory_mib=last,
        growth_mib={name: last[name] - quarter.get(name, last[name]) for name in last},
        verdicts=verdicts,
    )


def _rows(bag: Path) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Times of the shadow's rows, and when they were received."""
    with open_bag(bag) as opened:
        types = typestore_of(opened, [ROWS])
        selector = Selector('position', 'header', (0,))
        span = opened.end_ns - opened.start_ns
        (blocks,) = opened.blocks([ROWS], opened.start_ns, opened.end_ns, span)
        decoded = decode(blocks[ROWS], opened.topics[ROWS].type, types, selector, f'{bag}: {ROWS}')
    return decoded.stamp_ns, decoded.receive_ns


def _late_commands(bag: Path) -> int:
    """The most commands that the shadow reported as too late in one second."""
    from transfer_audit.bags.messages import decode_messages

    topic, worst = '/diagnostics', 0
    with open_bag(bag) as opened:
        types = typestore_of(opened, [topic])
        span = opened.end_ns - opened.start_ns
        (blocks,) = opened.blocks([topic], opened.start_ns, opened.end_ns, span)
        for _, message in decode_messages(blocks[topic], opened.topics[topic].type, types, f'{bag}: {topic}'):
            for status in message.status:
                values = {pair.key: pair.value for pair in status.values}
                if status.name.endswith('/shadow_sim') and status.message.startswith('round'):
                    worst = max(worst, int(values['late_commands']))
    return worst
