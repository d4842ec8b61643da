"""The interview itself: a recording and a model in, a draft out; a person is asked only where it is not sure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from transfer_audit.core.errors import AuditError
from transfer_audit.core.interview.budgets import gate_of, speeds_of
from transfer_audit.core.interview.channels import Measured, bodies, element_names, forces, noted
from transfer_audit.core.interview.matching import Matched
from transfer_audit.core.interview.notes import Ask, Desk, Draft, Noted, Question
from transfer_audit.core.interview.plausible import clock_of, family_of
from transfer_audit.core.interview.rehearsal import delay_of, delay_of_starts
from transfer_audit.core.interview.roles import Role, joint_roles, rematched
from transfer_audit.core.interview.sides import sides
from transfer_audit.core.interview.speeds import SpeedLaw, speed_law
from transfer_audit.core.interview.streams import Recording, Stream, words
from transfer_audit.core.interview.things import Thing, Things
from transfer_audit.core.interview.units import Scale, joint_scale
from transfer_audit.core.types import Array

OUTSIDE = 0.01
"""Parts of its range that a joint must be outside of it to be worth a word."""
PILOT_ROUND = 'diagnostic_msgs/msg/DiagnosticStatus'
"""The round topic of a recorded pilot, which is found without being named."""
ROUND_WORDS = frozenset(['round', 'trial', 'episode', 'task', 'demo'])


def interview(hand: str, model: str, things: Things, recording: Recording, ask: Ask | None = None) -> Draft:
    """Write down what a recording and a model say of a hand.

    :param hand: its name; `model`: the model's file as the profile shall name it
    :param ask: puts questions to a person; None: every guess is taken, and marked
    :raises AuditError: if the recording holds no command, or no joints, of this model
    """
    draft, desk, topics = Draft(), Desk(ask), Topics(recording)
    roles = joint_roles(recording.streams, things)
    command, pose = sides(roles, things, desk, recording)
    asked = _entries(command, pose, things.actuators, things, desk, draft)
    seen = _entries(pose, command, things.joints, things, desk, draft)
    asked_scale, seen_scale = _scales(command, pose, asked, seen, things, desk)
    draft.profile |= {'hand': Noted(hand, 'a name, for reports and the ledger'), 'model': Noted(model)}
    draft.profile['clock'] = clock_of([command.stream, pose.stream], things.step_s)
    draft.left_out += _outside(pose.stream, seen, seen_scale, things)
    commanded = Measured('command', 'pose', command.stream, asked, asked_scale, things.actuators[0].unit)
    joints = Measured('joints', 'pose', pose.stream, seen, seen_scale, things.joints[0].unit)
    law = _speed(commanded, joints, things, recording, desk)
    draft.profile['command'] = _command(commanded, command, topics, law)
    used = [role.stream for role in roles]
    channels = {'joints': joints, **forces(recording.streams, used, things, asked, desk, draft)}
    channels |= bodies(recording.streams, things, desk, draft)
    draft.profile['channels'] = {n: noted(m, topics.of(m.stream), _why(pose, m)) for n, m in channels.items()}
    _unused(draft, recording, [command.stream, *(m.stream for m in channels.values())], used)
    delay = delay_of(things, commanded, joints) if law is None else delay_of_starts(law[0].starts_s)
    draft.profile['family'] = family_of(things, [m.target for m in asked], [m.target for m in seen], channels, delay)
    draft.profile['resync'] = Noted({'on_round_start': True, 'horizon_s': None}, 'the shadow starts on the real joints')
    draft.profile['round'] = _round(recording, topics)
    draft.profile['false_alarms_per_hour'] = Noted(1.0, 'all thresholds follow from it')
    draft.profile['gate'] = gate_of(command.stream, asked, asked_scale, channels, speeds_of(joints))
    draft.profile['ledger'] = Noted('ledger.db')
    return draft


class Topics:
    """How the topics of a recording are named in a profile: without their namespace, where that stays unmistakable."""

    def __init__(self, recording: Recording) -> None:
        self._all = recording.topics

    def of(self, stream: Stream) -> str:
        """The name for a stream's topic."""
        return self.named(stream.topic)

    def named(self, topic: str) -> str:
        """The last part of a topic's name, or all of it where others end likewise."""
        short = topic.rpartition('/')[2]
        same = [other for other in self._all if other.rpartition('/')[2] == short]
        return short if len(same) == 1 and topic.count('/') <= 2 else topic


def _entries(role: Role, other: Role, side: Sequence[Thing], things: Things, desk: Desk, draft: Draft) -> list[Matched]:
    """The elements of one side, doubtful ones settled."""
    found = rematched(role, other, side, things)
    if not found:
        raise AuditError(
            f'{role.stream.topic}: its {role.stream.count} entries match nothing of the model by name, motion or count '
            f'(the model has {", ".join(thing.target for thing in side[:20]) or "nothing of that kind"})'
        )
    return element_names(role.stream, found, side, desk, draft)


