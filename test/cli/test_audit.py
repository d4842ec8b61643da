"""`transfer-audit audit` from outside: codes, files, sentences."""

import json
import os
import subprocess
import sys

import pytest

from transfer_audit.ledger.store import Ledger


@pytest.fixture
def audit(call, fingers):
    return lambda *words: call('audit', *words, '--profile', fingers.path)


@pytest.fixture
def cannot(refuses, fingers):
    return lambda *words: refuses('audit', *words, '--profile', fingers.path)


def test_agreement_is_0(audit, recorder):
    code, out, complaint = audit(recorder.bag())
    assert (code, complaint) == (0, '')
    assert out.startswith('bag  round 1  agreed: ')


def test_divergence_is_1_and_named(audit, recorder):
    code, out, _ = audit(recorder.bag(names=('b', 'a')), '--json', '-')
    (round_,) = json.loads(out)['rounds']
    first = round_['first_divergence']
    assert code == 1 and round_['verdict'] == 'diverged'
    assert (first['channel'], first['kind'], first['element'] in 'ab') == ('joints', 'pose', True)
    assert first['onset_s'] < 0.3
    assert {round_['channels']['joints'][joint]['verdict'] for joint in 'ab'} == {'diverged'}


def test_a_delay_outside_the_family_is_timing(audit, recorder):
    code, out, _ = audit(recorder.bag(delay_s=0.1, seconds=4.0), '--json', '-')
    (round_,) = json.loads(out)['rounds']
    assert code == 1 and round_['first_divergence']['kind'] == 'timing'
    delay, low, high = round_['timing']['joints']['delay_ms']['b']
    assert low <= delay <= high and delay == pytest.approx(100, abs=3)


def test_nothing_that_moves_cannot_be_audited(audit, recorder, fingers):
    bag = recorder.bag(seconds=0.05)
    code, out, _ = audit(bag)
    assert code == 2 and 'unauditable: ' in out


def test_json_goes_to_a_file_or_alone_to_stdout(audit, recorder, tmp_path):
    bag = recorder.bag()
    code, out, _ = audit(bag, '--json', tmp_path / 'v.json')
    written = json.loads((tmp_path / 'v.json').read_text())
    assert code == 0 and 'agreed' in out
    code, out, complaint = audit(bag, '--json', '-')
    assert json.loads(out) == written and complaint == ''
    assert (written['schema'], written['bag'], len(written['rounds'])) == (1, str(bag), 1)
    code, out, complaint = audit(bag, '--quiet')
    assert (code, out, complaint) == (0, '', '')


def test_a_bag_that_cannot_be_audited_does_not_stop_the_others(audit, recorder, tmp_path):
    bags = [recorder.bag('good'), tmp_path / 'nowhere', recorder.bag('swapped', 'sqlite3', names=('b', 'a'))]
    for jobs in (2, 1):
        code, out, complaint = audit(*bags, '--jobs', jobs, '--json', tmp_path / 'all.json')
        assert code == 2
        assert [line.split()[:4] for line in out.splitlines()] == [
            ['good', 'round', '1', 'agreed:'],
            ['swapped', 'round', '1', 'diverged:'],
        ]
        assert complaint.count('\n') == 1 and str(bags[1]) in complaint
        documents = json.loads((tmp_path / 'all.json').read_text())
        assert [document['bag'] for document in documents] == [str(bags[0]), str(bags[2])]
    assert audit(bags[0], bags[2], '--jobs', 2)[0] == 1


def test_rounds_go_to_the_ledger(audit, recorder, tmp_path):
    bags = recorder.bag('good'), recorder.bag('swapped', names=('b', 'a'))
    assert audit(*bags, '--ledger', tmp_path / 'l.db', '--jobs', 1)[0] == 1
    with Ledger.open(tmp_path / 'l.db', read_only=True) as ledger:
        rounds = ledger.rounds()
        assert ledger.verify().ok
    assert [(r.number, r.state, r.record.verdict, r.record.bag) for r in rounds] == [
        (1, 'closed', 'agreed', str(bags[0])),
        (2, 'closed', 'diverged', str(bags[1])),
    ]


def test_a_recorded_simulation_may_be_the_other_side(audit, recorder):
    real, same, other = recorder.bag('real'), recorder.bag('same', 'sqlite3'), recorder.bag('late', delay_s=0.12)
    code, out, _ = audit(real, '--sim-bag', same, '--json', '-')
    channels = json.loads(out)['rounds'][0]['channels']
    assert code == 0 and all(element['rms'] == 0 for channel in channels.values() for element in channel.values())
    assert audit(real, '--sim-bag', other)[0] == 1


