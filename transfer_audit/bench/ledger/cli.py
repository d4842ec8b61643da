"""`transfer-audit bench ledger`: what is asked for, measured and printed."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transfer_audit.bench.ledger import commits, edits, growth, kills


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `bench ledger`; without any, commits are timed."""
    parser.add_argument('--kills', type=int, metavar='N', help='kill N writers at random instants')
    parser.add_argument('--on', metavar='URL', help='where the killed ones write: an empty database (a temporary file)')
    parser.add_argument('--edits', type=int, metavar='N', help='edit the file or its rows N times')
    parser.add_argument('--growth', type=int, metavar='N', help='list, gaps and verify up to N rounds')
    parser.add_argument('--commits', type=int, metavar='N', help='N durable events beside bare commits (2000)')
    parser.add_argument('--seed', type=int, default=0, help='of kills and edits (0)')
    parser.add_argument('--json', type=Path, metavar='OUT', help='write figures')
    parser.epilog = f'bounds: nothing lost, nothing unseen; an event within {commits.BOUND} of a bare commit'


def run(arguments: argparse.Namespace, say: Callable[[str], None]) -> int:
    """0 if every figure is within its bound, else 1."""
    found: dict[str, Any] = {}
    good = True
    if arguments.kills is not None:
        with tempfile.TemporaryDirectory(prefix='transfer_audit_kills_') as folder:
            where = arguments.on or str(Path(folder) / 'ledger.db')
            killed = kills.kill(where, arguments.kills, arguments.seed, say)
        print(kills.row(killed))
        found['kills'], good = asdict(killed), good and killed.good
    if arguments.edits is not None:
        edited = edits.edit(arguments.edits, arguments.seed, say)
        print(edits.row(edited))
        found['edits'], good = asdict(edited), good and edited.good
    if arguments.growth is not None:
        grown = growth.grow(arguments.growth, say)
        print('\n'.join(growth.rows(grown)))
        found['growth'], good = asdict(grown), good and grown.good
    if arguments.commits is not None or not found:
        timed = commits.measure(arguments.commits or 2000, say)
        print(commits.row(timed))
        found['commits'], good = asdict(timed), good and timed.good
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1, allow_nan=False), encoding='utf-8')
    return 0 if good else 1
