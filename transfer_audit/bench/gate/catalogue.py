"""Every kind of fault that the bench throws at the running gate."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np

from transfer_audit.bench.gate.graph import Graph
from transfer_audit.bench.gate.hand_side import TIP, TOUCH
from transfer_audit.bench.gate.policy import NAMES
from transfer_audit.bench.gate.sides import JOINTS
from transfer_audit.bench.gate.stand_in import StandIn
from transfer_audit.core.types import NS, Array

ERROR = b'\x02'
PASSES = 'passes'


def _nothing(_: Any) -> None:
    """No more is to be done."""


@dataclass(frozen=True)
class Fault:
    """One kind.

    :param says: the word that must be in the gate's reason, or `PASSES`: commands go on
    :param begin: begins it; returns the time from which its reaction counts, ns, if that is later
    :param holds: nothing may move until it ends
    :param then: what is tried while it lasts; what is wrong then, or empty
    """

    name: str
    says: str
    begin: Callable[[Any], int | None]
    end: Callable[[Any], None] = _nothing
    holds: bool = True
    then: Callable[[Any], str] = lambda _: ''


def _message(name: str, says: str, change: Callable[[Any], Any], holds: bool = True) -> Fault:
    """The policy sends something else."""
    return Fault(name, says, lambda w: setattr(w, 'change', change), lambda w: setattr(w, 'change', None), holds)


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


def _stamped(late_s: float) -> Callable[[Any], Any]:
    def change(message: Any) -> Any:
        """A stamp so much earlier."""
        now_ns = time.time_ns() - round(late_s * NS)
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(now_ns, NS)
        return message

    return change


def _another(topic: str) -> Callable[[StandIn], None]:
    def begin(world: StandIn) -> None:
        from sensor_msgs.msg import JointState

        world.others.append(world.node.create_publisher(JointState, topic, 10))

    return begin


def _gone(world: StandIn) -> None:
    world.node.destroy_publisher(world.others.pop())


# forces


def _touch(world: StandIn) -> int:
    """The policy closes on a wall: the force rises as it would."""
    world.touch(0.05)
    world.until(lambda: world.touched_ns > 0)
    return world.touched_ns


def _push(world: StandIn) -> int:
    """A force at once, from outside, while the policy closes on a wall."""
    world.touch(-0.05, stiffness=0.0)
    world.live(0.06)
    world.push = 5.0
    return time.time_ns()


def _opens_and_closes(world: StandIn) -> str:
    """While a force is over its budget what opens passes; that nothing closes is for the hand side to judge."""
    world.live(0.2)
    closed = world.side.joints[TIP]
    world.turn(-1.0)
    opened = world.until(lambda: bool(world.side.joints[TIP] < closed - 0.02), 3.0)
    world.turn(1.0)
    world.live(0.2)
    return '' if opened else 'what opens was held'


def _let_go(world: StandIn) -> None:
    world.let_go()
    world.until(lambda: 'presses' not in world.said)


def recorded(rounds: Sequence[tuple[Array, Array]]) -> Fault:
    """The forces that a real finger felt, one round after the other, while the policy closes on a wall.

    :param rounds: seconds and N, shape (N,) each
    """
    following = cycle(rounds)

    def begin(world: StandIn) -> int:
        world.touch(-0.05, stiffness=0.0)
        times, forces = next(following)
        world.play(times - times[np.argmax(forces > TOUCH)], forces)
        world.until(lambda: world.touched_ns > 0)
        return world.touched_ns

    return Fault('touch, recorded forces', 'presses', begin, _let_go, holds=False, then=_opens_and_closes)


# stops


def _stop(world: Any) -> None:
    if world.calls('gate/stop'):
        world.side.hold(time.time_ns(), 'stopped')


def _rearm(world: Any) -> None:
    if not world.until(lambda: world.calls('gate/rearm')):
        world.side.broken.append('the gate could not be rearmed')


def _stop_and_kill(world: Any) -> int:
    _stop(world)
    return int(world.restart_gate())


def _kill_gate(world: Any) -> int:
    return int(world.restart_gate())


# deaths


def _death(name: str, says: str, holds: bool = True, then: Callable[[Any], str] = lambda _: '') -> Fault:
    return Fault(f'kill -9 of {name}', says, lambda w: w.kill(name), lambda w: w.start(name), holds, then)


def _goes_on(world: Graph) -> str:
    """Whether commands go on for a second as if nothing had happened."""
    before = world.side.count
    world.live(1.0)
    return '' if world.passes() and world.side.count > before + 20 else 'commands did not go on'


def _all_die(world: Graph) -> int:
    for name in list(world.processes):
        world.kill(name)
    dead_ns = time.time_ns()
    world.start_all()
    return dead_ns


BESIDE = (
    _message('NaN', 'j3 is missing or NaN', _position(float('nan'))),
    _message('Inf', 'j3 is infinite', _position(float('inf'))),
    _message('wrong length', 'does not name its', _with(position=[0.0] * 3)),
    _message('unknown names', 'missing or NaN', _with(name=[f'x{n}' for n in range(JOINTS)])),
    _message('duplicate names', 'more than once', _with(name=['j0'] * JOINTS)),
    _message('missing name', 'missing or NaN', _with(name=NAMES[:-1], position=[0.0] * (JOINTS - 1))),
    _message('empty message', 'missing or NaN', lambda message: type(message)()),
    _message('garbage bytes', 'bytes that are no', lambda _: b'\x00\x01\x00\x00' + b'\xff' * 90),
    _message('stamp of the past', 'in the past', _stamped(5.0)),
    _message('stamp of the future', 'in the future', _stamped(-60.0)),
    _message('out of range', 'is outside', _position(9.0), holds=False),
    _message('too fast', 'faster than', _position(1.4), holds=False),
    _silence('policy silent', 'no command for', 'policy'),
    _silence('joints silent', 'of channel joints silent', 'joints'),
    _silence('force silent', 'of channel tips silent', 'force'),
    _silence('recorder silent', 'was not heard for', 'recorder'),
    Fault('force NaN', 'of channel tips silent', lambda w: setattr(w, 'push', float('nan')),
          StandIn.let_go),
    Fault('touch', 'presses', _touch, _let_go, holds=False, then=_opens_and_closes),
    Fault('force over budget', 'presses', _push, _let_go, holds=False, then=_opens_and_closes),
    Fault('ledger not writable', 'the disk is full', lambda w: setattr(w, 'level', ERROR),
          lambda w: setattr(w, 'level', b'\0')),
    Fault('second hand publisher', 'room for no publisher', _another('hand_command'), _gone),
    Fault('second policy', 'room for 1 publisher', _another('policy_command'), _gone),
    Fault('stop', 'stopped until rearmed', _stop, _rearm),
    Fault('pause', 'paused', lambda w: w.calls('gate/pause') and None, lambda w: w.calls('gate/resume')),
    Fault('kill -9 of the gate', PASSES, _kill_gate, holds=False),
    Fault('stop, then kill -9', 'stopped until rearmed', _stop_and_kill, _rearm),
)  # fmt: skip
"""Where the bench stands for all others."""
AMONG = (
    _death('shadow_sim', 'no word of the divergence'),
    _death('divergence', 'no word of the divergence'),
    _death('ledger_writer', 'was not heard for'),
    _death('hand_emulator', 'silent for'),
    _death('policy', 'no command for'),
    _death('bag_recorder', PASSES, holds=False, then=_goes_on),
    Fault('kill -9 of the gate among all', PASSES, _kill_gate, holds=False),
    Fault('stop, then kill -9 among all', 'stopped until rearmed', _stop_and_kill, _rearm),
    Fault('kill -9 of every node at once', PASSES, _all_die, holds=False),
)
"""Where every node is a process."""
