"""What every node shares: its hand, its QoS, its diagnostics, and how it runs and stops."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from transfer_audit.core.binding import Binding, open_hand
from transfer_audit.core.errors import AuditError, FieldError
from transfer_audit.core.profile import Command
from transfer_audit.core.types import NS, Columns, to_ns
from transfer_audit.nodes import convert
from transfer_audit.nodes.inputs import Input, Taken

DATA = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
COMMANDS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""For publishers: who comes late hears the last word, and no older one."""
EVERY_LATCHED = QoSProfile(
    depth=50, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
"""For subscribers: a node that was made to wait hears that a round ended before it hears that the next has begun."""


NICENESS = -10
REPORT_S, FIRST_REPORT_S = 1.0, 0.25
IDLE_NS = 2 * NS
"""Events that are kept while no round runs: the word that one has begun comes after its start."""


class AuditNode(Node):
    """A node of one hand. It reads parameters `profile` and `model`, and reports on /diagnostics once a second."""

    at_turns = False
    """Whether data wait for the node's turns (see `every`), or are handled at once."""

    def __init__(self, name: str) -> None:
        self.waiting: list[Any] = []
        super().__init__(name)
        self.declare_parameter('outlive_parent', False)
        self.binding = self.open_hand(self.text('profile'), self.text('model'))
        self.profile = self.binding.profile
        self._parent = os.getppid()
        self._inputs: list[Input] = []
        self._turn_ns = self._period_ns = 0
        self.stop: Future[None] = Future()
        self.refused: dict[str, int] = {}
        self._last_refusal = ''
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self.steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(REPORT_S, self._report, clock=self.steady)
        self._first_report = self.create_timer(FIRST_REPORT_S, self._report_first, clock=self.steady)

    def open_hand(self, profile: str, model: str) -> Binding:
        """The hand this node is for.

        :raises AuditError: if there is no usable profile
        """
        if not profile:
            raise AuditError('no profile: give the parameter profile (-p profile:=PATH)')
        return open_hand(profile, model or None)

    def text(self, name: str, default: str = '') -> str:
        """A text parameter, which may look like a number (a bag folder called 2026)."""
        return str(self._parameter(name, default))

    def number(self, name: str, default: float) -> float:
        """A parameter that is a number, whole or not.

        :raises AuditError: if it is none
        """
        value = self._parameter(name, default)
        if isinstance(value, (int, float)):
            return value
        raise AuditError(f'parameter {name}: a number was expected, found {value!r}')

    def _parameter(self, name: str, default: str | float) -> Any:
        if not self.has_parameter(name):
            self.declare_parameter(name, default, ParameterDescriptor(dynamic_typing=True))
        return self.get_parameter(name).value

    def now_ns(self) -> int:
        """Time of the node's clock: the system's, or /clock with use_sim_time."""
        clock: Any = self.get_clock()
        return int(clock.now().nanoseconds) if clock.ros_time_is_active else time.time_ns()

    @property
    def subscriptions(self) -> Iterator[Any]:
        """Those that the executor serves; data that wait for the node's turns are not among them."""
        for subscription in super().subscriptions:
            if not any(subscription is waiting for waiting in self.waiting):
                yield subscription

    def arrived_ns(self, received_ns: int) -> int:
        """When a message arrived, on the node's clock; `received_ns` is the middleware's word, 0 where it has none."""
        simulated = self.get_parameter('use_sim_time').value
        return self.now_ns() if simulated or not received_ns else received_ns

    def every(self, period_s: float, work: Callable[[int], None]) -> None:
        """Do periodic work, told the watermark: all events in time that are stamped before it are in hand.

        Data are read at the beginning of each turn, so a starved process judges late but not wrongly: what waited for
        it does not count as late.
        """
        hold_back_ns, self._period_ns = to_ns(self.profile.clock.hold_back_s), to_ns(period_s)

        def turn() -> None:
            now_ns = self.now_ns()
            for source in self._inputs:
                source.read()
            self._turn_ns = now_ns
            work(now_ns - hold_back_ns)

        self.create_timer(period_s, turn)

    def listen(self, topic: str, msgtype: Any, callback: Taken, latched: bool = False, raw: bool = False) -> None:
        """Subscribe to data; the callback is told each message and when it arrived."""
        self._inputs.append(Input(self, topic, msgtype, callback, self.at_turns, latched, raw))

    def listen_to_hand(
        self, measured: Callable[[str, Columns], None], channels: Collection[str] | None = None
    ) -> None:  # fmt: skip
        """Subscribe to channels of the profile: these, or all of them."""
        for name, channel in self.profile.channels.items():
            if channels is not None and name not in channels:
                continue
            plan = self.binding.channel(name)

            def take(message: Any, arrived_ns: int, source: Any = channel, plan: Any = plan) -> None:
                columns = self._read(plan.name, arrived_ns, convert.measured, message, source, plan)
                if columns is not None:
                    measured(plan.name, columns)

            self.listen(channel.topic, convert.message_class(channel.type), take)

    def listen_to_commands(self, commanded: Callable[[Columns], None]) -> None:
        """Subscribe to the command that reaches the hand."""
        command: Command = self.profile.command

        def take(message: Any, arrived_ns: int) -> None:
            columns = self._read('command', arrived_ns, convert.commanded, message, command)
            if columns is not None:
                commanded(columns)

        self.listen(command.topic, convert.message_class(command.type), take)

    def _read(
        self, what: str, arrived_ns: int, conversion: Callable[..., Columns | None], *arguments: Any
    ) -> Columns | None:
        """Convert a message; one that does not fit the profile is counted and reported, never used."""
        at_latest_ns = self._turn_ns + self._period_ns
        try:
            return conversion(*arguments, arrived_ns, min(arrived_ns, at_latest_ns))
        except FieldError as error:
            self.refuse(what, error)
            return None

    def refuse(self, what: str, error: FieldError) -> None:
        """Count a message that does not fit the profile, and report it."""
        self.refused[what] = self.refused.get(what, 0) + 1
        self._last_refusal = f'{what}: {error}'

    def report(self) -> tuple[str, str, Mapping[str, Any]]:
        """Level, sentence and values for /diagnostics; nodes override it."""
        return 'ok', 'running', {}

    def _report_first(self) -> None:
        """A node says early that it is there, and hears best-effort publishers early."""
        self._first_report.cancel()
        self._report()

    def _report(self) -> None:
        for source in self._inputs:
            source.adapt()
        level, text, values = self.report()
        silent = [source.topic for source in self._inputs if not source.heard]
        if silent:
            level, text = 'warn' if level == 'ok' else level, f'{text}; not heard yet: {", ".join(silent)}'
        if self.refused:
            level, text = 'warn' if level == 'ok' else level, f'{text}; refused messages: {self._last_refusal}'
        name = self.get_fully_qualified_name()
        message = DiagnosticArray(status=[convert.status(name, level, text, values, self.profile.hand)])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)
        if os.getppid() != self._parent and not self.get_parameter('outlive_parent').value:
            self.get_logger().error('the process that started this node is gone: stopping')
            self.stop.set_result(None)

    def close(self) -> None:
        """Last words before the process ends; the ROS context may be gone already."""


