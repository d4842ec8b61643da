"""Where the numbers of a serialized message lie (little-endian CDR as ROS 2 writes it, XCDR version 1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype

from transfer_audit.core.fields import NAME_FIELDS

DTYPES = tuple(np.dtype(code) for code in ('?', 'i1', 'u1', '<i2', '<u2', '<i4', '<u4', '<i8', '<u8', '<f4', '<f8'))
_CODES = {
    'bool': 0, 'byte': 1, 'int8': 1, 'char': 2, 'uint8': 2, 'int16': 3, 'uint16': 4, 'int32': 5, 'uint32': 6,
    'int64': 7, 'uint64': 8, 'float32': 9, 'float64': 10,
}  # fmt: skip
_STEP = 16
HEAD = 4


class LayoutError(Exception):
    """The bytes cannot be laid out here: another byte order, an unknown number format, or garbage."""


@dataclass(frozen=True)
class Layout:
    """One message, taken apart.

    :param message: an instance of the message class; strings as they are, every number replaced by its *place*
        (see `place`), so that reading a field of it tells where that field lies in the bytes
    :param fixed: ranges of bytes that decide where everything lies, and the names of elements
    :param end: where the message ends
    :param empty: empty sequences in it, after which some serializers leave stray bytes
    """

    message: Any
    fixed: list[tuple[int, int]]
    end: int
    empty: int


def place(number: float) -> tuple[int, np.dtype[Any]]:
    """Byte offset in the message and format of the number that stands at this place."""
    offset, code = divmod(int(number), _STEP)
    return offset, DTYPES[code]


def locate(raw: memoryview, msgtype: str, typestore: Any) -> Layout:
    """Take a message apart.

    :raises LayoutError: if that cannot be done
    """
    if len(raw) < HEAD or bytes(raw[:2]) != b'\x00\x01':
        raise LayoutError('not little-endian CDR')
    walk = _Walk(raw, typestore)
    message = walk.whole(msgtype)
    return Layout(message, walk.fixed, walk.place, walk.empty)


class _Walk:
    """One pass over the bytes along the type definition."""

    def __init__(self, raw: memoryview, typestore: Any) -> None:
        self._raw = raw
        self._typestore = typestore
        self._naming = False
        self.place = HEAD
        self.fixed: list[tuple[int, int]] = [(0, 2)]
        self.empty = 0

    def whole(self, msgtype: str) -> Any:
        definition = self._typestore.get_msgdef(msgtype)
        values = []
        for name, form in definition.fields:
            self._naming = name in NAME_FIELDS
            values.append(self._field(form))
        return definition.cls(*values)

    def _structure(self, msgtype: str) -> Any:
        definition = self._typestore.get_msgdef(msgtype)
        return definition.cls(*(self._field(form) for _, form in definition.fields))

    def _field(self, form: Any) -> Any:
        kind, what = form
        if kind == Nodetype.NAME:
            return self._structure(what)
        if kind == Nodetype.BASE:
            return self._text() if what[0] == 'string' else self._numbers(what[0], 1)[0].item()
        inner, count = what
        return self._array(inner, count if kind == Nodetype.ARRAY else self._length())

    def _array(self, inner: Any, count: int) -> Any:
        self.empty += count == 0
        if inner[0] == Nodetype.BASE and inner[1][0] != 'string':
            return self._numbers(inner[1][0], count)
        return [self._field(inner) for _ in range(count)]

    def _length(self) -> int:
        start = self._take(4, 1)
        self.fixed.append((start, start + 4))
        (length,) = struct.unpack_from('<I', self._raw, start)
        if length > len(self._raw):
            raise LayoutError(f'a sequence of {length} at byte {start}')
        return int(length)

    def _text(self) -> str:
        length = self._length()
        start = self._take(1, length)
        if length == 0:
            raise LayoutError(f'a string without its end at byte {start}')
        self.fixed.append((start if self._naming else start + length - 1, start + length))
        try:
            return bytes(self._raw[start : start + length - 1]).decode()
        except UnicodeDecodeError as error:
            raise LayoutError(f'no text at byte {start}') from error

    def _numbers(self, name: str, count: int) -> Any:
        if name not in _CODES:
            raise LayoutError(f'numbers of type {name}')
        code = _CODES[name]
        size = DTYPES[code].itemsize
        start = self._take(size, count)
        return (start + np.arange(count, dtype=np.int64) * size) * _STEP + code

    def _take(self, size: int, count: int) -> int:
        """Move over `count` items of `size` bytes each; an item lies at a multiple of its size."""
        if count:
            self.place += -(self.place - HEAD) % size
        start = self.place
        self.place += size * count
        if self.place > len(self._raw):
            raise LayoutError(f'the message ends before byte {self.place}')
        return start
