"""What the gate is held against: nodes that pass a command on and do nothing else."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import JointState

from transfer_audit.nodes.node import COMMANDS, ask_for_priority, executor, spin


class Relay(Node):
    """`<name>/in` to `<name>/out`: the bytes as they came, or message objects as in most tutorials."""

    def __init__(self, name: str, raw: bool) -> None:
        super().__init__(name)
        self._out = self.create_publisher(JointState, f'{name}/out', COMMANDS)
        self.create_subscription(JointState, f'{name}/in', self._pass_on, COMMANDS, raw=raw)

    def _pass_on(self, message: Any) -> None:
        self._out.publish(message)


KINDS: dict[str, tuple[bool, Callable[[], Any]]] = {
    'raw_relay': (True, executor),
    'usual_relay': (False, SingleThreadedExecutor),
}
"""By name: bytes or message objects, and the executor."""


def main() -> None:
    """Run the relay that the first argument names, as the gate is run: same priority, same collector of garbage."""
    ask_for_priority(2)
    rclpy.init()
    name = sys.argv[1]
    raw, make = KINDS[name]
    node = Relay(name, raw)
    gc.collect()
    gc.freeze()
    spin(node, Future(), make)


if __name__ == '__main__':
    main()
