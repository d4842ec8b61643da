"""Outcomes of the same task panel in any simulator: read from a table, and laid beside the rounds of the hand."""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.record import Facts, RoundRecord, Share, Success, difference

KEYS = ('task', 'seed', 'policy', 'hand', 'profile_sha256')
"""What tells task instances apart; an outcome is one of every round that has the values it states."""
PANEL = 'sim_panel'
"""The event that keeps them in a ledger."""


class SimOutcome(Facts):
    """How a task instance went in simulation: one trial, or the share of several."""

    task: str
    seed: int | None = None
    policy: str | None = None
    hand: str | None = None
    profile_sha256: str | None = None
    success: Success | None = None
    slip_rate: Share | None = None


def read_outcomes(path: Path) -> list[SimOutcome]:
    """A table of outcomes: CSV, JSON (a list, or an object a line) or Parquet, by the name's ending.

    :raises LedgerError: naming row and column, if it cannot be read
    """
    if not path.is_file():
        raise LedgerError(f'{path}: there is no such file')
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise LedgerError(f'{path}: cannot tell the format; expected a name that ends with {", ".join(_READERS)}')
    try:
        rows = reader(path)
    except OSError as error:
        raise LedgerError(f'{path}: cannot be read: {error.strerror or error}') from error
    except (ValueError, csv.Error) as error:
        raise LedgerError(f'{path}: is no {path.suffix[1:].upper()}: {" ".join(str(error).split())}') from error
    if not rows:
        raise LedgerError(f'{path}: holds no outcomes')
    return [_outcome(f'{path}: row {number}', row) for number, row in enumerate(rows, 1)]


def _outcome(where: str, row: Any) -> SimOutcome:
    if not isinstance(row, dict):
        raise LedgerError(f'{where}: is no object with the columns {", ".join(SimOutcome.model_fields)}')
    try:
        found = SimOutcome.model_validate({key: value for key, value in row.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise LedgerError(
            f'{where}: {first["loc"][0]}: {first["msg"]}; columns are {", ".join(SimOutcome.model_fields)}'
        ) from error
    if found.success is None and found.slip_rate is None:
        raise LedgerError(f'{where}: has neither success nor slip_rate')
    return found


def _csv(path: Path) -> list[Any]:
    table = csv.DictReader(io.StringIO(path.read_text(encoding='utf-8-sig')), restkey='a column without a name')
    return [{key: _cell(key, text) for key, text in row.items()} for row in table]


def _cell(column: str, text: Any) -> Any:
    """Numbers and truths as such; task, policy and the other names stay the text they are."""
    if text == '' or not isinstance(text, str):
        return text or None
    if column not in ('seed', 'success', 'slip_rate'):
        return text
    truth = {'true': True, 'yes': True, 'false': False, 'no': False}.get(text.strip().lower())
    if truth is not None:
        return truth
    return int(text) if column == 'seed' else float(text)


def _json(path: Path) -> list[Any]:
    text = path.read_text(encoding='utf-8')
    if text.lstrip().startswith('['):
        return list(json.loads(text))
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _parquet(path: Path) -> list[Any]:
    try:
        parquet: Any = importlib.import_module('pyarrow.parquet')
    except ModuleNotFoundError as error:
        raise LedgerError(
            f'{path}: Parquet needs pyarrow; install transfer_audit[parquet], or export the table as CSV'
        ) from error
    return list(parquet.read_table(path).to_pylist())


_READERS = {'.csv': _csv, '.json': _json, '.jsonl': _json, '.parquet': _parquet}


def with_outcomes(records: Sequence[RoundRecord], outcomes: Sequence[SimOutcome]) -> list[RoundRecord]:
    """The records with the simulated side that was imported for their task instance, where there is one."""
    table: dict[tuple[Any, ...], list[SimOutcome]] = {}
    for outcome in outcomes:
        table.setdefault(tuple(getattr(outcome, name) for name in KEYS), []).append(outcome)
    stated = {tuple(value is not None for value in key) for key in table}
    return [_with(record, table, stated) for record in records] if table else list(records)


def _with(
    record: RoundRecord, table: dict[tuple[Any, ...], list[SimOutcome]], stated: set[tuple[bool, ...]]
) -> RoundRecord:
    values = [getattr(record, name) for name in KEYS]
    found: list[SimOutcome] = []
    for mask in stated:
        found += table.get(tuple(value if so else None for value, so in zip(values, mask, strict=True)), [])
    if not found:
        return record
    success, slip = _mean(one.success for one in found), _mean(one.slip_rate for one in found)
    sides: dict[str, Any] = {}
    if success is not None:
        sides |= {'sim_success': success, 'success_gap': difference(success, record.real_success)}
    if slip is not None:
        sides |= {'sim_slip_rate': slip, 'slip_gap': difference(record.real_slip_rate, slip)}
    return record.model_copy(update=sides)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return float(np.mean(known)) if known else None
