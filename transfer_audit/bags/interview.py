"""A bag -> all the numbers in it, of whatever messages, for a model that nobody has matched with it yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype

from transfer_audit.bags.blocks import Bag, RawBlock, Topic
from transfer_audit.bags.decode import decode
from transfer_audit.bags.messages import decode_messages, decode_strings
from transfer_audit.bags.reader import open_bag
from transfer_audit.bags.replay import FIRST
from transfer_audit.bags.types import field_width, typestore_of
from transfer_audit.core.errors import AuditError
from transfer_audit.core.fields import Selector, element_names, entries, parse_path
from transfer_audit.core.interview import Mark, Recording, Stream
from transfer_audit.core.types import NS

READ_S = 120.0
"""How much of a bag is looked at."""
DEEPEST = 4
MOST_ENTRIES, MOST_FIELDS = 2000, 40
FARTHEST_S = 60.0
"""A stamp farther than this from when its message arrived is no time of that clock."""
_OURS = frozenset(('shadow', 'divergence', 'gate', 'budget'))
_SYSTEM = frozenset(('rosout', 'parameter_events', 'diagnostics', 'tf', 'tf_static', 'clock', 'robot_description'))
_NUMBERS = ('int8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float32', 'float64', 'uint8')
_TIME = 'builtin_interfaces/msg/Time'
_NO_DATA = frozenset((_TIME, 'std_msgs/msg/Header', 'builtin_interfaces/msg/Duration', 'std_msgs/msg/MultiArrayLayout'))
_CLOCKS = frozenset(('time', 'stamp', 'timestamp'))


def recording_in(path: Path) -> Recording:
    """The first two minutes of a bag: every field of numbers of every topic that is not this package's own.

    :raises BagError: if the bag cannot be read
    """
    with open_bag(path) as bag:
        streams: list[Stream] = []
        marks: list[Mark] = []
        for topic in bag.topics.values():
            if topic.count == 0 or {*topic.name.split('/')} & (_OURS | _SYSTEM):
                continue
            try:
                store = typestore_of(bag, [topic.name])
            except AuditError:
                continue
            block = _block(bag, topic.name)
            if len(block):
                streams += _streams(path, topic, block, store)
                marks += _marks(path, topic, block, store)
        ours = [name for name in bag.topics if not {*name.split('/')} & _OURS]
        return Recording(str(path), tuple(ours), tuple(streams), tuple(marks))


def _block(bag: Bag, topic: str) -> RawBlock:
    span = round(READ_S * NS)
    return next((blocks[topic] for blocks in bag.blocks([topic], bag.start_ns, bag.start_ns + span, span)),
                RawBlock.empty())  # fmt: skip


def _streams(path: Path, topic: Topic, block: RawBlock, store: Any) -> Iterator[Stream]:
    where = f'{path}: {topic.name}'
    head = RawBlock(block.receive_ns[:FIRST], block.data, block.starts[:FIRST], block.sizes[:FIRST])
    messages = [message for _, message in decode_messages(head, topic.type, store, where)]
    stamp = _stamp(topic, block, store, where)
    for field in [*fields_of(topic.type, store)][:MOST_FIELDS]:
        try:
            keys, named = _keys(messages, field)
            if not keys or len(keys) > MOST_ENTRIES:
                continue
            found = decode(block, topic.type, store, Selector(field, stamp, keys), where)
        except AuditError:
            continue
        if len(found) > 1 and np.isfinite(found.values).any():
            names = tuple(map(str, keys)) if named else None
            yield Stream(
                topic.name, topic.type, field, stamp, names, found.receive_ns, found.stamp_ns, found.values
            )  # fmt: skip


def _keys(messages: list[Any], field: str) -> tuple[tuple[str | int, ...], bool]:
    """The entries at a path over some messages: their names if they have them, else their positions."""
    steps = parse_path(field)
    names: dict[str | int, None] = {}
    count = 0
    for message in messages:
        called, rows = element_names(message), len(entries(message, steps))
        if called and len(called) == rows and len(set(called)) == rows:
            names.update(dict.fromkeys(called))
        count = max(count, rows)
    return (tuple(names), True) if names else (tuple(range(count)), False)


def fields_of(msgtype: str, store: Any) -> Iterator[str]:
    """Paths to every number, array of numbers, vector and pose of a message type, in the order of its fields."""
    yield from _paths((Nodetype.NAME, msgtype), '', store, 0)


def _paths(form: Any, path: str, store: Any, depth: int) -> Iterator[str]:
    if form[0] in (Nodetype.ARRAY, Nodetype.SEQUENCE):
        inner = form[1][0]
        if inner[0] == Nodetype.BASE or _whole(inner, store):
            if inner[0] != Nodetype.BASE or inner[1][0] in _NUMBERS:
                yield path
        elif depth < DEEPEST:
            last = path.endswith('points')
            yield from _paths(inner, f'{path}[{"0" if last else "*"}]', store, depth)
    elif form[0] == Nodetype.BASE:
        if form[1][0] in _NUMBERS and path.rpartition('.')[2] not in _CLOCKS:
            yield path
    elif form[1] not in _NO_DATA and depth < DEEPEST:
        if path and _whole(form, store):
            yield path
            return
        for name, child in store.get_msgdef(form[1]).fields:
            yield from _paths(child, f'{path}.{name}' if path else name, store, depth + 1)


def _whole(form: Any, store: Any) -> bool:
    """Vectors and poses are taken as they are: three or seven numbers that belong together."""
    if form[0] != Nodetype.NAME or form[1] in _NO_DATA:
        return False
    names = [name for name, _ in store.get_msgdef(form[1]).fields]
    if names not in (['x', 'y', 'z'], ['position', 'orientation']):
        return False
    try:
        return field_width(form[1], names[0], store, '') in (1, 3)
    except AuditError:
        return False


def _stamp(topic: Topic, block: RawBlock, store: Any, where: str) -> str:
    """`header`, or the path to a time that the messages carry, or `receive` where there is none that is filled."""
    for candidate in _times(topic.type, store):
        number = next(fields_of(topic.type, store), None)
        if number is None:
            break
        try:
            found = decode(block, topic.type, store, Selector(number, candidate, (0,)), where)
        except AuditError:
            continue
        if len(found) and _is_time(found.stamp_ns, found.receive_ns):
            return candidate
    return 'receive'


def _is_time(stamp_ns: Any, receive_ns: Any) -> bool:
    apart = np.abs(receive_ns - stamp_ns) / NS
    moving = len(stamp_ns) < 2 or stamp_ns.max() > stamp_ns.min()
    return bool(np.median(apart) < FARTHEST_S and moving)


def _times(msgtype: str, store: Any) -> Iterator[str]:
    for name, form in store.get_msgdef(msgtype).fields:
        if form[0] == Nodetype.NAME and form[1] == 'std_msgs/msg/Header' and name == 'header':
            yield 'header'
        elif form == (Nodetype.NAME, _TIME) or (
            form[0] == Nodetype.BASE and name in _CLOCKS and form[1][0] in _NUMBERS
        ):
            yield name


def _marks(path: Path, topic: Topic, block: RawBlock, store: Any) -> Iterator[Mark]:
    for name, form in store.get_msgdef(topic.type).fields:
        if form[0] == Nodetype.BASE and form[1][0] == 'string':
            try:
                texts = decode_strings(block, topic.type, store, name, f'{path}: {topic.name}')
            except AuditError:
                continue
            yield Mark(topic.name, topic.type, name, tuple(texts))
