"""The gate as a process, and one node that hears what it says and what reaches the hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from transfer_audit.bench.gate.hand_side import HandSide, Promise
from transfer_audit.bench.gate.sides import hand
from transfer_audit.core.types import Array

GATE: dict[str, Any] = {'force_budget': {'tip': 4.0}, 'speed_budget': 6.0, 'stale_s': 0.5, 'ease_in_s': 0.2}
NODE = '-m transfer_audit.nodes.{}'
PATIENCE_S = 20.0


class World:
    """What both benches share. Processes go by the names of their nodes.

    :param promise: what the hand side holds the gate to, the section `gate` of a profile
    :param gate: what the gate is told, if that is something else
    :param code: how Python is told to run the gate
    :param wish: see `HandSide`
    """

    def __init__(
        self, folder: Path, promise: Mapping[str, Any], gate: Mapping[str, Any] | None = None,
        code: Sequence[str] = tuple(NODE.format('safety_gate').split()),
        wish: Callable[[int], Array | None] | None = None, **sections: Any,
    ) -> None:  # fmt: skip
        import rclpy
        from diagnostic_msgs.msg import DiagnosticStatus
        from rclpy.executors import SingleThreadedExecutor
        from sensor_msgs.msg import JointState

        from transfer_audit.nodes.node import COMMANDS

        rclpy.init()
        self.node = rclpy.create_node('fault_bench')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.folder, self.profile = folder, hand(folder, gate=dict(gate or promise), **sections)
        self.side, self._code, self.patience_s = HandSide(Promise.of(promise), wish), tuple(code), PATIENCE_S
        self.said, self.written_ns = '', 0
        self.node.create_subscription(JointState, 'hand_command', self.side.take, COMMANDS)
        self.node.create_subscription(DiagnosticStatus, 'gate/status', self._hear, 10)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def command(self, name: str) -> list[str]:
        """How Python runs a process of this world."""
        given = {'profile': self.profile}
        if name in ('safety_gate', 'ledger_writer'):
            given['ledger'] = self.folder / 'ledger.db'
        words = [word for key, value in given.items() for word in ('-p', f'{key}:={value}')]
        code = list(self._code) if name == 'safety_gate' else NODE.format(name).split()
        return [*code, '--ros-args', *words]

    def start(self, name: str) -> None:
        """Start a process."""
        with (self.folder / f'{name}.log').open('ab') as log:
            command = [sys.executable, *self.command(name)]
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        """kill −9."""
        process = self.processes.pop(name)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    def restart_gate(self) -> int:
        """kill −9 of the gate, and a new one; from when on only that one can be heard, ns."""
        self.kill('safety_gate')
        dead_ns = time.time_ns()
        self.start('safety_gate')
        return dead_ns

    def _hear(self, message: Any, info: Mapping[str, Any]) -> None:
        self.said, self.written_ns = message.message, int(info['source_timestamp'])

    def until(self, condition: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Live on until something is so; whether it came."""
        end = time.monotonic() + (self.patience_s if timeout_s is None else timeout_s)
        while not condition():
            if time.monotonic() > end:
                return False
            self._executor.spin_once(timeout_sec=0.005)
        return True

    def live(self, duration_s: float) -> None:
        """Live on for a while."""
        self.until(lambda: False, duration_s)

    def passes(self) -> bool:
        """Whether commands go through, as the gate says."""
        return self.said.startswith(('passing', 'clamped'))

    def ready(self) -> None:
        """What has to be done between two faults."""

    def recovered(self, since_ns: int) -> bool:
        """Whether everything is as before a fault that ended then: commands reach the hand."""
        return self.side.written_ns > since_ns

    def calls(self, name: str, kind: Any = None, **request: Any) -> bool:
        """Ask a service, of the gate unless the name says more; whether it was done."""
        from std_srvs.srv import Trigger

        kind = kind or Trigger
        client: Any = self.node.create_client(kind, name)
        self.until(client.service_is_ready)
        asked: Any = client.call_async(kind.Request(**request))
        answered = self.until(asked.done, 5.0)
        self.node.destroy_client(client)
        return answered and bool(asked.result().success)

    def close(self) -> None:
        """End everything."""
        import rclpy

        for name in list(self.processes):
            self.kill(name)
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown()
