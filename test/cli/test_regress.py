"""Cases: a diverged round is cut out of its recording, audits the same, and tells a family that covers it."""

import json

import pytest
import yaml

from transfer_audit.core.binding import open_hand
from transfer_audit.ledger.store import Ledger


@pytest.fixture
def recorded(recorder, fingers, call, tmp_path):
    """A ledger with a round of a hand that is late by 0.12 s, where the family allows 0.04 s, and one that agreed."""
    bags = recorder.bag('late', delay_s=0.12, seconds=6.0), recorder.bag('good')
    assert call('audit', *bags, '--profile', fingers.path, '--ledger', tmp_path / 'l.db', '--jobs', 1)[0] == 1
    return tmp_path / 'l.db'


def test_a_case_says_the_same_again_and_is_covered_by_a_wider_family(recorded, fingers, call, tmp_path):
    code, out, complaint = call('ledger', 'case', 1, '--ledger', recorded, '--to', tmp_path / 'case')
    assert code == 0, complaint
    assert 'says the same' in out
    case = tmp_path / 'case'
    assert {path.name for path in case.iterdir()} == {'bag', 'profile.yaml', 'fingers.xml', 'case.json', 'README.md'}
    with Ledger.open(recorded, read_only=True) as ledger:
        record = ledger.round(1).record
    assert open_hand(case / 'profile.yaml').profile.digest == record.profile_sha256
    code, out, _ = call('audit', case / 'bag', '--profile', case / 'profile.yaml', '--json', '-')
    again = json.loads(out)['rounds'][0]
    first = again['first_divergence']
    assert (code, first['element'], first['kind']) == (1, record.first_divergence.element, record.first_divergence.kind)
    assert (again['end_ns'] - again['start_ns']) < 0.7 * (record.end_ns - record.start_ns)

    code, out, _ = call('regress', case, '--profile', fingers.path)
    assert code == 1 and 'not covered: diverged' in out
    wide = yaml.safe_load(fingers.path.read_text())
    wide['family']['parameters']['actuator_delay']['range'] = [0.005, 0.16]
    wide['family']['members'] = 16
    (fingers.folder / 'wide.yaml').write_text(yaml.safe_dump(wide))
    code, out, _ = call('regress', case, '--profile', fingers.folder / 'wide.yaml', '--json', '-')
    (finding,) = json.loads(out)
    assert (code, finding['judgement']) == (0, 'covered'), finding
    facts = json.loads((case / 'case.json').read_text())
    facts['verdict']['first_divergence']['onset_interval_s'] = [99.0, 99.5]
    (case / 'case.json').write_text(json.dumps(facts))
    assert 'worse: diverged' in call('regress', case, '--profile', fingers.path)[1]


def test_mistakes_are_sentences(recorded, fingers, refuses, call, tmp_path):
    case = ('ledger', 'case', '--ledger', recorded, '--to', tmp_path / 'case')
    assert 'neither diverged nor failed' in refuses(*case, 2)
    assert 'is no case' in refuses('regress', tmp_path, '--profile', fingers.path)
    assert 'exists already' in refuses(*case[:-1], tmp_path, 1)
    fingers.path.write_text(fingers.path.read_text() + '\n# changed\n')
    assert 'was changed since round 1' in refuses(*case, 1)
    assert not (tmp_path / 'case').exists()
