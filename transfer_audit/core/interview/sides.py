"""Which of several topics is the command and which measures the joints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from transfer_audit.core.errors import AuditError
from transfer_audit.core.interview.notes import Desk, Question
from transfer_audit.core.interview.roles import UPSTREAM, Role, lag_of
from transfer_audit.core.interview.streams import Recording, words
from transfer_audit.core.interview.things import Things

SURE = 3.0
"""The score from which name and motion agree on what a stream is."""


def sides(roles: Sequence[Role], things: Things, desk: Desk, recording: Recording) -> tuple[Role, Role]:
    """Command and measured joints, asked for where name and motion do not agree.

    :raises AuditError: if the recording lacks either
    """
    if not roles:
        known = ', '.join(stream.said() for stream in recording.streams) or 'no numbers'
        raise AuditError(
            f'{recording.name}: nothing in it speaks of the joints or actuators of {things.path} '
            f'(it holds {known}); is this the model of that hand?'
        )
    if len(roles) == 1:
        raise AuditError(
            f'{recording.name}: only {roles[0].stream.said()} speaks of the joints of {things.path}; a profile needs '
            'the command and the measured joints, record both'
        )
    poses = sorted(roles, key=lambda role: (role.score, role.stream.count == 0))
    pose = _chosen('Which topic measures the joints?', poses[0], poses, poses[0].score <= -SURE, desk)
    others = [role for role in roles if role is not pose]
    best = others[0]
    rivals = [role for role in others[1:] if role.score > 0]
    why = ''
    if rivals:
        why = f'; {", ".join(r.stream.topic for r in rivals)} moves first as well, this one comes closer to the hand'
        plain = [role for role in others if role.score > 0 and role.score >= best.score - 1.0]
        best = min(plain, key=lambda role: (-_closeness(role, pose), role.stream.topic))
    command = _chosen('Which topic reaches the hand as its command?', best, others, best.score >= SURE and not rivals,
                      desk, why)  # fmt: skip
    return command, pose


def _closeness(role: Role, pose: Role) -> float:
    """Commands that something still alters come before those that reach the hand: the later, the closer."""
    return -1000.0 * bool(UPSTREAM & {*words(role.stream.topic)}) - lag_of(role, pose)


def _chosen(text: str, best: Role, roles: Sequence[Role], sure: bool, desk: Desk, more: str = '') -> Role:
    names = {_label(role): role for role in roles}
    said = _wordy(best) + best.said + more
    found = desk.settle(Question(text, _label(best), tuple(names), said), sure)
    return replace(names.get(str(found.value), best), note=found)


def _label(role: Role) -> str:
    return f'{role.stream.topic} {role.stream.field}'


def _wordy(role: Role) -> str:
    return 'by its name, and ' if abs(role.score) >= SURE else ''
