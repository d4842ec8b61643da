"""What a decision costs, and whether an hour of commands leaves anything behind. No ROS, no hand."""

from __future__ import annotations

import gc
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from transfer_audit.bench.gate.fuzzer import ROS, Memory
from transfer_audit.core.binding import Binding, open_hand
from transfer_audit.core.gate import Gate
from transfer_audit.core.types import NS

JOINTS, TIPS, RATE_HZ = 24, 5, 500
MEDIAN_US, GROWTH_BLOCKS = 30.0, 1000
"""The bounds: a decision's median, and memory blocks that may be left over of an hour at 100 Hz."""


@dataclass(frozen=True)
class Cost:
    """Microseconds of a decision, and what `commands` of them left behind."""

    p50_us: float
    p90_us: float
    p99_us: float
    commands: int
    blocks: int
    rss_kib: int

    @property
    def good(self) -> bool:
        """Whether both bounds are kept."""
        return self.p50_us <= MEDIAN_US and self.blocks <= GROWTH_BLOCKS


def cost(commands: int = 360_000) -> Cost:
    """Drive the gate of a hand of 24 joints and 5 tips with every budget, joints and forces at 100 Hz."""
    with tempfile.TemporaryDirectory(prefix='transfer_audit_decision_') as folder:
        binding = _hand(Path(folder))
    gate = Gate(binding, Memory())
    gate.recording(True)
    took = np.empty(commands)
    _drive(gate, 5 * NS, took[: min(5000, commands)])
    gc.collect()
    blocks, rss = sys.getallocatedblocks(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _drive(gate, 50_000 * NS, took)
    gc.collect()
    grown, more = sys.getallocatedblocks() - blocks, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - rss
    p50, p90, p99 = (float(value) for value in np.percentile(took, (50, 90, 99)) / 1e3)
    return Cost(p50, p90, p99, commands, grown, more)


def _drive(gate: Gate, steady_ns: int, took: np.ndarray) -> None:
    """Commands along a sine, the joints on them; the time of each decision goes to `took`, ns."""
    joints, touch, phase = np.zeros(JOINTS), np.full(TIPS, 0.5), np.linspace(0.0, 1.0, JOINTS)
    start_ns = steady_ns
    for index in range(len(took)):
        steady_ns += NS // RATE_HZ
        now_ns = ROS + steady_ns
        if index % 5 == 0:
            gate.measured('joints', joints, now_ns, now_ns, steady_ns)
            gate.measured('tips', touch, now_ns, now_ns, steady_ns)
        asked = 0.3 * np.sin((steady_ns - start_ns) / NS + phase) - 0.3 * np.sin(phase)
        began = time.perf_counter_ns()
        decision = gate.command(asked, now_ns, now_ns, steady_ns)
        took[index] = time.perf_counter_ns() - began
        joints = joints if decision.values is None else decision.values


def _hand(folder: Path) -> Binding:
    joints, tips = [f'j{i}' for i in range(JOINTS)], [f't{i}' for i in range(TIPS)]
    bodies = ''.join(
        f'<body pos="0 {i} 0"><joint name="j{i}" axis="0 0 1"/><geom name="t{i}" type="sphere" size="0.01"/></body>'
        for i in range(JOINTS)
    )
    servos = ''.join(f'<position name="a{i}" joint="j{i}" kp="2" ctrlrange="-1 1"/>' for i in range(JOINTS))
    model = (
        f'<mujoco><compiler autolimits="true"/><worldbody>{bodies}</worldbody><actuator>{servos}</actuator></mujoco>'
    )
    joint_state = {'type': 'sensor_msgs/msg/JointState', 'field': 'position'}
    profile = {
        'hand': 'many joints', 'model': 'hand.xml',
        'command': {**joint_state, 'topic': 'command', 'elements': {f'a{i}': f'a{i}' for i in range(JOINTS)}},
        'channels': {
            'joints': {**joint_state, 'kind': 'pose', 'topic': 'joint_states', 'elements': {j: j for j in joints},
                       'unit': 'rad', 'noise': 0.002, 'tolerance': 0.02},
            'tips': {'kind': 'force', 'topic': 'force', 'type': 'std_msgs/msg/Float64MultiArray', 'field': 'data',
                     'stamp': 'receive', 'elements': dict(enumerate(tips)), 'unit': 'N', 'noise': 0.05,
                     'tolerance': 0.3},
        },
        'gate': {
            'position_limits': {f'a{i}': [-0.9, 0.9] for i in range(JOINTS)}, 'speed_budget': 2.0,
            'acceleration_budget': 50.0, 'force_budget': dict.fromkeys(tips, 4.0), 'latency_s': 0.07,
            'force_rate_budget': dict.fromkeys(tips, 200.0), 'trip_budget': 5, 'keep_alive_hz': 50,
            'age_limits': {'policy': 0.2, 'joints': 0.1, 'force': 0.1},
        },
    }  # fmt: skip
    (folder / 'hand.xml').write_text(model, encoding='utf-8')
    path = folder / 'profile.yaml'
    path.write_text(yaml.safe_dump(profile, sort_keys=False), encoding='utf-8')
    return open_hand(path)


def row(found: Cost) -> str:
    """For people."""
    return (
        f'a decision, {JOINTS} joints and {TIPS} tips: p50 {found.p50_us:.1f} µs (bound {MEDIAN_US:g}), '
        f'p90 {found.p90_us:.1f}, p99 {found.p99_us:.1f}; after {found.commands} commands {found.blocks:+d} memory '
        f'blocks (bound {GROWTH_BLOCKS:+d}), {found.rss_kib:+d} KiB of peak memory'
    )