def executor() -> Any:
    """The events executor where rclpy has it, else the single-threaded one."""
    try:
        from rclpy.experimental.events_executor import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor()
    return EventsExecutor()


def run(make: Callable[[], AuditNode], priority: int = 0) -> int:
    """Run a node until SIGINT or SIGTERM; a user's mistake is one sentence and exit code 2.

    :param priority: real-time priority to ask the system for: the hand and its gate come before the shadow
    """
    if priority:
        ask_for_priority(priority)
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    stop: Future[None] = Future()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set_result(None))
    try:
        node = make()
    except (AuditError, ParameterException) as error:
        print(error, file=sys.stderr)
        rclpy.try_shutdown()
        return 2
    node.stop = stop
    gc.collect()
    gc.freeze()
    spin(node, stop)
    node.close()
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


def ask_for_priority(priority: int) -> None:
    """Ask for real-time scheduling (round robin), else for niceness, else go on without. The middleware's threads
    inherit it, so this is done before they are made."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))
        return
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)


def spin(node: Node, until: Future[None], make: Callable[[], Any] = executor) -> None:
    """Spin until `until` is done or the context ends. In some releases the events executor delivers nothing in an
    untimed spin, so it is asked in bounded turns."""
    turns = make()
    turns.add_node(node)
    while rclpy.ok() and not until.done():
        turns.spin_until_future_complete(until, timeout_sec=1.0)
    turns.shutdown()
