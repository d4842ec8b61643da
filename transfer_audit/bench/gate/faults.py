"""Faults at the running gate over DDS: is each held for its own reason, how soon, is the hand within budget?

Two worlds, one after the other: in the first the bench stands for everything around the gate, so that each side may
err; in the second every node of a pilot is a process, and each is killed. Between two faults everything passes. The
time of a fault runs from its beginning until the gate says in `gate/status` that it reacted; the status comes ten times
a second, which is most of it. That commands pass again is seen at the hand, where each is judged: see `HandSide`.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from transfer_audit.bench.gate import replay
from transfer_audit.bench.gate.catalogue import AMONG, BESIDE, PASSES, Fault, recorded
from transfer_audit.bench.gate.graph import Graph
from transfer_audit.bench.gate.stand_in import StandIn
from transfer_audit.bench.gate.world import GATE, World
from transfer_audit.core.errors import AuditError
from transfer_audit.core.types import Array
from transfer_audit.resources import config_folder

LEASE = 'FASTDDS_DEFAULT_PROFILES_FILE'
UP_S = 120.0
"""How long a node may take to come up, on a machine that is busy elsewhere."""


@dataclass
class Outcome:
    """All faults of one kind: reaction times and times until commands pass again, ms; how many were not named."""

    took_ms: list[float] = field(default_factory=list)
    again_ms: list[float] = field(default_factory=list)
    missed: int = 0


@dataclass
class Faults:
    """What was thrown and what came of it.

    :param broken: what reached the hand although it must not, and what was held or lost although it must not
    :param unseen: commands that the middleware lost between the gate and this bench
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    commands: int = 0
    unseen: int = 0
    load: float = 0.0

    @property
    def good(self) -> bool:
        """Every fault named, nothing broken."""
        return not self.broken and not any(one.missed for one in self.outcomes.values())


def measure(count: int, seed: int, say: Callable[[str], None], forces: Path | None = None) -> Faults:
    """Throw `count` faults at both worlds, each kind once and then drawn at random.

    :param forces: a folder of contact recordings (rh56), whose forces are felt, too
    :raises AuditError: if the gate does not come up
    """
    found, draw = Faults(), random.Random(seed)
    beside = BESIDE if forces is None else (*BESIDE, recorded(_mixed(forces, draw)))
    among = round(count * len(AMONG) / (len(beside) + len(AMONG)))
    for make, catalogue, number in ((StandIn, beside, count - among), (Graph, AMONG, among)):
        throw(make, catalogue, number, draw, found, say)
    return found


def _mixed(folder: Path, draw: random.Random) -> list[tuple[Array, Array]]:
    rounds = replay.felt(folder, GATE['force_budget']['tip'])
    draw.shuffle(rounds)
    return rounds


def throw(
    make: Callable[[Path], World], catalogue: Sequence[Fault], count: int, draw: random.Random, found: Faults,
    say: Callable[[str], None],
) -> None:  # fmt: skip
    """Throw faults at one world; what comes of it is added to `found`."""
    os.environ.setdefault('ROS_DOMAIN_ID', str(random.randint(120, 200)))
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault(LEASE, str(config_folder() / 'fastdds.xml'))
    with tempfile.TemporaryDirectory(prefix='transfer_audit_bench_') as name:
        world = make(Path(name))
        try:
            if count and not world.until(world.passes, UP_S):
                raise AuditError(f'the gate does not come up: {world.said!r}')
            for number in range(count):
                fault = catalogue[number] if number < len(catalogue) else draw.choice(catalogue)
                if number % 50 == 0:
                    say(f'{type(world).__name__}: {number} of {count} faults')
                if not _throw(world, fault, found, draw):
                    found.broken.append(f'after {fault.name} commands do not pass again: {world.said}')
                    break
        finally:
            found.broken += world.side.broken
            found.commands += world.side.count
            found.unseen += world.side.unseen
            found.load = os.getloadavg()[0]
            world.close()


def _throw(world: World, fault: Fault, found: Faults, draw: random.Random) -> bool:
    """One fault at a random moment in a world where commands pass; whether they pass again afterwards."""
    outcome = found.outcomes.setdefault(fault.name, Outcome())
    world.ready()
    world.live(draw.uniform(0.0, 0.1))
    begun_ns = time.time_ns()
    begun_ns = fault.begin(world) or begun_ns
    patience_s = UP_S if fault.says == PASSES else None
    if world.until(lambda: world.written_ns > begun_ns and _named(world, fault), patience_s):
        outcome.took_ms.append((world.written_ns - begun_ns) / 1e6)
        if fault.holds:
            world.side.hold(world.written_ns, fault.name)
        world.live(draw.uniform(0.0, 0.1))
        wrong = fault.then(world)
        found.broken += [f'{fault.name}: {wrong}'] if wrong else []
    else:
        outcome.missed += 1
    ended_ns = time.time_ns()
    world.side.release(ended_ns)
    fault.end(world)
    again = world.until(lambda: world.recovered(ended_ns), UP_S)
    if again:
        outcome.again_ms.append((world.side.written_ns - ended_ns) / 1e6)
    return again


def _named(world: World, fault: Fault) -> bool:
    return world.passes() if fault.says == PASSES else fault.says in world.said


def table(found: Faults) -> Iterator[str]:
    """Rows for people."""
    yield f'{"fault":30s} {"times":>6s} {"named":>6s} {"p50 ms":>8s} {"p99":>8s} {"passes again p50":>17s} {"p99":>8s}'
    for name, one in found.outcomes.items():
        cells = [f'{value:8.0f}' for value in (*_percentiles(one.took_ms), *_percentiles(one.again_ms))]
        yield f'{name:30s} {len(one.took_ms) + one.missed:6d} {len(one.took_ms):6d} {cells[0]} {cells[1]} ' + (
            f'{cells[2]:>17s} {cells[3]}'
        )
    broken = f'{len(found.broken)} {found.broken[:3]}'
    seen = f'{found.commands} commands reached the hand, {found.unseen} were lost'
    yield f'{seen}; broken: {broken}; load {found.load:.1f}'


def _percentiles(took_ms: list[float]) -> tuple[float, float]:
    """p50 and p99."""
    p50, p99 = np.percentile(took_ms, (50, 99)) if took_ms else (np.nan, np.nan)
    return float(p50), float(p99)


def figures(found: Faults) -> dict[str, Any]:
    """For JSON."""
    each = {
        name: {'took_ms': one.took_ms, 'again_ms': one.again_ms, 'missed': one.missed}
        for name, one in found.outcomes.items()
    }
    seen = {'commands': found.commands, 'unseen': found.unseen}
    return {'faults': each, 'broken': found.broken, **seen, 'load': found.load}
