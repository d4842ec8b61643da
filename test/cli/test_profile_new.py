"""`transfer-audit profile new` on recordings whose right profile is known."""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from rosbags.typesys import Stores, get_typestore

from transfer_audit.bags.writer import BagWriter
from transfer_audit.bench.recording import bench_hand, simulate, write_recording
from transfer_audit.cli import profile_new
from transfer_audit.cli.main import main
from transfer_audit.core.interview import Question
from transfer_audit.core.profile import schema
from transfer_audit.resources import hand_profile

DATA = Path(__file__).parents[3] / 'shared' / 'data'
real = pytest.mark.skipif(not DATA.is_dir(), reason='the real traces are not here')
JOINT_STATE = 'sensor_msgs/msg/JointState'
DIGITS = """Digit[] digits
builtin_interfaces/Time taken
================================================================================
MSG: my_hand/Digit
string name
float32 angle
float32 load
================================================================================
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
"""


@pytest.fixture
def new(call, tmp_path):
    """Write a profile without questions; the profile, its text and what was said."""

    def run(model, bag, *words):
        path = tmp_path / 'new.yaml'
        code, out, said = call('profile', 'new', '--model', model, '--bag', bag, '--to', path, '--yes', *words)
        assert (code, out) == (0, ''), said
        assert call('profile', 'check', path, '--bag', bag)[0] == 0
        text = path.read_text()
        return yaml.safe_load(text), text, said

    return run


def shipped(hand):
    return yaml.safe_load(hand_profile(hand).read_text())


def same(found, known, *keys):
    for key in keys:
        assert found.get(key) == known.get(key), key


SOURCE = ('topic', 'type', 'field', 'stamp', 'elements')


@pytest.fixture(scope='module')
def emulated(tmp_path_factory):
    """The emulated hand with a wrench for each finger, six seconds: bag, the profile's path, and what was said."""
    folder = tmp_path_factory.mktemp('emulated')
    binding = bench_hand(folder, 1)
    bag, path = write_recording(folder, binding, simulate(binding, 6.0)), folder / 'new.yaml'
    words = ['--model', binding.profile.model_path, '--bag', bag, '--to', path, '--yes']
    with contextlib.redirect_stderr(io.StringIO()) as said:
        assert main(['profile', 'new', *map(str, words)]) == 0
    return bag, path, said.getvalue()


def test_the_emulated_hand_gets_the_profile_that_ships_with_it(emulated):
    text = emulated[1].read_text()
    found, known = yaml.safe_load(text), shipped('emulated_hand')
    same(found['command'], known['command'], *SOURCE)
    same(found['channels']['joints'], known['channels']['joints'], *SOURCE, 'unit', 'kind')
    same(found['channels']['slip'], known['channels']['slip'], *SOURCE, 'unit', 'kind')
    assert found['channels']['joints']['noise'] == pytest.approx(0.002, rel=0.3)
    assert found['hand'] == 'emulated_hand'
    wrenches = {name: part['elements'][0] for name, part in found['channels'].items() if name.endswith('_wrench')}
    assert wrenches == {f'{finger}_wrench': f'tip_{finger}' for finger in ('index', 'middle', 'ring', 'thumb')}
    assert '/hand/palm/wrench' in text.partition('# Left out')[2]
    tips = ['tip_index', 'tip_middle', 'tip_ring', 'tip_thumb']
    assert found['family']['parameters']['tip_friction']['select'] == tips


def test_what_is_taken_by_position_stands_in_the_file_and_on_the_screen(emulated):
    _, path, said = emulated
    assert 'channels.slip.elements.3: tip_thumb; by position' in said
    assert '3: tip_thumb   # guessed: by position' in path.read_text()


def test_a_hand_that_agrees_agrees_with_its_first_profile(emulated, call):
    bag, path, _ = emulated
    code, out, _ = call('audit', bag, '--profile', path, '--jobs', 1)
    assert code == 0, out


