"""mcap files, read directly: message indexes say where messages lie, numpy gathers their heads."""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from transfer_audit.bags import mcap_records as form
from transfer_audit.bags.blocks import Bytes, RawBlock, Topic, full_type, topic_map
from transfer_audit.bags.mcap_gather import Index, Located, check_heads, located_block
from transfer_audit.core.errors import BagError


class McapFile:
    """An .mcap file, mapped into memory; only chunks that are asked for are touched.

    :raises BagError: if it is no mcap file, ends early or is damaged
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._map = _mapped(path)
        self._data: Bytes = np.frombuffer(self._map, np.uint8)
        self._schemas: dict[int, form.Schema] = {}
        self._channels: dict[int, form.Channel] = {}
        self._chunks: list[form.Chunk] = []
        self._statistics: tuple[dict[int, int], int, int] | None = None
        self._unpacked: dict[form.Chunk, Bytes] = {}
        self._scanned: dict[form.Chunk, dict[int, Index]] = {}
        try:
            self._read_layout()
            counts, self.start_ns, self.end_ns = self._extent()
        except form.DamagedError as error:
            raise BagError(f'{path}: a damaged mcap file: {error}') from error
        self.topics: Mapping[str, Topic] = self._topics(counts)

    def _read_layout(self) -> None:
        data, size = self._data, len(self._data)
        footer = size - form.FOOTER_SIZE
        if data[:8].tobytes() != form.MAGIC:
            raise form.DamagedError(f'it begins with {data[:8].tobytes()!r}, {form.MAGIC!r} was expected')
        if footer < 8 or data[-8:].tobytes() != form.MAGIC or data[footer] != form.FOOTER:
            raise form.DamagedError(
                f'it ends early, after {size} bytes without a footer (the recorder was killed or the copy is '
                'incomplete); `mcap recover` repairs it'
            )
        (summary,) = form.Fields(data, form.Record(form.FOOTER, footer + 9, footer + 29)).take('<Q')
        if summary and not 8 <= summary <= footer:
            raise form.DamagedError(f'its footer points to a summary at byte {summary} of {size}')
        if not (summary and self._read_summary(summary, footer)):
            self._read_data(summary or footer)

    def _read_summary(self, start: int, end: int) -> bool:
        """Take the layout from the summary; False if it does not tell enough."""
        for record in form.records(self._data, start, end):
            if record.op == form.CHUNK_INDEX:
                place, indexes = form.read_chunk_index(self._data, record)
                self._add_chunk(place, start, indexes)
            elif record.op == form.STATISTICS:
                self._statistics = form.read_statistics(self._data, record)
            else:
                self._add_declaration(self._data, record)
        wanted = {channel for chunk in self._chunks for channel in chunk.indexes or ()}
        counted = set(self._statistics[0]) if self._statistics else set()
        known = wanted | counted <= set(self._channels)
        return bool(known and self._chunks and all(chunk.indexes for chunk in self._chunks))

    def _add_chunk(self, place: int, end: int, indexes: dict[int, int]) -> None:
        record = next(form.records(self._data, place, end), None)
        if record is None or record.op != form.CHUNK:
            raise form.DamagedError(f'its summary points to a chunk at byte {place}, there is none')
        self._chunks.append(form.read_chunk(self._data, record, indexes))

    def _read_data(self, end: int) -> None:
        """Take the layout from the data section, record by record."""
        self._chunks, self._statistics = [], None
        for record in form.records(self._data, 8, end):
            if record.op == form.CHUNK:
                self._scan(form.read_chunk(self._data, record))
            else:
                self._add_declaration(self._data, record)
        self._scan(form.Chunk(0, 0, 8, end - 8, end - 8, '', 0))

    def _scan(self, chunk: form.Chunk) -> None:
        """Index a chunk that has no index of its own."""
        found: dict[int, list[tuple[int, int]]] = {}
        content = form.unpack_chunk(self._data, chunk)
        for record in form.records(content, 0, len(content)):
            if record.op == form.MESSAGE:
                channel, _, log_ns = form.Fields(content, record).take('<HIQ')
                found.setdefault(channel, []).append((log_ns, record.start - 9))
            else:
                self._add_declaration(content, record)
        if not found:
            return
        times = [log_ns for entries in found.values() for log_ns, _ in entries]
        chunk = replace(chunk, start_ns=min(times), end_ns=max(times))
        self._chunks.append(chunk)
        self._scanned[chunk] = {channel: np.array(entries, form.INDEX_ENTRY) for channel, entries in found.items()}

    def _add_declaration(self, data: Bytes, record: form.Record) -> None:
        if record.op == form.SCHEMA:
            number, schema = form.read_schema(data, record)
            self._schemas[number] = schema
        elif record.op == form.CHANNEL:
            number, channel = form.read_channel(data, record)
            self._channels[number] = channel

    def _extent(self) -> tuple[dict[int, int], int, int]:
        """Messages of each channel, first log time, and last + 1."""
        if self._statistics is None:
            counts: dict[int, int] = {}
            for chunk in self._chunks:
                for channel in self._channels:
                    counts[channel] = counts.get(channel, 0) + len(self._index(chunk, channel))
            starts = [chunk.start_ns for chunk in self._chunks]
            self._statistics = counts, min(starts, default=0), max((c.end_ns for c in self._chunks), default=0)
        counts, start_ns, end_ns = self._statistics
        return (counts, start_ns, end_ns + 1) if sum(counts.values()) else (counts, 0, 0)

    def _topics(self, counts: dict[int, int]) -> dict[str, Topic]:
        unknown = form.Schema('', '')
        topics = []
        for number, channel in sorted(self._channels.items()):
            schema = self._schemas.get(channel.schema, unknown)
            topics.append(Topic(channel.topic, full_type(schema.name), counts.get(number, 0), schema.definition))
        return topic_map(topics)

    def _index(self, chunk: form.Chunk, channel: int) -> Index:
        """Log times and places inside the chunk of one channel's messages."""
        if chunk.indexes is None:
            return self._scanned[chunk].get(channel, np.empty(0, form.INDEX_ENTRY))
        if channel not in chunk.indexes:
            return np.empty(0, form.INDEX_ENTRY)
        place = chunk.indexes[channel]
        record = next(form.records(self._data, place, len(self._data)), None)
        if record is None or record.op != form.MESSAGE_INDEX:
            raise form.DamagedError(f'a message index was expected at byte {place}, there is none')
        fields = form.Fields(self._data, record)
        (owner,) = fields.take('<H')
        entries = fields.raw()
        if owner != channel or len(entries) % form.INDEX_ENTRY.itemsize:
            raise form.DamagedError(f'the message index at byte {place} is not that of channel {channel}')
        return np.frombuffer(entries, form.INDEX_ENTRY)

    def read(self, topics: Sequence[str], start_ns: int, end_ns: int) -> dict[str, RawBlock]:
        """See `Source.read`."""
        numbers = {
            topic: [number for number, channel in self._channels.items() if channel.topic == topic] for topic in topics
        }
        self._check_encoding(numbers)
        try:
            return self._read(numbers, start_ns, end_ns)
        except form.DamagedError as error:
            raise BagError(f'{self.path}: a damaged mcap file: {error}') from error

    def _check_encoding(self, numbers: Mapping[str, Sequence[int]]) -> None:
        for topic, channels in numbers.items():
            for channel in channels:
                encoding = self._channels[channel].encoding
                if encoding != 'cdr':
                    raise BagError(f'{self.path}: {topic} is encoded as {encoding!r}, cdr was expected')

    def _read(self, numbers: Mapping[str, Sequence[int]], start_ns: int, end_ns: int) -> dict[str, RawBlock]:
        self._map.madvise(mmap.MADV_DONTNEED)  # what was read is not kept resident: memory stays flat on long bags
        wanted = {number for channels in numbers.values() for number in channels}
        chunks = [chunk for chunk in self._chunks if self._concerns(chunk, wanted, start_ns, end_ns)]
        data, bases = self._contents(chunks)
        self._unpacked = {c: content for c, content in self._unpacked.items() if c.end_ns >= end_ns}
        found = {}
        for topic, channels in numbers.items():
            parts = [
                self._gathered(data, base, chunk, channel, start_ns, end_ns)
                for chunk, base in zip(chunks, bases, strict=True)
                for channel in channels
            ]
            found[topic] = located_block(data, parts)
        return found

    def _concerns(self, chunk: form.Chunk, wanted: set[int], start_ns: int, end_ns: int) -> bool:
        if not (chunk.start_ns < end_ns and start_ns <= chunk.end_ns):
            return False
        held = self._scanned[chunk] if chunk.indexes is None else chunk.indexes
        return not wanted.isdisjoint(held)

    def _contents(self, chunks: Sequence[form.Chunk]) -> tuple[Bytes, list[int]]:
        """One buffer with all these chunks, and where each begins in it."""
        for chunk in chunks:
            if chunk not in self._unpacked:
                self._unpacked[chunk] = form.unpack_chunk(self._data, chunk)
        if not any(chunk.compression for chunk in chunks):
            return self._data, [chunk.payload for chunk in chunks]
        contents = [self._unpacked[chunk] for chunk in chunks]
        bases = np.cumsum([0] + [len(content) for content in contents])[:-1].tolist()
        return (contents[0] if len(contents) == 1 else np.concatenate(contents)), bases

    def _gathered(self, data: Bytes, base: int, chunk: form.Chunk, channel: int, start_ns: int, end_ns: int) -> Located:
        index = self._index(chunk, channel)
        log_ns, offsets = index['log_ns'].astype(np.int64), index['offset'].astype(np.int64)
        if start_ns > chunk.start_ns or end_ns <= chunk.end_ns:
            inside = (log_ns >= start_ns) & (log_ns < end_ns)
            log_ns, offsets = log_ns[inside], offsets[inside]
        if len(offsets) and (offsets.min() < 0 or offsets.max() + form.MESSAGE_HEAD.itemsize > chunk.size):
            raise form.DamagedError(f'an index points outside the chunk at byte {chunk.payload}')
        places = offsets + base
        check_heads(data, places, base + chunk.size, channel, log_ns)
        return Located(log_ns, places)

    def close(self) -> None:
        """Forget what is unpacked. The file stays mapped as long as blocks of it are in use."""
        self._unpacked = {}
        self._data = np.empty(0, np.uint8)


def _mapped(path: Path) -> mmap.mmap:
    try:
        with path.open('rb') as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise BagError(f'{path}: cannot be read: {error}') from error
