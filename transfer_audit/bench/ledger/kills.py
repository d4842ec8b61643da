"""Writers that are killed at random instants while they write rounds at full speed: is all there?"""

from __future__ import annotations

import os
import random
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from transfer_audit.bench.ledger.rounds import SECOND, closing, starting
from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.store import Ledger

LONGEST_S, EVENTS = 0.15, 3
START, EVENT, OUTCOME, CLOSE = range(4)
"""The steps of a round, each of which is acknowledged."""


@dataclass(frozen=True)
class Kills:
    """What was acknowledged by writers that were killed, and what of it is wrong.

    :param lost: rounds that are missing, or do not know their outcome or their close
    :param duplicates: numbers that were given twice
    :param corrupt: sentences of `verify`, or of a ledger that could not be opened
    """

    where: str
    kills: int
    steps: int
    rounds: int
    lost: int
    duplicates: int
    corrupt: tuple[str, ...]
    seconds: float

    @property
    def good(self) -> bool:
        """Nothing lost, nothing twice, nothing corrupt."""
        return not (self.lost or self.duplicates or self.corrupt) and self.steps > self.kills


def kill(where: str, kills: int, seed: int, say: Callable[[str], None]) -> Kills:
    """Kill so many writers of one ledger, one after the other.

    :param where: path or URL of a ledger that is not there yet
    """
    draw, began = random.Random(seed), time.perf_counter()
    lost = duplicates = steps = highest = 0
    corrupt: list[str] = []
    for number in range(kills):
        told = _life(where, draw.uniform(0.0, LONGEST_S))
        steps += len(told)
        given = [round_ for round_, step in told if step == START]
        duplicates += sum(round_ <= highest for round_ in given)
        highest = max([highest, *given])
        try:
            lost += _missing(where, dict(told))
        except LedgerError as error:
            corrupt.append(str(error))
            break
        if number % 100 == 99:
            say(f'{number + 1} writers killed, {highest} rounds')
    try:
        with Ledger.open(where) as ledger:
            ledger.abort_open('the writer was killed')
            corrupt += ledger.verify().problems
            numbers = [round_.number for round_ in ledger.rounds()]
            duplicates += len(numbers) - len(set(numbers))
    except LedgerError as error:
        corrupt.append(str(error))
    return Kills(where, kills, steps, highest, lost, duplicates, tuple(corrupt), time.perf_counter() - began)


def _life(where: str, lives_s: float) -> list[tuple[int, int]]:
    """A writer from its birth until it is killed, and what it said it was told: (round, step)."""
    hears, says = os.pipe()
    child = os.fork()
    if not child:
        os.close(hears)
        _write_for_ever(where, says)
    os.close(says)
    with os.fdopen(hears, 'rb') as pipe:
        pipe.read(1)  # it has opened the ledger
        time.sleep(lives_s)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        lines = pipe.read().decode().splitlines()
    return [(int(round_), int(step)) for round_, step in (line.split() for line in lines)]


def _write_for_ever(where: str, says: int) -> None:
    try:
        with Ledger.open(where) as ledger:
            os.write(says, b'.')
            task = 0
            while True:
                task += 1
                start = starting(task)
                number = ledger.start(start)
                os.write(says, b'%d %d\n' % (number, START))
                for _ in range(EVENTS):
                    ledger.event(number, 'gate_trip', {'force': 4.2})
                os.write(says, b'%d %d\n' % (number, EVENT))
                ledger.outcome(number, True, start.start_ns + SECOND)
                os.write(says, b'%d %d\n' % (number, OUTCOME))
                ledger.close(number, closing(number, start))
                os.write(says, b'%d %d\n' % (number, CLOSE))
    finally:  # a child that was forked must not go on as its parent
        traceback.print_exc()
        os._exit(1)


def _missing(where: str, told: dict[int, int]) -> int:
    """How many rounds know less than what was acknowledged of them."""
    missing = 0
    with Ledger.open(where, read_only=True) as ledger:
        for number, step in told.items():
            try:
                found = ledger.round(number)
            except LedgerError:
                missing += 1
                continue
            events = sum(event.kind == 'gate_trip' for event in found.events)
            missing += (
                (step >= EVENT and events != EVENTS)
                or (step >= OUTCOME and found.success is not True)
                or (step >= CLOSE and found.record is None)
            )
    return missing


def row(found: Kills) -> str:
    """For people."""
    return (
        f'{found.where}: {found.kills} writers killed, {found.steps} steps of {found.rounds} rounds acknowledged: '
        f'{found.lost} lost, {found.duplicates} duplicates, {len(found.corrupt)} corrupt'
        + ''.join(f'\n  {problem}' for problem in found.corrupt[:5]) + f'; {found.seconds:.0f} s'
    )  # fmt: skip