@real
def test_the_servo_gets_the_profile_that_ships_with_it(new):
    found, _, _ = new(DATA / 'xl330' / 'pendulum_kp400.xml', DATA / 'xl330' / 'kp400_sin_sin')
    known = shipped('xl330_pendulum')
    same(found['command'], known['command'], *SOURCE)
    same(found['channels']['joints'], known['channels']['joints'], *SOURCE, 'unit', 'kind', 'noise')
    assert found['clock']['rate_hz'] == known['clock']['rate_hz']


@real
@pytest.mark.parametrize(
    ('bag', 'delay_s'), [('twin_nominal_kp400_sinsin', 0.0), ('twin_delay35ms_kp400_sinsin', 0.035)]
)
def test_a_known_delay_lies_in_the_first_family(new, bag, delay_s):
    found, _, _ = new(DATA / 'xl330' / 'pendulum_kp400.xml', DATA / 'xl330' / bag)
    low, high = found['family']['parameters']['command_delay']['range']
    assert low <= delay_s < high <= delay_s + 0.025


@real
@pytest.mark.parametrize('trial', ['contact_speed500_force500', 'contact_speed100_force250'])
def test_a_hand_of_raw_registers_gets_the_profile_that_ships_with_it(new, trial):
    found, text, _ = new(DATA / 'rh56' / 'model' / 'inspire_right_fixture.xml', DATA / 'rh56' / trial)
    known = shipped('inspire_rh56')
    for part, right in (
        (found['command'], known['command']),
        (found['channels']['joints'], known['channels']['joints']),
    ):
        same(part, right, *SOURCE)
        assert (part['scale'], part['offset']) == (pytest.approx(right['scale']), right['offset'])
    same(found['channels']['force'], known['channels']['fingers'], *SOURCE, 'unit', 'kind')
    assert found['channels']['joints']['noise'] == known['channels']['joints']['noise']
    assert found['clock']['rate_hz'] == known['clock']['rate_hz']
    assert found['round']['topic'] == 'trial' and found['round']['required'] is False
    assert found['command']['speed']['field'] == 'velocity'
    assert found['command']['speed']['scale'] == pytest.approx(known['command']['speed']['scale'], rel=0.05)
    low, high = found['family']['parameters']['command_delay']['range']
    assert low <= 0.066 < 0.075 < high
    assert '# guessed: ' in text and 'grams of force' in text


def digits(path, seconds=4.0):
    """A hand with a message type of its own, in degrees, commanded by a JointTrajectory; returns the bag."""
    store = get_typestore(Stores.ROS2_JAZZY)
    types = store.types
    with BagWriter(path) as writer:
        writer.add_topic('/plan', 'trajectory_msgs/msg/JointTrajectory')
        writer.add_topic('/my_hand/feedback', 'my_hand/msg/Digits', DIGITS)
        own = writer._stores['/my_hand/feedback'].types
        for k in range(round(seconds * 100)):
            at_ns = 1_700_000_000_000_000_000 + k * 10_000_000
            time = types['builtin_interfaces/msg/Time'](*divmod(at_ns, 10**9))
            angle = {n: 0.7 * np.sin(0.02 * k * rate) for n, rate in (('b', 1.0), ('a', 2.3))}
            late = {n: 0.7 * np.sin(0.02 * max(0, k - 5) * rate) for n, rate in (('b', 1.0), ('a', 2.3))}
            nothing = np.zeros(0)
            point = types['trajectory_msgs/msg/JointTrajectoryPoint'](
                np.array([angle['b'], angle['a']]), nothing, nothing, nothing,
                types['builtin_interfaces/msg/Duration'](0, 0))  # fmt: skip
            header = types['std_msgs/msg/Header'](time, '')
            writer.write('/plan', at_ns, types['trajectory_msgs/msg/JointTrajectory'](header, ['b', 'a'], [point]))
            each = [own['my_hand/msg/Digit'](n, float(np.degrees(late[n])), 0.0) for n in ('a', 'b')]
            writer.write('/my_hand/feedback', at_ns + 200_000, own['my_hand/msg/Digits'](each, time))
    return path


