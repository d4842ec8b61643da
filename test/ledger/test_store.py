import os
import resource
import signal
import sqlite3
import tempfile
from pathlib import Path

import pytest

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.head import HeadFile
from transfer_audit.ledger.place import is_server
from transfer_audit.ledger.store import Ledger
from transfer_audit.ledger.tables import BETWEEN_ROUNDS, HIGHEST_ROUND, OF_ROUND


def test_a_round_goes_from_start_over_outcome_to_close(where, book):
    with Ledger.open(where) as ledger:
        number = ledger.start(book.starting())
        assert (number, ledger.round(1).state, ledger.round(1).success) == (1, 'open', None)
        ledger.event(number, 'trip', {'tip': 'tip_index', 'force': 6.5})
        ledger.outcome(number, False, book.start_ns + 5)
        assert (ledger.round(1).success, ledger.round(1).end_ns) == (False, book.start_ns + 5)
        ledger.close(number, book.closing(number, note='dropped'))
    round_ = Ledger.open(where, read_only=True).round(1)
    assert (round_.state, round_.record.note, round_.start) == ('closed', 'dropped', book.starting())
    assert [event.kind for event in round_.events] == ['trip', 'outcome']
    assert round_.events[0].data == {'tip': 'tip_index', 'force': 6.5}


def test_numbers_rise_and_events_may_lie_between_rounds(where, book):
    with Ledger.open(where) as ledger:
        assert [ledger.start(book.starting()) for _ in range(3)] == [1, 2, 3]
        ledger.abort(3, 'stopped by hand')
        ledger.event(None, 'rearm', {})
        assert ledger.start(book.starting()) == 4
        assert [round_.state for round_ in ledger.rounds()] == ['open', 'open', 'aborted', 'open']
        assert [(event.round, event.kind) for event in ledger.events()] == [(None, 'rearm')]


def test_a_start_is_seen_by_others_before_anything_is_closed(where, book):
    ledger = Ledger.open(where)
    number = ledger.start(book.starting())
    with Ledger.open(where, read_only=True) as other:
        assert other.round(number).state == 'open'
        assert other.verify().ok
    ledger.disconnect()


def test_rounds_that_a_crash_left_open_are_aborted(where, book):
    book.filled(where, rounds=1)
    crashed = Ledger.open(where)
    crashed.start(book.starting())
    crashed.outcome(crashed.start(book.starting()), True, book.start_ns)
    with Ledger.open(where) as ledger:
        assert ledger.abort_open('the node ended without closing it') == [2, 3]
        assert ledger.abort_open('again') == []
        last = ledger.round(3)
        assert (last.state, last.success, last.reason) == ('aborted', True, 'the node ended without closing it')
        assert ledger.verify().ok


@pytest.mark.parametrize('query', [OF_ROUND, BETWEEN_ROUNDS, HIGHEST_ROUND], ids=['of round', 'between', 'highest'])
def test_no_round_takes_longer_because_of_those_before_it(tmp_path, book, query):
    book.filled(tmp_path / 'ledger.db', rounds=1)
    with sqlite3.connect(tmp_path / 'ledger.db') as connection:
        found = connection.execute(f'EXPLAIN QUERY PLAN {query}', {'chain': '', 'number': 1})
        steps = [row[3] for row in found if row[3].startswith(('SEARCH', 'SCAN'))]
    connection.close()
    # The highest one is at the end of the index: SQLite seeks it there.
    whole = [step for step in steps if 'sequence=?' not in step and 'round=?' not in step and 'of_round' not in step]
    assert steps and not whole


def test_two_writers_share_one_chain(where, book):
    one, two = Ledger.open(where), Ledger.open(where)
    assert [writer.start(book.starting()) for writer in (one, two, two, one, two)] == [1, 2, 3, 4, 5]
    assert one.verify().ok and two.verify().notes == []


