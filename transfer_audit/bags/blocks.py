"""What every bag gives: topics, and stretches of serialized messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from transfer_audit.core.errors import BagError, UnknownElement
from transfer_audit.core.types import Stamps

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Topic:
    """One topic of a bag.

    :param type: `package/msg/Name`
    :param definition: text of the message type with its dependencies as stored in the bag, '' if there is none
    """

    name: str
    type: str
    count: int
    definition: str


@dataclass(frozen=True)
class RawBlock:
    """Serialized messages of one topic in order of log time, each CDR with its 4 bytes of encapsulation.

    Message i is `data[starts[i]:starts[i] + sizes[i]]`. `data` may be shared between topics, hold bytes of
    other messages too, and be read-only.

    :param receive_ns: log times, shape (N,), never decreasing
    :param data: contiguous bytes, one dimension
    :param starts: places in `data`, shape (N,); `sizes` likewise
    :raises ValueError: if the lengths differ or a message lies outside `data`
    """

    receive_ns: Stamps
    data: Bytes
    starts: Stamps
    sizes: Stamps

    def __post_init__(self) -> None:
        if not len(self.receive_ns) == len(self.starts) == len(self.sizes):
            raise ValueError(f'{len(self.receive_ns)} times, {len(self.starts)} starts, {len(self.sizes)} sizes')
        if len(self.starts) and not (
            self.starts.min() >= 0 and self.sizes.min() >= 0 and (self.starts + self.sizes).max() <= len(self.data)
        ):
            raise ValueError(f'a message lies outside the {len(self.data)} bytes of its block')

    def __len__(self) -> int:
        return len(self.receive_ns)

    def message(self, number: int) -> memoryview:
        """The bytes of one message."""
        start = int(self.starts[number])
        return self.data.data[start : start + int(self.sizes[number])]

    @staticmethod
    def empty() -> RawBlock:
        """No messages."""
        return RawBlock(np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64))

    @staticmethod
    def of(receive_ns: Sequence[int], messages: Sequence[bytes]) -> RawBlock:
        """A block of messages held one by one, sorted by log time."""
        stamps = np.asarray(receive_ns, np.int64).reshape(-1)
        sizes = np.fromiter(map(len, messages), np.int64, len(messages))
        data = np.frombuffer(b''.join(messages), np.uint8)
        order = np.argsort(stamps, kind='stable')
        return RawBlock(stamps[order], data, (np.cumsum(sizes) - sizes)[order], sizes[order])

    @staticmethod
    def merged(blocks: Sequence[RawBlock]) -> RawBlock:
        """Blocks of one topic from several files as one."""
        filled = [block for block in blocks if len(block)]
        if len(filled) < 2:
            return filled[0] if filled else RawBlock.empty()
        bases = np.cumsum([0] + [len(block.data) for block in filled])
        receive_ns = np.concatenate([block.receive_ns for block in filled])
        starts = np.concatenate([block.starts + base for block, base in zip(filled, bases, strict=False)])
        sizes = np.concatenate([block.sizes for block in filled])
        order = np.argsort(receive_ns, kind='stable')
        data = np.concatenate([block.data for block in filled])
        return RawBlock(receive_ns[order], data, starts[order], sizes[order])


class Source(Protocol):
    """One file (or one library's reader) that serves any range of log time."""

    path: Path
    topics: Mapping[str, Topic]
    start_ns: int
    end_ns: int

    def read(self, topics: Sequence[str], start_ns: int, end_ns: int) -> dict[str, RawBlock]:
        """The messages of these of its topics with start_ns <= log time < end_ns.

        :raises BagError: if the file is damaged there
        """

    def close(self) -> None: ...


class Bag(Protocol):
    """A recording. `end_ns` is exclusive: the last log time + 1."""

    path: Path
    topics: Mapping[str, Topic]
    start_ns: int
    end_ns: int

    def blocks(self, topics: Sequence[str], start_ns: int, end_ns: int, span_ns: int) -> Iterator[dict[str, RawBlock]]:
        """Consecutive stretches of log time, each with a block of every asked topic, possibly an empty one.

        :param start_ns: the first log time wanted; times before the bag's own are skipped
        :param end_ns: exclusive; cut to the bag's own end
        :param span_ns: longest stretch, half-open [t, t + span_ns)
        :raises UnknownElement: if the bag has no such topic
        :raises BagError: if a file is damaged
        """

    def close(self) -> None: ...

    def __enter__(self) -> Bag: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ChainedBag:
    """The files of a recording as one bag.

    :raises BagError: if there is not one message in them
    """

    def __init__(self, path: Path, sources: Sequence[Source]) -> None:
        self.path = path
        self._sources = list(sources)
        self.topics: Mapping[str, Topic] = _joined_topics(sources)
        filled = [source for source in sources if source.end_ns > source.start_ns]
        if not filled:
            self.close()
            raise BagError(f'{path}: the bag is empty, it holds not one message')
        self.start_ns = min(source.start_ns for source in filled)
        self.end_ns = max(source.end_ns for source in filled)

    def blocks(self, topics: Sequence[str], start_ns: int, end_ns: int, span_ns: int) -> Iterator[dict[str, RawBlock]]:
        """See `Bag.blocks`."""
        if span_ns <= 0:
            raise ValueError(f'a stretch must last longer than {span_ns} ns')
        for topic in topics:
            if topic not in self.topics:
                raise UnknownElement(str(self.path), 'topic', topic, sorted(self.topics))
        return self._stretches(topics, max(start_ns, self.start_ns), min(end_ns, self.end_ns), span_ns)

    def _stretches(
        self, topics: Sequence[str], start_ns: int, end_ns: int, span_ns: int
    ) -> Iterator[dict[str, RawBlock]]:
        for begin in range(start_ns, end_ns, span_ns):
            yield self._stretch(topics, begin, min(begin + span_ns, end_ns))

    def _stretch(self, topics: Sequence[str], start_ns: int, end_ns: int) -> dict[str, RawBlock]:
        parts: dict[str, list[RawBlock]] = {topic: [] for topic in topics}
        for source in self._sources:
            own = [topic for topic in parts if topic in source.topics]
            if own and source.start_ns < end_ns and start_ns < source.end_ns:
                for topic, block in source.read(own, start_ns, end_ns).items():
                    parts[topic].append(block)
        return {topic: RawBlock.merged(blocks) for topic, blocks in parts.items()}

    def close(self) -> None:
        """Let go of the files. Blocks already handed out stay valid."""
        for source in self._sources:
            source.close()

    def __enter__(self) -> ChainedBag:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def merged_topic(first: Topic, second: Topic) -> Topic:
    """The same topic seen twice. Two types on one topic give a type that nothing declares, so using it fails."""
    definition = first.definition or second.definition
    if first.type == second.type:
        return Topic(first.name, first.type, first.count + second.count, definition)
    both = ' and '.join(sorted({*first.type.split(' and '), *second.type.split(' and ')}))
    return Topic(first.name, both, first.count + second.count, '')


def full_type(name: str) -> str:
    """`package/Name` as `package/msg/Name`; anything else as it is."""
    return name.replace('/', '/msg/') if name.count('/') == 1 else name


def topic_map(topics: Sequence[Topic]) -> dict[str, Topic]:
    """Topics by name; what is recorded twice under one name is merged."""
    found: dict[str, Topic] = {}
    for topic in topics:
        found[topic.name] = merged_topic(found[topic.name], topic) if topic.name in found else topic
    return found


def _joined_topics(sources: Sequence[Source]) -> dict[str, Topic]:
    return topic_map([topic for source in sources for topic in source.topics.values()])
