"""Rows of an audit -> an evidence bag, as they are judged: nothing is kept in memory."""

from __future__ import annotations

import numpy as np

from transfer_audit.bags.writer import BagWriter
from transfer_audit.core.binding import Binding
from transfer_audit.core.judge import Scored
from transfer_audit.core.types import Array
from transfer_audit.report.evidence.messages import JOINTS, NUMBER, ROWS, Messages
from transfer_audit.report.evidence.packed import Bytes, Packed

SIDES = ('real', 'median', 'lower', 'upper', 'residual')
KINDS = ('pose', 'force', 'slip')


class RowWriter:
    """Watches the rows of an audit and writes each at its own time.

    What a pilot publishes has its name and type; /evidence holds the rest: both sides and real - median, one number for
    each `channel/element`, NaN where the real hand was not measured.
    """

    def __init__(self, binding: Binding, writer: BagWriter, messages: Messages) -> None:
        self._plans, self._writer = binding.channels, writer
        names = [f'{plan.name}/{column}' for plan in self._plans for column in plan.columns]
        kinds = np.array([plan.kind for plan in self._plans for _ in plan.columns])
        self._kinds = {kind: np.flatnonzero(kinds == kind) for kind in KINDS if (kinds == kind).any()}
        self._named, self._number = messages.named(names), messages.numbers()
        self._envelopes: dict[str, Packed] = {plan.name: messages.envelopes(plan.columns) for plan in self._plans}
        for topic in (*(f'/evidence/{side}' for side in SIDES), '/divergence/scores'):
            writer.add_topic(topic, JOINTS)
        for plan in self._plans:
            writer.add_topic(f'/shadow/{plan.name}', ROWS)
        for kind in self._kinds:
            writer.add_topic(f'/divergence/{kind}', NUMBER)

    def watch(self, scored: Scored) -> None:
        """Take judged rows, in order of time."""
        row_ns = scored.rows.row_ns
        sheets = [*self._sides(scored), *self._own(scored)]
        for index, at_ns in enumerate(row_ns.tolist()):
            for topic, sheet in sheets:
                self._writer.write_raw(topic, at_ns, sheet[index].data)

    def _sides(self, scored: Scored) -> list[tuple[str, Bytes]]:
        rows = scored.rows
        envelopes = [rows.shadow[plan.name] for plan in self._plans]
        real = _wide([rows.real[plan.name] for plan in self._plans])
        median = _wide([each.median for each in envelopes])
        lower, upper = _wide([each.lower for each in envelopes]), _wide([each.upper for each in envelopes])
        values = (real, median, lower, upper, real - median)
        sheets = zip(SIDES, values, strict=True)
        found = [(f'/evidence/{side}', self._named.rows(rows.row_ns, each)) for side, each in sheets]
        for plan, each in zip(self._plans, envelopes, strict=True):
            packed = self._envelopes[plan.name]
            found.append((f'/shadow/{plan.name}', packed.rows(rows.row_ns, each.median, each.lower, each.upper)))
        return found

    def _own(self, scored: Scored) -> list[tuple[str, Bytes]]:
        row_ns, scores = scored.rows.row_ns, scored.scores
        found = [('/divergence/scores', self._named.rows(row_ns, scores))]
        for kind, columns in self._kinds.items():
            worst = scores[:, columns].max(axis=1, keepdims=True)
            found.append((f'/divergence/{kind}', self._number.rows(row_ns, worst)))
        return found


def _wide(parts: list[Array]) -> Array:
    return np.concatenate(parts, axis=1)
