"""Playing a recorded pilot, or the evidence of an audit, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from transfer_audit.bags.blocks import Bag, RawBlock
from transfer_audit.bags.messages import read_message
from transfer_audit.bags.replay import SPAN_NS, candidates
from transfer_audit.bags.types import typestore_of
from transfer_audit.watch.pilot import Pilot
from transfer_audit.watch.topics import REAL, Wanted


def found_in(bag: Bag, topics: Sequence[Wanted]) -> list[Wanted]:
    """The wanted topics that a bag has, under their full names. Evidence stands in for the hand's own topics."""
    found = []
    for each in topics:
        names = _own(bag, each) if each.own else candidates(bag, each.topic)
        if len(names) == 1 and bag.topics[names[0]].type == each.type:
            found.append(replace(each, topic=names[0]))
    if f'/{REAL}' in bag.topics:
        found = [each for each in found if each.own]
        found.append(Wanted(REAL, f'/{REAL}', bag.topics[f'/{REAL}'].type, False, False))
    return found


def _own(bag: Bag, each: Wanted) -> list[str]:
    wanted = '/' + each.topic.lstrip('/')
    return [wanted] if wanted in bag.topics else [name for name in bag.topics if name.endswith(wanted)]


def was_piloted(topics: Sequence[Wanted]) -> bool:
    """Whether a bag holds what a pilot or an audit said, and not the hand alone."""
    return any(each.key == 'divergence/scores' for each in topics)


def frames(bag: Bag, topics: Sequence[Wanted], pilot: Pilot, step_ns: int) -> Iterator[int]:
    """Feed a pilot step by step; the time of the bag after each."""
    names = list(dict.fromkeys(each.topic for each in topics))
    store = typestore_of(bag, names)
    span_ns = max(step_ns, SPAN_NS // step_ns * step_ns)
    begin_ns = bag.start_ns
    for blocks in bag.blocks(names, bag.start_ns, bag.end_ns, span_ns):
        for at_ns in range(begin_ns, min(begin_ns + span_ns, bag.end_ns), step_ns):
            pilot.now_ns = at_ns + step_ns
            for each in topics:
                _feed(pilot, each, blocks[each.topic], at_ns, at_ns + step_ns, store)
            yield pilot.now_ns
        begin_ns += span_ns


def _feed(pilot: Pilot, each: Wanted, block: RawBlock, begin_ns: int, end_ns: int, store: object) -> None:
    """The messages of a step, or the newest of them."""
    first, last = np.searchsorted(block.receive_ns, [begin_ns, end_ns]).tolist()
    for number in range(first if each.every else max(first, last - 1), last):
        message = read_message(block, number, each.type, store, each.topic)
        pilot.take(each.key, message, int(block.receive_ns[number]))
