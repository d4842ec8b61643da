"""Faults at the running gate over DDS: is each held for its own reason, how soon, is the hand within budget?

The bench stands for the policy, the driver, the ledger writer and the hand. Between two faults the policy moves it on
slow sines and everything passes. The time of a fault runs from its beginning until the gate says, in `gate/status`
or by what leaves it, that it reacted; the status comes ten times a second, which is most of it. What reaches the hand
is judged message by message whatever else happens: finite, in range, no step over what the speed budget grants.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from transfer_audit.bench.gate.sides import JOINTS, hand
from transfer_audit.core.errors import AuditError
from transfer_audit.core.types import NS

NAMES = [f'j{n}' for n in range(JOINTS)]
RATE_HZ, PATIENCE_S = 50.0, 20.0
SPEED, RANGE, PAUSE_S, START_S = 6.0, 1.5, 0.1, 0.01
"""Of the profile of the bench, and what a pause and a start may buy (see docs/safety.md)."""


@dataclass(frozen=True)
class Fault:
    """One kind: how it begins, the word that must be in the gate's reason, and how it ends."""

    name: str
    says: str
    begin: Callable[[World], None]
    end: Callable[[World], None]


@dataclass
class Outcome:
    """All faults of one kind: reaction times in ms, and how many were not named."""

    took_ms: list[float] = field(default_factory=list)
    missed: int = 0


@dataclass(frozen=True)
class Faults:
    """What was thrown and what came of it.

    :param broken: what reached the hand although it must not, and latches that were lost
    """

    outcomes: dict[str, Outcome]
    broken: list[str]
    commands: int
    load: float

    @property
    def good(self) -> bool:
        """Every fault named, nothing broken."""
        return not self.broken and not any(one.missed for one in self.outcomes.values())


class Hand:
    """Judges every command that reaches the hand."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.count = 0
        self.may_move = True
        self._last: np.ndarray | None = None

    def take(self, message: Any) -> None:
        """A command at the hand. The first one of a gate starts from the measured joints."""
        self.count += 1
        now = np.array(message.position, np.float64)
        if now.shape != (JOINTS,) or not np.isfinite(now).all() or np.abs(now).max() > RANGE:
            self.broken.append(f'no command for this hand: {now}')
            return
        if self._last is not None and np.abs(now - self._last).max() > SPEED * PAUSE_S + 1e-9:
            self.broken.append(f'a step of {np.abs(now - self._last).max():.3g} rad')
        if not self.may_move and self._last is not None and (now != self._last).any():
            self.broken.append('a stopped gate moved the hand')
        self._last = now

    @property
    def joints(self) -> np.ndarray:
        """Where an ideal hand would be, shape (JOINTS,)."""
        return np.zeros(JOINTS) if self._last is None else self._last


class World:
    """The gate as a process and everything around it as one node."""

    def __init__(self, folder: Path) -> None:
        import rclpy
        from diagnostic_msgs.msg import DiagnosticStatus
        from rclpy.executors import SingleThreadedExecutor
        from sensor_msgs.msg import JointState
        from std_msgs.msg import Float64MultiArray

        from transfer_audit.nodes.node import COMMANDS, LATCHED

        rclpy.init()
        self.node = rclpy.create_node('fault_bench')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.folder, self.profile = folder, hand(folder)
        self.hand, self.said, self.heard_s = Hand(), '', 0.0
        self.speaks = dict.fromkeys(('policy', 'joints', 'force', 'recorder'), True)
        self.force, self.level = 0.0, b'\0'
        self._type, self._status, self._array = JointState, DiagnosticStatus, Float64MultiArray
        self.policy = self.node.create_publisher(JointState, 'policy_command', COMMANDS)
        self._joints = self.node.create_publisher(JointState, 'joint_states', COMMANDS)
        self._tips = self.node.create_publisher(Float64MultiArray, 'fingertip_force', COMMANDS)
        self._round = self.node.create_publisher(DiagnosticStatus, 'round', LATCHED)
        self.node.create_subscription(JointState, 'hand_command', self.hand.take, COMMANDS)
        self.node.create_subscription(DiagnosticStatus, 'gate/status', self._hear, 10)
        self.node.create_timer(1.0 / RATE_HZ, self._speak)
        self.change: Callable[[Any], Any] | None = None
        self.others: list[Any] = []
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """A gate of this world."""
        command = [sys.executable, '-m', 'transfer_audit.nodes.safety_gate', '--ros-args', '-p',
                   f'profile:={self.profile}', '-p', f'ledger:={self.folder / "ledger.db"}']  # fmt: skip
        with (self.folder / 'gate.log').open('ab') as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    def _hear(self, message: Any) -> None:
        self.said, self.heard_s = message.message, time.monotonic()

    def _speak(self) -> None:
        now = self.node.get_clock().now().to_msg()
        if self.speaks['joints']:
            message = self._type(name=NAMES, position=self.hand.joints.tolist(), velocity=[0.0], effort=[0.0])
            message.header.stamp = now
            self._joints.publish(message)
        if self.speaks['force']:
            self._tips.publish(self._array(data=[self.force]))
        if self.speaks['recorder']:
            self._round.publish(self._status(level=self.level, name='round', message='the disk is full'))
        if self.speaks['policy']:
            wave = 0.3 * np.sin(time.monotonic() % 1000 + np.arange(JOINTS))
            message = self._type(name=NAMES, position=wave.tolist(), velocity=[0.0], effort=[0.0])
            message.header.stamp = now
            self.policy.publish(message if self.change is None else self.change(message))

    def until(self, condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> bool:
        """Live on until something is so; whether it came."""
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                return False
            self._executor.spin_once(timeout_sec=0.005)
        return True

    def passes(self) -> bool:
        """Whether commands go through, as the gate says."""
        return self.said.startswith(('passing', 'clamped'))

    def calls(self, name: str) -> bool:
        """Ask a service of the gate; whether it was done."""
        from std_srvs.srv import Trigger

        client: Any = self.node.create_client(Trigger, f'gate/{name}')
        self.until(client.service_is_ready)
        asked: Any = client.call_async(Trigger.Request())
        answered = self.until(asked.done, 5.0)
        self.node.destroy_client(client)
        return answered and bool(asked.result().success)

    def kill(self) -> None:
        """kill −9 of the gate, and a new one."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.said = ''
        self.process = self.start()

    def close(self) -> None:
        """End everything."""
        import rclpy

        self.process.kill()
        self.process.wait()
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown()


