import hashlib

import pytest
import yaml

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.files import sha256_of
from transfer_audit.ledger.record import FamilyRange, RoundRecord, upgraded
from transfer_audit.ledger.template import EXPLAINED, read_filled, template

FILLED = {
    'hand': 'h',
    'start_ns': '2026-01-31T12:00:00Z',
    'end_ns': 1769860803500000000,
    'verdict': 'diverged',
    'failure_case': 'wrong object',
    'real_success': False,
    'real_slip_rate': 0.19,
    'sim_slip_rate': 0.08,
}


@pytest.fixture
def write(tmp_path):
    def write(**changed):
        path = tmp_path / 'round.yaml'
        path.write_text(yaml.safe_dump({**yaml.safe_load(template()), **FILLED, **changed}))
        return path

    return write


def test_every_field_of_a_round_is_explained():
    assert set(RoundRecord.model_fields) - set(EXPLAINED) == {
        'round', 'document', 'slip_gap', 'success_gap', 'schema_version'
    }  # fmt: skip
    assert list(yaml.safe_load(template())) == list(EXPLAINED)
    assert all(f'# {text}' in template() for text in EXPLAINED.values())


def test_a_template_keeps_what_is_known(book):
    start = book.starting(members={'tip_friction': [0.1 * k for k in range(40)]})
    known = yaml.safe_load(template(start))
    assert known['members'] == start.members and known['hand'] == start.hand and known['start_ns'] is None
    assert FamilyRange.model_validate(known['family']['tip_friction']) == start.family['tip_friction']


def test_a_round_filled_in_by_hand(write):
    fields = read_filled(write())
    record = RoundRecord.model_validate({**fields, 'round': 1})
    assert (record.start_ns, record.end_ns - record.start_ns) == (1769860800 * 10**9, 3_500_000_000)
    assert (record.failure_case, record.slip_gap, record.success_gap) == ('wrong object', 0.11, None)
    with_fraction = read_filled(write(start_ns='2026-01-31T13:00:00.123456+01:00'))
    assert with_fraction['start_ns'] == 1769860800123456000


def test_the_files_that_are_named_are_hashed(write, tmp_path):
    policy, bag = tmp_path / 'policy.pt', tmp_path / 'bag'
    policy.write_bytes(b'weights')
    (bag / 'inner').mkdir(parents=True)
    (bag / 'inner' / 'a.mcap').write_bytes(b'1')
    fields = read_filled(write(policy=str(policy), bag=str(bag)))
    assert fields['policy_sha256'] == hashlib.sha256(b'weights').hexdigest()
    assert fields['bag_sha256'] == sha256_of(bag)
    (bag / 'inner' / 'a.mcap').rename(bag / 'a.mcap')
    assert sha256_of(bag) != fields['bag_sha256'] and sha256_of(tmp_path / 'gone') == ''


@pytest.mark.parametrize(
    ('changed', 'said'),
    [
        ({'verdict': None}, 'verdict: must be filled in'),
        ({'hand': '', 'end_ns': None}, 'hand: must be filled in.*end_ns: must be filled in'),
        ({'verdict': 'maybe'}, "verdict: Input should be 'agreed'"),
        ({'failure_case': 'fell'}, "failure_case: Input should be '', 'drop'"),
        ({'real_slip_rate': 1.5, 'sim_slip_rate': 'x'}, 'real_slip_rate: .*sim_slip_rate: '),
        ({'failure_cse': 'drop'}, "failure_cse: is no field of a round; did you mean 'failure_case'"),
        ({'start_ns': 'yesterday'}, 'start_ns: Input should be a valid integer'),
        ({'start_ns': '2026-01-31'}, 'start_ns'),
        ({'family': {'f': {'range': [1]}}}, 'family.f.range'),
        ({'round': 7}, 'round: is no field'),
    ],
)
def test_what_is_wrong_is_refused_by_field(write, changed, said):
    with pytest.raises(LedgerError, match=f'round.yaml: .*{said}') as refused:
        read_filled(write(**changed))
    assert '\n' not in str(refused.value)


@pytest.mark.parametrize('text', ['', '- 1', 'a: [', '\0', '{1: 2}'])
def test_a_file_that_is_no_round_is_a_sentence(tmp_path, text):
    path = tmp_path / 'round.yaml'
    path.write_text(text)
    with pytest.raises(LedgerError, match=r'round\.yaml'):
        read_filled(path)
    with pytest.raises(LedgerError, match='cannot be read'):
        read_filled(tmp_path / 'none')


def test_a_record_of_schema_1_is_read_as_one_of_today(book):
    old = book.closing(1).model_dump(mode='json')
    for name in ('schema_version', 'seed', 'members', 'provenance', 'bag_sha256', 'policy_sha256', 'failure'):
        del old[name]
    record = RoundRecord.model_validate(upgraded({**old, 'failure_case': 'it fell'}))
    assert (record.failure_case, record.failure, record.schema_version) == ('other', 'it fell', 2)
    assert RoundRecord.model_validate(upgraded({**old, 'failure_case': 'jam'})).failure_case == 'jam'
