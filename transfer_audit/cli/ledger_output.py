"""What the verbs under `ledger` print: tables, and JSON or text to a file or stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from transfer_audit.core.errors import LedgerError

LONG = 1000
"""Rows above which a table is not fitted, which takes ten times as long as to read the rounds."""
PIPE_WIDTH = 200
"""Columns of a table that does not go to a terminal."""


def write_json(to: str, value: Any) -> None:
    """JSON to a file, or - for stdout."""
    write(to, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + '\n')


def write(to: str | Path, text: str) -> None:
    """Text to a file, or - for stdout.

    :raises LedgerError: if the file cannot be written
    """
    if str(to) == '-':
        sys.stdout.write(text)
        return
    try:
        Path(to).write_text(text, encoding='utf-8', newline='')
    except OSError as error:
        raise LedgerError(f'{to}: cannot be written: {error.strerror}') from error


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table as wide as the terminal, or as `PIPE_WIDTH`; a long one as wide as it is."""
    found = [headings, *rows]
    if len(found) > LONG:
        widths = [max(map(len, column)) for column in zip(*found, strict=True)]
        lines = ('  '.join(map(str.ljust, row, widths)).rstrip() for row in found)
        sys.stdout.writelines(f' {line}\n' for line in lines)
        return
    fitted = Table(*headings, box=None, header_style='bold')
    for row in found[1:]:
        fitted.add_row(*row)
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    Console(width=width, markup=False, highlight=False, emoji=False).print(fitted)
