"""Channels beside the joints: forces, slip and the poses of free bodies; and how any channel is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from transfer_audit.core.interview.matching import Matched, match_names, match_positions
from transfer_audit.core.interview.notes import Desk, Draft, Noted, Question
from transfer_audit.core.interview.roles import FORCE, SLIP
from transfer_audit.core.interview.sensing import noise_in, tolerance_for
from transfer_audit.core.interview.streams import Stream, words
from transfer_audit.core.interview.things import Thing, Things
from transfer_audit.core.interview.units import Scale, force_scale
from transfer_audit.core.types import Array, Kind

NONE = 'leave out'


@dataclass(frozen=True)
class Measured:
    """One channel: its stream, what its entries are, and their unit. `why`: how it was told what it is."""

    name: str
    kind: Kind
    stream: Stream
    matched: Sequence[Matched]
    scale: Scale
    unit: str
    why: str = ''

    @property
    def values(self) -> Array:
        """In model units, shape (N, E); of vectors their norm, of poses x, y, z."""
        raw = self.stream.values[:, [self.stream.keys.index(m.key) for m in self.matched]]
        if self.stream.width == 7:
            return np.asarray(raw[:, :, :3].reshape(len(raw), -1))
        return self._scaled(raw[:, :, 0] if raw.shape[2] == 1 else np.linalg.norm(raw, axis=2))

    def modelled(self, raw: Array) -> Array:
        """Raw numbers of all entries of the stream, shape (T, E), as those of the elements in model units."""
        return self._scaled(raw[:, [self.stream.keys.index(m.key) for m in self.matched]])

    def _scaled(self, flat: Array) -> Array:
        scale, offset = ([v[m.key] if isinstance(v, dict) else v for m in self.matched]
                         for v in (self.scale.scale, self.scale.offset))  # fmt: skip
        return np.asarray(flat * np.array(scale) + np.array(offset))


def element_names(
    stream: Stream, found: Sequence[Matched], things: Sequence[Thing], desk: Desk, draft: Draft
) -> list[Matched]:
    """The doubtful matches settled; what matches nothing is asked for, or left out and said."""
    known = {matched.key: matched for matched in found}
    doubtful = [matched for matched in found if not matched.sure]
    if len(doubtful) > 1 and desk.asks:
        listed = ', '.join(f'{m.key} is {m.target}' for m in doubtful)
        answer = desk.settle(Question(f'{stream.topic}: {listed}?', 'yes', ('yes', 'no'), doubtful[0].why))
        if answer.value == 'yes':
            known |= {m.key: Matched(m.key, m.target, f'{m.why}; confirmed', True) for m in doubtful}
    free = [thing.target for thing in things if thing.target not in {m.target for m in found}]
    out = []
    for key in stream.keys:
        matched = known.get(key)
        if matched is None or not matched.sure:
            matched = _settled(stream, key, matched, free, desk, draft)
        if matched is not None:
            out.append(matched)
            free = [name for name in free if name != matched.target]
    return out


def _settled(
    stream: Stream, key: str | int, guess: Matched | None, free: Sequence[str], desk: Desk, draft: Draft
) -> Matched | None:
    """What a person, or the guess, says an entry is; None if it is nothing of the model."""
    best, why = (guess.target, guess.why) if guess else (NONE, 'nothing in the model is called alike')
    choices = tuple(dict.fromkeys([best, *free, NONE]))
    answer = desk.settle(Question(f'{stream.topic}: what of the model is {key!r}?', best, choices, why))
    if answer.value == NONE:
        draft.left_out.append(f'{stream.topic} {key}: {why}; the model has {", ".join(free) or "nothing left"}')
        return None
    return Matched(key, str(answer.value), answer.why, not answer.guessed)


def forces(
    streams: Sequence[Stream],
    used: Sequence[Stream],
    things: Things,
    asked: Sequence[Matched],
    desk: Desk,
    draft: Draft,
) -> dict[str, Measured]:
    """Force and slip channels: what is called so."""
    found: dict[str, Measured] = {}
    for stream in streams:
        kind = _kind(stream)
        if kind is None or any(stream is other for other in used):
            continue
        matched = _tips(stream, kind, things, asked)
        if not matched:
            draft.left_out.append(
                f'{stream.said()}: {kind}, but its entries match no fingertips of the model by name or count; '
                f'name the geom, body or sensor of each in a channel of your own'
            )
            continue
        group = _groups(things, kind)[0]
        settled = element_names(stream, matched, group, desk, draft)
        if settled:
            name = _name(stream, found)
            found[name] = _measured(name, kind, stream, settled, desk)
    return found


def _kind(stream: Stream) -> Kind | None:
    if 'torque' in words(stream.field) or stream.width not in (1, 3) or not np.isfinite(stream.values).any():
        return None
    if SLIP & stream.words:
        return 'slip'
    return 'force' if FORCE & stream.words else None


def _groups(things: Things, kind: Kind) -> list[tuple[Thing, ...]]:
    """What could feel a force; slip needs a geom or body."""
    return [group for group in things.tips if kind == 'force' or group[0].sort != 'sensor'] or [()]


def _tips(stream: Stream, kind: Kind, things: Things, asked: Sequence[Matched]) -> list[Matched]:
    groups = _groups(things, kind)
    if stream.names is not None:
        named = [match_names(stream.names, group) for group in groups]
        best = max(named, key=len, default=[])
        if best:
            return best
    if stream.count == 1:
        return _one_tip(stream, groups, things, asked)
    for group in groups:
        found = match_positions(stream.count, group)
        if found:
            return found
    return []


def _one_tip(
    stream: Stream, groups: Sequence[tuple[Thing, ...]], things: Things, asked: Sequence[Matched]
) -> list[Matched]:
    """A single force: of the finger that its topic names, else of the only finger that is commanded."""
    key = stream.keys[0]
    for group in groups:
        named = [t for t in group if ({*words(t.target)} - FORCE - {'tip', 'body'}) & {*words(stream.topic)}]
        if len(named) == 1:
            return [Matched(key, named[0].target, 'its topic names it', False)]
    if len(groups[0]) == 1 and groups[0][0].sort == 'sensor':
        return [Matched(key, groups[0][0].target, 'the only force sensor of the model', False)]
    joint_of = {actuator.target: actuator.joint for actuator in things.actuators}
    leaves = {leaf for m in asked for leaf in things.below.get(joint_of.get(m.target, ''), ())}
    if len(leaves) != 1:
        return []
    leaf = leaves.pop()
    ends = [thing.target for group in groups for thing in group if leaf in thing.aliases]
    return [Matched(key, [*ends, f'body:{leaf}'][0], 'the end of the only finger that is commanded', False)]


def _measured(name: str, kind: Kind, stream: Stream, matched: Sequence[Matched], desk: Desk) -> Measured:
    if kind == 'slip':
        unit = Scale(1.0, 0.0, 'm/s', 'm/s, as slip is usually given', False)
        return Measured(name, kind, stream, matched, unit, 'm/s', 'by its name')
    scale = force_scale(stream.values, 'wrench' in words(stream.type))
    if not scale.sure:
        question = Question(f'{stream.topic}: newtons for each unit?', f'{scale.scale:g}', (), scale.why)
        answer = desk.settle(question)
        value = scale.scale if answer.value == question.best else float(answer.value)
        scale = Scale(value, 0.0, scale.raw, answer.why, not answer.guessed)
    return Measured(name, kind, stream, matched, scale, 'N', 'by its name')


def bodies(streams: Sequence[Stream], things: Things, desk: Desk, draft: Draft) -> dict[str, Measured]:
    """Poses of free bodies."""
    found: dict[str, Measured] = {}
    for stream in streams:
        if stream.width != 7:
            continue
        free = things.free_bodies
        named = [b for b in free if set(words(b.target)) & (stream.words - {'body', 'pose'})]
        body = named[0] if len(named) == 1 else free[0] if len(free) == 1 and stream.count == 1 else None
        if body is None or stream.count != 1:
            draft.left_out.append(f'{stream.said()}: a pose, but of which body of the model is not known')
            continue
        why = 'its topic names it' if named else 'the only free body of the model'
        key = stream.names[0] if stream.names else body.target.partition(':')[2]
        entry = Matched(stream.keys[0], body.target, why, bool(named))
        settled = element_names(stream, [entry], free, desk, draft)
        if settled:
            name = _name(stream, found)
            named_key = [Matched(key, m.target, m.why, m.sure) for m in settled]
            stream = _renamed(stream, key)
            found[name] = Measured(name, 'pose', stream, named_key, Scale(1.0, 0.0, 'm', '', True), 'm', 'by its type')
    return found


def _renamed(stream: Stream, key: str) -> Stream:
    return Stream(stream.topic, stream.type, stream.field, stream.stamp, (key,), stream.receive_ns, stream.stamp_ns,
                  stream.values)  # fmt: skip


def _name(stream: Stream, taken: dict[str, Measured]) -> str:
    """The last word of the topic; with the one before it where that is taken."""
    parts = [part for part in stream.topic.split('/') if part]
    name = parts[-1]
    if (name in ('wrench', 'force', 'data') and len(parts) > 2) or name in taken or name in ('joints', 'command'):
        name = '_'.join(parts[-2:])
    number = 2
    while name in taken:
        name, number = f'{"_".join(parts[-2:])}_{number}', number + 1
    return name


def noted(measured: Measured, topic: str, why: Noted) -> dict[str, Any]:
    """A channel, or the command, as it stands in the profile."""
    stream, scale = measured.stream, measured.scale
    stamped = 'its messages carry when they were taken' if stream.stamp != 'receive' else (
        'its messages carry no time: when they arrive counts')  # fmt: skip
    out: dict[str, Any] = {
        'kind': Noted(measured.kind),
        'topic': Noted(topic, why.why, why.guessed),
        'type': Noted(stream.type),
        'field': Noted(stream.field),
        'stamp': Noted(stream.stamp, stamped),
        'elements': {m.key: Noted(m.target, m.why, not m.sure) for m in measured.matched},
    }
    if scale.scale != 1.0 or scale.offset != 0.0 or (not scale.sure and measured.kind != 'slip'):
        out['scale'] = Noted(scale.scale, scale.why, not scale.sure)
        out['offset'] = Noted(scale.offset)
    noise, said, sure = noise_in(
        stream.stamp_ns, measured.values, [m.key for m in measured.matched], measured.kind, measured.unit, measured.name
    )
    out['unit'] = Noted(measured.unit, scale.why if 'scale' not in out else '', not scale.sure and 'scale' not in out)
    out['noise'] = Noted(noise, said, not sure)
    out['tolerance'] = Noted(tolerance_for(noise, measured.unit), 'a few times the noise, and what may matter', True)
    return out
