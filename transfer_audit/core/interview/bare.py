"""A profile from a model alone: the shape of one, with every name of a topic still to be put in."""

from __future__ import annotations

from typing import Any

from transfer_audit.core.errors import AuditError
from transfer_audit.core.interview.budgets import STALE_S
from transfer_audit.core.interview.notes import Draft, Noted
from transfer_audit.core.interview.plausible import clock_of, family_of
from transfer_audit.core.interview.rehearsal import Delay
from transfer_audit.core.interview.sensing import STAND_IN, tolerance_for
from transfer_audit.core.interview.things import Thing, Things

WHY = 'no recording was given; see `ros2 topic list`'


def without_recording(hand: str, model: str, things: Things) -> Draft:
    """Joints by their own names, topics as most drivers call them.

    :raises AuditError: if the model has no actuator that moves a joint
    """
    driven = [actuator for actuator in things.actuators if actuator.joint]
    if not driven:
        raise AuditError(f'{things.path}: no actuator of the model moves a joint; a hand needs some')
    moved = [next(j for j in things.joints if j.target == actuator.joint) for actuator in driven]
    unit = moved[0].unit
    command = _source('hand_command', {a.joint: a.target for a in driven})
    joints: dict[str, Any] = {'kind': Noted('pose'), **_source('joint_states', {j.target: j.target for j in moved})}
    joints |= {'unit': Noted(unit), 'noise': Noted(STAND_IN[unit], 'a usual value', True)}
    joints['tolerance'] = Noted(tolerance_for(STAND_IN[unit], unit), 'a few times the noise, and what may matter', True)
    draft = Draft({'hand': Noted(hand), 'model': Noted(model), 'clock': clock_of([], things.step_s)})
    draft.profile |= {'command': command, 'channels': {'joints': joints}}
    delay = Delay(0.0, 0.04, 'a usual range')
    draft.profile['family'] = family_of(things, [a.target for a in driven], _names(moved), {}, delay)
    draft.profile['gate'] = {'failure_budget': Noted(3), 'stale_s': Noted(STALE_S, 'a usual value', True)}
    draft.profile['ledger'] = Noted('ledger.db')
    draft.left_out.append('forces, slip and poses of objects: `profile new` finds them in a bag')
    return draft


def _source(topic: str, elements: dict[str, str]) -> dict[str, Any]:
    return {
        'topic': Noted(topic, WHY, True),
        'type': Noted('sensor_msgs/msg/JointState', WHY, True),
        'field': Noted('position'),
        'stamp': Noted('header'),
        'elements': {key: Noted(target, 'the model calls it so', True) for key, target in elements.items()},
    }


def _names(things: list[Thing]) -> list[str]:
    return [thing.target for thing in things]
