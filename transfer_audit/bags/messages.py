"""Serialized messages one by one, through the library: the plain reading, and what low-rate topics need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from rosbags.serde import SerdeError

from transfer_audit.bags.blocks import RawBlock
from transfer_audit.bags.layout import LayoutError, locate
from transfer_audit.core.errors import BagError, FieldError
from transfer_audit.core.fields import Selector, element_names, entries, parse_path, walk
from transfer_audit.core.types import Array

_STRAY_PER_EMPTY = 8


def deserialize(raw: memoryview, msgtype: str, typestore: Any) -> Any:
    """One message. Stray bytes that Fast CDR leaves behind empty sequences are cut off.

    :raises SerdeError: if the library refuses it
    """
    try:
        return typestore.deserialize_cdr(raw, msgtype)
    except SerdeError:
        try:
            layout = locate(raw, msgtype, typestore)
        except LayoutError:
            layout = None
        if layout is None or not len(raw) - layout.end <= _STRAY_PER_EMPTY * layout.empty:
            raise
    return typestore.deserialize_cdr(raw[: layout.end], msgtype)


def decode_messages(block: RawBlock, msgtype: str, typestore: Any, where: str) -> Iterator[tuple[int, Any]]:
    """Log time and content of each message, in order.

    :param where: names the file and topic in errors
    :raises BagError: if the library refuses a message
    """
    for number in range(len(block)):
        yield int(block.receive_ns[number]), read_message(block, number, msgtype, typestore, where)


def read_message(block: RawBlock, number: int, msgtype: str, typestore: Any, where: str) -> Any:
    """One message of a block.

    :raises BagError: if the library refuses it
    """
    try:
        return deserialize(block.message(number), msgtype, typestore)
    except SerdeError as error:
        raise BagError(f'{_at(where, block, number)} is no {msgtype}: {error}') from error


def decode_strings(block: RawBlock, msgtype: str, typestore: Any, field: str, where: str) -> list[str]:
    """One text of each message (std_msgs/msg/String: `data`), in order.

    :raises FieldError: if the path does not lead to text
    :raises BagError: if the library refuses a message
    """
    steps = parse_path(field)
    texts = []
    for number, (_, message) in enumerate(decode_messages(block, msgtype, typestore, where)):
        try:
            texts.append(_text(walk(message, steps), field))
        except FieldError as error:
            raise FieldError(f'{_at(where, block, number)}: {error}') from error
    return texts


def _text(leaves: list[Any], field: str) -> str:
    if len(leaves) == 1 and isinstance(leaves[0], str):
        return leaves[0]
    found = type(leaves[0]).__name__ if len(leaves) == 1 else f'{len(leaves)} entries'
    raise FieldError(f'text was expected at {field!r}, found {found}')


def read_row(
    block: RawBlock, number: int, msgtype: str, typestore: Any, selector: Selector, where: str
) -> tuple[int, Array] | None:
    """Stamp and wanted entries, shape (E, W), of one message; None if it holds none of the wanted elements.

    :raises FieldError: if a path of the selector does not fit the message
    :raises BagError: if the library refuses the message
    """
    message = read_message(block, number, msgtype, typestore, where)
    try:
        values = selector.values(message)
        if np.isnan(values).all() and not _holds_any(message, selector):
            return None
        return _stamp_ns(selector, message, int(block.receive_ns[number])), values
    except FieldError as error:
        raise FieldError(f'{_at(where, block, number)}: {error}') from error


def _holds_any(message: Any, selector: Selector) -> bool:
    count = len(entries(message, parse_path(selector.field)))
    return any(index is not None for index in selector.indices(element_names(message), count))


def _stamp_ns(selector: Selector, message: Any, receive_ns: int) -> int:
    try:
        stamp_ns = selector.stamp_ns(message, receive_ns)
    except IndexError as error:
        raise FieldError(f'the stamp {selector.stamp!r} leads to an empty array') from error
    except (ValueError, OverflowError) as error:
        raise FieldError(f'the stamp {selector.stamp!r} is no time: {error}') from error
    if not -(2**63) <= stamp_ns < 2**63:
        raise FieldError(f'the stamp {selector.stamp!r} is no time: {stamp_ns} ns do not fit 64 bits')
    return stamp_ns


def _at(where: str, block: RawBlock, number: int) -> str:
    return f'{where}: message {number} of the stretch (received at {int(block.receive_ns[number])} ns)'
