"""A real file system that is full, or was remounted read-only, refuses in a sentence; recording goes on afterwards."""

import json
import os
import subprocess
import sys

import pytest

MOUNTED = """
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
READ_ONLY, REMOUNT, PRIVATE, RECURSIVE, NEW_NAMESPACE = 1, 32, 1 << 18, 1 << 14, 0x20000
def mount(flags, options=b''):
    if libc.mount(b'tmpfs', folder, b'tmpfs', flags, options):
        raise OSError(ctypes.get_errno(), 'mount')
folder = os.fsencode(sys.argv[1])
if libc.unshare(NEW_NAMESPACE) or libc.mount(None, b'/', None, PRIVATE | RECURSIVE, None):
    sys.exit(77)
mount(0, b'size=600k')

from pathlib import Path
from transfer_audit.ledger.record import StartRecord
from transfer_audit.ledger.store import Ledger
from transfer_audit.core.errors import LedgerError
start = StartRecord(hand='h', profile_sha256='a', model_sha256='b', start_ns=0, task='t' * 500)
path = Path(sys.argv[1]) / 'ledger.db'
told, said = [], []
def try_to(times):
    for _ in range(times):
        try:
            told.append(ledger.start(start))
        except LedgerError as error:
            said.append(str(error))
            return
ledger = Ledger.open(path)
"""
FULL = """
try_to(3)
ballast = path.with_name('ballast')
with ballast.open('wb', buffering=0) as file:
    try:
        while file.write(b'x' * 4096):
            pass
    except OSError:
        pass
try_to(400)
ballast.unlink()
try_to(3)
"""
READ_ONLY = """
try_to(3)
ledger.disconnect()
mount(REMOUNT | READ_ONLY)
try:
    Ledger.open(path)
except LedgerError as error:
    said.append(str(error))
with Ledger.open(path, read_only=True) as readable:
    assert readable.verify().ok and len(readable.rounds()) == 3
mount(REMOUNT)
ledger = Ledger.open(path)
try_to(3)
"""
END = """
numbers = [round_.number for round_ in ledger.rounds()]
print(json.dumps({'told': told, 'said': said, 'numbers': numbers, 'problems': ledger.verify().problems}))
"""


@pytest.mark.parametrize(
    ('what', 'says'),
    [(FULL, 'the disk is full; free some space'), (READ_ONLY, 'cannot be written')],
    ids=['full', 'read-only'],
)
def test_a_disk_that_refuses_is_said_and_costs_no_round(tmp_path, what, says):
    folder = tmp_path / 'disk'
    folder.mkdir()
    environment = os.environ | {'PYTHONPATH': os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, '-c', MOUNTED + what + END, str(folder)], env=environment, capture_output=True, text=True
    )
    if done.returncode == 77:
        pytest.skip('mounting a small disk needs root, or user namespaces')
    assert not done.returncode, done.stderr
    found = json.loads(done.stdout)
    assert len(found['said']) == 1 and says in found['said'][0] and str(folder) in found['said'][0]
    assert found['told'] == found['numbers'] and len(found['told']) >= 6 and not found['problems']
