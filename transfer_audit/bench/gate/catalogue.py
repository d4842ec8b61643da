"""Every kind of fault that the bench throws at the running gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transfer_audit.bench.gate.faults import JOINTS, NAMES, Fault, World, stamped

ERROR = b'\x02'


def _message(name: str, says: str, change: Callable[[Any], Any]) -> Fault:
    """The policy sends something else."""
    return Fault(
        name, says, lambda world: setattr(world, 'change', change), lambda world: setattr(world, 'change', None)
    )


def _silence(name: str, says: str, side: str) -> Fault:
    return Fault(name, says, lambda w: w.speaks.update({side: False}), lambda w: w.speaks.update({side: True}))


def _with(**fields: Any) -> Callable[[Any], Any]:
    def change(message: Any) -> Any:
        for field, value in fields.items():
            setattr(message, field, value)
        return message

    return change


def _position(value: float) -> Callable[[Any], Any]:
    def change(message: Any) -> Any:
        message.position[3] = value
        return message

    return change


def _another(topic: str) -> Callable[[World], None]:
    def begin(world: World) -> None:
        world.others.append(world.node.create_publisher(_joint_state(), topic, 10))

    return begin


def _joint_state() -> Any:
    from sensor_msgs.msg import JointState

    return JointState


def _gone(world: World) -> None:
    world.node.destroy_publisher(world.others.pop())


def _stop(world: World) -> None:
    world.calls('stop')
    world.hand.may_move = False


def _rearm(world: World) -> None:
    world.hand.may_move = True
    if not world.until(lambda: world.calls('rearm')):
        world.hand.broken.append('the gate could not be rearmed')


def _stop_and_kill(world: World) -> None:
    _stop(world)
    world.kill()


def _pause(world: World) -> None:
    world.calls('pause')


def _resume(world: World) -> None:
    world.calls('resume')


CATALOGUE = (
    _message('NaN', 'j3 is missing or NaN', _position(float('nan'))),
    _message('Inf', 'j3 is infinite', _position(float('inf'))),
    _message('wrong length', 'does not name its', _with(position=[0.0] * 3)),
    _message('unknown names', 'missing or NaN', _with(name=[f'x{n}' for n in range(JOINTS)])),
    _message('duplicate names', 'more than once', _with(name=['j0'] * JOINTS)),
    _message('missing name', 'missing or NaN', _with(name=NAMES[:-1], position=[0.0] * (JOINTS - 1))),
    _message('empty message', 'missing or NaN', lambda message: type(message)()),
    _message('garbage bytes', 'bytes that are no', lambda _: b'\x00\x01\x00\x00' + b'\xff' * 90),
    _message('stamp of the past', 'in the past', lambda message: stamped(message, 5.0)),
    _message('stamp of the future', 'in the future', lambda message: stamped(message, -60.0)),
    _message('out of range', 'is outside', _position(9.0)),
    _message('too fast', 'faster than', _position(1.4)),
    _silence('policy silent', 'no command for', 'policy'),
    _silence('joints silent', 'of channel joints silent', 'joints'),
    _silence('force silent', 'of channel tips silent', 'force'),
    _silence('recorder silent', 'was not heard for', 'recorder'),
    Fault('force NaN', 'of channel tips silent', lambda w: setattr(w, 'force', float('nan')),
          lambda w: setattr(w, 'force', 0.0)),
    Fault('force over budget', 'presses', lambda w: setattr(w, 'force', 5.0), lambda w: setattr(w, 'force', 0.0)),
    Fault('ledger not writable', 'the disk is full', lambda w: setattr(w, 'level', ERROR),
          lambda w: setattr(w, 'level', b'\0')),
    Fault('second hand publisher', 'room for no publisher', _another('hand_command'), _gone),
    Fault('second policy', 'room for 1 publisher', _another('policy_command'), _gone),
    Fault('stop', 'stopped until rearmed', _stop, _rearm),
    Fault('pause', 'paused', _pause, _resume),
    Fault('kill -9', 'passing', World.kill, lambda _: None),
    Fault('stop, then kill -9', 'stopped until rearmed', _stop_and_kill, _rearm),
)  # fmt: skip
