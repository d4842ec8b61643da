"""Small ledgers with known content, in a file and on a server."""

import os
import sqlite3
import subprocess
import sys
from types import SimpleNamespace

import pytest

from transfer_audit.ledger.place import is_server
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


def filled(where, rounds=3, robot=None, **changed):
    """Three entries a round: start, outcome, close."""
    with Ledger.open(where, robot=robot) as ledger:
        for _ in range(rounds):
            number = ledger.start(starting(**changed))
            ledger.outcome(number, True, START_NS + SECOND)
            ledger.close(number, closing(number))
    return where


def tamper(where, *statements):
    """Change a ledger behind its back."""
    if is_server(where):
        import psycopg

        with psycopg.connect(where.replace('+psycopg', '')) as connection:
            for statement in statements:
                connection.execute(statement)
        return
    connection = sqlite3.connect(where)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def aged(path, schema):
    """A ledger file as it was written with schema 1 or 2."""
    tamper(
        path,
        'CREATE TABLE old (sequence INTEGER NOT NULL, kind TEXT NOT NULL, round INTEGER, body TEXT NOT NULL, '
        'previous_sha256 VARCHAR(64) NOT NULL, sha256 VARCHAR(64) NOT NULL, PRIMARY KEY (sequence))',
        'INSERT INTO old SELECT sequence, kind, round, body, previous_sha256, sha256 FROM entries',
        'DROP TABLE entries',
        'ALTER TABLE old RENAME TO entries',
        'CREATE INDEX ix_entries_round ON entries (round)',
        f'PRAGMA user_version = {schema}',
    )
    return path


def child(code, *arguments, **options):
    """A process that runs some Python."""
    environment = os.environ | {'PYTHONPATH': os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, '-c', code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, **options)


@pytest.fixture(scope='session')
def book():
    """How to make records and ledgers."""
    return SimpleNamespace(
        starting=starting, closing=closing, filled=filled, tamper=tamper, aged=aged, child=child,
        start_ns=START_NS, second=SECOND,
    )  # fmt: skip


@pytest.fixture(params=['sqlite', 'postgresql'])
def where(request, tmp_path):
    """A ledger that is not there yet: a path, then a URL."""
    return tmp_path / 'ledger.db' if request.param == 'sqlite' else request.getfixturevalue('server').database()
