"""Recordings of rounds -> their hashes, which can only be known when a recording is complete: after its rounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from transfer_audit.ledger.files import sha256_of
from transfer_audit.ledger.reader import LedgerReader
from transfer_audit.ledger.store import Ledger
from transfer_audit.ledger.tables import RECORDING


def hashes(ledger: LedgerReader) -> Iterator[tuple[Path, list[int], str]]:
    """Every recording that is complete and whose hash is not kept yet, the numbers of its rounds, and its hash.

    :raises LedgerError: if a recording cannot be read
    """
    for bag, numbers in ledger.unhashed().items():
        if (Path(bag) / 'metadata.yaml').is_file():
            yield Path(bag), numbers, sha256_of(Path(bag))


def keep(ledger: Ledger, numbers: Iterable[int], sha256: str) -> None:
    """Keep the hash of the recording of some rounds.

    :raises LedgerError: if the ledger cannot be written
    """
    with ledger.together():
        for number in numbers:
            ledger.event(number, RECORDING, {'sha256': sha256})


def keep_hashes(ledger: Ledger) -> list[tuple[Path, list[int]]]:
    """Hash and keep what can be; each recording and its rounds.

    :raises LedgerError: if a recording cannot be read, or the ledger not be written
    """
    found = []
    for bag, numbers, sha256 in hashes(ledger):
        keep(ledger, numbers, sha256)
        found.append((bag, numbers))
    return found
