"""The records of an mcap file (https://mcap.dev/spec), as far as an audit needs them."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import lz4.frame
import numpy as np

from transfer_audit.bags.blocks import Bytes

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b'\x89MCAP0\r\n'
FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, CHUNK_INDEX, STATISTICS = 2, 3, 4, 5, 6, 7, 8, 11
FOOTER_SIZE = 9 + 20 + len(MAGIC)
MESSAGE_HEAD = np.dtype(
    [('op', 'u1'), ('length', '<u8'), ('channel', '<u2'), ('sequence', '<u4'), ('log_ns', '<u8'), ('sent_ns', '<u8')]
)
INDEX_ENTRY = np.dtype([('log_ns', '<u8'), ('offset', '<u8')])


class DamagedError(Exception):
    """The bytes are not what the format says; the reader adds the file's name."""


class Record(NamedTuple):
    """Kind of a record and where its content begins and ends."""

    op: int
    start: int
    end: int


class Schema(NamedTuple):
    name: str
    definition: str


class Channel(NamedTuple):
    schema: int
    topic: str
    encoding: str


@dataclass(frozen=True)
class Chunk:
    """A stretch of the file that holds messages; not yet decompressed.

    :param payload: place of the stored bytes in the file, `stored` bytes long, `size` once decompressed
    :param indexes: channel -> place of its message index in the file; None if the file has none for this chunk
    """

    start_ns: int
    end_ns: int
    payload: int
    stored: int
    size: int
    compression: str
    crc: int
    indexes: dict[int, int] | None = field(default=None, compare=False)


def records(data: Bytes, start: int, end: int) -> Iterator[Record]:
    """The records between two places.

    :raises DamagedError: if one reaches over the end
    """
    view = data.data
    while start < end:
        if start + 9 > end:
            raise DamagedError(f'a record is cut off at byte {start}')
        op, length = struct.unpack_from('<BQ', view, start)
        if start + 9 + length > end:
            raise DamagedError(f'the record at byte {start} reaches over the end at byte {end}')
        yield Record(op, start + 9, start + 9 + length)
        start += 9 + length


class Fields:
    """Reads the content of one record, field by field.

    :raises DamagedError: if a field reaches over the end of the record
    """

    def __init__(self, data: Bytes, record: Record) -> None:
        self._view = data.data[record.start : record.end]
        self.place = 0

    def take(self, layout: str) -> tuple[int, ...]:
        try:
            values = struct.unpack_from(layout, self._view, self.place)
        except struct.error as error:
            raise DamagedError(f'a record is too short: {error}') from error
        self.place += struct.calcsize(layout)
        return values

    def raw(self) -> memoryview:
        (length,) = self.take('<I')
        found = self._view[self.place : self.place + length]
        if len(found) != length:
            raise DamagedError(f'a record is too short: {length} bytes were expected, {len(found)} are left')
        self.place += length
        return found

    def text(self) -> str:
        try:
            return bytes(self.raw()).decode()
        except UnicodeDecodeError as error:
            raise DamagedError(f'a name is no text: {error}') from error


def read_schema(data: Bytes, record: Record) -> tuple[int, Schema]:
    fields = Fields(data, record)
    (number,) = fields.take('<H')
    name, encoding = fields.text(), fields.text()
    return number, Schema(name, fields.text() if encoding in ('ros2msg', 'ros2idl', 'omgidl') else '')


def read_channel(data: Bytes, record: Record) -> tuple[int, Channel]:
    fields = Fields(data, record)
    number, schema = fields.take('<HH')
    return number, Channel(schema, fields.text(), fields.text())


def read_chunk(data: Bytes, record: Record, indexes: dict[int, int] | None = None) -> Chunk:
    fields = Fields(data, record)
    start_ns, end_ns, size, crc = fields.take('<QQQI')
    compression = fields.text()
    (stored,) = fields.take('<Q')
    payload = record.start + fields.place
    if payload + stored > record.end:
        raise DamagedError(f'the chunk at byte {record.start} says {stored} bytes, {record.end - payload} are there')
    return Chunk(start_ns, end_ns, payload, stored, size, compression, crc, indexes)


def read_chunk_index(data: Bytes, record: Record) -> tuple[int, dict[int, int]]:
    """Place of the chunk's record in the file, and of its message indexes."""
    fields = Fields(data, record)
    _, _, place, _ = fields.take('<QQQQ')
    return place, dict(struct.iter_unpack('<HQ', fields.raw()))


def read_statistics(data: Bytes, record: Record) -> tuple[dict[int, int], int, int]:
    """Messages of each channel, first and last log time."""
    fields = Fields(data, record)
    *_, start_ns, end_ns = fields.take('<QHIIIIQQ')
    return dict(struct.iter_unpack('<HQ', fields.raw())), start_ns, end_ns


_DECOMPRESS: dict[str, Callable[[memoryview], bytes]] = {'lz4': lz4.frame.decompress, 'zstd': zstd.decompress}


def unpack_chunk(data: Bytes, chunk: Chunk) -> Bytes:
    """The bytes of a chunk, decompressed; a view of `data` if they are stored plainly.

    :raises DamagedError: if they do not decompress, or to something else than the chunk says
    """
    stored = data[chunk.payload : chunk.payload + chunk.stored]
    if not chunk.compression:
        found = stored
    elif chunk.compression in _DECOMPRESS:
        try:
            found = np.frombuffer(_DECOMPRESS[chunk.compression](stored.data), np.uint8)
        except (RuntimeError, zstd.ZstdError) as error:
            raise DamagedError(f'the chunk at byte {chunk.payload} does not decompress: {error}') from error
    else:
        raise DamagedError(f'chunks compressed with {chunk.compression!r} are not known (known: lz4, zstd, none)')
    if len(found) != chunk.size:
        raise DamagedError(f'the chunk at byte {chunk.payload} gives {len(found)} bytes, {chunk.size} were expected')
    if chunk.crc and zlib.crc32(found.data) != chunk.crc:
        raise DamagedError(f'the chunk at byte {chunk.payload} fails its checksum')
    return found
