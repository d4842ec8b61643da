"""The sides of a duel as processes, and the node that sends to them, hears them and counts what they use."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from transfer_audit.core.errors import AuditError
from transfer_audit.core.types import NS

JOINTS = 24
TOPICS = {
    'gate': ('policy_command', 'hand_command'),
    'raw_relay': ('raw_relay/in', 'raw_relay/out'),
    'usual_relay': ('usual_relay/in', 'usual_relay/out'),
}
START_S, IDLE_S = 60.0, 5.0
JOINT = '<body pos="0 {at} 0"><joint name="j{n}" range="-1.5 1.5"/><geom size="0.01" mass="0.01"/>'
MODEL = """<mujoco><compiler autolimits="true" angle="radian"/><option gravity="0 0 0" integrator="implicitfast"/>
<default><joint armature="0.002" damping="0.02"/><position kp="1" kv="0.05" ctrlrange="-1.5 1.5"/></default>
<worldbody>{bodies}</worldbody><actuator>{actuators}</actuator>
<sensor><touch name="tip" site="tip"/></sensor></mujoco>"""


@dataclass
class Side:
    """What came through one side: milliseconds from the sender to the receiver, and CPU seconds of its process."""

    took_ms: list[float] = field(default_factory=list)
    sent: int = 0
    cpu_s: float = 0.0


def hand(folder: Path, **sections: Any) -> Path:
    """A hand of 24 joints that are sent sines, and one tip; returns its profile.

    :param sections: of the profile, in place of those here
    """
    names = [f'j{n}' for n in range(JOINTS)]
    bodies = ''.join(JOINT.format(n=n, at=0.05 * n) + '</body>' for n in range(JOINTS - 1))
    bodies += JOINT.format(n=JOINTS - 1, at=2) + '<site name="tip" size="0.01"/></body>'
    actuators = ''.join(f'<position name="{name}" joint="{name}"/>' for name in names)
    (folder / 'hand.xml').write_text(MODEL.format(bodies=bodies, actuators=actuators), encoding='utf-8')
    joints = {'type': 'sensor_msgs/msg/JointState', 'field': 'position', 'stamp': 'header'}
    elements = {name: name for name in names}
    profile = {
        'hand': 'bench',
        'model': 'hand.xml',
        'command': {'topic': 'hand_command', **joints, 'elements': elements},
        'channels': {
            'joints': {'kind': 'pose', 'topic': 'joint_states', **joints, 'elements': elements, 'unit': 'rad',
                       'noise': 0.002, 'tolerance': 0.02},
            'tips': {'kind': 'force', 'topic': 'fingertip_force', 'type': 'std_msgs/msg/Float64MultiArray',
                     'field': 'data', 'stamp': 'receive', 'elements': {0: 'tip'}, 'unit': 'N', 'noise': 0.05,
                     'tolerance': 0.3},
        },
        'gate': {'force_budget': {'tip': 4.0}, 'speed_budget': 6.0, 'stale_s': 1.0, 'ease_in_s': 0.0},
        **sections,
    }  # fmt: skip
    path = folder / 'profile.yaml'
    path.write_text(yaml.safe_dump(profile, sort_keys=False), encoding='utf-8')
    return path


def cpu_ns(pid: int) -> int:
    """CPU time of all threads of a process."""
    total = 0
    for task in Path(f'/proc/{pid}/task').iterdir():
        total += int((task / 'schedstat').read_text().split()[0])
    return total


class Bench:
    """The sides as processes, and a node that sends, receives, and stands for the driver and the ledger writer."""

    def __init__(self, folder: Path) -> None:
        import rclpy
        from diagnostic_msgs.msg import DiagnosticStatus
        from rclpy.serialization import serialize_message
        from sensor_msgs.msg import JointState
        from std_msgs.msg import Float64MultiArray

        from transfer_audit.nodes.node import COMMANDS, LATCHED, ask_for_priority, executor

        ask_for_priority(2)
        rclpy.init()
        self.node = rclpy.create_node('gate_bench')
        self._executor = executor()
        self._executor.add_node(self.node)
        self.sides: dict[str, Side] = {}
        self._in = {
            name: self.node.create_publisher(JointState, topics[0], COMMANDS) for name, topics in TOPICS.items()
        }
        for name, (_, out) in TOPICS.items():
            self.node.create_subscription(JointState, out, self._receiver(name), COMMANDS, raw=True)
        drivers = (
            (JointState, 'joint_states', COMMANDS),
            (Float64MultiArray, 'fingertip_force', COMMANDS),
            (DiagnosticStatus, 'round', LATCHED),
        )
        self._drivers = [self.node.create_publisher(*each) for each in drivers]
        self.node.create_timer(0.1, self._drive)
        names = [f'j{n}' for n in range(JOINTS)]
        self._joints = JointState(name=names, position=[0.0] * JOINTS, velocity=[0.0] * JOINTS, effort=[0.0] * JOINTS)
        self._joints.header.frame_id = 'palm'
        marks = np.arange(JOINTS) + 0.125
        self._joints.position = marks.tolist()
        self._template = bytearray(serialize_message(self._joints))
        self._position = self._template.index(marks.tobytes())
        self._joints.position = [0.0] * JOINTS
        self.processes = self._start(folder)

    def _start(self, folder: Path) -> dict[str, subprocess.Popen[bytes]]:
        gate = ['-m', 'transfer_audit.nodes.safety_gate', '--ros-args', '-p', f'profile:={hand(folder)}',
                '-p', f'ledger:={folder / "ledger.db"}']  # fmt: skip
        commands = {'gate': gate}
        for name in ('raw_relay', 'usual_relay'):
            commands[name] = ['-m', 'transfer_audit.bench.gate.relay', name]
        log = (folder / 'log').open('wb')
        return {
            name: subprocess.Popen([sys.executable, *command], stdout=log, stderr=log)
            for name, command in commands.items()
        }

    def close(self) -> None:
        """End all processes."""
        import rclpy

        for process in self.processes.values():
            process.kill()
            process.wait()
        self._executor.shutdown()
        rclpy.try_shutdown()

    def _receiver(self, name: str) -> Callable[[bytes], None]:
        def receive(raw: bytes) -> None:
            now_ns = time.time_ns()
            side = self.sides.get(name)
            if side is not None:
                sec, nanosec = np.frombuffer(raw, np.uint32, 2, 4).tolist()
                side.took_ms.append((now_ns - sec * NS - nanosec) / 1e6)

        return receive

    def _drive(self) -> None:
        from diagnostic_msgs.msg import DiagnosticStatus
        from std_msgs.msg import Float64MultiArray

        self._joints.header.stamp = self.node.get_clock().now().to_msg()
        for publisher, message in zip(
            self._drivers,
            (self._joints, Float64MultiArray(data=[0.0]), DiagnosticStatus(level=b'\0', name='round')),
            strict=True,
        ):
            publisher.publish(message)

    def _send(self, name: str) -> None:
        """A command stamped now, on a slow sine: nothing in it is to be altered."""
        now_ns = time.time_ns()
        message = self._template
        wave = 0.2 * np.sin(now_ns % (100 * NS) / NS + np.arange(JOINTS))
        message[self._position : self._position + 8 * JOINTS] = wave.tobytes()
        now_ns = time.time_ns()
        message[4:12] = np.array(divmod(now_ns, NS), np.uint32).tobytes()
        self._in[name].publish(bytes(message))

    def spin(self, duration_s: float, names: tuple[str, ...] = (), rate_hz: float = 0.0) -> None:
        """Receive for some time, and send to sides drawn at random."""
        from rclpy.task import Future

        done: Future[None] = Future()
        sender = threading.Thread(target=self._sender, args=(duration_s, names, rate_hz, done))
        sender.start()
        while not done.done():
            self._executor.spin_until_future_complete(done, timeout_sec=0.5)
        sender.join()

    def _sender(self, duration_s: float, names: tuple[str, ...], rate_hz: float, done: Any) -> None:
        draw, begin = random.Random(0), time.monotonic()
        for number in range(int(duration_s * rate_hz)):
            pause = begin + number / rate_hz - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            name = draw.choice(names)
            self.sides[name].sent += 1
            self._send(name)
        left = begin + duration_s - time.monotonic()
        time.sleep(max(left, 0.0) + (0.2 if names else 0.0))
        done.set_result(None)

    def ready(self) -> None:
        """Wait until a command comes out of every side.

        :raises AuditError: if one does not
        """
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            self.sides = {name: Side() for name in TOPICS}
            self.spin(1.0, tuple(TOPICS), 30)
            dead = [name for name, process in self.processes.items() if process.poll() is not None]
            if dead:
                raise AuditError(f'{dead[0]} ended before the bench began')
            if all(len(side.took_ms) == side.sent > 0 for side in self.sides.values()):
                return
        raise AuditError(f'not all commands came through within {START_S:g} s')

    def idle(self) -> dict[str, float]:
        """CPU seconds per second of each process while no command comes."""
        before, begin = self._cpu(), time.monotonic()
        self.spin(IDLE_S)
        took_s = time.monotonic() - begin
        return {name: used / took_s for name, used in self._used(before).items()}

    def round(self, names: tuple[str, str], rate_hz: int, duration_s: float, idle: dict[str, float]) -> list[Side]:
        """One round of a duel."""
        self.sides = {name: Side() for name in names}
        before, begin = self._cpu(), time.monotonic()
        self.spin(duration_s, names, rate_hz)
        took_s = time.monotonic() - begin
        for name, used in self._used(before).items():
            if name in names:
                self.sides[name].cpu_s = used - idle[name] * took_s
        return [self.sides[name] for name in names]

    def _cpu(self) -> dict[str, int]:
        return {name: cpu_ns(process.pid) for name, process in self.processes.items()}

    def _used(self, before: dict[str, int]) -> dict[str, float]:
        return {name: (now - before[name]) / NS for name, now in self._cpu().items()}
