"""`transfer-audit lab`: train, transfer, see the gap, explain it, close it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from transfer_audit.cli.progress import Eta

NAME = 'lab'
HELP = 'the small lab: train a policy in simulation, transfer it to an emulated hand, explain the gap and close it'
EXAMPLES = """examples:
  transfer-audit lab --out my_lab
  transfer-audit ledger gaps --by policy --ledger my_lab/ledger.db
  transfer-audit audit my_lab/bags/family_1/round_01 --profile my_lab/family_1.yaml --report round.html
  transfer-audit lab --friction 0.9       # a hand that the family holds: no gap, nothing to propose

Exit codes: 0 the gap shrank, or there was nothing to propose; 1 it did not shrink beyond doubt."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument('--seed', type=int, default=0, help='of tasks, training and noise; same seed, same result (0)')
    parser.add_argument('--out', type=Path, metavar='DIR', default=Path('lab'), help='a new folder (lab)')
    parser.add_argument('--quick', action='store_true', help='less of everything: within a minute')
    parser.add_argument('--rounds', type=int, metavar='N', help='rounds on the hand with each policy (20, quick 6)')
    parser.add_argument('--friction', type=float, metavar='F', help="true friction of the hand's tips (0.4)")


def run(arguments: argparse.Namespace) -> int:
    """0 if the gap shrank or nothing is proposed, else 1."""
    from transfer_audit.lab.document import write_document
    from transfer_audit.lab.figure import write_figure
    from transfer_audit.lab.run import QUICK, Lab
    from transfer_audit.lab.run import run as run_lab
    from transfer_audit.lab.shrunk import closed
    from transfer_audit.lab.story import written

    given = {name: getattr(arguments, name) for name in ('rounds', 'friction')}
    lab = replace(QUICK if arguments.quick else Lab(), seed=arguments.seed)
    lab = replace(lab, **{name: value for name, value in given.items() if value is not None})
    console, eta = Console(stderr=True, quiet=arguments.quiet), Eta()
    with console.status('') as status:
        found = run_lab(
            arguments.out,
            lab,
            lambda text: status.update(f'{text}{eta.left(text)}'),
            lambda line: print(line, flush=True),
        )
    write_document(arguments.out / 'lab.json', found)
    write_figure(arguments.out / 'lab.svg', found)
    print(written(arguments.out))
    return 0 if found.after is None or closed(found.shrunk) else 1