def test_a_message_of_a_type_of_its_own_is_read_by_its_definition(new, fingers, tmp_path):
    found, text, _ = new(fingers.model, digits(tmp_path / 'digits'))
    assert found['command']['topic'] == 'plan' and found['command']['field'] == 'points[0].positions'
    assert found['command']['elements'] == {'b': 'act_b', 'a': 'act_a'}
    joints = found['channels']['joints']
    assert (joints['topic'], joints['type']) == ('feedback', 'my_hand/msg/Digits')
    assert (joints['field'], joints['stamp']) == ('digits[*].angle', 'taken')
    assert joints['elements'] == {0: 'a', 1: 'b'}
    assert joints['scale'] == pytest.approx(np.pi / 180)
    assert 'by motion' in text


def test_an_existing_profile_is_kept(new, refuses, fingers, recorder, tmp_path):
    bag = recorder.bag()
    new(fingers.model, bag)
    complaint = refuses(
        'profile', 'new', '--model', fingers.model, '--bag', bag, '--to', tmp_path / 'new.yaml', '--yes'
    )
    assert 'exists' in complaint and '--force' in complaint
    new(fingers.model, bag, '--force', '--quiet')


def test_to_stdout_nothing_but_the_profile_is_written(call, fingers, recorder):
    code, out, _ = call('profile', 'new', '--model', fingers.model, '--bag', recorder.bag(), '--to', '-', '--yes')
    assert code == 0 and yaml.safe_load(out)['command']['elements'] == {'a': 'act_a', 'b': 'act_b'}


def test_a_model_alone_gives_an_outline(call, fingers, tmp_path):
    path = tmp_path / 'outline.yaml'
    code, _, said = call('profile', 'new', '--model', fingers.model, '--to', path)
    assert code == 0 and 'no recording was given' in said
    assert call('profile', 'check', path)[0] == 0


def test_a_bag_of_another_hand_is_refused_with_what_it_holds(refuses, fingers, recorder, tmp_path):
    bag = recorder.bag(without=('hand_command', 'joint_states'))
    complaint = refuses('profile', 'new', '--model', fingers.model, '--bag', bag, '--to', tmp_path / 'p.yaml')
    assert '/fingertip_force' in complaint and 'is this the model of that hand' in complaint
    assert not (tmp_path / 'p.yaml').exists()


QUESTION = Question('which?', 'b', ('a', 'b'), 'why')


@pytest.mark.parametrize(('answer', 'means'), [('', 'b'), ('1', 'a'), ('a', 'a'), ('3', None), ('c', None)])
def test_an_answer_is_a_number_a_name_or_nothing(answer, means):
    assert profile_new._picked(answer, QUESTION) == means
    scale = Question('scale?', '1', (), '')
    assert [profile_new._picked(said, scale) for said in ('-0.5e-2', 'wide', '')] == ['-0.5e-2', None, '1']


def test_what_a_person_answers_stands_in_the_profile(call, fingers, recorder, tmp_path, monkeypatch):
    answers = iter(['what?', '1', '2.5'])
    monkeypatch.setattr('sys.stdin.isatty', lambda: True, raising=False)
    monkeypatch.setattr('sys.stderr.isatty', lambda: True, raising=False)
    monkeypatch.setattr('builtins.input', lambda: next(answers, ''))
    path = tmp_path / 'asked.yaml'
    code, _, said = call('profile', 'new', '--model', fingers.model, '--bag', recorder.bag(), '--to', path)
    assert code == 0 and 'is no answer' in said
    force = yaml.safe_load(path.read_text())['channels']['fingertip_force']
    assert (force['elements'], force['scale']) == (
        {0: 'tip_a'},
        2.5,
    ) and 'scale: 2.5   # as you said' in path.read_text()


@pytest.mark.parametrize('part', [schema.Profile, schema.Clock, schema.Command, schema.Channel])
def test_the_page_says_of_every_key_how_it_is_filled(part):
    page = (Path(__file__).parents[2] / 'docs' / 'profile.md').read_text(encoding='utf-8')
    told = set(re.findall(r'[\w]+', ' '.join(re.findall(r'`([^`\n]+)`', page))))
    assert set(part.model_fields) - set(schema.OWN) <= told
