"""Compares the real hand with its shadow and names the first channel to part."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64, String
from trajectory_msgs.msg import JointTrajectory

from transfer_audit.core.divergence import Finding
from transfer_audit.core.judge import Judge, Scored
from transfer_audit.core.types import to_ns
from transfer_audit.core.verdict import sentence
from transfer_audit.nodes import convert
from transfer_audit.nodes.node import DATA, EVERY_LATCHED, IDLE_NS, LATCHED, AuditNode, run

KINDS = ('pose', 'force', 'slip', 'timing')
WATCHING_S = 0.05
"""How often the node says that it is at work, while it is."""


class Divergence(AuditNode):
    """Publishes scores, the first divergence and, at a round's end, its verdict."""

    at_turns = True

    def __init__(self) -> None:
        super().__init__('divergence')
        self._judge = Judge(self.binding)
        self._named: Finding | None = None
        self._problem = ''
        self._scores = self.create_publisher(JointState, 'divergence/scores', DATA)
        self._kinds = {kind: self.create_publisher(Float64, f'divergence/{kind}', DATA) for kind in KINDS}
        self._first = self.create_publisher(DiagnosticStatus, 'divergence/first', LATCHED)
        self._verdict = self.create_publisher(String, 'divergence/verdict', LATCHED)
        self._watching = self.create_publisher(Bool, 'divergence/watching', DATA)
        self._watched_ns = 0
        names, plans = self._judge.comparison.names, self.binding.channels
        self._names = [f'{channel}/{element}' for channel, element in names]
        kinds = np.array([plan.kind for plan in plans for _ in plan.columns])
        self._columns = {kind: np.flatnonzero(kinds == kind) for kind in KINDS}
        self.listen_to_hand(self._judge.measured)
        self.listen_to_commands(self._judge.command)
        for name in self.profile.channels:
            self.create_subscription(JointTrajectory, f'shadow/{name}', self._shadow_rows(name), DATA)
        self.create_subscription(DiagnosticStatus, 'round', self._on_round, EVERY_LATCHED)
        self.create_subscription(DiagnosticStatus, 'gate/status', self._on_gate, 10)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, DATA)
        self.every(0.5 / self.profile.clock.rate_hz, self._advance)

    def _shadow_rows(self, channel: str) -> Any:
        return lambda message: self._judge.shadow(channel, convert.rows_of(message)) if self._judge.round else None

    def _on_round(self, message: DiagnosticStatus) -> None:
        state, found = convert.round_of(message)
        if found is None:
            return
        if state == 'open' and (self._judge.round is None or self._judge.round.number != found.number):
            self._judge.start(found)
            self._named = None
            self._first.publish(convert.status('divergence/first', 'ok', 'none so far', {'round': found.number}))
        running = self._judge.round is not None and self._judge.round.number == found.number
        if state == 'ended' and running and found.end_ns is not None:
            self._judge.end(found.end_ns, found.success)

    def _on_gate(self, message: DiagnosticStatus) -> None:
        values = convert.values_of(message)
        for key in ('trips', 'clamped'):
            if values.get(key, '').isdigit():
                self._judge.gate[key] = int(values[key])

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        shadow = f'{self.get_namespace().rstrip("/")}/shadow_sim'
        for status in message.status:
            if status.name == shadow:
                self._problem = status.message if status.level == DiagnosticStatus.ERROR else ''

    def _advance(self, watermark_ns: int) -> None:
        if self._judge.round is None:
            self._judge.forget(watermark_ns - IDLE_NS)
            self._say_watching(False)
            return
        for scored in self._judge.advance(watermark_ns):
            self._publish_scores(scored)
            self._name_first()
            self._say_watching(True)
        if self._judge.complete(watermark_ns):
            self._close()

    def _say_watching(self, compared: bool) -> None:
        """A word for whoever must not go on without the comparison: none comes while rows are awaited in vain.

        :param compared: rows were compared just now; else no round runs
        """
        now_ns = time.monotonic_ns()
        if now_ns - self._watched_ns >= to_ns(WATCHING_S):
            self._watched_ns = now_ns
            self._watching.publish(Bool(data=compared))

    def _publish_scores(self, scored: Scored) -> None:
        for row_ns, scores in zip(scored.rows.row_ns.tolist(), scored.scores, strict=True):
            self._scores.publish(convert.joint_state(self._names, scores, row_ns))
            for kind, columns in self._columns.items():
                if len(columns):
                    self._kinds[kind].publish(Float64(data=float(scores[columns].max())))

    def _name_first(self) -> None:
        """Say what parted first, as soon as that is known and whenever it changes."""
        first, ties = self._judge.first()
        if first is None or first == self._named:
            return
        assert self._judge.round is not None
        self._named = first
        self._say_first(self._judge.say(first, ties), sentence(first, self._judge.round.start_ns))
        if first.kind == 'timing':
            self._kinds['timing'].publish(Float64(data=first.score))

    def _say_first(self, found: Mapping[str, Any], text: str) -> None:
        assert self._judge.round is not None
        values = {'round': self._judge.round.number, **found}
        self._first.publish(convert.status('divergence/first', 'error', text, values, self.profile.hand))

    def _close(self) -> None:
        """The round's verdict, and the last word on what parted first: a delay shows itself only over a whole round."""
        assert self._judge.round is not None
        verdict = self._judge.verdict(self._problem)
        found, named = verdict['first_divergence'], self._named
        if found and (named is None or (found['kind'], found['element']) != (named.kind, named.element)):
            self._say_first(found, verdict['reason'])
        elif named is not None and not found:
            values = {'round': self._judge.round.number}
            self._first.publish(
                convert.status('divergence/first', 'warn', verdict['reason'], values, self.profile.hand)
            )
        timing = found['score'] if found and found['kind'] == 'timing' else None
        self._kinds['timing'].publish(Float64(data=float(timing or 0.0)))
        self._verdict.publish(String(data=json.dumps(verdict)))
        self._judge.round = None

    def report(self) -> tuple[str, str, Mapping[str, Any]]:
        """What is being compared and what was lost on the way."""
        late = sum(len(lane.timeline.faults['late']) for lane in self._judge.aligner.lanes.values())
        values = {'rows': self._judge.comparison.rows, 'late': late, 'lost_shadow_rows': self._judge.aligner.lost_rows}
        running = self._judge.round
        if running is None:
            return 'ok', 'waiting for a round', values
        if self._named is not None:
            return 'warn', sentence(self._named, running.start_ns), values
        return 'ok', f'round {running.number}: no divergence so far', values


def main() -> None:
    """Entry point."""
    sys.exit(run(Divergence))


if __name__ == '__main__':
    main()
