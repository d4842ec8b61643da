"""A policy as a process of its own: slow sines, stamped when they are made."""

from __future__ import annotations

import signal
from typing import Any

import numpy as np

from transfer_audit.bench.gate.sides import JOINTS
from transfer_audit.core.types import NS, Array

NAMES = [f'j{n}' for n in range(JOINTS)]
RATE_HZ, WIDTH, SPEED = 50.0, 0.3, 1.0


def wave(stamp_ns: int) -> Array:
    """What the policy asks for at a time, shape (JOINTS,), rad."""
    return np.asarray(WIDTH * np.sin(SPEED * (stamp_ns % (1000 * NS)) / NS + np.arange(JOINTS)))


def command(position: Array, stamp_ns: int) -> Any:
    """A command of all joints. An empty last array is serialized with stray bytes by some releases."""
    from sensor_msgs.msg import JointState

    message = JointState(name=NAMES, position=position.tolist(), velocity=[0.0], effort=[0.0])
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, NS)
    return message


def main() -> None:
    """Speak until the process is ended."""
    import time

    import rclpy
    from sensor_msgs.msg import JointState

    from transfer_audit.nodes.node import COMMANDS

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    rclpy.init()
    node = rclpy.create_node('policy')
    commands = node.create_publisher(JointState, 'policy_command', COMMANDS)

    def speak() -> None:
        now_ns = time.time_ns()
        commands.publish(command(wave(now_ns), now_ns))

    node.create_timer(1.0 / RATE_HZ, speak)
    rclpy.spin(node)


if __name__ == '__main__':
    main()
