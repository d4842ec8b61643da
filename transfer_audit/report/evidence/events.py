"""What happened in a bag, beside its rows: rounds, first divergences, verdicts, and what the gate said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transfer_audit.bags.blocks import Bag
from transfer_audit.bags.replay import SPAN_NS
from transfer_audit.bags.writer import BagWriter
from transfer_audit.core.types import to_ns
from transfer_audit.report.evidence.messages import NUMBER, STATUS, TEXT, Messages

GATE = {'gate/status': STATUS, 'gate/budget/force': NUMBER, 'gate/budget/speed': NUMBER, 'gate/budget/failures': NUMBER}


class EventWriter:
    """Writes what is known once the audit is over. Log times say when each was so; their order in the file does not."""

    def __init__(self, hand: str, writer: BagWriter, messages: Messages) -> None:
        self._hand, self._writer, self._messages = hand, writer, messages
        for topic in ('/divergence/first', '/round'):
            writer.add_topic(topic, STATUS)
        writer.add_topic('/divergence/timing', NUMBER)
        writer.add_topic('/divergence/verdict', TEXT)

    def verdict(self, verdict: Mapping[str, Any]) -> None:
        """A round of the verdict document."""
        start_ns, end_ns = int(verdict['start_ns']), int(verdict['end_ns'])
        self._round(verdict, 'open', start_ns)
        self._first(start_ns, 'ok', 'none so far', {'round': verdict['round']})
        found = verdict['first_divergence']
        if found:
            at_ns = min(start_ns + to_ns(found['flagged_s']), end_ns)
            self._first(at_ns, 'error', verdict['reason'], {'round': verdict['round'], **found})
            if found['kind'] == 'timing':
                self._writer.write('/divergence/timing', at_ns, self._messages.number(found['score']))
        self._writer.write('/divergence/verdict', end_ns, self._messages.text(dict(verdict)))
        self._round(verdict, 'closed', end_ns)

    def _first(self, at_ns: int, level: str, text: str, values: Mapping[str, Any]) -> None:
        status = self._messages.status('divergence/first', level, text, values, self._hand)
        self._writer.write('/divergence/first', at_ns, status)

    def _round(self, verdict: Mapping[str, Any], state: str, at_ns: int) -> None:
        over = state == 'closed'
        values = {
            'state': state, 'verdict': verdict['verdict'] if over else '', 'id': verdict['round'],
            'task': verdict['task'], 'start_ns': verdict['start_ns'], 'end_ns': verdict['end_ns'] if over else None,
            'success': verdict['metrics']['real']['success'] if over else None,
        }  # fmt: skip
        self._writer.write('/round', at_ns, self._messages.status('round', 'ok', state, values, self._hand))

    def copy_gate(self, bag: Bag) -> None:
        """What the gate of a recorded pilot said, as it was recorded, under the plain names of the topics.

        Of two pilots in one bag nothing is taken: whose gate it was cannot be told.
        """
        names = {wanted: found for wanted in GATE if (found := _only(bag, wanted))}
        for wanted, name in names.items():
            self._writer.add_topic(f'/{wanted}', GATE[wanted], bag.topics[name].definition or None)
        for blocks in bag.blocks(list(names.values()), bag.start_ns, bag.end_ns, SPAN_NS):
            for wanted, name in names.items():
                block = blocks[name]
                for number, at_ns in enumerate(block.receive_ns.tolist()):
                    self._writer.write_raw(f'/{wanted}', at_ns, block.message(number))


def _only(bag: Bag, wanted: str) -> str | None:
    """The one topic of a bag with that name, in whatever namespace."""
    found = [t.name for t in bag.topics.values() if f'/{t.name}'.endswith(f'/{wanted}') and t.type == GATE[wanted]]
    return found[0] if len(found) == 1 else None
