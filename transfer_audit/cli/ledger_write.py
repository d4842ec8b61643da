"""What is brought into a ledger, or made from it, by hand."""

from __future__ import annotations

import argparse
from pathlib import Path

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.files import sha256_of
from transfer_audit.ledger.place import this_robot
from transfer_audit.ledger.record import RoundRecord, StartRecord
from transfer_audit.ledger.recordings import keep_hashes
from transfer_audit.ledger.signing import sign
from transfer_audit.ledger.simulated import read_outcomes
from transfer_audit.ledger.store import Ledger
from transfer_audit.ledger.sync import Copy
from transfer_audit.ledger.template import read_filled, template


def print_template(arguments: argparse.Namespace) -> int:
    """Print an empty round; of a hand, if a profile is given."""
    if arguments.profile is None:
        print(template(), end='')
        return 0
    from transfer_audit.core.binding import open_hand
    from transfer_audit.ledger.document import start_of

    print(template(start_of(open_hand(arguments.profile), 0)), end='')
    return 0


def add(ledger: Ledger, arguments: argparse.Namespace) -> int:
    """Record a round that was filled in."""
    filled = read_filled(arguments.file)
    number = ledger.start(
        StartRecord.model_validate({k: v for k, v in filled.items() if k in StartRecord.model_fields})
    )
    ledger.event(number, 'added by hand', {'file': str(arguments.file), 'sha256': sha256_of(arguments.file)})
    ledger.close(number, RoundRecord.model_validate({**filled, 'round': number}))
    print(f'{ledger.name}: round {number} is recorded')
    return 0


def bags(ledger: Ledger, _: argparse.Namespace) -> int:
    """Keep the hashes of recordings that are complete by now."""
    hashed = keep_hashes(ledger)
    for bag, numbers in hashed:
        print(f'{ledger.name}: {bag} is hashed, the recording of round {", ".join(map(str, numbers))}')
    if not hashed:
        print(f'{ledger.name}: no recording of a round is there, complete, and not hashed yet')
    return 0


def case(ledger: Ledger, arguments: argparse.Namespace) -> int:
    """Write a round as a folder."""
    from transfer_audit.bags.case import write_case

    round_ = ledger.round(arguments.round)
    if round_.record is None:
        raise LedgerError(
            f'{ledger.name}: round {round_.number} is {round_.state}; a case is made of one that is closed'
        )
    name = '_'.join(filter(None, ('case', round_.robot, str(round_.number))))
    print(write_case(round_.record, arguments.to or Path(name), arguments.model))
    return 0


def recover(ledger: Ledger, arguments: argparse.Namespace) -> int:
    """What the opening did is on record; the rounds that were open are aborted."""
    left = ledger.abort_open('the ledger was recovered') if ledger.lost else []
    print(f'{ledger.name}: ' + (f'{ledger.lost}; that is on record now' if ledger.lost else 'nothing was lost'))
    if left:
        print(f'{ledger.name}: rounds {left} were left open and are aborted now')
    return 0


def sign_head(ledger: Ledger, arguments: argparse.Namespace) -> int:
    """Sign the head of a ledger that is whole."""
    found = ledger.verify()
    if not found.ok:
        raise LedgerError(f'{ledger.name}: is not whole, so it is not signed; see `transfer-audit ledger verify`')
    sign(ledger.file(), found.head, arguments.key, ledger.robot)
    which = f' of {ledger.robot}' if ledger.robot else ''
    print(f'{ledger.name}: signed up to entry {found.head.sequence}{which}')
    return 0


def sync(ledger: Ledger, arguments: argparse.Namespace) -> int:
    """Send the ledger's own chain to another ledger."""
    copy = Copy(arguments.to, arguments.robot or ledger.robot or this_robot())
    try:
        sent = copy.update(ledger)
    finally:
        copy.close()
    print(f'{copy.name}: {sent or "no"} entries of {copy.robot} were lacking and are there now')
    return 0


def import_sim(ledger: Ledger, arguments: argparse.Namespace) -> int:
    """Keep the outcomes of a simulator."""
    outcomes = read_outcomes(arguments.file)
    ledger.import_simulated(str(arguments.file), sha256_of(arguments.file), outcomes)
    tasks = {round_.start.task for round_ in ledger.rounds()}
    strange = sorted({outcome.task for outcome in outcomes} - tasks)
    more = f'; no round is of {", ".join(map(repr, strange[:3]))}{" and others" if strange[3:] else ""}'
    print(f'{ledger.name}: {len(outcomes)} outcomes are recorded{more if strange else ""}')
    return 0
