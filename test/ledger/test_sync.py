"""A robot's own book reaches a ledger that many share: nothing is lost, nothing stands twice, nothing is changed."""

import signal

import pytest

from transfer_audit.cli.main import main
from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger import sync
from transfer_audit.ledger.backend import Unwritable
from transfer_audit.ledger.chain import Head
from transfer_audit.ledger.store import Ledger
from transfer_audit.ledger.sync import Copy

SENDER = """
import sys
from transfer_audit.ledger import sync
from transfer_audit.ledger.store import Ledger
sync.MOST = 5
with Ledger.open(sys.argv[1], read_only=True) as own:
    copy = sync.Copy(sys.argv[2], 'left')
    print(copy.update(own, lambda head: print(head.sequence, flush=True)))
"""
WRITER = """
import sys
from transfer_audit.ledger.record import StartRecord
from transfer_audit.ledger.store import Ledger
ledger = Ledger.open(sys.argv[1], robot=sys.argv[2])
while True:
    print(ledger.start(StartRecord(hand='h', profile_sha256='a', model_sha256='b', start_ns=0)), flush=True)
"""


@pytest.fixture
def own(tmp_path, book):
    """A robot's own book of 60 entries."""
    (tmp_path / 'own').mkdir()
    return book.filled(tmp_path / 'own' / 'own.db', rounds=20)


def send(own, where, robot='left'):
    copy = Copy(where, robot)
    try:
        with Ledger.open(own, read_only=True) as source:
            return copy.update(source)
    finally:
        copy.close()


def chain(where, robot=None):
    """Every entry of a chain, as it is stored, without the robot."""
    with Ledger.open(where, read_only=True, robot=robot) as ledger:
        assert ledger.verify().ok
        return [entry[:-1] for entry in ledger.after(Head(), 10**6)]


def test_a_copy_has_the_same_bytes_and_gets_what_it_lacks(own, where, book):
    assert (send(own, where), send(own, where)) == (60, 0)
    assert chain(where, 'left') == chain(own)
    book.filled(own, rounds=2)
    assert send(own, where) == 6
    assert chain(where, 'left') == chain(own)
    with Ledger.open(own, read_only=True) as ledger, Ledger.open(where, read_only=True) as copy:
        assert copy.verify(ledger.head).ok
        assert [r.as_json() | {'robot': ''} for r in copy.rounds()] == [r.as_json() for r in ledger.rounds()]


def test_the_verb_sends_and_says_so(own, where, capsys):
    for sent in ('60', 'no'):
        assert main(['ledger', 'sync', '--ledger', str(own), '--to', str(where), '--robot', 'left']) == 0
        assert f'{sent} entries of left' in capsys.readouterr().out
    assert main(['ledger', 'sync', '--ledger', str(own), '--to', str(where), '--robot', 'a/b']) == 2


def test_a_sender_that_is_killed_is_followed_by_one_that_finishes(own, where, book):
    for lines in (1, 3, 5):
        with book.child(SENDER, own, where) as child:
            seen = [child.stdout.readline() for _ in range(lines)]
            child.send_signal(signal.SIGKILL)
    assert int(seen[-1]) >= 25
    assert send(own, where) < 40 and chain(where, 'left') == chain(own)


def test_two_at_once_send_each_entry_once(own, where, book):
    children = [book.child(SENDER, own, where) for _ in range(2)]
    sent = [int(child.communicate()[0].split()[-1]) for child in children]
    assert sum(sent) == 60 and chain(where, 'left') == chain(own)


def test_long_entries_go_in_several_transactions(own, where, monkeypatch):
    monkeypatch.setattr(sync, 'BYTES', 2000)
    assert send(own, where) == 60 and chain(where, 'left') == chain(own)


def test_a_fork_and_a_copy_that_is_ahead_are_refused(own, where, tmp_path, book):
    send(own, where)
    other = book.filled(tmp_path / 'own' / 'other.db', rounds=30, task='another')
    with pytest.raises(LedgerError, match=r'is not the beginning of this one .*entry 60 is another one'):
        send(other, where)
    older = book.filled(tmp_path / 'own' / 'older.db', rounds=5)
    with pytest.raises(LedgerError, match='entry 60 is not there: 15 is the last'):
        send(older, where)
    assert send(other, where, 'right') == 90 and chain(where, 'left') == chain(own)


def test_a_book_that_was_changed_is_not_sent(own, where, book):
    book.tamper(own, "UPDATE entries SET body = replace(body, 'true', 'false') WHERE sequence = 32")
    with pytest.raises(LedgerError, match=r'entry 32 \(event of round 11\) is not what was written'):
        send(own, where)


def test_nothing_is_written_by_hand_into_a_copy_on_a_server(own, server, book):
    where = server.database()
    send(own, where)
    with pytest.raises(LedgerError, match='is a copy of the ledger that this robot keeps'):
        Ledger.open(where, robot='left')
    book.filled(where, robot='desk', task='another')
    with pytest.raises(LedgerError, match='is not the beginning of this one'):
        send(own, where, 'desk')


def test_a_server_that_is_killed_loses_nothing_that_it_acknowledged(own, server, book):
    where = server.database()
    children = [book.child(WRITER, where, robot) for robot in ('one', 'two')]
    send(own, where)
    lines = [[child.stdout.readline() for _ in range(20)] for child in children]
    server.stop()
    try:
        for child, seen in zip(children, lines, strict=True):
            seen += child.communicate()[0].splitlines()
        with pytest.raises(Unwritable, match='the server does not answer'):
            send(own, where)
        book.filled(own, rounds=1)
    finally:
        server.start()
    assert send(own, where) == 3 and chain(where, 'left') == chain(own)
    with Ledger.open(where, read_only=True) as ledger:
        found = ledger.verify()
        assert found.ok, found.problems
        started = {(round_.robot, round_.number) for round_ in ledger.rounds()}
    for robot, seen in zip(('one', 'two'), lines, strict=True):
        assert {(robot, int(line)) for line in seen} <= started


def test_a_server_that_ended_a_connection_is_found_again(server, book):
    where = server.database()
    with Ledger.open(where) as ledger:
        ledger.start(book.starting())
        server.stop()
        with pytest.raises(Unwritable):
            ledger.start(book.starting())
        server.start()
        assert ledger.start(book.starting()) == 2 and ledger.verify().ok


def test_a_password_is_never_shown(server, capsys):
    where = server.database().replace('lab@', 'lab:geheim@')
    assert main(['ledger', 'list', '--ledger', where]) == 2
    said = capsys.readouterr().err
    assert 'holds no ledger yet' in said and 'geheim' not in said and '***' in said
    assert main(['ledger', 'list', '--ledger', 'postgresql://lab:geheim@127.0.0.1:1/lab']) == 2
    said = capsys.readouterr().err
    assert 'the server does not answer' in said and 'geheim' not in said


def test_a_missing_driver_is_one_sentence(monkeypatch):
    import sys

    for name in [name for name in sys.modules if name.split('.')[0] == 'psycopg']:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'psycopg', None)
    with pytest.raises(LedgerError, match=r'install transfer_audit\[postgres\]'):
        Ledger.open('postgresql://lab@host/lab')
