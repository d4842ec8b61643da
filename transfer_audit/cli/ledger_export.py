"""`transfer-audit ledger export`: all rounds for another tool."""

from __future__ import annotations

import argparse
from pathlib import Path

from transfer_audit.cli.ledger_output import write
from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.export import FORMATS
from transfer_audit.ledger.store import Ledger
from transfer_audit.ledger.tracking import send

MLFLOW = 'mlflow'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument('--format', choices=(*FORMATS, MLFLOW), default='csv', help='default: %(default)s')
    parser.add_argument(
        '--to', metavar='FILE', help='where to (default: standard output); of mlflow the URI of the tracking server'
    )


def export(ledger: Ledger, arguments: argparse.Namespace) -> int:
    """Write all rounds, or send those that are not there yet."""
    to, format_ = arguments.to, arguments.format
    if to is None and format_ in (MLFLOW, 'parquet'):
        what = 'the URI of the tracking server' if format_ == MLFLOW else 'a file'
        raise LedgerError(f'--format {format_} needs --to with {what}')
    rounds = ledger.rounds()
    if format_ == MLFLOW:
        made = send(rounds, to)
        ended = sum(round_.state != 'open' for round_ in rounds)
        print(f'{to}: {made} runs were made, {ended - made} of {ended} rounds were there already')
        return 0
    found = FORMATS[format_](rounds)
    if isinstance(found, str):
        write(to or '-', found)
        return 0
    try:
        Path(to).write_bytes(found)
    except OSError as error:
        raise LedgerError(f'{to}: cannot be written: {error.strerror}') from error
    return 0
