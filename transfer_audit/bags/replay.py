"""A bag as the stream of events that an audit is fed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from transfer_audit.bags.blocks import Bag, RawBlock
from transfer_audit.bags.decode import Decoded, decode
from transfer_audit.bags.messages import decode_messages, decode_strings
from transfer_audit.bags.types import typestore_of
from transfer_audit.core.binding import Binding
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.errors import BagError, FieldError, ProfileError, choices
from transfer_audit.core.fields import Selector, element_names, entries, parse_path
from transfer_audit.core.profile import Command, Key, Source, places_of
from transfer_audit.core.rounds import rounds_from_marks
from transfer_audit.core.types import NS, Columns, Round

SPAN_NS = 10 * NS
"""Bag time that is held in memory at once."""
_OURS = ('shadow', 'divergence', 'gate', 'budget')
FIRST = 20
"""Messages of a topic that are looked at before the work begins."""
ROUND_TYPE = 'diagnostic_msgs/msg/DiagnosticStatus'


def candidates(bag: Bag, name: str) -> list[str]:
    """The topics of a bag that a profile may mean: that very name, or every topic that ends with a relative name.

    What a pilot of this package publishes itself (shadow/…, divergence/…, gate/…) is never meant.
    """
    if name in bag.topics:
        return [name]
    suffix = '/' + name.lstrip('/')
    ending = [topic for topic in bag.topics if topic.endswith(suffix)] if not name.startswith('/') else []
    return sorted(topic for topic in ending if topic.removesuffix(suffix).rpartition('/')[2] not in _OURS)


def find_topic(bag: Bag, name: str) -> str:
    """The one topic of a bag that a profile means.

    :raises BagError: if there is none or more than one
    """
    found = candidates(bag, name)
    if len(found) == 1:
        return found[0]
    if found:
        raise BagError(f'{bag.path}: topic {name!r} could be any of {", ".join(found)}; give the full name')
    raise BagError(f'{bag.path}: no topic {name!r}{choices(name, bag.topics)}')


class Replay:
    """The topics of one bag that a profile speaks of, decoded in stretches of bounded memory."""

    def __init__(self, bag: Bag, binding: Binding) -> None:
        """:raises ProfileError: with every topic, type and element that does not match the bag"""
        self.bag = bag
        self.binding = binding
        self._sources = self._matched()
        used = [topic for topic, _, _ in self._sources]
        marks = self.round_topic()
        self._types = typestore_of(bag, [*dict.fromkeys(used), *([marks] if marks else [])])
        self._check_elements()

    def _matched(self) -> list[tuple[str, Source, ChannelPlan | None]]:
        profile, places = self.binding.profile, places_of(self.binding.profile)
        wanted: list[tuple[tuple[str, ...], Source, ChannelPlan | None]] = [(('command',), profile.command, None)]
        for name, channel in profile.channels.items():
            wanted.append((('channels', name), channel, self.binding.channel(name)))
        problems, found = [], []
        for at, source, plan in wanted:
            if plan is not None and not plan.required and not candidates(self.bag, source.topic):
                continue
            try:
                topic = find_topic(self.bag, source.topic)
            except BagError as error:
                problems.append(places.say((*at, 'topic'), str(error)))
                continue
            described = self.bag.topics[topic]
            if described.type != source.type:
                problems.append(places.say((*at, 'type'), f'{topic} holds {described.type}, not {source.type}'))
            elif described.count == 0:
                problems.append(places.say((*at, 'topic'), f'{self.bag.path}: no message on {topic}'))
            found.append((topic, source, plan))
        if problems:
            raise ProfileError(str(profile.path), problems)
        return found

    def round_topic(self) -> str | None:
        """Where the bag says when rounds begin: the profile's topic, or the round topic of a recorded pilot."""
        spec = self.binding.profile.round
        if spec.topic is not None:
            if not spec.required and not candidates(self.bag, spec.topic):
                return None
            topic = find_topic(self.bag, spec.topic)
            if self.bag.topics[topic].type != spec.type:
                raise BagError(
                    f'{self.bag.path}: {topic} holds {self.bag.topics[topic].type}, not {spec.type} as the round'
                )
            return topic
        found = [t.name for t in self.bag.topics.values() if t.type == ROUND_TYPE and t.name.endswith('/round')]
        return found[0] if len(found) == 1 else None

    def _check_elements(self) -> None:
        """Read the first messages of each topic: what is in none of them is most likely misspelt."""
        problems: list[str] = []
        places = places_of(self.binding.profile)
        for topic, source, plan in self._sources:
            at: tuple[str, ...] = ('command',) if plan is None else ('channels', plan.name)
            try:
                problems += [places.say((*at, 'elements', key), text) for key, text in self._strangers(topic, source)]
                if plan is not None:
                    plan.measured(self._decode(topic, source.selector, source.type, self._first(topic)).values)
            except FieldError as error:
                problems.append(places.say((*at, 'field'), str(error)))
        if problems:
            raise ProfileError(str(self.binding.profile.path), problems)

    def _strangers(self, topic: str, source: Source) -> Iterator[tuple[Key, str]]:
        """The elements that no message holds, each with what there is instead."""
        known: dict[str, None] = {}
        missing = set(source.keys)
        for _, message in decode_messages(self._first(topic), source.type, self._types, self._where(topic)):
            raw = source.selector.values(message)
            missing -= {key for key, row in zip(source.keys, raw, strict=True) if not np.isnan(row).all()}
            count = len(entries(message, parse_path(source.field)))
            known.update(dict.fromkeys(element_names(message) or [str(index) for index in range(count)]))
        for key in source.keys:
            if key in missing:
                yield key, f'not in {topic}, or not a number there{choices(str(key), known)}'

    def _first(self, topic: str) -> RawBlock:
        for blocks in self.bag.blocks([topic], self.bag.start_ns, self.bag.end_ns, SPAN_NS):
            block = blocks[topic]
            if len(block):
                few = slice(FIRST)
                return RawBlock(block.receive_ns[few], block.data, block.starts[few], block.sizes[few])
        raise BagError(f'{self.bag.path}: no message on {topic}')

    def _where(self, topic: str) -> str:
        return f'{self.bag.path}: {topic}'

    def rounds(self) -> list[Round]:
        """The rounds of the bag: from its marks, else the whole bag from where command and poses are both there.

        :raises BagError: if the marks start no round
        """
        topic = self.round_topic()
        if topic is None:
            return [Round(1, self._whole_start_ns(), self.bag.end_ns)]
        found: list[Round] = []
        for blocks in self.bag.blocks([topic], self.bag.start_ns, self.bag.end_ns, self.bag.end_ns - self.bag.start_ns):
            found = self._rounds_in(topic, blocks[topic])
        if not found:
            raise BagError(f'{self.bag.path}: nothing on {topic} starts a round')
        return found

    def _rounds_in(self, topic: str, block: RawBlock) -> list[Round]:
        spec, where = self.binding.profile.round, self._where(topic)
        if spec.topic is None:
            statuses = decode_messages(block, ROUND_TYPE, self._types, where)
            return rounds_from_statuses(({v.key: v.value for v in m.values} for _, m in statuses), self.bag.end_ns)
        values = decode_strings(block, spec.type, self._types, spec.field, where)
        return rounds_from_marks(zip(block.receive_ns.tolist(), values, strict=True), self.bag.end_ns)

    def _whole_start_ns(self) -> int:
        stamps = []
        for topic, source, plan in self._sources:
            if plan is None or plan.kind == 'pose':
                decoded = self._decode(topic, source.selector, source.type, self._first(topic))
                stamps.append(int(decoded.stamp_ns[0]))
        return max(stamps)

    def _decode(self, topic: str, selector: Selector, msgtype: str, block: RawBlock) -> Decoded:
        return decode(block, msgtype, self._types, selector, self._where(topic))

    def stretches(self, start_ns: int, end_ns: int) -> Iterator[tuple[int, list[tuple[ChannelPlan | None, Columns]]]]:
        """Stretches of the bag in order: the time up to which all messages were received, and each source's events."""
        topics = list(dict.fromkeys(topic for topic, _, _ in self._sources))
        until = start_ns
        for blocks in self.bag.blocks(topics, start_ns, end_ns, SPAN_NS):
            until = min(until + SPAN_NS, end_ns)
            yield (
                until,
                [(plan, self._columns(topic, source, plan, blocks[topic])) for topic, source, plan in self._sources],
            )

    def _columns(self, topic: str, source: Source, plan: ChannelPlan | None, block: RawBlock) -> Columns:
        decoded = self._decode(topic, source.selector, source.type, block)
        if plan is not None:
            return Columns(decoded.receive_ns, decoded.stamp_ns, plan.measured(decoded.values))
        assert isinstance(source, Command)
        values = decoded.values[:, :, 0]
        if source.speed is not None:
            speeds = self._decode(topic, Selector(source.speed.field, source.stamp, source.keys), source.type, block)
            values = np.hstack([values, _matching(decoded, speeds)])
        return Columns(decoded.receive_ns, decoded.stamp_ns, values)


def _matching(positions: Decoded, speeds: Decoded) -> Any:
    """The commanded speeds of the messages that command positions; NaN where a message has none."""
    out = np.full(positions.values.shape[:2], np.nan)
    if len(speeds):
        at = np.minimum(np.searchsorted(speeds.receive_ns, positions.receive_ns), len(speeds) - 1)
        same = speeds.receive_ns[at] == positions.receive_ns
        out[same] = speeds.values[at[same], :, 0]
    return out


def rounds_from_statuses(statuses: Iterator[dict[str, str]], end_ns: int) -> list[Round]:
    """Rounds from the values of the statuses that a pilot's ledger publishes: id, state, start_ns, end_ns, success."""
    found: dict[int, Round] = {}
    for values in statuses:
        if not values.get('id', '').isdigit() or not values.get('start_ns', '').isdigit():
            continue
        number, ended = int(values['id']), values.get('end_ns', '')
        success = {'true': True, 'false': False}.get(values.get('success', ''))
        end = int(ended) if ended.isdigit() else end_ns
        found[number] = Round(number, int(values['start_ns']), end, values.get('task', ''), success)
    return sorted(found.values(), key=lambda round_: round_.start_ns)
