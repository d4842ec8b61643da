"""Messages and faults without end, thrown at the gate's core; a referee looks at everything that leaves it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transfer_audit.bench.gate.fuzzer import Fuzzer
from transfer_audit.bench.gate.hands import GATES, hand
from transfer_audit.bench.gate.referee import Broken
from transfer_audit.core.binding import Binding


@dataclass(frozen=True)
class Attack:
    """What was thrown and what came of it.

    :param broken: the first thing that must not be, with its place; empty if nothing was
    """

    hand: str
    messages: int
    faults: int
    actions: dict[str, int]
    seconds: float
    broken: str = ''


def attack(messages: int, seed: int, say: Callable[[str], None], names: tuple[str, ...] = tuple(GATES)) -> list[Attack]:
    """Throw so many messages at every hand, each its share."""
    found = []
    with tempfile.TemporaryDirectory(prefix='transfer_audit_attack_') as folder:
        for name in names:
            say(f'attacking the gate of a hand with {name}')
            found.append(throw(hand(Path(folder), name), name, -(-messages // len(names)), seed))
    return found


def throw(binding: Binding, name: str, messages: int, seed: int) -> Attack:
    """One hand; the same seed throws the same."""
    fuzzer, began = Fuzzer(binding, seed), time.perf_counter()
    broken = ''
    try:
        while fuzzer.messages < messages:
            fuzzer.step()
    except Broken as error:
        broken = f'message {fuzzer.messages}, seed {seed}: {error}'
    return Attack(name, fuzzer.messages, fuzzer.faults, dict(fuzzer.actions), time.perf_counter() - began, broken)


def row(one: Attack) -> str:
    """One attack, for people."""
    actions = ', '.join(f'{count} {action}' for action, count in sorted(one.actions.items()))
    outcome = f'BROKEN at {one.broken}' if one.broken else 'nothing broken'
    return (
        f'{one.hand}: {one.messages} messages, {one.faults} faults, commands {actions}; {one.seconds:.0f} s; {outcome}'
    )
