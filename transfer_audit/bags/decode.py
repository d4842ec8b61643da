"""Serialized messages of one topic -> columns of numbers, many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from transfer_audit.bags.blocks import RawBlock
from transfer_audit.bags.layout import LayoutError
from transfer_audit.bags.messages import read_row
from transfer_audit.bags.template import Flags, Rows, Template, make_template
from transfer_audit.bags.types import field_width
from transfer_audit.core.fields import Selector
from transfer_audit.core.types import Array, Columns, Stamps

MOST_POOR_TEMPLATES = 32
"""After so many layouts that hardly any message shared, the rest is read one by one."""
_WORTH_A_TEMPLATE = 4


@dataclass(frozen=True)
class Decoded:
    """The messages that hold any of the wanted elements, in order of log time.

    :param receive_ns: log times, shape (N,)
    :param stamp_ns: the times the messages speak of, shape (N,)
    :param values: shape (N, E, W): E elements, W numbers each; NaN where a message lacks the element
    """

    receive_ns: Stamps
    stamp_ns: Stamps
    values: Array

    def __len__(self) -> int:
        return len(self.stamp_ns)

    def columns(self) -> Columns:
        """As E * W columns, element by element."""
        return Columns(self.receive_ns, self.stamp_ns, self.values.reshape(len(self), -1))


class _Result:
    """Rows as they become known, in any order."""

    def __init__(self, block: RawBlock, elements: int, width: int) -> None:
        self._receive_ns = block.receive_ns
        self._stamp_ns = np.zeros(len(block), np.int64)
        self._values = np.full((len(block), elements, width), np.nan)
        self._kept: Flags = np.zeros(len(block), np.bool_)

    def put(self, rows: Rows | int, stamp_ns: Stamps | int, values: Array) -> None:
        self._stamp_ns[rows] = stamp_ns
        self._values[rows] = values
        self._kept[rows] = True

    def decoded(self) -> Decoded:
        if self._kept.all():
            return Decoded(self._receive_ns, self._stamp_ns, self._values)
        return Decoded(self._receive_ns[self._kept], self._stamp_ns[self._kept], self._values[self._kept])


def decode(block: RawBlock, msgtype: str, typestore: Any, selector: Selector, where: str) -> Decoded:
    """What `decode_plainly` gives, faster: messages that are laid out alike are read together.

    :param where: names the file and topic in errors
    :raises FieldError: if a path of the selector does not fit the messages
    :raises BagError: if a message is not of this type
    """
    result = _Result(block, len(selector.keys), field_width(msgtype, selector.field, typestore, where))
    rows = np.arange(len(block))
    poor = 0
    while len(rows) and poor < MOST_POOR_TEMPLATES:
        left = _decode_alike(block, rows, msgtype, typestore, selector, where, result)
        poor += len(rows) - len(left) < _WORTH_A_TEMPLATE
        rows = left
    for row in rows.tolist():
        _decode_one(block, row, msgtype, typestore, selector, where, result)
    return result.decoded()


def decode_plainly(block: RawBlock, msgtype: str, typestore: Any, selector: Selector, where: str) -> Decoded:
    """Each message through the library and the selector: what `decode` means.

    :raises FieldError: if a path of the selector does not fit the messages
    :raises BagError: if a message is not of this type
    """
    result = _Result(block, len(selector.keys), field_width(msgtype, selector.field, typestore, where))
    for row in range(len(block)):
        _decode_one(block, row, msgtype, typestore, selector, where, result)
    return result.decoded()


def _decode_one(
    block: RawBlock, row: int, msgtype: str, typestore: Any, selector: Selector, where: str, result: _Result
) -> None:
    found = read_row(block, row, msgtype, typestore, selector, where)
    if found is not None:
        result.put(row, *found)


def _decode_alike(
    block: RawBlock, rows: Rows, msgtype: str, typestore: Any, selector: Selector, where: str, result: _Result
) -> Rows:
    """Decode the first of these rows and all that are laid out like it; give back the others."""
    first = int(rows[0])
    plain = read_row(block, first, msgtype, typestore, selector, where)
    if plain is not None:
        result.put(first, *plain)
    try:
        template = make_template(block.message(first), msgtype, typestore, selector)
    except LayoutError:
        return rows[1:]
    if not _agrees(template, block, first, plain):
        return rows[1:]
    found, stamp_ns, values = template.read(block, rows[block.sizes[rows] == template.size])
    if plain is not None:
        result.put(found, stamp_ns, values)
    left = np.ones(len(block), np.bool_)
    left[found] = False
    return rows[left[rows]]


def _agrees(template: Template, block: RawBlock, row: int, plain: tuple[int, Array] | None) -> bool:
    """Whether the template reads its own message as the library does."""
    found, stamp_ns, values = template.read(block, np.array([row]))
    if not len(found):
        return False
    if plain is None:
        return not template.columns
    return bool(stamp_ns[0] == plain[0]) and np.array_equal(values[0], plain[1], equal_nan=True)