def measure(count: int, seed: int, say: Callable[[str], None]) -> Faults:
    """Throw `count` faults, drawn at random.

    :raises AuditError: if the gate does not come up, or does not recover from a fault
    """
    from transfer_audit.bench.gate.catalogue import CATALOGUE

    os.environ.setdefault('ROS_DOMAIN_ID', str(random.randint(120, 200)))
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    draw = random.Random(seed)
    outcomes = {fault.name: Outcome() for fault in CATALOGUE}
    with tempfile.TemporaryDirectory(prefix='transfer_audit_bench_') as name:
        world = World(Path(name))
        try:
            for number in range(count):
                fault = CATALOGUE[number] if number < len(CATALOGUE) else draw.choice(CATALOGUE)
                if number % 50 == 0:
                    say(f'{number} of {count} faults')
                _throw(world, fault, outcomes[fault.name], draw)
            return Faults(outcomes, world.hand.broken, world.hand.count, os.getloadavg()[0])
        finally:
            world.close()


def _throw(world: World, fault: Fault, outcome: Outcome, draw: random.Random) -> None:
    """One fault in a world where commands pass; it passes again afterwards."""
    if not world.until(world.passes, 40.0):
        raise AuditError(f'before {fault.name}: the gate does not pass commands: {world.said!r}')
    moment = time.monotonic() + draw.uniform(0.0, 0.1)
    world.until(lambda: time.monotonic() > moment)
    begun = time.monotonic()
    fault.begin(world)
    named = world.until(lambda: world.heard_s > begun and fault.says in world.said)
    if named:
        outcome.took_ms.append((world.heard_s - begun) * 1e3)
    else:
        outcome.missed += 1
    fault.end(world)


def table(found: Faults) -> Iterator[str]:
    """Rows for people."""
    yield f'{"fault":28s} {"times":>6s} {"named":>6s} {"p50 ms":>8s} {"p99 ms":>8s}'
    for name, one in found.outcomes.items():
        p50, p99 = np.percentile(one.took_ms, (50, 99)) if one.took_ms else (float('nan'), float('nan'))
        yield f'{name:28s} {len(one.took_ms) + one.missed:6d} {len(one.took_ms):6d} {p50:8.0f} {p99:8.0f}'
    broken = f'{len(found.broken)} {found.broken[:3]}'
    yield f'{found.commands} commands reached the hand; broken: {broken}; load {found.load:.1f}'


def figures(found: Faults) -> dict[str, Any]:
    """For JSON."""
    each = {name: {'took_ms': one.took_ms, 'missed': one.missed} for name, one in found.outcomes.items()}
    return {'faults': each, 'broken': found.broken, 'commands': found.commands, 'load': found.load}


def stamped(message: Any, late_s: float) -> Any:
    """The message with a stamp so much earlier."""
    now_ns = time.time_ns() - round(late_s * NS)
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(now_ns, NS)
    return message
