"""Mirrors the command that reached the hand in a family of simulated hands."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from transfer_audit.core.shadow import Shadow
from transfer_audit.core.shadow.shadow import JOINTS
from transfer_audit.core.types import Envelope, Round, to_ns
from transfer_audit.nodes import convert
from transfer_audit.nodes.node import DATA, EVERY_LATCHED, IDLE_NS, AuditNode, run


class ShadowSim(AuditNode):
    """Publishes each channel's median and envelope on the audit clock, behind the watermark."""

    at_turns = True

    def __init__(self) -> None:
        super().__init__('shadow_sim')
        self._shadow = Shadow(self.binding, int(self.number('threads', 1)))
        self._round: Round | None = None
        self._behind_ms: list[float] = []
        self._hold_back_ns = to_ns(self.profile.clock.hold_back_s)
        self._rows = {
            name: self.create_publisher(JointTrajectory, f'shadow/{name}', DATA) for name in self.profile.channels
        }
        self._joints = self.create_publisher(JointState, 'shadow/joint_states', DATA)
        self._joint_names = [name for name, _ in self.binding.joints]
        self.listen_to_commands(self._shadow.command)
        self.listen_to_hand(self._shadow.measured, self._shadow.placed_by)
        self.create_subscription(DiagnosticStatus, 'round', self._on_round, EVERY_LATCHED)
        self.every(0.25 / self.profile.clock.rate_hz, self._advance)

    def _on_round(self, message: DiagnosticStatus) -> None:
        state, found = convert.round_of(message)
        if found is None or state not in ('open', 'ended'):
            return
        if state == 'open' and (self._round is None or found.number != self._round.number):
            self._shadow.start(found.start_ns, found.number)
        if self._round is not None or state == 'open':
            self._round = found

    def _advance(self, watermark_ns: int) -> None:
        if self._round is None:
            self._shadow.forget(watermark_ns - IDLE_NS)
            return
        while envelopes := self._shadow.advance(watermark_ns, self._round.end_ns):
            self._publish(envelopes)
            oldest = int(envelopes[JOINTS].row_ns[0])
            self._behind_ms.append((self.now_ns() - self._hold_back_ns - oldest) / 1e6)
        if self._round.end_ns is not None and watermark_ns >= self._round.end_ns:
            self._shadow.stop()
            self._round = None

    def _publish(self, envelopes: Mapping[str, Envelope]) -> None:
        for index in range(len(envelopes[JOINTS])):
            for name, publisher in self._rows.items():
                columns = self.binding.channel(name).columns
                publisher.publish(convert.rows_message(columns, envelopes[name], index))
            joints = envelopes[JOINTS]
            stamp_ns = int(joints.row_ns[index])
            self._joints.publish(convert.joint_state(self._joint_names, joints.median[index], stamp_ns))

    def report(self) -> tuple[str, str, Mapping[str, Any]]:
        """How far the shadow is behind its watermark, and what came too late."""
        lags, self._behind_ms = self._behind_ms, []
        values = {
            'members': self._shadow.family.members,
            'late_commands': self._shadow.late,
            'behind_ms_median': float(np.median(lags)) if lags else None,
            'behind_ms_p99': float(np.percentile(lags, 99)) if lags else None,
            'behind_ms_worst': max(lags) if lags else None,
            'rows': len(lags),
            'rows_over_a_period': sum(lag > 1e3 / self.profile.clock.rate_hz for lag in lags),
        }
        if self._shadow.problem:
            return 'error', self._shadow.problem, values
        if self._round is None:
            return 'ok', 'waiting for a round', values
        return 'ok', f'round {self._round.number}', values


def main() -> None:
    """Entry point."""
    sys.exit(run(ShadowSim, priority=1))


if __name__ == '__main__':
    main()
