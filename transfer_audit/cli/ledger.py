"""`transfer-audit ledger`: what was recorded, what it adds up to, and whether it is still what was written."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.chain import Head
from transfer_audit.ledger.database import locate
from transfer_audit.ledger.export import FORMATS, HEADINGS, iso, summary
from transfer_audit.ledger.files import sha256_of
from transfer_audit.ledger.intervals import Interval
from transfer_audit.ledger.panels import GROUPS, Panel, gaps
from transfer_audit.ledger.record import RoundRecord, StartRecord
from transfer_audit.ledger.rounds import LedgerRound
from transfer_audit.ledger.simulated import SimOutcome, read_outcomes
from transfer_audit.ledger.store import Ledger
from transfer_audit.ledger.template import read_filled, template
from transfer_audit.ledger.trend import Step, trend

NAME = 'ledger'
HELP = 'list, show, compare, add, verify and export the rounds of a ledger'

PIPE_WIDTH = 200
"""Columns of a table that does not go to a terminal."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verbs under `ledger` and their options."""
    verbs = parser.add_subparsers(dest='ledger_verb', required=True, metavar='VERB')
    _verb(verbs, 'list', 'one line for each round', _list)
    show = _verb(verbs, 'show', 'all that is kept of one round', _show)
    show.add_argument('round', type=int, metavar='N', help='number of the round')
    empty = _verb(verbs, 'template', 'an empty round as YAML, every field explained', None, with_json=False)
    empty.add_argument('--profile', type=Path, metavar='P', help='fill in what this profile says')
    added = _verb(verbs, 'add', 'record a round that was filled in by hand', _add, with_json=False, writes=True)
    added.add_argument('file', type=Path, metavar='FILE', help='see `ledger template`')
    case = _verb(verbs, 'case', 'a failed or diverged round as a folder to be audited again', _case, with_json=False)
    case.add_argument('round', type=int, metavar='N', help='number of the round')
    case.add_argument('--to', type=Path, metavar='FOLDER', help='a new folder (default: case_N)')
    case.add_argument('--model', type=Path, help='MJCF or URDF that replaced the model of the profile in the audit')
    panels = _verb(verbs, 'gaps', 'sim-to-real gaps over the closed rounds', _gaps)
    panels.add_argument('--by', choices=tuple(GROUPS), help='one line for each of these (default: one of all)')
    panels.add_argument('--trend', action='store_true', help='one line for each family, and whether the gaps close')
    brought = _verb(
        verbs,
        'import-sim',
        'bring outcomes of a task panel in any simulator',
        _import,
        with_json=False,
        writes=True,
    )
    brought.add_argument(
        'file', type=Path, metavar='FILE', help=f'CSV, JSON or Parquet with {", ".join(SimOutcome.model_fields)}'
    )
    verify = _verb(verbs, 'verify', 'follow the chain: exit code 0 if it is whole, 1 if it was tampered with', _verify)
    verify.add_argument('--head', metavar='SEQ:SHA256', help='a head that a report printed, to be found in the chain')
    text = 'go on with a ledger whose tail or head was lost; the loss stays on record and `verify` goes on telling it'
    _verb(verbs, 'recover', text, _recover, with_json=False, writes=True)
    export = _verb(verbs, 'export', 'all rounds for another tool', _export, with_json=False)
    export.add_argument('--format', choices=tuple(FORMATS), default='csv', help='default: %(default)s')
    export.add_argument('--to', type=Path, metavar='FILE', help='where to (default: standard output)')


def run(arguments: argparse.Namespace) -> int:
    """Open the ledger, for reading where that is enough, and do what the verb says."""
    if arguments.ledger_run is None:
        return _template(arguments)
    if arguments.ledger_run is _recover and not locate(arguments.ledger).exists():
        raise LedgerError(f'{arguments.ledger}: there is no ledger here; name one with --ledger')
    with Ledger.open(arguments.ledger, not arguments.writes, arguments.ledger_run is _recover) as ledger:
        return int(arguments.ledger_run(ledger, arguments))


