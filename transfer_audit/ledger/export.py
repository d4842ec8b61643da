"""Rounds as tables for other tools: CSV, JSON lines, Parquet, Markdown."""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any, get_args, get_origin

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.record import RoundRecord
from transfer_audit.ledger.rounds import LedgerRound

COLUMNS = ('state', *(name for name in RoundRecord.model_fields if name not in ('first_divergence', 'document')))
FIRST = ('channel', 'element', 'kind', 'onset_s', 'onset_interval_s')


def iso(time_ns: int) -> str:
    """`2026-01-31T12:00:00.123Z`."""
    moment = datetime.fromtimestamp(time_ns // 1_000_000_000, tz=timezone.utc)
    return f'{moment:%Y-%m-%dT%H:%M:%S}.{time_ns // 1_000_000 % 1000:03d}Z'


def flat(round_: LedgerRound) -> dict[str, Any]:
    """One row: the fields of a record, the first divergence spread out as `first_channel` and so on."""
    known = round_.record or round_.start
    row: dict[str, Any] = {name: None for name in COLUMNS} | known.model_dump(mode='json', exclude={'document'})
    first = row.pop('first_divergence', None) or {}
    row |= {f'first_{name}': first.get(name) for name in FIRST}
    if round_.record is None:
        row |= {'end_ns': round_.end_ns, 'real_success': round_.success, 'reason': round_.reason}
    return row | {'state': round_.state, 'round': round_.number, 'robot': round_.robot}


def columns() -> list[str]:
    """The names of a row, in their order."""
    names = [*COLUMNS, *(f'first_{name}' for name in FIRST)]
    return ['round', 'robot', *(name for name in names if name != 'round')]


def as_csv(rounds: Sequence[LedgerRound]) -> str:
    """A row for each round; mappings and lists as JSON, unknown values empty. The verdict document is left out."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns(), lineterminator='\n')
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in flat(round_).items()} for round_ in rounds)
    return out.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value, sort_keys=True, ensure_ascii=False) if isinstance(value, (dict, list, bool)) else value


def as_jsonl(rounds: Sequence[LedgerRound]) -> str:
    """All that is known of a round, one JSON object a line."""
    return ''.join(json.dumps(round_.as_json(), sort_keys=True, ensure_ascii=False) + '\n' for round_ in rounds)


def as_parquet(rounds: Sequence[LedgerRound]) -> bytes:
    """The rows of the CSV, each column of one type in every file: a success is a number, mappings and lists are JSON.

    :raises LedgerError: if pyarrow is missing
    """
    try:
        arrow: Any = importlib.import_module('pyarrow')
        parquet: Any = importlib.import_module('pyarrow.parquet')
    except ModuleNotFoundError as error:
        raise LedgerError('Parquet needs pyarrow; install transfer_audit[parquet]') from error
    kinds = {name: _kind(name) for name in columns()}
    types = {int: arrow.int64(), float: arrow.float64(), str: arrow.string()}
    rows = [_typed(flat(round_), kinds) for round_ in rounds]
    schema = arrow.schema([(name, types[kind]) for name, kind in kinds.items()])
    out = io.BytesIO()
    parquet.write_table(arrow.Table.from_pylist(rows, schema), out)
    return out.getvalue()


def _kind(name: str) -> type:
    if name == 'first_onset_s':
        return float
    field = RoundRecord.model_fields.get(name)
    if field is None:
        return str
    found = _leaves(field.annotation)
    return float if float in found else int if int in found else str


def _leaves(annotation: Any) -> set[Any]:
    """The types that a value may be, without those inside of mappings and lists."""
    inside = () if get_origin(annotation) in (dict, list, tuple) else get_args(annotation)
    own = annotation if isinstance(annotation, type) else type(annotation)
    return {own}.union(*map(_leaves, inside))


def _typed(row: dict[str, Any], kinds: dict[str, type]) -> dict[str, Any]:
    return {
        name: None if row[name] is None else _cell(row[name]) if kind is str else kind(row[name])
        for name, kind in kinds.items()
    }


HEADINGS = ('round', 'start', 'task', 'verdict', 'first divergence', 'slip sim→real', 'success', 'state')


def summary(round_: LedgerRound) -> tuple[str, ...]:
    """A round as one line of a table, in the order of `HEADINGS`."""
    record = round_.record
    success = round_.success if record is None or record.real_success is None else record.real_success
    first = record.first_divergence if record else None
    return (
        f'{round_.robot}/{round_.number}' if round_.robot else str(round_.number),
        iso(round_.start.start_ns),
        round_.start.task,
        record.verdict if record else '',
        f'{first.kind} at {first.element} ({first.channel}), {first.onset_s:.2f} s' if first else '',
        f'{_share(record.sim_slip_rate)} → {_share(record.real_slip_rate)}' if record else '',
        {True: 'yes', False: 'no'}[success] if isinstance(success, bool) else _share(success),
        round_.state,
    )


def _share(value: float | None) -> str:
    return '–' if value is None else f'{value:.2f}'


def as_markdown(rounds: Sequence[LedgerRound]) -> str:
    """A table for a report or an issue."""
    lines = [HEADINGS, ('---',) * len(HEADINGS), *(summary(round_) for round_ in rounds)]
    return ''.join(f'| {" | ".join(_escaped(cell) for cell in line)} |\n' for line in lines)


def _escaped(cell: str) -> str:
    return cell.replace('\\', '\\\\').replace('|', '\\|').replace('\n', ' ')


FORMATS: dict[str, Callable[[Sequence[LedgerRound]], str | bytes]] = {
    'csv': as_csv,
    'jsonl': as_jsonl,
    'markdown': as_markdown,
    'parquet': as_parquet,
}
