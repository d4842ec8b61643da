"""What a durable event costs beside a bare commit of SQLite, and what a burst costs that is committed together."""

from __future__ import annotations

import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transfer_audit.bench.ledger.rounds import starting
from transfer_audit.ledger.store import Ledger

BURST = 50
BOUND = 1.3
EVENT = {'says': 'tip presses 4.2 N, budget 4 N', 'force': 4.2}


@dataclass(frozen=True)
class Commits:
    """Medians in ms: of an event, of a bare commit (WAL, FULL) of a row as long, and of an event within a burst.

    :param ratio: median of the ratios of neighbours
    """

    event_ms: float
    bare_ms: float
    burst_ms: float
    ratio: float

    @property
    def good(self) -> bool:
        """Within the bound, and a burst is worth it."""
        return self.ratio <= BOUND and self.burst_ms < 0.5 * self.event_ms


def measure(pairs: int, say: Callable[[str], None]) -> Commits:
    """Events and bare commits in turns, in random order, on the same disk."""
    draw = random.Random(0)
    say(f'{pairs} events beside as many bare commits, then bursts of {BURST}')
    with tempfile.TemporaryDirectory(prefix='transfer_audit_commits_', dir='.') as name:
        bare = sqlite3.connect(Path(name) / 'bare.db', isolation_level=None)
        bare.execute('PRAGMA journal_mode = WAL')
        bare.execute('PRAGMA synchronous = FULL')
        bare.execute('CREATE TABLE entries (sequence INTEGER PRIMARY KEY, body TEXT)')
        with Ledger.open(Path(name) / 'ledger.db') as ledger:
            number = ledger.start(starting())
            took = np.array([_pair(ledger, number, bare, draw) for _ in range(pairs)])
            bursts = [_burst(ledger, number) for _ in range(max(1, pairs // BURST))]
        bare.close()
    event_ms, bare_ms = np.median(took, axis=0)
    ratio = float(np.median(took[:, 0] / took[:, 1]))
    return Commits(float(event_ms), float(bare_ms), float(np.median(bursts)), ratio)


def _pair(ledger: Ledger, number: int, bare: sqlite3.Connection, draw: random.Random) -> tuple[float, float]:
    """Milliseconds of an event and of a bare commit, whichever comes first."""
    sides = [lambda: ledger.event(number, 'gate_trip', EVENT), lambda: _bare(bare)]
    took = [0.0, 0.0]
    for side in draw.sample((0, 1), 2):
        began = time.perf_counter()
        sides[side]()
        took[side] = 1e3 * (time.perf_counter() - began)
    return took[0], took[1]


def _bare(connection: sqlite3.Connection) -> None:
    connection.execute('BEGIN IMMEDIATE')
    connection.execute('INSERT INTO entries (body) VALUES (?)', ('x' * 300,))
    connection.execute('COMMIT')


def _burst(ledger: Ledger, number: int) -> float:
    """Milliseconds of an event among BURST that are committed together."""
    began = time.perf_counter()
    with ledger.together():
        for _ in range(BURST):
            ledger.event(number, 'gate_trip', EVENT)
    return 1e3 * (time.perf_counter() - began) / BURST


def row(found: Commits) -> str:
    """For people."""
    return (
        f'a durable event {found.event_ms:.2f} ms, a bare commit {found.bare_ms:.2f} ms, ratio {found.ratio:.2f} '
        f'(bound {BOUND}); {found.burst_ms:.2f} ms each in a burst of {BURST}'
    )
