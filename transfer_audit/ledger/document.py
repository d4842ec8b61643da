"""The rounds of an offline audit -> ledger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transfer_audit.core.binding import Binding
from transfer_audit.core.family import draw
from transfer_audit.ledger.files import sha256_of
from transfer_audit.ledger.record import StartRecord, round_record, start_record
from transfer_audit.ledger.store import Ledger


def record_document(where: str | Path, binding: Binding, document: Mapping[str, Any]) -> None:
    """Record every round of a verdict document as a round of its own, all at once.

    :raises LedgerError: if the ledger cannot be written
    """
    bag = document['bag']
    known = {'bag': bag, 'bag_sha256': sha256_of(Path(bag))}
    with Ledger.open(where) as ledger, ledger.together():
        for verdict in document['rounds']:
            start = start_of(binding, verdict['start_ns'], task=verdict['task'], **known)
            number = ledger.start(start)
            ledger.close(number, round_record(number, start, verdict))


def start_of(binding: Binding, start_ns: int, **known: Any) -> StartRecord:
    """The start of a round of this hand, with the family as it is drawn.

    :param known: task, policy, bag and what else `start_record` takes
    """
    family = draw(binding)
    members = {name: family[name].tolist() for name in family.names}
    return start_record(binding.profile, binding.model_digest, start_ns, members=members, **known)
