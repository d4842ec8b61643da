"""`transfer-audit ledger`: what was recorded, what it adds up to, and whether it is still what was written."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from transfer_audit.cli import ledger_export
from transfer_audit.cli.ledger_export import export
from transfer_audit.cli.ledger_gaps import show_gaps
from transfer_audit.cli.ledger_output import table, write_json
from transfer_audit.cli.ledger_write import add, bags, case, import_sim, print_template, recover, sign_head, sync
from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.chain import Head
from transfer_audit.ledger.export import HEADINGS, iso, summary
from transfer_audit.ledger.panels import GROUPS
from transfer_audit.ledger.place import is_server, locate
from transfer_audit.ledger.rounds import LedgerRound
from transfer_audit.ledger.simulated import SimOutcome
from transfer_audit.ledger.store import Ledger

NAME = 'ledger'
HELP = 'list, show, compare, add, verify and export the rounds of a ledger'
EXAMPLES = """examples:
  transfer-audit ledger list --ledger ledger.db
  transfer-audit ledger show 3 --json
  transfer-audit ledger template --profile P > round.yaml
  transfer-audit ledger add round.yaml
  transfer-audit ledger case 3 --to cases/3
  transfer-audit ledger gaps --by policy
  transfer-audit ledger import-sim panel.csv
  transfer-audit ledger bags
  transfer-audit ledger verify --head 12:5f2c…
  transfer-audit ledger recover
  transfer-audit ledger sign --key private.pem
  transfer-audit ledger sync --to postgresql+psycopg://server/rounds
  transfer-audit ledger export --format csv --to rounds.csv"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verbs under `ledger` and their options."""
    verbs = parser.add_subparsers(dest='ledger_verb', required=True, metavar='VERB')
    _verb(verbs, 'list', 'one line for each round', _list)
    show = _verb(verbs, 'show', 'all that is kept of one round', _show)
    show.add_argument('round', type=int, metavar='N', help='number of the round')
    empty = _verb(verbs, 'template', 'an empty round as YAML, every field explained', None, with_json=False)
    empty.add_argument('--profile', type=Path, metavar='P', help='fill in what this profile says')
    added = _verb(verbs, 'add', 'record a round that was filled in by hand', add, with_json=False, writes=True)
    added.add_argument('file', type=Path, metavar='FILE', help='see `ledger template`')
    text = 'hash the recordings of rounds that were recorded live, now that they are complete'
    _verb(verbs, 'bags', text, bags, with_json=False, writes=True)
    cases = _verb(verbs, 'case', 'a failed or diverged round as a folder to be audited again', case, with_json=False)
    cases.add_argument('round', type=int, metavar='N', help='number of the round')
    cases.add_argument('--to', type=Path, metavar='FOLDER', help='a new folder (default: case_N)')
    cases.add_argument('--model', type=Path, help='MJCF or URDF that replaced the model of the profile in the audit')
    panels = _verb(verbs, 'gaps', 'sim-to-real gaps over the closed rounds', show_gaps)
    panels.add_argument('--by', choices=tuple(GROUPS), help='one line for each of these (default: one of all)')
    panels.add_argument('--trend', action='store_true', help='one line for each family, and whether the gaps close')
    brought = _verb(
        verbs,
        'import-sim',
        'bring outcomes of a task panel in any simulator',
        import_sim,
        with_json=False,
        writes=True,
    )
    brought.add_argument(
        'file', type=Path, metavar='FILE', help=f'CSV, JSON or Parquet with {", ".join(SimOutcome.model_fields)}'
    )
    verify = _verb(verbs, 'verify', 'follow the chain: exit code 0 if it is whole, 1 if it was tampered with', _verify)
    verify.add_argument('--head', metavar='SEQ:SHA256', help='a head that a report printed, to be found in the chain')
    verify.add_argument('--key', type=Path, metavar='PEM', help='public Ed25519 key: check the signed heads too')
    text = 'go on with a ledger whose tail or head was lost; the loss stays on record and `verify` goes on telling it'
    _verb(verbs, 'recover', text, recover, with_json=False, writes=True)
    signed = _verb(verbs, 'sign', 'sign the head, so that a rewritten chain is found', sign_head, with_json=False)
    signed.add_argument('--key', type=Path, required=True, metavar='PEM', help='private Ed25519 key')
    text = "send to another ledger what it lacks of this one's chain, for example to a server that many robots share"
    sent = _verb(verbs, 'sync', text, sync, with_json=False)
    sent.add_argument('--to', required=True, metavar='URL', help='postgresql+psycopg://HOST/DATABASE, or a file')
    ledger_export.add_arguments(_verb(verbs, 'export', 'all rounds for another tool', export, with_json=False))


