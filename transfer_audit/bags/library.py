"""Bags through the libraries others maintain: `rosbags`, and ROS 2's own `rosbag2_py` where it is installed."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import apsw
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader, ReaderError

from transfer_audit.bags.blocks import RawBlock, Source, Topic, full_type, topic_map
from transfer_audit.bags.mcap_records import zstd
from transfer_audit.core.errors import BagError

_REFUSALS = (ReaderError, OSError, ValueError, EOFError, apsw.Error, zstd.ZstdError)


class LibraryReader(Source, Protocol):
    """A source that opens a whole bag by its path."""

    def __init__(self, path: Path) -> None: ...


class RosbagsReader:
    """A bag folder or file through `rosbags`; reads what rosbag2 compressed with zstd.

    :raises BagError: if rosbags cannot open it
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._reader = Reader(path)
            self._reader.open()
        except _REFUSALS as error:
            raise BagError(f'{path}: {error}') from error
        self.start_ns, self.end_ns = self._reader.start_time, self._reader.end_time
        if not self._reader.message_count:
            self.start_ns = self.end_ns = 0
        self._connections = list(self._reader.connections)
        self.topics: Mapping[str, Topic] = topic_map([_topic(item) for item in self._connections])

    def read(self, topics: Sequence[str], start_ns: int, end_ns: int) -> dict[str, RawBlock]:
        """See `Source.read`."""
        wanted = [item for item in self._connections if item.topic in topics]
        try:
            messages = [
                (item.topic, stamp, bytes(raw)) for item, stamp, raw in self._reader.messages(wanted, start_ns, end_ns)
            ]
        except _REFUSALS as error:
            raise BagError(f'{self.path}: damaged: {error}') from error
        return _blocks(topics, messages)

    def close(self) -> None:
        """Let go of the files."""
        if self._reader.is_open:
            self._reader.close()


def _topic(connection: Connection) -> Topic:
    return Topic(connection.topic, full_type(connection.msgtype), connection.msgcount, connection.msgdef.data)


class Rosbag2Reader:
    """A bag folder or file through `rosbag2_py`, with whatever storage plugins ROS 2 has here.

    A bag that is compressed as a whole file is unpacked by it next to the original.

    :raises BagError: if rosbag2_py cannot open it
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._library = importlib.import_module('rosbag2_py')
        self._reader = self._opened(self._library.SequentialReader())
        metadata = self._reader.get_metadata()
        if metadata.compression_mode.lower() not in ('', 'none'):
            self._reader = self._opened(self._library.SequentialCompressionReader())
        self.start_ns = int(metadata.starting_time.nanoseconds)
        self.end_ns = self.start_ns + int(metadata.duration.nanoseconds) + 1
        if not metadata.message_count:
            self.start_ns = self.end_ns = 0
        self.topics: Mapping[str, Topic] = self._topics(metadata)

    def _opened(self, reader: Any) -> Any:
        storage = self._library.StorageOptions(uri=str(self.path), storage_id='')
        form = self._library.ConverterOptions(input_serialization_format='', output_serialization_format='')
        try:
            reader.open(storage, form)
        except RuntimeError as error:
            raise BagError(f'{self.path}: rosbag2_py cannot open it: {error}') from error
        return reader

    def _topics(self, metadata: Any) -> dict[str, Topic]:
        definitions: dict[str, str] = {}
        if hasattr(self._reader, 'get_all_message_definitions'):
            for found in self._reader.get_all_message_definitions():
                definitions[found.topic_type] = found.encoded_message_definition
        counts = {item.topic_metadata.name: item.message_count for item in metadata.topics_with_message_count}
        return topic_map(
            [
                Topic(item.name, full_type(item.type), counts.get(item.name, 0), definitions.get(item.type, ''))
                for item in self._reader.get_all_topics_and_types()
            ]
        )

    def read(self, topics: Sequence[str], start_ns: int, end_ns: int) -> dict[str, RawBlock]:
        """See `Source.read`."""
        messages = []
        try:
            self._reader.set_filter(self._library.StorageFilter(topics=list(topics)))
            self._reader.seek(start_ns)
            while self._reader.has_next():
                topic, raw, stamp = self._reader.read_next()[:3]
                if stamp >= end_ns:
                    break
                messages.append((topic, stamp, raw))
        except RuntimeError as error:
            raise BagError(f'{self.path}: rosbag2_py cannot read it: {error}') from error
        return _blocks(topics, messages)

    def close(self) -> None:
        """Let go of the files."""
        self._reader = None


def rosbag2_reader() -> type[LibraryReader] | None:
    """The reader over rosbag2_py, or None where ROS 2 does not provide it."""
    return Rosbag2Reader if importlib.util.find_spec('rosbag2_py') else None


def _blocks(topics: Sequence[str], messages: Iterable[tuple[str, int, bytes]]) -> dict[str, RawBlock]:
    stamps: dict[str, list[int]] = {topic: [] for topic in topics}
    raws: dict[str, list[bytes]] = {topic: [] for topic in topics}
    for topic, stamp, raw in messages:
        stamps[topic].append(stamp)
        raws[topic].append(raw)
    return {topic: RawBlock.of(stamps[topic], raws[topic]) for topic in topics}
