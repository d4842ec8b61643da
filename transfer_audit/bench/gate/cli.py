"""`transfer-audit bench gate`: what is asked for, measured and printed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transfer_audit.bench.gate import attack, decision, faults, latency, replay


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `bench gate`; without any, a decision is timed."""
    parser.add_argument(
        '--replay', type=Path, metavar='FOLDER', help='contact recordings (rh56): overshoot with and without'
    )
    parser.add_argument('--attack', type=int, metavar='N', help='throw N messages and faults at the core')
    parser.add_argument('--decision', action='store_true', help='time a decision, and look for memory left behind')
    parser.add_argument('--latency', action='store_true', help='added latency and CPU beside relays, over DDS')
    parser.add_argument('--rounds', type=int, default=5, help='rounds of each duel of the latency (5)')
    parser.add_argument('--faults', type=int, metavar='N', help='throw N faults at the running node over DDS')
    parser.add_argument(
        '--forces', type=Path, metavar='FOLDER', help='contact recordings (rh56) that the tip then feels'
    )
    parser.add_argument('--seed', type=int, default=0, help='of the attack and the faults (0)')
    parser.add_argument('--json', type=Path, metavar='OUT', help='write figures')
    parser.epilog = f'bounds: a decision within {decision.MEDIAN_US:g} µs (median); nothing broken'


def run(arguments: argparse.Namespace, say: Callable[[str], None]) -> int:
    """0 if every figure is within its bound, else 1."""
    found: dict[str, Any] = {}
    good = True
    if arguments.replay is not None:
        contacts = replay.contacts(arguments.replay, say)
        print('\n'.join(replay.table(contacts)))
        found['replay'] = replay.figures(contacts)
        good &= not any(one.in_free_motion for one in contacts)
    if arguments.attack is not None:
        attacks = attack.attack(arguments.attack, arguments.seed, say)
        print('\n'.join(map(attack.row, attacks)))
        found['attack'] = [asdict(one) for one in attacks]
        good &= not any(one.broken for one in attacks)
    if arguments.latency:
        duels = latency.measure(arguments.rounds, say)
        print('\n'.join(latency.table(duels)))
        found['latency'] = latency.figures(duels)
        good &= all(duel.good for duel in duels)
    if arguments.faults is not None:
        thrown = faults.measure(arguments.faults, arguments.seed, say, arguments.forces)
        print('\n'.join(faults.table(thrown)))
        found['faults'] = faults.figures(thrown)
        good &= thrown.good
    if arguments.decision or not found:
        say('an hour of commands at 100 Hz, as fast as they go')
        cost = decision.cost()
        print(decision.row(cost))
        found['decision'] = asdict(cost)
        good &= cost.good
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1, allow_nan=False), encoding='utf-8')
    return 0 if good else 1
