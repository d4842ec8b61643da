"""`transfer-audit family`: verdicts, exit codes, JSON and profiles, on recordings and on the real servo."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from transfer_audit.cli.main import main

SHARED = Path(__file__).parents[3] / 'shared' / 'data' / 'xl330'
SERVO = Path(__file__).parents[2] / 'config' / 'xl330_pendulum' / 'profile.yaml'
real = pytest.mark.skipif(not SHARED.is_dir(), reason='the real traces are not here')


def on_servo(verb, *arguments):
    model = ['--model', str(SHARED / 'pendulum_kp400.xml')]
    return main(['family', verb, *map(str, arguments), '--profile', str(SERVO), *model])


@real
def test_a_response_of_the_model_itself_is_covered(capsys):
    assert on_servo('coverage', SHARED / 'twin_nominal_kp400_sinsin', '--json', '-') == 0
    document = json.loads(capsys.readouterr().out)
    assert document['verdict'] == 'covered'
    assert all(one['standing'] in ('inside', 'not excited') for one in document['parameters'])
    assert document['elements'][0]['explained'] > 0.99


@real
def test_35_ms_of_delay_are_named_with_their_value(capsys):
    assert on_servo('coverage', SHARED / 'twin_delay35ms_kp400_sinsin') == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(('not covered: command_delay is 0.0349', 'not covered: command_delay is 0.035'))
    assert 'above its range 0 to 0.005' in first


@real
def test_the_real_servo_is_not_covered_and_friction_is_outside(tmp_path, capsys):
    out = tmp_path / 'coverage.json'
    assert on_servo('coverage', SHARED / 'kp400_up_and_down', '--json', out) == 1
    document = json.loads(out.read_text())
    outside = [one['name'] for one in document['parameters'] if one['standing'] == 'above']
    assert 'friction_loss' in outside and document['rms_free'] < document['rms_inside']
    assert 'servo (joints)' in capsys.readouterr().out


@real
def test_a_proposal_is_written_with_comments_kept(tmp_path):
    target = tmp_path / 'next.yaml'
    assert on_servo('propose', SHARED / 'twin_delay35ms_kp400_sinsin', '--write', target) == 1
    text = target.read_text()
    assert '# one encoder step of 2*pi/4096 rad' in text
    delay = yaml.safe_load(text)['family']['parameters']['command_delay']['range']
    assert delay[0] == 0.0 and 0.034 < delay[1] < 0.04
    assert main(['profile', 'check', str(target)]) == 0


@real
def test_a_ledger_whose_bags_are_gone_is_named(tmp_path, capsys):
    from transfer_audit.core.binding import open_hand
    from transfer_audit.ledger.document import record_document

    binding = open_hand(SERVO, SHARED / 'pendulum_kp400.xml')
    verdict = {
        'round': 1, 'start_ns': 0, 'end_ns': 1, 'verdict': 'agreed', 'reason': '', 'task': '', 'first_divergence': None,
        'metrics': {'real': {'slip_rate': None, 'success': None}, 'shadow': {'slip_rate': None, 'success': None}},
    }  # fmt: skip
    record_document(tmp_path / 'ledger.db', binding, {'bag': str(tmp_path / 'gone'), 'rounds': [verdict]})
    assert on_servo('propose', '--ledger', tmp_path / 'ledger.db') == 2
    said = capsys.readouterr().err
    assert 'gone; its rounds are left out' in said and 'no rounds' in said


def test_a_ledger_proposes_from_the_rounds_whose_bags_are_there(recorder, fingers, tmp_path, call):
    ledger, there, gone = tmp_path / 'ledger.db', recorder.bag('there', delay_s=0.06), recorder.bag('gone')
    call('audit', there, gone, '--profile', fingers.path, '--ledger', ledger)
    shutil.rmtree(gone)
    code, out, said = call('family', 'propose', '--profile', fingers.path, '--ledger', ledger, '--json', '-')
    first = json.loads(out)['changes'][0]
    assert code == 1 and f'{gone}: gone; its rounds are left out' in said and 'searching 1 of 1 rounds' in said
    assert first['parameter'] == 'actuator_delay' and first['new'][0] <= 0.06 <= first['new'][1]


def test_a_missing_profile_is_a_sentence(tmp_path, capsys):
    assert main(['family', 'coverage', 'bag', '--profile', str(tmp_path / 'none.yaml')]) == 2
    assert 'cannot read the profile' in capsys.readouterr().err
