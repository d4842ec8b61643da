"""The policy on the emulated hand: rounds, recordings, verdicts, rows in the ledger; and on every simulated one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transfer_audit.bags.audit import audit_recording
from transfer_audit.core import family as families
from transfer_audit.core.binding import Binding
from transfer_audit.core.family import Family
from transfer_audit.core.types import Array
from transfer_audit.lab.hands import Hands
from transfer_audit.lab.policy import Instance, controls_of, cube_start
from transfer_audit.lab.recording import Recorded, write_round
from transfer_audit.lab.task import Outcome, judge, readings
from transfer_audit.lab.train import Say
from transfer_audit.ledger.document import start_of
from transfer_audit.ledger.files import sha256_of
from transfer_audit.ledger.panels import Panel, gaps
from transfer_audit.ledger.record import RoundRecord, round_record
from transfer_audit.ledger.store import Ledger


@dataclass(frozen=True)
class Bench:
    """What stays the same while policies and families change: the folder, the hand and its tasks.

    :param hand: the emulated hand; `truth` what it is made of, a family of one
    """

    folder: Path
    hand: Binding
    truth: Family
    tasks: tuple[Instance, ...]
    seed: int


@dataclass(frozen=True)
class Transferred:
    """A panel of rounds of one policy."""

    bags: tuple[Path, ...]
    records: tuple[RoundRecord, ...]
    panel: Panel


def transfer(binding: Binding, bench: Bench, stage: int, policy: Array, say: Say) -> Transferred:
    """Do every task once on the emulated hand, and on every member of the family.

    :param stage: 1 for the policy of the first family, whose rounds come first
    """
    name = f'family_{stage}'
    controls = np.array([controls_of(binding, policy, task) for task in bench.tasks])
    success, slip = simulated(binding, bench, controls)
    say('simulated rounds done')
    read, outcome = real(bench, controls)
    records, bags = [], []
    with Ledger.open(bench.folder / 'ledger.db') as ledger:
        for index, task in enumerate(bench.tasks):
            number = (stage - 1) * len(bench.tasks) + index + 1
            bag = bench.folder / 'bags' / name / f'round_{number:02d}'
            rows = {channel: values[index] for channel, values in read.items()}
            recorded = Recorded(number, task.name, bool(outcome.success[index]), controls[index], rows)
            write_round(bag, binding, recorded, bench.seed)
            (verdict,) = audit_recording(bag, binding, threads=0)['rounds']
            sides = {'sim_success': float(success[index]), 'sim_slip_rate': float(slip[index])}
            records.append(_record(ledger, binding, verdict, name, bag, sides))
            bags.append(bag)
            say(f'round {number}: {verdict["reason"]}')
    return Transferred(tuple(bags), tuple(records), gaps(records)[0])


def real(bench: Bench, controls: Array) -> tuple[dict[str, Array], Outcome]:
    """What the driver of the emulated hand sends in each task, and what became of it."""
    count = len(bench.tasks)
    hands = Family(bench.truth.names, np.tile(bench.truth.draws, (count, 1)))
    starts = np.array([cube_start(bench.hand, task) for task in bench.tasks])
    read = readings(bench.hand, hands, Hands(bench.hand, hands).play(starts, controls), bench.seed)
    return read, judge(bench.hand, read)


def simulated(binding: Binding, bench: Bench, controls: Array) -> tuple[Array, Array]:
    """Share of the family's members that do each task, and their mean slip rate, each of shape (R,).

    Their sensors are as noisy as those of the real hand.
    """
    members = families.draw(binding)
    hands = Hands(binding, members)
    shares, slips = [], []
    for index, task in enumerate(bench.tasks):
        starts = np.tile(cube_start(binding, task), (members.members, 1))
        sensed = hands.play(starts, np.repeat(controls[index][None], members.members, axis=0))
        outcome = judge(binding, readings(binding, members, sensed, bench.seed + 1 + index))
        shares.append(outcome.success.mean())
        slips.append(np.nanmean(outcome.slip_rate))
    return np.array(shares), np.array(slips)


def _record(
    ledger: Ledger, binding: Binding, verdict: dict[str, Any], policy: str, bag: Path, sides: dict[str, float]
) -> RoundRecord:  # fmt: skip
    """A row in the ledger. The simulated side is that of all members, not of the envelope's median."""
    known = {'bag': str(bag.resolve()), 'bag_sha256': sha256_of(bag)}
    start = start_of(binding, verdict['start_ns'], task=verdict['task'], policy=policy, **known)
    number = ledger.start(start)
    record = round_record(number, start, verdict, note='emulated hand', **sides)
    ledger.close(number, record)
    return record
