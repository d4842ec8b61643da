"""Writing a bag that every ROS 2 tool opens."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from rosbags.interfaces import Connection
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer, WriterError
from rosbags.typesys import Stores, get_typestore

from transfer_audit.bags.blocks import Topic
from transfer_audit.bags.types import declared, registered
from transfer_audit.core.errors import BagError, UnknownElement, choices

Storage = Literal['mcap', 'sqlite3']
_PLUGINS = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}


class BagWriter:
    """A new bag folder. An error inside its `with` leaves an incomplete bag without metadata.yaml.

    :raises BagError: if something exists at that path, or it cannot be created
    """

    def __init__(self, path: str | Path, storage: Storage = 'mcap', compressed: bool = False) -> None:
        """`compressed`: the chunks of an mcap file by zstd, which every reader of mcap undoes by itself."""
        self.path = Path(path)
        if storage not in _PLUGINS:
            raise BagError(f'{path}: no storage {storage!r}{choices(storage, _PLUGINS)}')
        if self.path.exists():
            raise BagError(f'{path}: exists already, a bag is only written to a new path')
        self.typestore = get_typestore(Stores.ROS2_JAZZY)
        self._connections: dict[str, Connection] = {}
        self._stores: dict[str, Any] = {}
        self._writer = Writer(self.path, version=9, storage_plugin=_PLUGINS[storage])
        if compressed:
            self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        try:
            self._writer.open()
        except (WriterError, OSError) as error:
            raise BagError(f'{path}: cannot be created: {error}') from error

    def add_topic(self, name: str, msgtype: str, definition: str | None = None) -> None:
        """Declare a topic before writing to it.

        :param definition: text of the message type with its dependencies; None for types ROS 2 Jazzy has
        :raises BagError: if the type is unknown, its definition cannot be read or the topic is there already
        """
        if name in self._connections:
            raise BagError(f'{self.path}: the topic {name} is declared already')
        types = declared(str(self.path), Topic(name, msgtype, 0, definition or ''))
        store = self._stores[name] = registered(types, str(self.path))
        self._connections[name] = self._writer.add_connection(name, msgtype, typestore=store)

    def write_raw(self, topic: str, receive_ns: int, raw: bytes | memoryview) -> None:
        """Append a serialized message (CDR with its 4 bytes of encapsulation).

        :raises UnknownElement: if the topic is not declared
        """
        if topic not in self._connections:
            raise UnknownElement(str(self.path), 'topic', topic, self._connections)
        self._writer.write(self._connections[topic], receive_ns, bytes(raw))

    def write(self, topic: str, receive_ns: int, message: Any) -> None:
        """Append a message of a rosbags typestore (`self.typestore` has those of ROS 2 Jazzy).

        :raises UnknownElement: if the topic is not declared
        """
        if topic not in self._connections:
            raise UnknownElement(str(self.path), 'topic', topic, self._connections)
        raw = self._stores[topic].serialize_cdr(message, self._connections[topic].msgtype)
        self._writer.write(self._connections[topic], receive_ns, bytes(raw))

    def close(self) -> None:
        """Finish the bag."""
        self._writer.close()

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._writer.abort()
