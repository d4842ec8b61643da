"""Lets commands through within budget. Every decision is taken by `core.gate.Gate`. Not a certified safety device."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from std_msgs.msg import Float64
from std_srvs.srv import Trigger

from transfer_audit.core.errors import FieldError
from transfer_audit.core.gate import Decision, Gate
from transfer_audit.core.types import Columns, to_ns
from transfer_audit.nodes import convert
from transfer_audit.nodes.latch import FileLatch
from transfer_audit.nodes.node import COMMANDS, EVERY_LATCHED, AuditNode, run

RECORDER_SILENT_S = 3.0


class SafetyGate(AuditNode):
    """Between `policy_command` and the topic of the hand: converts, asks the gate, publishes."""

    def __init__(self) -> None:
        super().__init__('safety_gate')
        ledger = self.text('ledger') or self.profile.ledger
        self._gate = Gate(self.binding, FileLatch(Path(f'{ledger}.stop')))
        self._command = self.profile.command
        self._last_message: Any = None
        self._recorder_ns: int | None = None
        self._running: int | None = None
        self._named: tuple[str, str, str] | None = None
        msgtype = convert.message_class(self._command.type)
        self._hand = self.create_publisher(msgtype, self._command.topic, COMMANDS)
        self._status = self.create_publisher(DiagnosticStatus, 'gate/status', 10)
        self._budgets = {
            name: self.create_publisher(Float64, f'gate/budget/{name}', 10) for name in ('force', 'speed', 'failures')
        }
        self.listen_to_hand(self._on_measured, self._gate.watched)
        self.create_subscription(DiagnosticStatus, 'divergence/first', self._on_divergence, EVERY_LATCHED)
        self.create_subscription(DiagnosticStatus, 'round', self._on_round, EVERY_LATCHED)
        self.create_service(Trigger, 'gate/stop', self._on_stop)
        self.create_service(Trigger, 'gate/rearm', self._on_rearm)
        self.create_timer(min(0.05, 0.5 / max(self.profile.gate.keep_alive_hz, 1.0)), self._tick)
        self.create_timer(0.1, self._publish_status)
        self.create_subscription(msgtype, 'policy_command', self._on_command, COMMANDS)

    def _on_command(self, message: Any) -> None:
        now_ns, steady_ns = self.now_ns(), time.monotonic_ns()
        try:
            raw = self._command.selector.values(message)[:, 0]
            stamp_ns = self._command.selector.stamp_ns(message, now_ns)
        except FieldError as error:
            self._send(self._gate.refuse(str(error), now_ns, steady_ns), message)
            return
        plan = self.binding.command
        self._send(self._gate.command(raw * plan.scale + plan.offset, stamp_ns, now_ns, steady_ns), message)

    def _send(self, decision: Decision, message: Any) -> None:
        """Publish what the gate allows: the message itself, or the same message with the allowed numbers in it."""
        if decision.values is None:
            return
        if decision.action == 'held':
            message = copy.deepcopy(self._last_message)
            convert.restamp(message, self._command.stamp, self.now_ns())
        if decision.action != 'passed':
            plan = self.binding.command
            self._command.selector.write(message, ((decision.values - plan.offset) / plan.scale).tolist())
        self._hand.publish(message)
        self._last_message = message

    def _on_measured(self, channel: str, columns: Columns) -> None:
        stamp_ns = int(columns.stamp_ns[0])
        self._gate.measured(channel, columns.values[0], stamp_ns, self.now_ns(), time.monotonic_ns())

    def _on_divergence(self, message: DiagnosticStatus) -> None:
        if message.level != DiagnosticStatus.ERROR:
            return
        values = convert.values_of(message)
        named = (values.get('round', ''), values.get('kind', ''), values.get('element', ''))
        if named != self._named:
            self._named = named
            self._gate.divergence(named[1], named[2], message.message)

    def _on_round(self, message: DiagnosticStatus) -> None:
        self._recorder_ns = time.monotonic_ns()
        self._gate.recording(message.level == DiagnosticStatus.OK, message.message)
        state, found = convert.round_of(message)
        if found is None:
            return
        if state in ('open', 'ended'):
            self._running = found.number
        elif self._running == found.number:
            self._running = None
            self._gate.round_ended(found.success, convert.values_of(message).get('verdict') == 'diverged')

    def _on_stop(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._gate.stop('gate/stop was called')
        response.success, response.message = True, 'stopped until gate/rearm'
        return response

    def _on_rearm(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = self._gate.rearm()
        return response

    def _tick(self) -> None:
        steady_ns = time.monotonic_ns()
        if self._recorder_ns is not None and steady_ns - self._recorder_ns > to_ns(RECORDER_SILENT_S):
            self._gate.recording(False, f'the ledger writer was not heard for {RECORDER_SILENT_S:g} s')
        decision = self._gate.tick(self.now_ns(), steady_ns)
        if decision is not None and self._last_message is not None:
            self._send(decision, self._last_message)

    def _publish_status(self) -> None:
        status = self._gate.status()
        values = {key: value for key, value in asdict(status).items() if key not in ('level', 'message')}
        self._status.publish(convert.status('gate', status.level, status.message, values, self.profile.hand))
        for name, publisher in self._budgets.items():
            publisher.publish(Float64(data=float(getattr(self._gate.budgets(), name))))

    def report(self) -> tuple[str, str, Mapping[str, Any]]:
        """What the gate does and what it promises."""
        status = self._gate.status()
        counts = {'passed': status.passed, 'clamped': status.clamped, 'held': status.held, 'trips': status.trips}
        return status.level, status.message, {**counts, 'overshoot': status.overshoot}


def main() -> None:
    """Entry point."""
    sys.exit(run(SafetyGate, priority=2))


if __name__ == '__main__':
    main()