def test_what_makes_no_sense_is_refused(where, book):
    with Ledger.open(where) as ledger:
        number = ledger.start(book.starting())
        with pytest.raises(LedgerError, match='round 9 cannot close round 1'):
            ledger.close(number, book.closing(9))
        with pytest.raises(LedgerError, match='round 7 was never started'):
            ledger.event(7, 'trip', {})
        with pytest.raises(LedgerError, match='JSON'):
            ledger.event(number, 'trip', {'force': float('nan')})
        ledger.outcome(number, True, 1)
        with pytest.raises(LedgerError, match='has an outcome already'):
            ledger.outcome(number, False, 2)
        ledger.close(number, book.closing(number))
        with pytest.raises(LedgerError, match='round 1 is closed, so it cannot be closed'):
            ledger.close(number, book.closing(number))
        with pytest.raises(LedgerError, match='there is no round 2'):
            ledger.round(2)
        assert ledger.verify().entries == 3


def test_a_reader_cannot_write(where, book):
    book.filled(where)
    with Ledger.open(where, read_only=True) as ledger, pytest.raises(LedgerError, match='for reading only'):
        ledger.start(book.starting())


def test_the_head_is_repaired_after_a_crash_between_entry_and_head(tmp_path, book):
    path = book.filled(tmp_path / 'ledger.db')
    head = HeadFile(path)
    before = head.read()
    with Ledger.open(path) as ledger:
        ledger.start(book.starting())
    head.replace(before)
    with Ledger.open(path, read_only=True) as ledger:
        found = ledger.verify()
        assert found.ok and found.notes == ['the head is behind by one entry']
    with Ledger.open(path) as ledger:
        assert ledger.verify().notes == [] and head.read() == ledger.head


def test_a_power_cut_may_lose_the_heads_of_events_but_no_more(tmp_path, book):
    path = book.filled(tmp_path / 'ledger.db', rounds=1)
    head = HeadFile(path)
    before = head.read()
    with Ledger.open(path) as ledger:
        for _ in range(3):
            ledger.event(None, 'trip', {})
    head.replace(before)
    with Ledger.open(path, read_only=True) as ledger:
        assert ledger.verify().notes == ['the head is behind by 3 entries']
    book.filled(path, rounds=1)
    head.replace(before)
    with Ledger.open(path, read_only=True) as ledger:
        assert ledger.verify().problems == ['the head is 6 entries behind, more than a crash can leave']


WRITER = """
import sys
from transfer_audit.ledger.record import StartRecord
from transfer_audit.ledger.store import Ledger
ledger = Ledger.open(sys.argv[1])
print('aborted', *ledger.abort_open('crash'), flush=True)
while True:
    number = ledger.start(StartRecord(hand='h', profile_sha256='a', model_sha256='b', start_ns=0))
    print('start', number, flush=True)
    ledger.event(number, 'trip', {'force': 1.5})
    ledger.outcome(number, True, 1)
    print('outcome', number, flush=True)
"""


def test_kill_9_loses_nothing_that_was_acknowledged(where, book):
    started, ended = [], []
    for kill in range(6):
        with book.child(WRITER, where) as child:
            lines = [child.stdout.readline() for _ in range(2 + 6 * kill)]
            child.send_signal(signal.SIGKILL)
            lines += child.stdout.readlines()
        words = [line.split() for line in lines if line.endswith('\n')]
        started += [int(number) for word, number in words[1:] if word == 'start']
        ended += [int(number) for word, number in words[1:] if word == 'outcome']
        with Ledger.open(where, read_only=True) as ledger:
            found, rounds = ledger.verify(), {round_.number: round_ for round_ in ledger.rounds()}
        assert found.ok, found.problems
        assert set(started) <= set(rounds) and all(rounds[number].success for number in ended)
    assert len(set(started)) == len(started) > 40


def test_a_missing_ledger_is_said_on_reading(tmp_path):
    with pytest.raises(LedgerError, match='there is no ledger here'):
        Ledger.open(tmp_path / 'ledger.db', read_only=True)
    assert not list(tmp_path.iterdir())


def test_an_empty_server_holds_no_ledger_yet(server, book):
    where = server.database()
    with pytest.raises(LedgerError, match='holds no ledger yet'):
        Ledger.open(where, read_only=True)


