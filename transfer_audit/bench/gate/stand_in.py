"""A world in which the bench stands for the policy, the driver and the ledger writer, so that each may err."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from transfer_audit.bench.gate.hand_side import TIP, TOUCH
from transfer_audit.bench.gate.policy import RATE_HZ, command, wave
from transfer_audit.bench.gate.sides import JOINTS
from transfer_audit.bench.gate.world import GATE, World
from transfer_audit.core.types import Array

STIFFNESS = 60.0
"""N per radian by which the last joint is sent past a wall."""


class StandIn(World):
    """Ideal sides: joints are where they are sent, unless there is a wall; the policy moves them on slow sines.

    :param speaks: who does; `change` alters what the policy sends
    :param wall: what the last joint meets, rad; `push` a force that comes from elsewhere, N
    :param lean: the speed at which the policy moves the last joint away from its sine, rad/s
    """

    def __init__(self, folder: Path, **changes: Any) -> None:
        super().__init__(folder, **{'promise': GATE, **changes})
        from diagnostic_msgs.msg import DiagnosticStatus
        from sensor_msgs.msg import JointState
        from std_msgs.msg import Float64MultiArray

        from transfer_audit.nodes.node import COMMANDS, LATCHED

        self.speaks = dict.fromkeys(('policy', 'joints', 'force', 'recorder'), True)
        self.change: Callable[[Any], Any] | None = None
        self.wall, self._stiffness, self.push, self.level = np.inf, STIFFNESS, 0.0, b'\0'
        self.lean = self.leaned = self._played_s = 0.0
        self.touched_ns = 0
        self._recorded: tuple[Array, Array] | None = None
        self.others: list[Any] = []
        self._status, self._array = DiagnosticStatus, Float64MultiArray
        self._policy = self.node.create_publisher(JointState, 'policy_command', COMMANDS)
        self._joints = self.node.create_publisher(JointState, 'joint_states', COMMANDS)
        self._tips = self.node.create_publisher(Float64MultiArray, 'fingertip_force', COMMANDS)
        self._round = self.node.create_publisher(DiagnosticStatus, 'round', LATCHED)
        self.node.create_timer(1.0 / RATE_HZ, self._speak)
        self.start('safety_gate')

    def _speak(self) -> None:
        now_ns = time.time_ns()
        if self.speaks['joints']:
            joints = self.side.joints.copy()
            joints[TIP] = min(joints[TIP], self.wall)
            self.side.measured(now_ns, joints)
            self._joints.publish(command(joints, now_ns))
        if self.speaks['force']:
            self._press(now_ns)
        if self.speaks['recorder']:
            self._round.publish(self._status(level=self.level, name='round', message='the disk is full'))
        if self.speaks['policy']:
            self._command()

    def _press(self, now_ns: int) -> None:
        if self._recorded is None:
            force = self.push + self._stiffness * max(self.side.joints[TIP] - self.wall, 0.0)
        else:
            times, forces = self._recorded
            force = float(forces[max(np.searchsorted(times, time.monotonic() - self._played_s, 'right') - 1, 0)])
        if abs(force) > TOUCH and not self.touched_ns:
            self.touched_ns = now_ns
        self.side.felt(now_ns, force)
        self._tips.publish(self._array(data=[force]))

    def _command(self) -> None:
        now_ns = time.time_ns()
        self.leaned = self.leaned + self.lean / RATE_HZ if self.lean else self.leaned
        position = wave(now_ns)
        position[TIP] += self.leaned
        message = command(position, now_ns)
        message = message if self.change is None else self.change(message)
        if not isinstance(message, bytes):
            self._note(message)
        self._policy.publish(message)

    def _note(self, message: Any) -> None:
        asked: Array = np.array(message.position, np.float64)
        if asked.shape == (JOINTS,):
            stamp = message.header.stamp
            self.side.asked(stamp.sec * 10**9 + stamp.nanosec, asked)

    def touch(self, ahead: float, stiffness: float = STIFFNESS) -> None:
        """The policy closes on a wall so far ahead, rad."""
        self._stiffness, self.touched_ns, self.wall = stiffness, 0, self.side.joints[TIP] + ahead
        self.turn(1.0)

    def turn(self, speed: float) -> None:
        """From where it is the last joint is asked to move at a speed, rad/s."""
        self.lean, self.leaned = speed, float(self.side.joints[TIP] - wave(time.time_ns())[TIP])

    def play(self, times: Array, forces: Array) -> None:
        """The tip reads what another one read, s since now and N, shape (N,)."""
        self._recorded, self._played_s, self.touched_ns = (times, forces), time.monotonic(), 0

    def let_go(self) -> None:
        """No wall, no force, and the policy goes back to its sine."""
        self.wall, self.push, self.lean, self.leaned, self._recorded = np.inf, 0.0, 0.0, 0.0, None