def _verb(
    verbs: Any, name: str, text: str, function: Any, with_json: bool = True, writes: bool = False
) -> argparse.ArgumentParser:  # fmt: skip
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    parser.add_argument('--ledger', default='ledger.db', metavar='L', help='the ledger (default: %(default)s)')
    if with_json:
        parser.add_argument('--json', nargs='?', const='-', metavar='OUT', help='as JSON, to a file or - (stdout)')
    parser.set_defaults(ledger_run=function, writes=writes)
    return parser


def _list(ledger: Ledger, arguments: argparse.Namespace) -> int:
    rounds = ledger.rounds()
    if arguments.json:
        _write_json(arguments.json, [round_.as_json() for round_ in rounds])
    else:
        print_rounds(rounds)
    return 0


def print_rounds(rounds: Iterable[LedgerRound]) -> None:
    """One line for each round."""
    _table(HEADINGS, (summary(round_) for round_ in rounds))


def _show(ledger: Ledger, arguments: argparse.Namespace) -> int:
    round_ = ledger.round(arguments.round)
    if arguments.json:
        _write_json(arguments.json, round_.as_json())
    else:
        print('\n'.join(_lines(round_)))
    return 0


def _lines(round_: LedgerRound) -> Iterable[str]:
    """A round for a person: every fact that is known, events last."""
    known = round_.record or round_.start
    yield f'round {round_.number}: {round_.state}' + (f' ({round_.reason})' if round_.reason else '')
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


def _gaps(ledger: Ledger, arguments: argparse.Namespace) -> int:
    if arguments.trend:
        return _trend(ledger, arguments)
    panels = gaps(ledger.rounds(), arguments.by, ledger.simulated())
    if arguments.json:
        _write_json(arguments.json, [panel.as_json() for panel in panels])
    else:
        _table((arguments.by or 'group', *_PANEL_HEADINGS), (_row(panel) for panel in panels))
    return 0


def _trend(ledger: Ledger, arguments: argparse.Namespace) -> int:
    if arguments.by not in (None, 'profile'):
        raise LedgerError(f'--trend goes from family to family, so not by {arguments.by}; leave out --by')
    steps = trend(ledger.rounds(), ledger.simulated())
    if arguments.json:
        _write_json(arguments.json, [step.as_json() for step in steps])
    else:
        _table(('profile', *_PANEL_HEADINGS, 'change of success gap', 'of slip gap'), map(_step_row, steps))
    return 0


def _step_row(step: Step) -> Sequence[str]:
    changes = (
        (step.success_change, step.success_change_interval, step.success_course),
        (step.slip_change, step.slip_change_interval, step.slip_course),
    )
    said = (
        f'{_number(change, interval)} {course}' if change is not None else '–' for change, interval, course in changes
    )
    return (*_row(step.panel), *said)


def _import(ledger: Ledger, arguments: argparse.Namespace) -> int:
    outcomes = read_outcomes(arguments.file)
    ledger.import_simulated(str(arguments.file), sha256_of(arguments.file), outcomes)
    tasks = {round_.start.task for round_ in ledger.rounds()}
    strange = sorted({outcome.task for outcome in outcomes} - tasks)
    more = f'; no round is of {", ".join(map(repr, strange[:3]))}{" and others" if strange[3:] else ""}'
    print(f'{ledger.path}: {len(outcomes)} outcomes are recorded{more if strange else ""}')
    return 0


_PANEL_HEADINGS = (
    'rounds',
    'pairs',
    'success sim',
    'success real',
    'success gap',
    'visible from',
    'slip sim→real',
    'slip gap',
    'visible from',
    'parted first',
)