@pytest.mark.parametrize('read_only', [True, False])
def test_what_is_no_ledger_is_left_alone(tmp_path, read_only):
    text, other = tmp_path / 'text.db', tmp_path / 'other.db'
    text.write_text('not a database, but long enough to be read as one' * 20)
    with sqlite3.connect(other) as connection:
        connection.execute('CREATE TABLE cats (name TEXT)')
    connection.close()
    with pytest.raises(LedgerError, match=r'text\.db: is no SQLite database'):
        Ledger.open(text, read_only)
    with pytest.raises(LedgerError, match=r'other\.db: is a SQLite database, but no ledger'):
        Ledger.open(other, read_only)
    with pytest.raises(LedgerError, match='is a folder'):
        Ledger.open(tmp_path, read_only)


def test_a_newer_schema_is_not_touched(where, book):
    book.filled(where)
    newer = 'UPDATE ledger_schema SET version = 99' if is_server(where) else 'PRAGMA user_version = 99'
    book.tamper(where, newer)
    for read_only in (True, False):
        with pytest.raises(LedgerError, match=r'newer transfer_audit \(schema 99, this one knows 3\)'):
            Ledger.open(where, read_only)


@pytest.mark.parametrize('schema', [1, 2])
def test_a_ledger_of_an_older_schema_is_read_untouched_and_goes_on_with_the_same_digests(tmp_path, book, schema):
    path = book.filled(tmp_path / 'ledger.db')
    with Ledger.open(path, read_only=True) as ledger:
        truth, head = ledger.rounds(), ledger.head
    before = book.aged(path, schema).read_bytes()
    with Ledger.open(path, read_only=True) as ledger:
        assert ledger.verify(head).ok and ledger.rounds() == truth and ledger.round(2) == truth[1]
    assert path.read_bytes() == before
    with Ledger.open(path) as ledger:
        assert ledger.rounds() == truth and ledger.head == head and ledger.verify(head).ok
        assert ledger.start(book.starting()) == 4 and ledger.verify(head).ok
    with sqlite3.connect(path) as connection:
        assert connection.execute('PRAGMA user_version').fetchone() == (3,)
    connection.close()


def test_a_ledger_that_finds_no_space_to_be_brought_up_to_date_stays_as_it_was(tmp_path, book):
    path = book.aged(book.filled(tmp_path / 'ledger.db', rounds=40), 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size // 2, resource.RLIM_INFINITY))
    try:
        with pytest.raises(LedgerError, match='free some space'):
            Ledger.open(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    with Ledger.open(path) as ledger:
        assert ledger.verify().ok and len(ledger.rounds()) == 40


def test_a_folder_that_does_not_exist_and_a_url_of_another_database(tmp_path, book):
    with pytest.raises(LedgerError, match='does not exist'):
        Ledger.open(tmp_path / 'nowhere' / 'ledger.db')
    with pytest.raises(LedgerError, match='no other database'):
        Ledger('mysql://host/ledger')
    with pytest.raises(LedgerError, match=r'me:\*\*\*@host') as refused:
        Ledger('mysql://me:secret@host/ledger')
    assert 'secret' not in str(refused.value)
    with Ledger(f'sqlite:///{tmp_path}/ledger.db') as ledger:
        assert ledger.start(book.starting()) == 1


def test_a_link_leads_to_the_same_ledger_and_head(tmp_path, book):
    path = book.filled(tmp_path / 'ledger.db', rounds=1)
    (tmp_path / 'elsewhere').mkdir()
    link = tmp_path / 'elsewhere' / 'link.db'
    link.symlink_to(path)
    book.filled(link, rounds=1)
    with Ledger.open(path) as ledger:
        assert len(ledger.rounds()) == 2 and ledger.verify().ok


@pytest.fixture
def unwritable(book):
    """A ledger in a folder that the test may read but not write; root steps down for that."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        book.filled(folder / 'ledger.db')
        folder.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)


def test_a_read_only_folder_is_said_before_anything_is_written_and_can_still_be_read(unwritable):
    for name in ('ledger.db', 'new.db'):
        with pytest.raises(LedgerError, match='cannot be written; choose another'):
            Ledger.open(unwritable / name)
    with Ledger.open(unwritable / 'ledger.db', read_only=True) as ledger:
        assert ledger.verify().ok and len(ledger.rounds()) == 3
