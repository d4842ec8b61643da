"""A profile changed where it changes: comments, order and layout of everything else stay as they were written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from transfer_audit.core.errors import AuditError

Edit = Callable[[dict[str, Any]], None]
Splice = tuple[int, int, str]
"""A piece of text, from and to, and what replaces it."""


def write_edited(source: Path, target: Path, edit: Edit, model: Path | None = None) -> None:
    """Write a profile that is another one with an edit.

    A relative model stays the same file where the new profile stands in another folder.

    :param edit: changes the profile as plain mappings and lists
    :param model: MJCF or URDF that replaces the model of the profile
    :raises AuditError: if a file cannot be read or written
    """

    def whole(profile: dict[str, Any]) -> None:
        edit(profile)
        found = (source.parent / profile['model'] if model is None else model).resolve()
        if (target.parent / profile['model']).resolve() != found:
            profile['model'] = os.path.relpath(found, target.resolve().parent)

    try:
        target.write_text(edited(source.read_text(encoding='utf-8'), whole), encoding='utf-8')
    except OSError as error:
        raise AuditError(f'{error.filename}: {error.strerror}') from error


def edited(text: str, edit: Edit) -> str:
    """A YAML mapping as text with the entries that an edit changes or adds; it may not take any out."""
    before = yaml.safe_load(text)
    after = deepcopy(before)
    edit(after)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    for start, end, new in sorted(_splices(text, root, before, after), reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _splices(text: str, node: Any, before: dict[Any, Any], after: dict[Any, Any]) -> Iterator[Splice]:
    values = {yaml.safe_load(key.value) if key.style is None else key.value: value for key, value in node.value}
    added = {key: value for key, value in after.items() if key not in before}
    if added:
        yield _added(text, node, added)
    for key, value in after.items():
        if key not in before or before[key] == value:
            continue
        held = values[key]
        if (
            isinstance(held, yaml.MappingNode)
            and isinstance(value, dict)
            and before[key]
            and not before[key].keys() - value.keys()
        ):
            yield from _splices(text, held, before[key], value)
        else:
            yield held.start_mark.index, _end(held), _flow(value)


def _added(text: str, node: Any, added: dict[Any, Any]) -> Splice:
    """New entries behind the last one of a mapping."""
    end = _end(node.value[-1][1])
    if node.flow_style:
        return end, end, ''.join(f', {_flow(key)}: {_flow(value)}' for key, value in added.items())
    line = text.find('\n', end)
    line = len(text) if line < 0 else line
    column = node.start_mark.column
    return line, line, '\n' + '\n'.join(_block(added, column))


def _end(node: Any) -> int:
    """Where the text of a node ends, without what lies between it and the next."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)


def _block(entries: dict[Any, Any], column: int) -> Iterator[str]:
    """A mapping as lines; mappings and lists of plain values stand on one line."""
    for key, value in entries.items():
        if isinstance(value, dict) and any(isinstance(item, (dict, list)) for item in value.values()) and column == 0:
            yield f'{" " * column}{_flow(key)}:'
            yield from _block(value, column + 2)
        else:
            yield f'{" " * column}{_flow(key)}: {_flow(value)}'


def _flow(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).removesuffix('...\n').strip()
