"""Small ledgers with known content."""

from types import SimpleNamespace

import pytest

from transfer_audit.ledger.record import FamilyRange, RoundRecord, StartRecord
from transfer_audit.ledger.store import Ledger

START_NS = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


def starting(**changed):
    fields = {
        'task': 'turn cube 1',
        'hand': 'emulated_hand',
        'policy': 'scripted',
        'profile': 'profile.yaml',
        'profile_sha256': 'a' * 64,
        'model_sha256': 'b' * 64,
        'family': {'tip_friction': FamilyRange(field='geom_friction', range=(0.5, 1.1))},
        'start_ns': START_NS,
    }
    return StartRecord(**(fields | changed))


def closing(number, **changed):
    fields = {'round': number, 'end_ns': START_NS + SECOND, 'verdict': 'agreed', 'reason': 'all elements agreed'}
    return RoundRecord.model_validate(dict(starting()) | fields | changed)


def filled(path, rounds=3):
    """Three entries a round: start, outcome, close."""
    with Ledger.open(path) as ledger:
        for _ in range(rounds):
            number = ledger.start(starting())
            ledger.outcome(number, True, START_NS + SECOND)
            ledger.close(number, closing(number))
    return path


@pytest.fixture(scope='session')
def book():
    """How to make records and ledgers."""
    return SimpleNamespace(starting=starting, closing=closing, filled=filled, start_ns=START_NS, second=SECOND)
