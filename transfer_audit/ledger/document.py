"""The rounds of an offline audit -> ledger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transfer_audit.core.binding import Binding
from transfer_audit.ledger.record import round_record, start_record
from transfer_audit.ledger.store import Ledger


def record_document(path: Path, binding: Binding, document: Mapping[str, Any]) -> None:
    """Record every round of a verdict document as a round of its own.

    :raises LedgerError: if the ledger cannot be written
    """
    with Ledger.open(path) as ledger:
        for verdict in document['rounds']:
            start = start_record(
                binding.profile,
                binding.model_digest,
                verdict['start_ns'],
                task=verdict['task'],
                bag=document['bag'],
            )
            number = ledger.start(start)
            ledger.close(number, round_record(number, start, verdict))
