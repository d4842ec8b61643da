"""Many robots in one ledger: a chain for each, written at the same time, read as one book."""

import json
import time

import pytest

from transfer_audit.cli.main import main
from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.panels import gaps
from transfer_audit.ledger.place import checked_robot, this_robot
from transfer_audit.ledger.simulated import SimOutcome
from transfer_audit.ledger.store import Ledger

WRITER = """
import sys
from transfer_audit.ledger.record import StartRecord
from transfer_audit.ledger.store import Ledger
where, robot, rounds = sys.argv[1:]
with Ledger.open(where, robot=robot) as ledger:
    for _ in range(int(rounds)):
        number = ledger.start(StartRecord(hand=robot, profile_sha256='a', model_sha256='b', start_ns=0))
        ledger.outcome(number, True, 1)
        print(number, flush=True)
"""


def test_numbers_count_per_robot_and_reading_goes_over_all(where, book):
    book.filled(where, rounds=2, robot='left')
    book.filled(where, rounds=3, robot='right')
    with Ledger.open(where, read_only=True) as ledger:
        found = [(round_.robot, round_.number) for round_ in ledger.rounds()]
        assert found == [('left', 1), ('left', 2), ('right', 1), ('right', 2), ('right', 3)]
        assert ledger.robots() == ['left', 'right'] and ledger.round(3).robot == 'right'
        assert gaps(ledger.rounds())[0].rounds == 5
        with pytest.raises(LedgerError, match=r'several robots have a round 2 \(left, right\); name one with --robot'):
            ledger.round(2)
        whole = ledger.verify()
        assert whole.ok and whole.entries == 15 and whole.heads.keys() == {'left', 'right'}
        assert ledger.verify(whole.heads['left']).ok and ledger.verify(whole.heads['right']).ok
    with Ledger.open(where, read_only=True, robot='left') as ledger:
        assert len(ledger.rounds()) == 2 and ledger.round(2).robot == 'left'
        assert ledger.head == whole.heads['left'] == ledger.verify().head
        assert not ledger.verify(whole.heads['right']).ok


def test_a_change_in_one_chain_is_found_and_named(where, book):
    for robot in ('left', 'right'):
        book.filled(where, robot=robot)
    book.tamper(where, "DELETE FROM entries WHERE robot = 'right' AND sequence > 8")
    with Ledger.open(where, read_only=True) as ledger:
        assert ledger.verify().problems == ['right: entry 9 was cut off: the head speaks of entry 9']
    book.filled(where, robot='left')
    with pytest.raises(LedgerError, match='entry 9 was cut off'):
        Ledger.open(where, robot='right')
    book.tamper(where, "DELETE FROM entries WHERE robot = 'right'")
    with Ledger.open(where, read_only=True) as ledger:
        assert ledger.verify().problems == ['right: entries 1 to 9 were cut off: the head speaks of entry 9']


def test_a_crash_of_one_robot_aborts_its_rounds_alone(where, book):
    for robot in ('left', 'right'):
        with Ledger.open(where, robot=robot) as ledger:
            ledger.start(book.starting())
    with Ledger.open(where, robot='left') as ledger:
        assert ledger.abort_open('crash') == [1]
    with Ledger.open(where, read_only=True) as ledger:
        assert [(round_.robot, round_.state) for round_ in ledger.rounds()] == [('left', 'aborted'), ('right', 'open')]


def test_a_panel_that_several_robots_imported_counts_once(where, book):
    outcome = SimOutcome(task='turn cube 1', success=0.5)
    for robot in ('left', 'right'):
        with Ledger.open(where, robot=robot) as ledger:
            ledger.import_simulated('panel.csv', 'c' * 64, [outcome])
    with Ledger.open(where) as ledger:
        assert ledger.simulated() == [outcome]
        with pytest.raises(LedgerError, match='imported already'):
            ledger.import_simulated('panel.csv', 'c' * 64, [outcome])


def test_several_processes_of_several_robots_write_at_once(where, book):
    writers = [book.child(WRITER, where, robot, 20) for robot in ('left', 'left', 'right')]
    numbers = [[int(line) for line in writer.communicate()[0].split()] for writer in writers]
    assert sorted(numbers[0] + numbers[1]) == list(range(1, 41)) and numbers[2] == list(range(1, 21))
    with Ledger.open(where, read_only=True) as ledger:
        assert ledger.verify().ok and ledger.verify().notes == [] and ledger.verify().entries == 120
        assert all(round_.success for round_ in ledger.rounds()) and len(ledger.rounds()) == 60


def test_robots_on_a_server_never_wait_for_each_other(server, book):
    where = server.database()
    with Ledger.open(where, robot='slow') as slow, Ledger.open(where, robot='quick') as quick:
        with slow.together():
            slow.start(book.starting())
            begun = time.monotonic()
            quick.start(book.starting())
            assert time.monotonic() - begun < 5
        assert [round_.robot for round_ in quick.rounds()] == ['quick']


def test_what_is_written_together_is_there_as_a_whole_or_not_at_all(where, book):
    with Ledger.open(where) as ledger:
        with ledger.together():
            numbers = [ledger.start(book.starting()) for _ in range(3)]
            ledger.outcome(2, True, 1)
            with pytest.raises(LedgerError, match='has an outcome already'):
                ledger.outcome(2, True, 1)
            ledger.abort(3, 'enough')
        assert numbers == [1, 2, 3]
        with pytest.raises(ZeroDivisionError), ledger.together():
            ledger.start(book.starting())
            raise ZeroDivisionError
        assert [round_.state for round_ in ledger.rounds()] == ['open', 'open', 'aborted']
        assert ledger.start(book.starting()) == 4 and ledger.verify().ok and ledger.verify().entries == 6


def test_names_of_robots_are_those_of_files_and_hosts():
    assert checked_robot(this_robot()) == this_robot()
    for name in ('', 'a/b', '..', 'two words', 'x' * 64):
        with pytest.raises(LedgerError, match='is no name of a robot'):
            checked_robot(name)


def test_the_verbs_go_over_all_robots_and_take_one(where, book, capsys):
    for robot in ('left', 'right'):
        book.filled(where, rounds=2, robot=robot)
    base = ['--ledger', str(where)]
    assert main(['ledger', 'list', *base]) == 0
    said = capsys.readouterr().out
    assert [said.count(f'{robot}/{number} ') for robot in ('left', 'right') for number in (1, 2)] == [1] * 4
    assert main(['ledger', 'show', '2', *base]) == 2
    assert 'name one with --robot' in capsys.readouterr().err
    assert main(['ledger', 'show', '2', '--robot', 'right', '--json', *base]) == 0
    assert json.loads(capsys.readouterr().out)['robot'] == 'right'
    assert main(['ledger', 'verify', *base]) == 0
    assert 'every chain is whole' in capsys.readouterr().out
    assert main(['ledger', 'gaps', '--json', '-', *base]) == 0
    assert json.loads(capsys.readouterr().out)[0]['rounds'] == 4
