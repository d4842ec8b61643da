"""A pilot on the emulated hand, measured from its own recording: lag of the shadow, late rows, memory."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transfer_audit.bags.decode import decode
from transfer_audit.bags.messages import decode_messages
from transfer_audit.bags.reader import open_bag
from transfer_audit.bags.types import typestore_of
from transfer_audit.cli.demo import Pilot
from transfer_audit.core.binding import open_hand
from transfer_audit.core.fields import Selector
from transfer_audit.core.types import Stamps, to_ns
from transfer_audit.ledger.store import Ledger
from transfer_audit.resources import hand_profile

ROUND_S = 6.5
GROWTH_MIB = 10.0
"""Memory that a node may gain from the end of its first quarter to the end of the run."""
ROWS = '/shadow/joint_states'


@dataclass(frozen=True)
class Figures:
    """What a pilot of `minutes` did.

    :param behind_ms: how long after it was due a row of the shadow was received by another process: p50, p99, worst
    :param over_a_period: share of rows that the shadow itself published more than a command period behind its watermark
    :param growth_mib: memory gained by each node after its first quarter
    """

    minutes: float
    rounds: int
    rows: int
    missing_rows: int
    late_commands: int
    behind_ms: tuple[float, float, float]
    over_a_period: float
    memory_mib: dict[str, float]
    growth_mib: dict[str, float]
    verdicts: dict[str, int]

    @property
    def good(self) -> bool:
        """No row missing, no command late, p99 within one command period, memory flat."""
        flat = max(self.growth_mib.values()) < GROWTH_MIB
        return not self.missing_rows and not self.late_commands and self.over_a_period < 0.01 and flat

    def table(self) -> str:
        """The figures for a person."""
        p50, p99, worst = self.behind_ms
        lines = [
            f'{self.rounds} rounds in {self.minutes:g} min, {self.rows} rows of 16 members; verdicts {self.verdicts}',
            f'missing rows {self.missing_rows}, late commands {self.late_commands}   bound 0',
            f'rows more than a command period behind the watermark {self.over_a_period:.2%}   bound 1 %',
            f'rows received after they were due: p50 {p50:.2f} ms, p99 {p99:.2f} ms, worst {worst:.2f} ms',
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
    due, received = _stamps(out / 'bag', ROWS)
    behind = (received - due - to_ns(clock.hold_back_s)) / 1e6
    expected = sum(int(np.ceil((record.end_ns - record.start_ns) * clock.rate_hz / 1e9)) for record in records)
    verdicts: dict[str, int] = {}
    for record in records:
        verdicts[record.verdict] = verdicts.get(record.verdict, 0) + 1
    quarter, last = memory[len(memory) // 4][1], memory[-1][1]
    over_a_period, late_commands = _said_by_shadow(out / 'bag')
    p50, p99, worst = (float(value) for value in np.percentile(behind, [50, 99, 100]))
    return Figures(
        minutes=minutes,
        rounds=len(records),
        rows=len(due),
        missing_rows=max(0, expected - len(due)),
        late_commands=late_commands,
        over_a_period=over_a_period,
        behind_ms=(p50, p99, worst),
        memory_mib=last,
        growth_mib={name: last[name] - quarter.get(name, last[name]) for name in last},
        verdicts=verdicts,
    )


def _stamps(bag: Path, topic: str) -> tuple[Stamps, Stamps]:
    """What the messages of a topic are stamped, and when they were received."""
    with open_bag(bag) as opened:
        types = typestore_of(opened, [topic])
        selector = Selector('position', 'header', (0,))
        span = opened.end_ns - opened.start_ns
        (blocks,) = opened.blocks([topic], opened.start_ns, opened.end_ns, span)
        decoded = decode(blocks[topic], opened.topics[topic].type, types, selector, f'{bag}: {topic}')
    return decoded.stamp_ns, decoded.receive_ns


def _said_by_shadow(bag: Path) -> tuple[float, int]:
    """Share of rows that the shadow published more than a row's period behind its watermark, by its own clock, and how
    many commands came too late for it while a round ran."""
    topic, rows, over, late, before = '/diagnostics', 0, 0, 0, 0
    with open_bag(bag) as opened:
        types = typestore_of(opened, [topic])
        (blocks,) = opened.blocks([topic], opened.start_ns, opened.end_ns, opened.end_ns - opened.start_ns)
        for _, message in decode_messages(blocks[topic], opened.topics[topic].type, types, f'{bag}: {topic}'):
            for status in message.status:
                values = {pair.key: pair.value for pair in status.values}
                if 'rows_over_a_period' in values:
                    rows, over = rows + int(values['rows']), over + int(values['rows_over_a_period'])
                    now = int(values['late_commands'])
                    late += max(0, now - before) if status.message.startswith('round') else 0
                    before = now
    return over / max(rows, 1), late
