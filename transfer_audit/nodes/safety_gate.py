"""Lets commands through within budget. Every decision is taken by `core.gate.Gate`. Not a certified safety device."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from std_msgs.msg import Bool, Float64
from std_srvs.srv import Trigger

from transfer_audit.core.errors import FieldError
from transfer_audit.core.gate import Decision, Gate
from transfer_audit.core.types import Array, to_ns
from transfer_audit.ledger.place import own_book
from transfer_audit.nodes import convert
from transfer_audit.nodes.budget_parameters import BudgetParameters
from transfer_audit.nodes.claim import Claim
from transfer_audit.nodes.latch import FileLatch
from transfer_audit.nodes.node import COMMANDS, EVERY_LATCHED, AuditNode, run
from transfer_audit.nodes.publishers import Publishers, created
from transfer_audit.nodes.wire import Wire

RECORDER_SILENT_S = 3.0
TICK_S, STATUS_S = 0.05, 0.1


class SafetyGate(AuditNode):
    """Between `policy_command` and the topic of the hand: reads bytes, asks the gate, sends bytes.

    A command that passes leaves as the very bytes that came. Timers run on the steady clock.
    """

    def __init__(self) -> None:
        super().__init__('safety_gate')
        ledger = own_book(self.text('ledger') or self.profile.ledger, self.text('robot')).absolute()
        self._command = command = self.profile.command
        topic = self.resolve_topic_name(command.topic)
        self._claim = Claim(ledger.with_name(f'{ledger.name}.gate'), self.context.get_domain_id(), topic)
        self._latch, self._paused = ledger.with_name(f'{ledger.name}.stop'), FileLatch(f'{ledger}.pause')
        self._gate = Gate(self.binding, FileLatch(self._latch))
        self._gate.outside('paused', self._pause_said())
        self._less = BudgetParameters(self, self._gate)
        self._wire = Wire(command.type, command.selector)
        plan = self.binding.command
        self._in_model_units = bool((plan.scale == 1.0).all() and (plan.offset == 0.0).all())
        self._last: bytes | None = None
        self._recorder_ns: int | None = None
        self._running: int | None = None
        self._clock_ns: Callable[[], int] = self.now_ns
        self._named: tuple[str, str, str] | None = None
        self._hand, mine = created(
            self, command.topic, lambda: self.create_publisher(self._wire.message_class, command.topic, COMMANDS)
        )
        dead = self._claim.dead()
        self._claim.remember(mine)
        self._watched = (
            Publishers(self, command.topic, command.type, [*dead, mine], allowed=0),
            Publishers(self, 'policy_command', command.type, (), allowed=1),
        )
        self._speak()
        self._listen()

    def _speak(self) -> None:
        self._status = self.create_publisher(DiagnosticStatus, 'gate/status', 10)
        self._budgets = {
            name: self.create_publisher(Float64, f'gate/budget/{name}', 10) for name in ('force', 'speed', 'failures')
        }
        services = {'stop': self._on_stop, 'rearm': self._on_rearm, 'pause': self._on_pause, 'resume': self._on_resume}
        for name, answer in services.items():
            self.create_service(Trigger, f'gate/{name}', answer)
        alive_hz = max(self.profile.gate.keep_alive_hz, 1.0)
        self.create_timer(min(TICK_S, 0.5 / alive_hz), self._tick, clock=self.steady)
        self.create_timer(STATUS_S, self._publish_status, clock=self.steady)

    def _listen(self) -> None:
        for name in self._gate.watched:
            self._listen_to_channel(name)
        self.create_subscription(DiagnosticStatus, 'divergence/first', self._on_divergence, EVERY_LATCHED)
        self.create_subscription(DiagnosticStatus, 'round', self._on_round, EVERY_LATCHED)
        if self.profile.gate.age_limits.divergence is not None:
            self.create_subscription(Bool, 'divergence/watching', self._on_watching, COMMANDS)
        self.create_subscription(self._wire.message_class, 'policy_command', self._on_command, COMMANDS, raw=True)

    def _listen_to_channel(self, name: str) -> None:
        source, plan = self.profile.channels[name], self.binding.channel(name)
        wire = Wire(source.type, source.selector)

        def take(raw: bytes, arrived_ns: int) -> None:
            try:
                values, stamp_ns = wire.read(raw, arrived_ns)
            except FieldError as error:
                self.refuse(f'channel {name}', error)
                return
            measured = plan.measured(values[None])[0]
            self._gate.measured(name, measured, stamp_ns, arrived_ns, time.monotonic_ns())

        self.listen(source.topic, wire.message_class, take, raw=True)

    def _on_command(self, raw: bytes) -> None:
        now_ns, steady_ns = self._clock_ns(), time.monotonic_ns()
        row = self._wire.row(raw, now_ns)
        if row is not None:
            values, stamp_ns = row
            asked = values if self._in_model_units else self._scaled(np.array(values)).tolist()
            if self._gate.passes(asked, stamp_ns, now_ns, steady_ns):
                self._hand.publish(raw)
                self._last = raw
                self._gate.settle()
                return
        self._decide(raw, now_ns, steady_ns)

    def _decide(self, raw: bytes, now_ns: int, steady_ns: int) -> None:
        try:
            values, stamp_ns = self._wire.read(raw, now_ns)
        except FieldError as error:
            decision = self._gate.refuse(str(error), now_ns, steady_ns)
        else:
            asked = values[:, 0] if self._in_model_units else self._scaled(values[:, 0])
            decision = self._gate.command(asked, stamp_ns, now_ns, steady_ns)
        self._send(decision, raw)
        self._gate.settle()

    def _scaled(self, values: Array) -> Array:
        plan = self.binding.command
        return np.asarray(values * plan.scale + plan.offset)

    def _send(self, decision: Decision, raw: bytes) -> None:
        """Publish what the gate allows: the bytes that came, or such with the allowed numbers in them."""
        if decision.values is None:
            return
        if decision.action != 'passed':
            held = decision.action == 'held'
            if held and self._last is None:
                return
            plan = self.binding.command
            allowed = np.asarray((decision.values - plan.offset) / plan.scale)
            raw = self._wire.written(
                self._last if held and self._last else raw, allowed, self.now_ns() if held else None
            )
        self._hand.publish(raw)
        self._last = raw

    def _on_divergence(self, message: DiagnosticStatus) -> None:
        if message.level != DiagnosticStatus.ERROR:
            return
        values = convert.values_of(message)
        named = (values.get('round', ''), values.get('kind', ''), values.get('element', ''))
        if named != self._named:
            self._named = named
            self._gate.divergence(named[1], named[2], message.message)

    def _on_watching(self, _: Bool) -> None:
        self._gate.compared(time.monotonic_ns())

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
        """Answers once the stop is on the disk."""
        forgotten = self._gate.stop('gate/stop was called')
        response.success = not forgotten
        response.message = f'stopped, but a restart would forget it: {forgotten}' if forgotten else (
            'stopped until gate/rearm'
        )  # fmt: skip
        return response

    def _on_rearm(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._look_around()
        response.success, response.message = self._gate.rearm()
        self._less.changed()
        return response

    def _on_pause(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._gate.outside('paused', 'paused until gate/resume')
        response.success, response.message = True, 'paused until gate/resume'
        try:
            self._paused.set('paused')
        except OSError as error:
            response.success, response.message = False, f'paused, but a restart would forget it: {error}'
        return response

    def _on_resume(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            self._paused.clear()
        except OSError as error:
            response.success, response.message = False, f'not resumed: {error}'
            return response
        self._gate.outside('paused', '')
        response.success, response.message = True, 'resumed'
        return response

    def _pause_said(self) -> str:
        return 'paused until gate/resume' if self._paused.read() is not None else ''

    def _look_around(self) -> None:
        """Who else publishes where only one may, and whether the recorder still speaks."""
        self._gate.outside('publishers', '; '.join(filter(None, (each.fault() for each in self._watched))))
        late_ns = 0 if self._recorder_ns is None else time.monotonic_ns() - self._recorder_ns
        if late_ns > to_ns(RECORDER_SILENT_S):
            self._gate.recording(False, f'the ledger writer was not heard for {RECORDER_SILENT_S:g} s')

    def _tick(self) -> None:
        self._look_around()
        clock: Any = self.get_clock()
        self._clock_ns = self.now_ns if clock.ros_time_is_active else time.time_ns
        decision = self._gate.tick(self.now_ns(), time.monotonic_ns())
        if decision is not None and self._last is not None:
            self._send(decision, self._last)

    def _publish_status(self) -> None:
        self._less.show()
        status = self._gate.status()
        values = {key: value for key, value in asdict(status).items() if key not in ('level', 'message')}
        values['latch'] = str(self._latch)
        self._status.publish(convert.status('gate', status.level, status.message, values, self.profile.hand))
        for name, publisher in self._budgets.items():
            publisher.publish(Float64(data=float(getattr(self._gate.budgets(), name))))

    def report(self) -> tuple[str, str, Mapping[str, Any]]:
        """What the gate does and what it promises."""
        status = self._gate.status()
        counts = {'passed': status.passed, 'clamped': status.clamped, 'held': status.held, 'trips': status.trips}
        return status.level, status.message, {**counts, 'overshoot': status.overshoot, 'latch': str(self._latch)}

    def close(self) -> None:
        """Let another gate take over."""
        self._claim.release()


def main() -> None:
    """Entry point."""
    sys.exit(run(SafetyGate, priority=2))


if __name__ == '__main__':
    main()
