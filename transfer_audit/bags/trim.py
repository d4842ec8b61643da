"""A stretch of a bag as a bag of one round."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path

from transfer_audit.bags.blocks import Bag, RawBlock
from transfer_audit.bags.replay import ROUND_TYPE, Replay
from transfer_audit.bags.writer import BagWriter
from transfer_audit.core.types import NS, Round

PRE_ROLL_NS = NS
"""What came before the round started, where a mark says when that was."""
SPAN_NS = 10 * NS


def trim(replay: Replay, round_: Round, start_ns: int, end_ns: int, to: Path) -> None:
    """Copy every topic from `start_ns` to `end_ns` into a new bag, in which that is the one round.

    :raises BagError: if the bag cannot be read or the new one not be written
    """
    bag, marks = replay.bag, replay.round_topic()
    topics = [topic for topic in bag.topics if topic != marks]
    with BagWriter(to) as writer:
        for name in (*topics, *([marks] if marks else [])):
            writer.add_topic(name, bag.topics[name].type, bag.topics[name].definition or None)
        if marks and bag.topics[marks].type == ROUND_TYPE and replay.binding.profile.round.topic is None:
            _mark(writer, marks, round_, start_ns, end_ns)
        elif marks:
            writer.write_raw(marks, start_ns, _last_before(bag, marks, round_.start_ns))
        since = start_ns - PRE_ROLL_NS if marks else start_ns
        for blocks in bag.blocks(topics, since, end_ns, SPAN_NS):
            for at_ns, name, raw in heapq.merge(*(_messages(name, block) for name, block in blocks.items())):
                writer.write_raw(name, at_ns, raw)


def _messages(name: str, block: RawBlock) -> Iterator[tuple[int, str, bytes]]:
    for number, at_ns in enumerate(block.receive_ns.tolist()):
        yield at_ns, name, bytes(block.message(number))


def _last_before(bag: Bag, topic: str, at_ns: int) -> bytes:
    """The mark that started a round."""
    found = b''
    for blocks in bag.blocks([topic], bag.start_ns, at_ns + 1, bag.end_ns - bag.start_ns):
        if len(blocks[topic]):
            found = bytes(blocks[topic].message(len(blocks[topic]) - 1))
    return found


def _mark(writer: BagWriter, topic: str, round_: Round, start_ns: int, end_ns: int) -> None:
    """A status as the ledger of a pilot publishes it."""
    types = writer.typestore.types
    values = {'id': round_.number, 'state': 'closed', 'task': round_.task, 'start_ns': start_ns, 'end_ns': end_ns}
    if round_.success is not None:
        values['success'] = str(round_.success).lower()
    pairs = [types['diagnostic_msgs/msg/KeyValue'](key, str(value)) for key, value in values.items()]
    writer.write(topic, start_ns, types[ROUND_TYPE](0, 'round', 'closed', '', pairs))
