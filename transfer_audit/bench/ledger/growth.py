"""How long it takes to list, compare and verify a ledger as it grows, as a person at a shell waits for it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transfer_audit.bench.ledger.rounds import play
from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.store import Ledger

VERBS = ('list', 'gaps', 'verify')
BATCH = 500
LINEAR = 1.3
"""Time per round of the whole ledger over that of a tenth of it, at most."""


@dataclass(frozen=True)
class Growth:
    """Seconds of each verb at each size."""

    rounds: tuple[int, ...]
    seconds: dict[str, tuple[float, ...]]

    def slope(self, verb: str) -> float:
        """Time per round of the largest ledger over that of the smallest; 1: linear, less: a start that counts."""
        each = self.seconds[verb]
        return (each[-1] / self.rounds[-1]) / (each[0] / self.rounds[0])

    @property
    def good(self) -> bool:
        """Whether no verb gets slower per round."""
        return all(self.slope(verb) <= LINEAR for verb in VERBS)


def grow(rounds: int, say: Callable[[str], None]) -> Growth:
    """Fill a ledger, and run the verbs at a tenth, at a half and at the whole of it.

    :raises LedgerError: if a verb fails
    """
    sizes, took = (rounds // 10, rounds // 2, rounds), []
    with tempfile.TemporaryDirectory(prefix='transfer_audit_growth_') as name:
        path = Path(name) / 'ledger.db'
        with Ledger.open(path) as ledger:
            written = 0
            for size in sizes:
                while written < size:
                    with ledger.together():
                        for _ in range(min(BATCH, size - written)):
                            play(ledger, written)
                            written += 1
                took.append([_run(verb, path) for verb in VERBS])
                say(f'{size} rounds, {path.stat().st_size / 1e6:.0f} MB')
    return Growth(sizes, dict(zip(VERBS, zip(*took, strict=True), strict=True)))


def _run(verb: str, path: Path) -> float:
    began = time.perf_counter()
    command = [sys.executable, '-m', 'transfer_audit.cli.main', 'ledger', verb, '--ledger', str(path)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise LedgerError(f'ledger {verb} failed: {done.stderr.strip()}')
    return time.perf_counter() - began


def rows(found: Growth) -> list[str]:
    """For people."""
    head = f'{"":8s}' + ''.join(f'{size:>10d}' for size in found.rounds) + '   time per round, last over first'
    return [head] + [
        f'{verb:8s}' + ''.join(f'{seconds:>8.2f} s' for seconds in found.seconds[verb]) + f'   {found.slope(verb):.2f}'
        for verb in VERBS
    ]