def _scales(
    command: Role, pose: Role, asked: Sequence[Matched], seen: Sequence[Matched], things: Things, desk: Desk
) -> tuple[Scale, Scale]:
    """The units of both sides. Registers of both mean the same where one actuator moves one joint."""
    mine, ours = _columns(command.stream, asked), _columns(pose.stream, seen)
    by_name = {thing.target: thing for thing in (*things.joints, *things.actuators)}
    scale = joint_scale(mine, [m.key for m in asked], [by_name[m.target] for m in asked])
    other = joint_scale(ours, [m.key for m in seen], [by_name[m.target] for m in seen])
    if scale.raw == other.raw and not isinstance(scale.scale, dict) and not scale.sure and not other.sure:
        other = replace(other, scale=scale.scale, offset=scale.offset, why=f'as the command: {scale.why}')
    return _asked_scale(command, scale, desk), _asked_scale(pose, other, desk)


def _asked_scale(role: Role, scale: Scale, desk: Desk) -> Scale:
    if scale.sure or isinstance(scale.scale, dict):
        return scale
    topic = role.stream.topic
    found = desk.settle(Question(f'{topic}: what is the scale to model units?', f'{scale.scale:g}', (), scale.why))
    value, offset = float(found.value), scale.offset
    if value != float(f'{scale.scale:g}') and not isinstance(offset, dict):
        offset = float(
            desk.settle(Question(f'{topic}: and the offset?', f'{offset:g}', (), 'model units at raw 0')).value
        )
    else:
        value = scale.scale
    return replace(scale, scale=value, offset=offset, sure=not found.guessed, why=found.why)


def _columns(stream: Stream, matched: Sequence[Matched]) -> Array:
    return stream.values[:, [stream.keys.index(m.key) for m in matched], 0]


def _command(commanded: Measured, role: Role, topics: Topics, law: tuple[SpeedLaw, Noted] | None) -> dict[str, object]:
    out = noted(commanded, topics.of(role.stream), role.note)
    out = {key: value for key, value in out.items() if key not in ('kind', 'unit', 'noise', 'tolerance')}
    if law is None:
        return out
    value = {'field': law[0].field, 'scale': law[0].scale, **({'limit': law[0].limit} if law[0].limit else {})}
    return {**out, 'speed': Noted(value, law[1].why, law[1].guessed)}


def _speed(
    commanded: Measured, joints: Measured, things: Things, recording: Recording, desk: Desk
) -> tuple[SpeedLaw, Noted] | None:
    """The law of a commanded speed, if there is one and nobody objects."""
    joint_of = {thing.target: thing.joint for thing in things.actuators}
    columns = {m.target: joints.stream.keys.index(m.key) for m in joints.matched}
    for matched in commanded.matched:
        column = columns.get(joint_of[matched.target])
        if column is None:
            continue
        entry = commanded.stream.keys.index(matched.key)
        law = speed_law(recording.streams, commanded.stream, entry, joints.stream, column)
        if law is not None:
            found = desk.settle(Question('Does the hand move at its commanded speed?', 'yes', ('yes', 'no'), law.why))
            return (law, found) if found.value == 'yes' else None
    return None


def _why(pose: Role, measured: Measured) -> Noted:
    if measured.stream is pose.stream:
        return pose.note
    return Noted(measured.stream.topic, measured.why, True)


def _round(recording: Recording, topics: Topics) -> Noted:
    """A topic of texts that come and go, or is called as rounds are."""
    for mark in recording.marks:
        named = bool(ROUND_WORDS & set(words(mark.topic)))
        changing = len(set(mark.texts)) > 1 and any(mark.texts)
        if named and changing and mark.type != PILOT_ROUND:
            value = {'topic': topics.named(mark.topic), 'type': mark.type, 'field': mark.field, 'required': False}
            why = f'its texts come and go ({len([t for t in mark.texts if t])} rounds)'
            return Noted(value, why, guessed='' not in mark.texts)
    return Noted({'topic': None}, 'rounds come from the services, or the whole bag is one')


def _outside(stream: Stream, seen: Sequence[Matched], scale: Scale, things: Things) -> list[str]:
    """Joints that were seen where their model cannot go: their stops, or their zero, are elsewhere."""
    values = Measured('joints', 'pose', stream, seen, scale, '').values
    by_name = {thing.target: thing for thing in things.joints}
    found = []
    for column, matched in zip(values.T, seen, strict=True):
        thing, low, high = by_name[matched.target], float(np.nanmin(column)), float(np.nanmax(column))
        past = max(thing.low - low, high - thing.high)
        if past > OUTSIDE * (thing.high - thing.low):
            found.append(
                f'{matched.key} was seen from {low:.3g} to {high:.3g} {thing.unit}, {thing.target} of the model goes '
                f'from {thing.low:.3g} to {thing.high:.3g}: another stop or zero; let jnt_range vary, or correct it'
            )
    return found


def _unused(draft: Draft, recording: Recording, used: Sequence[Stream], alike: Sequence[Stream]) -> None:
    """What a recording holds that the profile does not speak of, one line for each topic."""
    spoken = {stream.topic for stream in used}
    told = ' '.join(draft.left_out)
    for topic in dict.fromkeys(stream.topic for stream in recording.streams):
        if topic in spoken or topic in told:
            continue
        fields = ', '.join(stream.field for stream in recording.streams if stream.topic == topic)
        joints = any(stream.topic == topic for stream in alike)
        why = 'speaks of the joints too' if joints else 'nothing of the model is known to be what it measures'
        draft.left_out.append(f'{topic} ({fields}): {why}')
