"""rosbag2's sqlite3 files, read directly: one query a stretch, blobs joined into one buffer."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from transfer_audit.bags.blocks import Bytes, RawBlock, Topic, full_type, topic_map
from transfer_audit.core.errors import BagError
from transfer_audit.core.types import Stamps

_TABLES = {'topics', 'messages'}
_MAPPED_BYTES = 1 << 28
_SCATTERED = 4


class SqliteFile:
    """A .db3 file, opened read-only.

    :param counts: messages of each topic where that is known; counting them reads the whole file
    :raises BagError: if it is no rosbag2 database or is damaged
    """

    def __init__(self, path: Path, counts: Mapping[str, int] | None = None) -> None:
        self.path = path
        self._connection = self._connect()
        try:
            self._check_tables()
            self._query(f'PRAGMA mmap_size = {_MAPPED_BYTES}')
            self._ids = self._topic_ids()
            self.topics: Mapping[str, Topic] = self._topics(counts)
            self.start_ns, self.end_ns = self._extent()
        except BagError:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        try:
            uri = f'{self.path.resolve().as_uri()}?mode=ro'
            return sqlite3.connect(uri, uri=True, check_same_thread=False)
        except sqlite3.Error as error:
            raise BagError(f'{self.path}: sqlite cannot open it: {error}') from error

    def _query(self, sql: str, values: Sequence[int] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, values).fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, fact: str) -> BagError:
        return BagError(f'{self.path}: a damaged or foreign sqlite3 bag file: {fact}')

    def _check_tables(self) -> None:
        found = {name for (name,) in self._query("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not found >= _TABLES:
            raise BagError(
                f'{self.path}: no rosbag2 file: the tables {", ".join(sorted(_TABLES))} were expected, '
                f'it has {", ".join(sorted(found)) or "none"}'
            )

    def _extent(self) -> tuple[int, int]:
        """First log time, and last + 1; (0, 0) without messages."""
        first, last = self._query('SELECT min(timestamp), max(timestamp) FROM messages')[0]
        if first is None:
            return 0, 0
        if not (isinstance(first, int) and isinstance(last, int)):
            raise self._damaged(f'a log time that is no number: {first!r}, {last!r}')
        return first, last + 1

    def _topic_ids(self) -> dict[str, list[int]]:
        ids: dict[str, list[int]] = {}
        for number, name in self._query('SELECT id, name FROM topics ORDER BY id'):
            ids.setdefault(name, []).append(number)
        return ids

    def _topics(self, counts: Mapping[str, int] | None) -> dict[str, Topic]:
        if counts is None:
            sql = 'SELECT name, count(*) FROM messages JOIN topics ON topics.id = topic_id GROUP BY name'
            counts = dict(self._query(sql))
        definitions = self._definitions()
        if self._query("SELECT 1 FROM topics WHERE typeof(name) != 'text' OR typeof(type) != 'text' LIMIT 1"):
            raise self._damaged('a topic without name or type')
        found = topic_map(
            [
                Topic(name, full_type(kind), 0, definitions.get(kind, ''))
                for name, kind in self._query('SELECT name, type FROM topics ORDER BY id')
            ]
        )
        return {name: replace(topic, count=counts.get(name, 0)) for name, topic in found.items()}

    def _definitions(self) -> dict[str, str]:
        if not self._query("SELECT 1 FROM sqlite_master WHERE name = 'message_definitions'"):
            return {}
        return dict(self._query('SELECT topic_type, encoded_message_definition FROM message_definitions'))

    def read(self, topics: Sequence[str], start_ns: int, end_ns: int) -> dict[str, RawBlock]:
        """See `Source.read`."""
        numbers = [number for topic in topics for number in self._ids[topic]]
        rows = self._rows(numbers, start_ns, end_ns)
        if not rows:
            return {topic: RawBlock.empty() for topic in topics}
        topic_ids, receive_ns, sizes, data = self._joined(rows)
        starts = np.cumsum(sizes) - sizes
        found = {}
        for topic in topics:
            places = np.flatnonzero(np.isin(topic_ids, self._ids[topic]))
            places = places[np.argsort(receive_ns[places], kind='stable')]
            found[topic] = RawBlock(receive_ns[places], data, starts[places], sizes[places])
        return found

    def _joined(self, rows: Sequence[tuple[Any, ...]]) -> tuple[Stamps, Stamps, Stamps, Bytes]:
        """Topic ids, log times and sizes of these rows, and all their bytes in one buffer."""
        ids, stamps, blobs = zip(*rows, strict=True)
        try:
            data = np.frombuffer(b''.join(blobs), np.uint8)
            sizes = np.fromiter(map(len, blobs), np.int64, len(blobs))
            return np.array(ids, np.int64), np.array(stamps, np.int64), sizes, data
        except (TypeError, ValueError, OverflowError) as error:
            raise self._damaged(f'a message without bytes or time: {error}') from error

    def _rows(self, numbers: Sequence[int], start_ns: int, end_ns: int) -> list[tuple[Any, ...]]:
        """Topic id, log time and bytes, in order of row or of time.

        A recorder appends rows nearly in order of time, so a range of rows is read in one go, which takes half as
        long as looking each row up through the index of times; a merged bag is read through the index.
        """
        first, last, count = self._query(
            'SELECT min(id), max(id), count(*) FROM messages WHERE timestamp >= ? AND timestamp < ?',
            (start_ns, end_ns),
        )[0]
        if not count:
            return []
        if first is None:
            raise self._damaged('its index of times lists rows that are not there')
        sql = f'SELECT topic_id, timestamp, data FROM messages WHERE +topic_id IN ({", ".join(map(str, numbers))}) '
        if last - first < _SCATTERED * count:
            sql += 'AND +timestamp >= ? AND +timestamp < ? AND id BETWEEN ? AND ? ORDER BY id'
            return self._query(sql, (start_ns, end_ns, first, last))
        sql += 'AND timestamp >= ? AND timestamp < ? ORDER BY timestamp, id'
        return self._query(sql, (start_ns, end_ns))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
