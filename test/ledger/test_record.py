import math

import pytest
from pydantic import ValidationError

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.record import RoundRecord, canonical, difference, round_record, versions

VERDICT = {
    'round': 4,
    'task': '',
    'start_ns': 0,
    'end_ns': 2_000_000_000,
    'verdict': 'diverged',
    'reason': 'force at tip_index (tips), 1.23 s: real 2.2 N, family 0.9 to 1.3 N',
    'first_divergence': {
        'channel': 'tips',
        'kind': 'force',
        'element': 'tip_index',
        'onset_s': 1.234,
        'onset_interval_s': [1.21, 1.25],
        'flagged_s': 1.29,
        'score': 3.1,
        'real': 2.2,
        'shadow': [0.9, 1.3],
        'unit': 'N',
        'ties': [],
    },
    'channels': {'tips': {'tip_index': {'verdict': 'diverged', 'onset_s': 1.234, 'rms': None}}},
    'metrics': {
        'real': {'slip_rate': 0.19, 'success': True},
        'shadow': {'slip_rate': 0.08, 'success': None},
        'gap': {'slip': 0.11},
    },
}


def test_a_verdict_becomes_a_record(book):
    record = round_record(4, book.starting(start_ns=7), VERDICT, note='cube was wet', budgets_why='cut by divergence')
    assert (record.round, record.start_ns, record.end_ns, record.verdict) == (4, 7, 2_000_000_000, 'diverged')
    assert record.first_divergence.model_dump() == {
        'channel': 'tips',
        'element': 'tip_index',
        'kind': 'force',
        'onset_s': 1.234,
        'onset_interval_s': (1.21, 1.25),
    }
    assert (record.slip_gap, record.success_gap) == (0.11, None)
    assert record.real_success is True and record.sim_success is None
    assert record.document == VERDICT


def test_a_record_survives_its_canonical_bytes(book):
    record = round_record(4, book.starting(), VERDICT)
    written = canonical(record.model_dump(mode='json'))
    again = RoundRecord.model_validate_json(written)
    assert again == record and canonical(again.model_dump(mode='json')) == written


def test_a_round_without_divergence_has_none(book):
    record = round_record(4, book.starting(), VERDICT | {'verdict': 'agreed', 'first_divergence': None})
    assert record.first_divergence is None


def test_what_no_record_can_have_is_a_sentence(book):
    with pytest.raises(LedgerError, match='round 4 cannot be kept: note: '):
        round_record(4, book.starting(), VERDICT, note=3)


def test_canonical_bytes_know_one_way():
    assert canonical({'b': [1, 0.1, None], 'a': 'ü'}) == '{"a":"ü","b":[1,0.1,null]}'.encode()
    with pytest.raises(ValueError):
        canonical({'a': math.nan})


@pytest.mark.parametrize('wrong', [{'real_slip_rate': math.nan}, {'document': {'x': math.inf}}, {'surprise': 1}])
def test_nan_and_unknown_keys_are_refused(book, wrong):
    with pytest.raises(ValidationError):
        book.closing(1, **wrong)


def test_a_gap_must_be_the_difference_of_its_sides(book):
    assert book.closing(1, sim_success=0.81, real_success=0.62).success_gap == 0.19
    with pytest.raises(ValidationError, match=r'success_gap is 0\.2, but its two sides differ by 0\.19'):
        book.closing(1, sim_success=0.81, real_success=0.62, success_gap=0.2)


def test_differences_are_rounded_and_unknown_with_one_side():
    assert difference(0.81, 0.62) == 0.19
    assert difference(True, 0.25) == 0.75
    assert difference(None, 0.5) is None


def test_versions_name_what_took_part():
    assert {'transfer_audit', 'python', 'mujoco', 'numpy'} <= set(versions())
