"""What a crash, a torn log or a full disk leaves behind can be opened, and says what is there."""

import os
import resource
import subprocess
import sys

import numpy as np
import pytest

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.backend import Unwritable
from transfer_audit.ledger.events import gate_events
from transfer_audit.ledger.store import Ledger

ENDLESS = resource.RLIM_INFINITY
DYING = """
import os, signal, sys
from transfer_audit.ledger.record import StartRecord
from transfer_audit.ledger.store import Ledger
ledger = Ledger.open(sys.argv[1])
for _ in range(6):
    number = ledger.start(StartRecord(hand='h', profile_sha256='a', model_sha256='b', start_ns=0))
    ledger.event(number, 'trip', {'force': 1.5})
    ledger.outcome(number, True, 1)
os.kill(os.getpid(), signal.SIGKILL)
"""
ENTRIES = 18


@pytest.fixture(scope='module')
def killed(tmp_path_factory):
    """The files of a ledger whose writer was killed with everything still in the log: name -> bytes."""
    path = tmp_path_factory.mktemp('killed') / 'ledger.db'
    environment = os.environ | {'PYTHONPATH': os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, '-c', DYING, str(path)], env=environment, check=False)
    files = {file.name: file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith('-shm')}
    assert len(files['ledger.db-wal']) > 100_000
    return files


def torn(folder, files, seed):
    """The same files after a power cut that tore the log: cut at a random byte, or with a random stretch of noise."""
    generator = np.random.default_rng(seed)
    log = bytearray(files['ledger.db-wal'])
    at = int(generator.integers(len(log)))
    if seed % 2:
        log[at : at + 512] = generator.bytes(len(log[at : at + 512]))
    else:
        del log[at:]
    folder.mkdir()
    for name, content in {**files, 'ledger.db-wal': bytes(log)}.items():
        (folder / name).write_bytes(content)
    return folder / 'ledger.db'


@pytest.mark.parametrize('seed', range(12))
def test_a_torn_log_is_told_and_the_ledger_goes_on_with_the_loss_on_record(tmp_path, killed, book, seed):
    path = torn(tmp_path / 'torn', killed, seed)
    with pytest.raises(LedgerError, match='ledger recover'):
        Ledger.open(path)
    with Ledger.open(path, recover=True) as ledger:
        left = ENTRIES - int(ledger.lost.split(' to ')[0].split()[-1] if ' to ' in ledger.lost else ENTRIES) + 1
        ledger.abort_open('the power failed')
        assert {round_.state for round_ in ledger.rounds()} <= {'aborted'}
        fresh = ledger.start(book.starting())
        found = ledger.verify()
    assert f'speaks of entry {ENTRIES}' in found.problems[0] and len(found.problems) == 1
    assert found.problems[0].startswith(f'before entry {ENTRIES - left + 1} (loss) was written: ')
    assert fresh > 6
    with Ledger.open(path) as again:
        assert again.lost == '' and again.verify().problems == found.problems


def test_a_log_that_lost_only_what_was_never_acknowledged_is_whole(tmp_path, killed):
    path = tmp_path / 'ledger.db'
    for name, content in killed.items():
        (tmp_path / name).write_bytes(content)
    with (tmp_path / 'ledger.db-wal').open('ab') as log:
        log.write(os.urandom(3000))
    with Ledger.open(path) as ledger:
        assert ledger.verify().ok and ledger.verify().entries == ENTRIES
        assert ledger.abort_open('killed') == [1, 2, 3, 4, 5, 6]
        assert all(round_.success for round_ in ledger.rounds())


def test_a_lost_or_garbled_head_can_be_recovered_and_stays_a_problem(tmp_path, book):
    path = book.filled(tmp_path / 'ledger.db')
    head = tmp_path / 'ledger.db.head'
    head.write_text('nonsense')
    with Ledger.open(path, recover=True) as ledger:
        assert ledger.verify().problems == [f'before entry 10 (loss) was written: {ledger.lost}']
        assert 'is no head of a ledger' in ledger.lost


@pytest.mark.parametrize('bytes_left', [0, 100, 5000, 20000])
def test_a_full_disk_refuses_and_recording_goes_on_when_there_is_space(tmp_path, book, bytes_left):
    with Ledger.open(tmp_path / 'ledger.db') as ledger:
        acknowledged = [ledger.start(book.starting()) for _ in range(3)]
        full = max(file.stat().st_size for file in tmp_path.glob('*db-wal')) + bytes_left
        resource.setrlimit(resource.RLIMIT_FSIZE, (full, ENDLESS))
        try:
            with pytest.raises(Unwritable, match='free some space'):
                for _ in range(50):
                    acknowledged.append(ledger.start(book.starting()))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (ENDLESS, ENDLESS))
        assert [round_.number for round_ in ledger.rounds()] == acknowledged and ledger.verify().ok
        assert ledger.start(book.starting()) == acknowledged[-1] + 1


def test_a_head_that_finds_no_space_refuses_the_round_it_would_speak_of(tmp_path, book):
    path = book.filled(tmp_path / 'ledger.db', rounds=1)
    blocked = tmp_path / 'ledger.db.head.tmp'
    blocked.mkdir()
    with Ledger.open(path) as ledger:
        with pytest.raises(Unwritable, match=r'head\.tmp'):
            ledger.start(book.starting())
        assert len(ledger.rounds()) == 1
        blocked.rmdir()
        assert ledger.start(book.starting()) == 2 and ledger.verify().ok


def test_a_file_that_is_cut_short_is_found_or_refused(tmp_path, book):
    whole = book.filled(tmp_path / 'ledger.db', rounds=12)
    content, generator = whole.read_bytes(), np.random.default_rng(3)
    for size in generator.integers(1, len(content), 20):
        whole.write_bytes(content[:size])
        assert changed(whole)


def test_random_edits_are_found_or_change_nothing(tmp_path, book):
    path = book.filled(tmp_path / 'ledger.db', rounds=12)
    content, generator = path.read_bytes(), np.random.default_rng(4)
    with Ledger.open(path, read_only=True) as ledger:
        truth = [round_.as_json() for round_ in ledger.rounds()]
    used, seen = np.flatnonzero(np.frombuffer(content, np.uint8)), 0
    for place in generator.choice(used, 400):
        edited = bytearray(content)
        edited[place] ^= int(generator.integers(1, 256))
        path.write_bytes(edited)
        if changed(path):
            seen += 1
            continue
        with Ledger.open(path, read_only=True) as ledger:
            assert [round_.as_json() for round_ in ledger.rounds()] == truth
    assert seen > 300


def changed(path):
    """Whether `verify` finds something, or SQLite refuses the file."""
    for rest in ('-wal', '-shm'):
        path.with_name(path.name + rest).unlink(missing_ok=True)
    try:
        with Ledger.open(path, read_only=True) as ledger:
            return not ledger.verify().ok
    except LedgerError:
        return True


def test_what_happened_between_two_statuses_of_a_gate():
    quiet = {'trips': '1', 'cut': '', 'latched': 'false'}
    assert gate_events({}, quiet) == gate_events(quiet, quiet) == []
    tripped = {'trips': '2', 'cut': 'a fall', 'latched': 'true'}
    assert gate_events(quiet, tripped) == ['gate_trip', 'cut']
    assert gate_events(tripped, {**quiet, 'trips': '2'}) == ['restored', 'rearm']
    assert gate_events(tripped, {**quiet, 'trips': '0', 'latched': 'true'}) == ['restored']