def run(arguments: argparse.Namespace) -> int:
    """Open the ledger, for reading where that is enough, and do what the verb says."""
    if arguments.ledger_run is None:
        return print_template(arguments)
    where, recovers = arguments.ledger, arguments.ledger_run is recover
    if arguments.ledger_run in (recover, bags) and not is_server(where) and not locate(where).exists():
        raise LedgerError(f'{where}: there is no ledger here; name one with --ledger')
    # Sent is a file's own chain; the robot is what it is called in the other ledger.
    robot = None if arguments.ledger_run is sync and not is_server(where) else arguments.robot
    with Ledger.open(where, not arguments.writes, recovers, robot) as ledger:
        return int(arguments.ledger_run(ledger, arguments))


_ROBOT = "only this robot's chain (default: read all; write a file's own, or that of this machine on a server)"


def _verb(
    verbs: Any, name: str, text: str, function: Any, with_json: bool = True, writes: bool = False
) -> argparse.ArgumentParser:  # fmt: skip
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    parser.add_argument('--ledger', default='ledger.db', metavar='L', help='a file or a URL (default: %(default)s)')
    parser.add_argument('--robot', metavar='NAME', help=_ROBOT)
    if with_json:
        parser.add_argument('--json', nargs='?', const='-', metavar='OUT', help='as JSON, to a file or - (stdout)')
    parser.set_defaults(ledger_run=function, writes=writes)
    return parser


def _list(ledger: Ledger, arguments: argparse.Namespace) -> int:
    rounds = ledger.rounds()
    if arguments.json:
        write_json(arguments.json, [round_.as_json() for round_ in rounds])
    else:
        print_rounds(rounds)
    return 0


def print_rounds(rounds: Iterable[LedgerRound]) -> None:
    """One line for each round."""
    table(HEADINGS, (summary(round_) for round_ in rounds))


def _show(ledger: Ledger, arguments: argparse.Namespace) -> int:
    round_ = ledger.round(arguments.round)
    if arguments.json:
        write_json(arguments.json, round_.as_json())
    else:
        print('\n'.join(_lines(round_)))
    return 0


def _lines(round_: LedgerRound) -> Iterable[str]:
    """A round for a person: every fact that is known, events last."""
    known = round_.record or round_.start
    whose = f' of {round_.robot}' if round_.robot else ''
    yield f'round {round_.number}{whose}: {round_.state}' + (f' ({round_.reason})' if round_.reason else '')
    for name, value in known.model_dump(mode='json', exclude={'document', 'round'}).items():
        if value not in (None, '', {}, []):
            yield f'  {name}: {iso(value) if name.endswith("_ns") else _said(value)}'
    if round_.record is None and round_.end_ns is not None:
        yield f'  end_ns: {iso(round_.end_ns)}'
        yield f'  real_success: {_said(round_.success)}'
    for event in round_.events:
        yield f'  entry {event.sequence}, {event.kind}: {_said(event.data)}'


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ', '.join(f'{key} {_said(item)}' for key, item in value.items() if item is not None)
    return str(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _verify(ledger: Ledger, arguments: argparse.Namespace) -> int:
    found = ledger.verify(Head.parse(arguments.head) if arguments.head else None)
    signed = 0
    if arguments.key:
        signed, problems = ledger.verify_signatures(arguments.key)
        found = replace(found, ok=found.ok and not problems, problems=[*found.problems, *problems])
    if arguments.json:
        facts = {'ok': found.ok, 'entries': found.entries, 'head': str(found.head), 'signed': signed}
        facts['heads'] = {robot: str(head) for robot, head in found.heads.items()}
        write_json(arguments.json, {**facts, 'problems': found.problems, 'notes': found.notes})
    elif found.ok:
        notes = ''.join(f'; {note}, as a crash leaves it' for note in found.notes)
        notes += f'; signed up to entry {signed}' if arguments.key else ''
        several = len(found.heads) > 1 or any(found.heads)
        whole = 'every chain is whole' if several else f'the chain is whole, head {found.head}'
        print(f'{ledger.name}: {found.entries} entries, {whole}{notes}')
        if several:
            print('\n'.join(f'  {robot or "(own)"}: head {head}' for robot, head in found.heads.items()))
    else:
        print('\n'.join(f'{ledger.name}: {problem}' for problem in found.problems))
    return 0 if found.ok else 1
