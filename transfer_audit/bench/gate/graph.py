"""A world in which every node of a pilot is a process of its own, with an emulated hand, a policy and a recorder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from transfer_audit.bench.gate.policy import wave
from transfer_audit.bench.gate.world import GATE, World

NODES = ('hand_emulator', 'safety_gate', 'shadow_sim', 'divergence', 'ledger_writer', 'bag_recorder', 'policy')
BUDGETS = {**GATE, 'acceleration_budget': 30.0, 'age_limits': {'divergence': 0.5}}
FAMILY = {
    'members': 4,
    'parameters': {'actuator_delay': {'field': 'actuator_delay', 'select': ['*'], 'range': [0.005, 0.04]}},
}
ROUND_S = 3.0


class Graph(World):
    """Rounds follow each other, but none ends from the beginning of a fault until its end."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        super().__init__(folder, **{'promise': BUDGETS, 'family': FAMILY, 'wish': wave, **changes})
        from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
        from sensor_msgs.msg import JointState
        from std_srvs.srv import SetBool

        from transfer_audit.nodes.node import DATA, EVERY_LATCHED

        self._state, self._since_s, self._bags, self._end = '', 0.0, 0, SetBool
        self._reported: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self.node.create_subscription(JointState, 'joint_states', self._note_joints, DATA)
        self.node.create_subscription(DiagnosticStatus, 'round', self._note_round, EVERY_LATCHED)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._note_report, 50)
        self.start_all()

    def start_all(self) -> None:
        """Start what does not run."""
        for name in NODES:
            if name not in self.processes:
                self.start(name)

    def start(self, name: str) -> None:
        """Start a process, and wait for its report from then on."""
        self._started[name] = time.monotonic()
        super().start(name)

    def command(self, name: str) -> list[str]:
        """How Python runs a process of this world; the recorder never goes on with a bag."""
        if name == 'policy':
            return ['-m', 'transfer_audit.bench.gate.policy']
        words = super().command(name)
        if name == 'bag_recorder':
            self._bags += 1
            words += ['-p', f'output:={self.folder / f"bag_{self._bags}"}']
        return words

    def _note_joints(self, message: Any) -> None:
        self.side.measured(time.time_ns(), np.array(message.position))

    def _note_round(self, message: Any) -> None:
        self._state = message.message

    def _note_report(self, message: Any) -> None:
        for status in message.status:
            self._reported[status.name.rpartition('/')[2]] = time.monotonic()

    def up(self) -> bool:
        """Whether every node has reported since it was started."""
        return all(
            self._reported.get(name, 0.0) > self._started[name] for name in self.processes if name != 'policy'
        )  # fmt: skip

    def recovered(self, since_ns: int) -> bool:
        """All nodes are there, and commands pass. Meanwhile the operator goes on as ever: rounds end after a while."""
        self._operate()
        return self.up() and super().recovered(since_ns)

    def ready(self) -> None:
        """A round is open, which compares what it should."""
        self.until(lambda: self._operate() and self.passes(), 30.0)

    def _operate(self) -> bool:
        """End a round that has lasted long enough, start one where none is; whether one is open."""
        age_s = time.monotonic() - self._since_s
        if self._state == 'open' and age_s > ROUND_S and self.up():
            self.calls('round/end', self._end, data=True)
        elif self._state in ('idle', 'closed', 'aborted') and self.calls('round/start'):
            self._since_s = time.monotonic()
        return self._state == 'open'
