"""Rounds as a pilot writes them, of a size that is usual."""

from __future__ import annotations

from typing import Any

from transfer_audit.ledger.record import RoundRecord, StartRecord
from transfer_audit.ledger.store import Ledger

START_NS = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
ELEMENTS = 16
TASKS = 50


def starting(task: int = 0) -> StartRecord:
    """A round that begins."""
    return StartRecord(
        task=f'turn {task % TASKS}', seed=task, hand='bench', policy='scripted', profile='profile.yaml',
        profile_sha256='a' * 64, model_sha256='b' * 64, start_ns=START_NS + task * SECOND,
        members={'tip_friction': [0.5 + 0.01 * member for member in range(16)]},
    )  # fmt: skip


def closing(number: int, start: StartRecord) -> RoundRecord:
    """What was judged of it, with a verdict document of some kilobytes."""
    elements = [
        {
            'channel': 'joints',
            'element': f'joint_{n}',
            'onset_s': None,
            'score': 0.1 * n,
            'delay_s': 0.0125,
            'gap': 0.01,
        }
        for n in range(ELEMENTS)
    ]
    document: dict[str, Any] = {'round': number, 'verdict': 'agreed', 'elements': elements}
    fields = {'round': number, 'end_ns': start.start_ns + SECOND, 'verdict': 'agreed', 'reason': 'all elements agreed'}
    outcomes = {
        'real_success': number % 3 > 0,
        'sim_success': number % 5 > 0,
        'real_slip_rate': 0.19,
        'sim_slip_rate': 0.08,
    }
    return RoundRecord.model_validate({**dict(start), **fields, **outcomes, 'document': document})


def play(ledger: Ledger, task: int) -> int:
    """A whole round: start, an event, outcome, close; its number."""
    start = starting(task)
    number = ledger.start(start)
    ledger.event(number, 'gate_trip', {'says': 'tip presses 4.2 N, budget 4 N', 'force': 4.2})
    ledger.outcome(number, True, start.start_ns + SECOND)
    ledger.close(number, closing(number, start))
    return number
