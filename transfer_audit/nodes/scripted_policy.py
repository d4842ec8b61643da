"""The policy and the operator of a demo: a scripted in-hand motion, round after round."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.task import Future
from std_srvs.srv import SetBool, Trigger

from transfer_audit.core.errors import AuditError
from transfer_audit.core.script import script_of
from transfer_audit.core.types import NS, Columns
from transfer_audit.nodes import convert
from transfer_audit.nodes.node import COMMANDS, DATA, EVERY_LATCHED, AuditNode, run

KEYS = ('home', 'grasp', 'turn_left', 'turn_right', 'grasp', 'home')
PEERS = ('safety_gate', 'shadow_sim', 'divergence', 'ledger_writer')
LISTENERS = ('shadow_sim', 'divergence')
"""Peers that are ready once they have heard every topic they listen to."""
SETTLE_S = 0.5


class ScriptedPolicy(AuditNode):
    """Waits until the pilot is up, then for each round: start, move through the keyframes, end, wait for its verdict.

    A round succeeds if no body that a pose channel measures ends further than 3 cm from where it was. With `rounds` 0
    it goes on until it is stopped.
    """

    def __init__(self) -> None:
        super().__init__('scripted_policy')
        self._rounds = int(self.number('rounds', 3))
        self._script = script_of(self.binding, KEYS, self.number('segment_s', 1.0))
        if self.profile.command.type != 'sensor_msgs/msg/JointState':
            raise AuditError(f'the scripted policy speaks sensor_msgs/msg/JointState, not {self.profile.command.type}')
        self._commands = self.create_publisher(
            convert.message_class(self.profile.command.type), 'policy_command', COMMANDS
        )
        self._start: Any = self.create_client(Trigger, 'round/start')
        self._end: Any = self.create_client(SetBool, 'round/end')
        self._phase, self._since_ns, self._done = 'waiting for the pilot', self.now_ns(), 0
        self._ready: set[str] = set()
        self._bodies: dict[str, np.ndarray[Any, Any]] = {}
        self._before: dict[str, np.ndarray[Any, Any]] = {}
        self._state = 'idle'
        self._seen = {plan.name for plan in self.binding.channels if plan.elements[0].sense == 'pose'}
        self.listen_to_hand(self._on_measured, self._seen)
        self.create_subscription(DiagnosticStatus, 'round', self._on_round, EVERY_LATCHED)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, DATA)
        self.create_timer(0.01, self._tick)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        prefix = self.get_namespace().rstrip('/')
        for status in message.status:
            name = status.name.rpartition('/')[2]
            if status.name == f'{prefix}/{name}' and (status.level == DiagnosticStatus.OK or name not in LISTENERS):
                self._ready.add(name)

    def _on_measured(self, channel: str, columns: Columns) -> None:
        self._bodies[channel] = columns.values[0]

    def _on_round(self, message: DiagnosticStatus) -> None:
        self._state, _ = convert.round_of(message)

    def _tick(self) -> None:
        now_ns = self.now_ns()
        elapsed_s = (now_ns - self._since_ns) / NS
        motion_s = elapsed_s if self._phase == 'moving' else 0.0
        self._send(self._script.at(motion_s), now_ns)
        if self._phase == 'waiting for the pilot' and self._ready.issuperset(PEERS) and self._seen <= set(self._bodies):
            self._enter('settling')
        elif self._phase == 'settling' and elapsed_s > SETTLE_S:
            self._enter('starting')
            self._start.call_async(Trigger.Request()).add_done_callback(self._on_started)
        elif self._phase == 'moving' and elapsed_s > self._script.duration_s + SETTLE_S:
            self._enter('ending')
            self._end.call_async(SetBool.Request(data=self._succeeded())).add_done_callback(self._on_ended)
        elif self._phase == 'closing' and self._state in ('closed', 'aborted'):
            self._done += 1
            self._enter('finished' if self._done == self._rounds else 'settling')
        elif self._phase == 'finished':
            self.stop.set_result(None)

    def _send(self, controls: Any, now_ns: int) -> None:
        plan = self.binding.command
        raw = (controls - plan.offset) / plan.scale
        self._commands.publish(convert.joint_state([str(key) for key in self.profile.command.keys], raw, now_ns))

    def _enter(self, phase: str) -> None:
        self._phase, self._since_ns = phase, self.now_ns()

    def _on_started(self, future: Future) -> None:
        response = future.result()
        if response is None or not response.success:
            self.get_logger().error(f'no round: {response.message if response else "no answer"}')
            self._enter('settling')
            return
        self._before = dict(self._bodies)
        self._enter('moving')

    def _on_ended(self, future: Future) -> None:
        self._enter('closing')

    def _succeeded(self) -> bool:
        moved = [np.linalg.norm(self._bodies[name][:3] - before[:3]) for name, before in self._before.items()]
        return all(distance < 0.03 for distance in moved)

    def report(self) -> tuple[str, str, Mapping[str, Any]]:
        """Where the script is."""
        return 'ok', self._phase, {'rounds_done': self._done, 'rounds': self._rounds}


def main() -> None:
    """Entry point."""
    sys.exit(run(ScriptedPolicy))


if __name__ == '__main__':
    main()
