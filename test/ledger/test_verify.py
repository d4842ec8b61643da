import sqlite3

import pytest

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.chain import Head, seal
from transfer_audit.ledger.store import Ledger

LAST = 9
"""Entries of the ledger under test: start, outcome and close of three rounds."""


@pytest.fixture
def path(tmp_path, book):
    return book.filled(tmp_path / 'ledger.db')


@pytest.fixture
def full(where, book):
    return book.filled(where)


def problems(where, known=None):
    """What is wrong, without the robot before each sentence."""
    with Ledger.open(where, read_only=True) as ledger:
        found = ledger.verify(known)
    assert found.ok == (not found.problems)
    return [problem.removeprefix(f'{ledger.robot}: ') for problem in found.problems]


def test_an_untouched_ledger_is_whole(full):
    assert problems(full) == []


@pytest.mark.parametrize('column', ['body', 'kind', 'round', 'sha256', 'previous_sha256'])
@pytest.mark.parametrize('sequence', [1, 5, LAST])
def test_an_edit_is_found_where_it_is(full, book, sequence, column):
    values = {'body': "body || ' '", 'kind': "'note'", 'round': '8'}
    book.tamper(
        full, f'UPDATE entries SET {column} = {values.get(column, repr("0" * 63 + "1"))} WHERE sequence = {sequence}'
    )
    found = problems(full)
    assert found[0].startswith(f'entry {sequence} (') and 'was edited' in found[0]


def test_a_success_that_was_made_up_is_found(full, book):
    book.tamper(full, """UPDATE entries SET body = replace(body, 'true', 'false') WHERE sequence = 5""")
    assert problems(full) == ['entry 5 (event of round 2) was edited: its content is not what its digest was made of']


def test_a_body_that_is_no_longer_a_record_is_said_on_reading(full, book):
    book.tamper(full, "UPDATE entries SET body = '{}' WHERE sequence = 4")
    with Ledger.open(full, read_only=True) as ledger, pytest.raises(LedgerError, match=r'entry 4 \(start of round 2\)'):
        ledger.rounds()


def test_a_deletion_is_found_where_it_is(full, book):
    book.tamper(full, 'DELETE FROM entries WHERE sequence = 5')
    assert problems(full) == ['entry 5 was deleted']
    book.tamper(full, 'DELETE FROM entries WHERE sequence < 4')
    assert problems(full) == ['entries 1 to 3 were deleted', 'entry 5 was deleted']


def test_a_deletion_that_was_covered_up_by_renumbering_is_found(full, book):
    book.tamper(
        full, 'DELETE FROM entries WHERE sequence = 5', 'UPDATE entries SET sequence = sequence - 1 WHERE sequence > 5'
    )
    found = problems(full)
    assert 'entry 5 (close of round 2) was moved: it was written as entry 6' in found
    assert 'entry 9 was cut off: the head speaks of entry 9' in found


def test_a_reordering_is_found_where_it_is(full, book):
    swap = ('UPDATE entries SET sequence = 99 WHERE sequence = 4', 'UPDATE entries SET sequence = 4 WHERE sequence = 7')
    book.tamper(full, *swap, 'UPDATE entries SET sequence = 7 WHERE sequence = 99')
    assert problems(full) == [
        'entry 4 (start of round 3) was moved: it was written as entry 7',
        'entry 7 (start of round 2) was moved: it was written as entry 4',
    ]


@pytest.mark.parametrize('keep', [0, 1, 6, 8])
def test_a_cut_off_tail_is_found_and_not_grown_over(full, book, keep):
    book.tamper(full, f'DELETE FROM entries WHERE sequence > {keep}')
    which = 'entry 9 was' if keep == 8 else f'entries {keep + 1} to 9 were'
    assert problems(full) == [f'{which} cut off: the head speaks of entry 9']
    with pytest.raises(LedgerError, match=r'does not match (.*ledger\.db\.head|the head of)'):
        Ledger.open(full)


def test_a_ledger_that_was_replaced_by_an_empty_one_is_found(path):
    path.unlink()
    with pytest.raises(LedgerError, match='entries 1 to 9 were cut off'):
        Ledger.open(path)


def test_a_missing_or_garbled_head_is_a_problem(path):
    head = path.with_name('ledger.db.head')
    head.write_text('9\n')
    assert 'is no head of a ledger' in problems(path)[0]
    head.unlink()
    assert 'is missing' in problems(path)[0]
    with pytest.raises(LedgerError):
        Ledger.open(path)


def test_a_missing_or_older_head_on_a_server_is_a_problem(server, book):
    """It is written with the entries it speaks of, so that no crash explains either."""
    where = book.filled(server.database())
    with Ledger.open(where) as ledger:
        ledger.event(None, 'trip', {})
        book.tamper(where, 'UPDATE ledger_heads SET sequence = 9')
        with pytest.raises(LedgerError, match='does not end with its head'):
            ledger.event(None, 'trip', {})
    assert 'entry 9 is not the one the head speaks of' in problems(where)[0]
    book.tamper(where, 'UPDATE ledger_heads SET sha256 = e.sha256 FROM entries e WHERE e.sequence = 9')
    assert problems(where) == ['the head is behind by one entry, which was written with it']
    with pytest.raises(LedgerError, match='behind by one entry'):
        Ledger.open(where)
    book.tamper(where, 'DELETE FROM ledger_heads')
    assert 'is missing' in problems(where)[0]


def test_an_entry_put_in_with_a_fresh_digest_does_not_fit(full, book):
    forged = seal(Head(4, '1' * 64), 'event', 2, '{"data":{},"event":"trip"}')
    sets = ', '.join(f'{name} = {value!r}' for name, value in forged._asdict().items() if name != 'robot')
    book.tamper(full, f'UPDATE entries SET {sets} WHERE sequence = 5')
    assert problems(full)[0].startswith('entry 5 (event of round 2) does not follow entry 4')


def test_a_tail_cut_together_with_the_head_is_found_by_a_head_from_a_report(path, book):
    with Ledger.open(path, read_only=True) as ledger:
        printed = Head.parse(str(ledger.head))
    book.tamper(path, 'DELETE FROM entries WHERE sequence > 6')
    path.with_name('ledger.db.head').unlink()
    with sqlite3.connect(path) as connection:
        row = connection.execute('SELECT sequence, sha256 FROM entries ORDER BY sequence DESC').fetchone()
    connection.close()
    path.with_name('ledger.db.head').write_text(f'{row[0]:<20}{row[1]}\n')
    assert problems(path) == []
    assert 'entries 7 to 9 were cut off' in problems(path, printed)[0]
    with Ledger.open(path) as ledger:
        for task in 'abc':
            ledger.start(book.starting(task=task))
    assert 'entry 9 is not the one the head speaks of' in problems(path, printed)[0]


def test_a_head_from_an_old_report_still_lies_in_the_chain(full, book):
    with Ledger.open(full, read_only=True) as ledger:
        printed = ledger.head
    book.filled(full, rounds=2)
    assert problems(full, printed) == []
    with pytest.raises(LedgerError, match='expected SEQUENCE:SHA256'):
        Head.parse('9')