def _row(panel: Panel) -> Sequence[str]:
    return (
        'all' if panel.group is None else panel.group,
        str(panel.rounds),
        str(max(panel.success_pairs, panel.slip_pairs)),
        _number(panel.sim_success, panel.sim_success_interval),
        _number(panel.real_success, panel.real_success_interval),
        _number(panel.success_gap, panel.success_gap_interval),
        _number(panel.smallest_success_gap),
        f'{_number(panel.sim_slip_rate)} → {_number(panel.real_slip_rate)}',
        _number(panel.slip_gap, panel.slip_gap_interval),
        _number(panel.smallest_slip_gap),
        ', '.join(f'{name} {count}' for name, count in (panel.divergences | panel.elements).items()) or '–',
    )


def _number(value: float | None, interval: Interval | None = None) -> str:
    if value is None:
        return '–'
    return f'{value:.2f}' + (f' [{interval[0]:.2f}, {interval[1]:.2f}]' if interval else '')


def _verify(ledger: Ledger, arguments: argparse.Namespace) -> int:
    found = ledger.verify(Head.parse(arguments.head) if arguments.head else None)
    if arguments.json:
        facts = {'ok': found.ok, 'entries': found.entries, 'head': str(found.head)}
        _write_json(arguments.json, {**facts, 'problems': found.problems, 'notes': found.notes})
    elif found.ok:
        notes = ''.join(f'; {note}, as a crash leaves it' for note in found.notes)
        print(f'{ledger.path}: {found.entries} entries, the chain is whole, head {found.head}{notes}')
    else:
        print('\n'.join(f'{ledger.path}: {problem}' for problem in found.problems))
    return 0 if found.ok else 1


def _template(arguments: argparse.Namespace) -> int:
    if arguments.profile is None:
        print(template(), end='')
        return 0
    from transfer_audit.core.binding import open_hand
    from transfer_audit.ledger.document import start_of

    print(template(start_of(open_hand(arguments.profile), 0)), end='')
    return 0


def _add(ledger: Ledger, arguments: argparse.Namespace) -> int:
    filled = read_filled(arguments.file)
    number = ledger.start(
        StartRecord.model_validate({k: v for k, v in filled.items() if k in StartRecord.model_fields})
    )
    ledger.event(number, 'added by hand', {'file': str(arguments.file), 'sha256': sha256_of(arguments.file)})
    ledger.close(number, RoundRecord.model_validate({**filled, 'round': number}))
    print(f'{ledger.path}: round {number} is recorded')
    return 0


def _case(ledger: Ledger, arguments: argparse.Namespace) -> int:
    from transfer_audit.bags.case import write_case

    round_ = ledger.round(arguments.round)
    if round_.record is None:
        raise LedgerError(
            f'{ledger.path}: round {round_.number} is {round_.state}; a case is made of one that is closed'
        )
    print(write_case(round_.record, arguments.to or Path(f'case_{round_.number}'), arguments.model))
    return 0


def _recover(ledger: Ledger, arguments: argparse.Namespace) -> int:
    left = ledger.abort_open('the ledger was recovered') if ledger.lost else []
    print(f'{ledger.path}: ' + (f'{ledger.lost}; that is on record now' if ledger.lost else 'nothing was lost'))
    if left:
        print(f'{ledger.path}: rounds {left} were left open and are aborted now')
    return 0


def _export(ledger: Ledger, arguments: argparse.Namespace) -> int:
    _write(arguments.to or '-', FORMATS[arguments.format](ledger.rounds()))
    return 0


def _write_json(to: str, value: Any) -> None:
    _write(to, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + '\n')


def _write(to: str | Path, text: str) -> None:
    if str(to) == '-':
        sys.stdout.write(text)
        return
    try:
        Path(to).write_text(text, encoding='utf-8', newline='')
    except OSError as error:
        raise LedgerError(f'{to}: cannot be written: {error.strerror}') from error


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(*headings, box=None, header_style='bold')
    for row in rows:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    Console(width=width, markup=False, highlight=False, emoji=False).print(table)
