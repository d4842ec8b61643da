"""`transfer-audit calibrate` from outside."""

import hashlib
import json
import math

import pytest
import yaml

from transfer_audit.cli.calibrate import digests
from transfer_audit.core.binding import open_hand


@pytest.fixture
def bag(recorder):
    return recorder.bag(seconds=4.0)


def test_a_table_for_people(call, fingers, bag):
    code, out, complaint = call('calibrate', bag, '--profile', fingers.path, '--no-fit')
    assert (code, complaint) == (0, '')
    for words in ('log-to-command lag', 'noise at rest', 'not identifiable', 'for the profile'):
        assert words in out


def test_json_alone_on_stdout(call, fingers, bag):
    code, out, complaint = call('calibrate', bag, '--profile', fingers.path, '--no-fit', '--json', '-')
    found = json.loads(out)
    assert (code, complaint) == (0, '') and found['schema'] == 1
    lag = next(q for q in found['quantities'] if q['name'] == 'log-to-command lag')
    assert lag['value'] == pytest.approx(0.0) and lag['standing'] == 'measured'
    assert lag['stretches'][0]['recording'] == str(bag)
    assert not any(isinstance(q['value'], float) and math.isnan(q['value']) for q in found['quantities'])


def test_a_new_profile_with_its_provenance_and_its_comments(call, fingers, bag, tmp_path):
    text = fingers.path.read_text()
    fingers.path.write_text('# the hand of the tests\n' + text)
    new = tmp_path / 'elsewhere' / 'measured.yaml'
    new.parent.mkdir()
    code, out, _ = call('calibrate', bag, '--profile', fingers.path, '--no-fit', '--write', new)
    assert code == 0 and 'written' in out
    assert new.read_text().startswith('# the hand of the tests\n')
    provenance = yaml.safe_load(new.read_text())['provenance']
    assert provenance['bags'][bag.name] == digests(bag)
    assert provenance['from_profile']['sha256'] == hashlib.sha256(fingers.path.read_bytes()).hexdigest()
    assert 'actuator_delay' in provenance['not_measured'] and len(provenance['calibrated']) == 10
    assert open_hand(new).model_digest == open_hand(fingers.path).model_digest == provenance['model_sha256']
    assert call('profile', 'check', new, '--bag', bag)[0] == 0
    assert call('audit', bag, '--profile', new, '--quiet')[0] in (0, 1)


def test_nothing_is_overwritten_by_chance(refuses, call, fingers, bag, tmp_path):
    new = tmp_path / 'measured.yaml'
    new.write_text('mine')
    assert '--force' in refuses('calibrate', bag, '--profile', fingers.path, '--no-fit', '--write', new)
    assert 'another name' in refuses('calibrate', bag, '--profile', fingers.path, '--write', fingers.path, '--force')
    assert new.read_text() == 'mine'
    assert call('calibrate', bag, '--profile', fingers.path, '--no-fit', '--write', new, '--force', '--quiet')[0] == 0
    assert yaml.safe_load(new.read_text())['hand'] == 'fingers'


def test_mistakes_are_one_sentence(refuses, fingers, bag, tmp_path):
    assert 'nowhere' in refuses('calibrate', tmp_path / 'nowhere', '--profile', fingers.path)
    assert 'twice' in refuses('calibrate', bag, bag, '--profile', fingers.path)
    target = tmp_path / 'no' / 'folder.yaml'
    assert 'no folder' in refuses('calibrate', bag, '--profile', fingers.path, '--write', target)
    assert 'cannot read the profile' in refuses('calibrate', bag, '--profile', tmp_path / 'none.yaml')
