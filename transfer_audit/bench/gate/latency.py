"""What the gate adds on the way to the hand, beside a bare relay and the usual one: one publisher, one receiver.

Each message goes through one of two sides, drawn at random, and carries the time at which it was sent. The time to the
receiver and the CPU time of each side's process are compared round by round; the figure is the median of the rounds.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transfer_audit.bench.gate.sides import Bench, Side

RATES_HZ = (100, 500, 1000)
DUELS = (('gate', 'raw_relay'), ('gate', 'usual_relay'))
BOUNDS = {('gate', 'raw_relay'): (1.25, 1.35, 1.4), ('gate', 'usual_relay'): (0.75, None, 0.5)}
"""Of p50, p90 and CPU per message; None: not promised."""


@dataclass(frozen=True)
class Duel:
    """Rounds of a duel at one rate, R of them.

    :param ratios: p50, p90, CPU per message, shape (R, 3): the first side over the second
    :param took_ms: p50 and p90 of each side, median over rounds
    :param cpu_us: CPU of each side per message, median over rounds, without what its process does when nothing comes
    :param lost: of each side, of all messages
    """

    sides: tuple[str, str]
    rate_hz: int
    ratios: np.ndarray
    took_ms: np.ndarray
    cpu_us: np.ndarray
    lost: tuple[int, int]
    load: float

    @property
    def median(self) -> np.ndarray:
        """p50, p90, CPU."""
        return np.median(self.ratios, axis=0)

    @property
    def good(self) -> bool:
        """Within its bounds."""
        bounds = BOUNDS[self.sides]
        return all(bound is None or value <= bound for value, bound in zip(self.median, bounds, strict=True))


def measure(
    rounds: int, say: Callable[[str], None], duration_s: float = 6.0, rates_hz: tuple[int, ...] = RATES_HZ
) -> list[Duel]:
    """All duels at all rates.

    :raises AuditError: if a process does not come up
    """
    os.environ.setdefault('ROS_DOMAIN_ID', str(random.randint(120, 200)))
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    with tempfile.TemporaryDirectory(prefix='transfer_audit_bench_') as name:
        bench = Bench(Path(name))
        try:
            bench.ready()
            idle = bench.idle()
            say('CPU while no command comes: ' + ', '.join(f'{key} {100 * used:.2f} %' for key, used in idle.items()))
            found = []
            for rate_hz in rates_hz:
                for sides in DUELS:
                    say(f'{sides[0]} beside {sides[1]} at {rate_hz} Hz, {rounds} rounds of {duration_s:g} s')
                    played = [bench.round(sides, rate_hz, duration_s, idle) for _ in range(rounds)]
                    found.append(_judged(sides, rate_hz, played))
            return found
        finally:
            bench.close()


def _judged(sides: tuple[str, str], rate_hz: int, played: list[list[Side]]) -> Duel:
    took = np.array([[np.percentile(side.took_ms, (50, 90)) for side in pair] for pair in played])
    cpu = np.array([[side.cpu_s / side.sent for side in pair] for pair in played])
    figures = np.concatenate([took, cpu[:, :, None]], axis=2)
    lost = tuple(sum(pair[at].sent - len(pair[at].took_ms) for pair in played) for at in (0, 1))
    return Duel(
        sides, rate_hz, figures[:, 0] / figures[:, 1], np.median(took, axis=0), np.median(cpu, axis=0) * 1e6,
        (lost[0], lost[1]), os.getloadavg()[0],
    )  # fmt: skip


def table(found: list[Duel]) -> Iterator[str]:
    """Rows for people."""
    yield 'side by side, ratio: median over rounds (bound)'
    yield f'{"duel":24s} {"Hz":>5s} {"p50":>15s} {"p90":>15s} {"CPU/message":>15s}   p50, p90 ms, CPU us  lost  load'
    for duel in found:
        cells = [
            f'{value:.2f} ({"-" if bound is None else bound})'
            for value, bound in zip(duel.median, BOUNDS[duel.sides], strict=True)
        ]
        each = ' | '.join(
            f'{took[0]:.3f} {took[1]:.3f} {cpu:.0f}' for took, cpu in zip(duel.took_ms, duel.cpu_us, strict=True)
        )
        yield (
            f'{duel.sides[0]} / {duel.sides[1]:15s} {duel.rate_hz:5d} '
            + ' '.join(f'{cell:>15s}' for cell in cells)
            + f'   {each}   {duel.lost[0]}, {duel.lost[1]}  {duel.load:.1f}'
        )


def figures(found: list[Duel]) -> list[dict[str, Any]]:
    """For JSON."""
    return [
        {
            'sides': duel.sides,
            'rate_hz': duel.rate_hz,
            'ratios': dict(zip(('p50', 'p90', 'cpu'), duel.median.tolist(), strict=True)),
            'rounds': duel.ratios.tolist(),
            'took_ms': duel.took_ms.tolist(),
            'cpu_us': duel.cpu_us.tolist(),
            'lost': duel.lost,
            'load': duel.load,
            'good': duel.good,
        }
        for duel in found
    ]
