"""A draft as YAML with its comments, as a person would write it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import yaml

from transfer_audit.core.interview.notes import Draft, Noted

WIDTH = 110
"""Comments that would end behind this column stand on the line above."""


def text_of(draft: Draft, heading: str) -> str:
    """The whole file. `heading` stands above everything, each line a comment."""
    out = [f'# {line}' for line in heading.splitlines()]
    out += _lines(draft.profile, 0)
    if draft.left_out:
        out += ['', '# Left out, or worth a look:', *(f'#   {line}' for line in draft.left_out)]
    return '\n'.join(out) + '\n'


def _lines(part: dict[Any, Any], indent: int) -> Iterator[str]:
    for key, value in part.items():
        start = f'{" " * indent}{flow(key)}:'
        if isinstance(value, Noted):
            yield from _line(f'{start} {flow(value.value)}', value.comment, indent)
        else:
            yield start
            yield from _lines(value, indent + 2)


def _line(text: str, comment: str, indent: int) -> Iterator[str]:
    if not comment:
        yield text
    elif len(text) + len(comment) + 4 <= WIDTH:
        yield f'{text}   # {comment}'
    else:
        yield f'{" " * indent}# {comment}'
        yield text


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, float) and math.isfinite(value) and value == round(value) and abs(value) < 1e6:
        return f'{value:.1f}'
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).removesuffix('...\n').strip()
