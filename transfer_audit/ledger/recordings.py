"""Recordings of rounds -> their hashes, which can only be known when a recording is complete: after its rounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from transfer_audit.ledger.files import sha256_of
from transfer_audit.ledger.rounds import RECORDING, LedgerRound
from transfer_audit.ledger.store import Ledger


def unhashed(rounds: Iterable[LedgerRound]) -> dict[Path, list[int]]:
    """Recordings that are complete and whose hash is not kept yet, with the numbers of their rounds."""
    found: dict[Path, list[int]] = {}
    for round_ in rounds:
        if round_.start.bag and not round_.start.bag_sha256:
            found.setdefault(Path(round_.start.bag), []).append(round_.number)
    return {bag: numbers for bag, numbers in found.items() if (bag / 'metadata.yaml').is_file()}


def keep_hash(ledger: Ledger, numbers: Iterable[int], sha256: str) -> None:
    """Keep the hash of the recording of some rounds."""
    with ledger.together():
        for number in numbers:
            ledger.event(number, RECORDING, {'sha256': sha256})


def keep_hashes(ledger: Ledger) -> Iterator[tuple[Path, list[int]]]:
    """Hash every complete recording of the ledger's own rounds; gives each and its rounds as soon as that is kept.

    :raises LedgerError: if a recording cannot be read, or the ledger not be written
    """
    own = [round_ for round_ in ledger.rounds() if round_.robot == ledger.robot]
    for bag, numbers in unhashed(own).items():
        keep_hash(ledger, numbers, sha256_of(bag))
        yield bag, numbers