def test_a_model_of_ones_own(audit, cannot, recorder, fingers, tmp_path):
    bag = recorder.bag()
    weak = tmp_path / 'weak.xml'
    weak.write_text(fingers.model.read_text().replace('kp="1"', 'kp="0.2"'))
    assert audit(bag, '--model', fingers.model)[0] == 0
    assert audit(bag, '--model', weak)[0] == 1
    weak.write_text('<mujoco><worldbody><body><joint type="knee"/></body></worldbody></mujoco>')
    assert 'the model does not compile' in cannot(bag, '--model', weak)
    assert 'no such model' in cannot(bag, '--model', tmp_path / 'none.xml')


def test_nan_in_a_measurement_is_a_gap_and_no_number(audit, recorder):
    code, out, _ = audit(recorder.bag(nan_at=50), '--json', '-')
    (round_,) = json.loads(out)['rounds']
    assert code == 0 and 'NaN' not in out
    assert 0.9 < round_['channels']['joints']['b']['coverage'] < 1


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_a_truncated_bag(cannot, recorder, storage):
    bag = recorder.bag(storage=storage)
    (file,) = (path for path in bag.iterdir() if path.suffix in ('.mcap', '.db3'))
    whole = file.read_bytes()
    for share in (0, 0.3, 0.6):
        file.write_bytes(whole[: int(len(whole) * share)])
        assert str(bag) in cannot(bag)


BAD_BAGS = {
    'no commands': ({'without': ('hand_command',)}, "no topic 'hand_command'"),
    'missing topic': ({'without': ('joint_states',)}, "no topic 'joint_states'"),
    'wrong type': ({'types': {'joint_states': 'std_msgs/msg/String'}}, 'holds std_msgs/msg/String'),
    'unknown joints': ({'names': ('c', 'd')}, '(known: c, d)'),
    'empty': ({'seconds': 0.0}, 'not one message'),
}


@pytest.mark.parametrize('what', BAD_BAGS)
def test_a_bag_that_does_not_fit(cannot, recorder, what):
    changes, sentence = BAD_BAGS[what]
    assert sentence in cannot(recorder.bag(**changes))


def test_paths_that_are_not_there(cannot, refuses, recorder, fingers, tmp_path):
    bag = recorder.bag()
    assert str(tmp_path / 'nowhere') in cannot(tmp_path / 'nowhere')
    assert str(tmp_path) in cannot(tmp_path)
    assert 'v.json: cannot be written' in cannot(bag, '--quiet', '--json', tmp_path / 'none' / 'v.json')
    assert 'none' in cannot(bag, '--quiet', '--ledger', tmp_path / 'none' / 'l.db')
    assert 'cannot read the profile' in refuses('audit', bag, '--profile', tmp_path / 'none.yaml')
    fingers.path.write_text('hand: [unclosed')
    assert 'profile.yaml' in cannot(bag)
    fingers.path.write_text('- just\n- a list')
    assert 'profile.yaml' in cannot(bag)
    assert '--jobs must be 1 or more' in cannot(bag, '--jobs', 0)
    assert '--report takes one bag' in cannot(bag, bag, '--report', tmp_path / 'r.html')


def test_the_process_tells_it_by_its_exit_code(recorder, fingers):
    """As a shell sees it: no traceback, no progress bar in a pipe, and the code."""
    for bag, code in ((recorder.bag(), 0), (recorder.folder / 'none', 2)):
        done = subprocess.run(
            [sys.executable, '-m', 'transfer_audit.cli.main', 'audit', str(bag), '--profile', str(fingers.path)],
            capture_output=True, text=True, timeout=120, env={**os.environ, 'PYTHONSAFEPATH': '1'},
        )  # fmt: skip
        assert done.returncode == code and 'Traceback' not in done.stderr
        assert len((done.stdout + done.stderr).splitlines()) == 1


def test_recordings_known_to_agree_raise_the_alarm_levels_to_what_they_demand(audit, recorder):
    """What diverges by the declared noise agrees once the same trace is given as one that agrees."""
    bag = recorder.bag(names=('b', 'a'))
    assert audit(bag)[0] == 1
    assert audit(bag, '--agreeing', bag)[0] == 0
