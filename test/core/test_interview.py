"""What names, motion and ranges say of an unknown hand."""

import math

import numpy as np
import pytest
import yaml

from transfer_audit.core.errors import AuditError
from transfer_audit.core.interview import Question, Recording, Stream, interview, read_things, without_recording
from transfer_audit.core.interview.matching import match_motion, match_names, match_positions
from transfer_audit.core.interview.motion import lag_s
from transfer_audit.core.interview.notes import Desk
from transfer_audit.core.interview.text import text_of
from transfer_audit.core.interview.things import Thing
from transfer_audit.core.interview.units import force_scale, joint_scale

T0 = 1_700_000_000_000_000_000


def found(names, things):
    return {
        m.key: m.target for m in match_names(names, [Thing(*t) if isinstance(t, tuple) else Thing(t) for t in things])
    }


@pytest.mark.parametrize(
    ('names', 'things', 'expected'),
    [
        (['b', 'a'], ['a', 'b'], {'a': 'a', 'b': 'b'}),
        (['FFJ1', 'ffj2'], ['ffj1', 'FFJ2'], {'FFJ1': 'ffj1', 'ffj2': 'FFJ2'}),
        (['index_0'], [('act_index_0', ('index_0',)), ('act_index_1', ('index_1',))], {'index_0': 'act_index_0'}),
        (['rh_index_1', 'rh_thumb_1'], ['index1_joint', 'thumb1_joint'],
         {'rh_index_1': 'index1_joint', 'rh_thumb_1': 'thumb1_joint'}),
        (['index'], [('index_proximal_joint', ('index',)), ('index_intermediate_joint', ())],
         {'index': 'index_proximal_joint'}),
        (['ff_0', 'mf_0'], ['index_0', 'middle_0'], {'ff_0': 'index_0', 'mf_0': 'middle_0'}),
        (['pinky_flex', 'thumb_flex'], ['thumb', 'little'], {'pinky_flex': 'little', 'thumb_flex': 'thumb'}),
    ],
)  # fmt: skip
def test_names_are_matched_whatever_their_order_and_spelling(names, things, expected):
    assert found(names, things) == expected


def test_a_name_that_could_be_two_things_is_none_of_them():
    assert found(['index'], ['index_proximal', 'index_distal']) == {}
    assert found(['left_a', 'right_a'], ['a']) == {}


def test_names_that_only_count_are_taken_by_position_and_say_so():
    matched = match_names(['joint_1', 'joint_0'], [Thing('thumb'), Thing('index')])
    assert {m.key: m.target for m in matched} == {'joint_0': 'thumb', 'joint_1': 'index'}
    assert all('by position' in m.why and not m.sure for m in matched)


def test_a_name_beats_a_position():
    assert found(['joint_1', 'joint_0'], ['joint_0', 'joint_1']) == {'joint_0': 'joint_0', 'joint_1': 'joint_1'}


def test_positions_are_only_taken_if_the_counts_agree():
    things = [Thing('a'), Thing('b')]
    assert match_positions(3, things) == []
    assert [m.sure for m in match_positions(2, things)] == [False, False]


def test_what_is_not_named_is_matched_by_its_motion_or_not_at_all():
    walk = np.random.default_rng(1).standard_normal((400, 3)).cumsum(axis=0)
    matched = match_motion(walk[:, [2, 0]] * 50.0 + 3.0, walk, ['a', 'b', 'c'])
    assert {m.key: m.target for m in matched} == {0: 'c', 1: 'a'} and not any(m.sure for m in matched)
    assert match_motion(walk[:, [0, 0]], walk[:, [0, 0, 1]], ['a', 'b', 'c']) == []


@pytest.mark.parametrize('late', [0, 3, 17])
def test_who_moves_first_is_found_to_a_tenth_of_a_sample(late):
    values = np.random.default_rng(late).standard_normal((900, 2)).cumsum(axis=0)
    values = np.stack([np.convolve(c, np.ones(20) / 20, 'same') for c in values.T], axis=1)
    first, second = values[20:-20], values[20 - late : -20 - late]
    assert lag_s(first, 3.0 * second + 1.0)[0] == pytest.approx(late / 100, abs=0.001)
    assert lag_s(second, first)[0] == pytest.approx(-late / 100, abs=0.001)


HINGE = Thing('a', low=-0.2, high=1.5)


@pytest.mark.parametrize(
    ('values', 'thing', 'scale', 'offset', 'sure'),
    [
        (np.linspace(0, 1.2, 50), HINGE, 1.0, 0.0, True),
        (np.linspace(-5.5, 80.5, 50), HINGE, math.pi / 180, 0.0, False),
        (np.append(1000.0, np.arange(0.0, 1000.0)), Thing('a', low=0.0, high=1.5), -0.0015, 1.5, False),
        (np.append(0.0, np.arange(0.0, 1000.0)), Thing('a', low=0.0, high=1.5), 0.0015, 0.0, False),
        (np.arange(1500.0, 3000.0), Thing('a'), 2 * math.pi / 4096, -math.pi, False),
    ],
)
def test_units_are_told_by_how_far_the_numbers_go(values, thing, scale, offset, sure):
    told = joint_scale(values[:, None], ['a'], [thing])
    assert (told.scale, told.offset, told.sure) == (pytest.approx(scale), pytest.approx(offset), sure)


def test_registers_of_joints_with_ranges_of_their_own_have_a_scale_each():
    values = np.append(0.0, np.arange(0.0, 1000.0))[:, None].repeat(2, axis=1)
    told = joint_scale(values, ['a', 'b'], [Thing('a', low=0.0, high=1.0), Thing('b', low=0.0, high=2.0)])
    assert told.scale == {'a': 0.001, 'b': 0.002}


def test_forces_are_newtons_where_the_message_says_so_and_a_guess_elsewhere():
    assert force_scale(np.array([[0.0], [900.0]]), wrench=True).sure
    assert (
        force_scale(np.array([[0.1], [3.3]]), wrench=False).raw,
        force_scale(np.array([[3.0], [900.0]]), False).raw,
    ) == (
        'N',
        'g',
    )


def test_nothing_is_guessed_in_silence():
    question = Question('which?', 'a', ('a', 'b'), 'it is the first')
    assert Desk(None).settle(question).comment == 'guessed: it is the first'
    assert Desk(lambda _: 'b').settle(question).comment == 'as you said'
    assert not Desk(lambda _: pytest.fail('asked')).settle(question, sure=True).guessed


def stream(topic, values, late_s=0.0, names=('a', 'b'), kind='sensor_msgs/msg/JointState', field='position'):
    values = np.asarray(values, np.float64)
    stamps = T0 + np.rint((np.arange(len(values)) / 100 + late_s) * 1e9).astype(np.int64)
    return Stream(topic, kind, field, 'header', names, stamps, stamps, values[:, :, None])


def moving(seconds=8.0, seed=2):
    steps = np.random.default_rng(seed).standard_normal((round(seconds * 100), 2)).cumsum(axis=0)
    smooth = np.stack([np.convolve(c, np.ones(40) / 40, 'same') for c in steps.T], axis=1)
    return smooth / np.abs(smooth).max() * 0.8


def test_the_command_is_what_moves_first_whatever_the_topics_are_called(world):
    things = read_things(world.write().parent / 'model.xml')
    motion = moving()
    recording = Recording('r', ('/x', '/y'), (stream('/x', motion, 0.06), stream('/y', motion)))
    draft = interview('arms', 'model.xml', things, recording)
    command = draft.profile['command']
    assert (command['topic'].value, draft.profile['channels']['joints']['topic'].value) == ('y', 'x')
    assert command['topic'].guessed and {k: n.value for k, n in command['elements'].items()} == {
        'a': 'act_a',
        'b': 'act_b',
    }
    read = yaml.safe_load(text_of(draft, 'a heading'))
    assert read['command']['elements'] == {'a': 'act_a', 'b': 'act_b'} and read['hand'] == 'arms'


def test_commands_without_names_are_told_by_motion_not_by_position(world):
    things = read_things(world.write().parent / 'model.xml')
    motion = moving()
    bare = stream('/cmd', motion[:, ::-1], names=None, kind='std_msgs/msg/Float64MultiArray', field='data')
    recording = Recording('r', ('/cmd', '/joint_states'), (bare, stream('/joint_states', motion, 0.05)))
    command = interview('arms', 'model.xml', things, recording).profile['command']
    assert {k: n.value for k, n in command['elements'].items()} == {0: 'act_b', 1: 'act_a'}
    assert all('by motion' in note.comment and note.guessed for note in command['elements'].values())


def test_a_person_is_asked_only_what_is_not_sure(world):
    things = read_things(world.write().parent / 'model.xml')
    motion = moving()
    sides = stream('/hand/joint_commands', motion), stream('/hand/joint_states', motion, 0.05)
    asked = []

    def ask(question):
        asked.append(question.text)
        return question.best

    interview('arms', 'model.xml', things, Recording('r', ('/hand/joint_commands', '/hand/joint_states'), sides), ask)
    assert asked == []


@pytest.mark.parametrize('sides', [(), ('/joint_states',)])
def test_a_recording_without_command_or_joints_says_what_it_holds(world, sides):
    things = read_things(world.write().parent / 'model.xml')
    streams = tuple(stream(topic, moving()) for topic in sides)
    with pytest.raises(AuditError, match='record both' if sides else 'is this the model'):
        interview('arms', 'model.xml', things, Recording('r', sides, streams))


def test_a_model_alone_gives_an_outline_in_which_all_is_a_guess(world):
    draft = without_recording('arms', 'model.xml', read_things(world.write().parent / 'model.xml'))
    assert {place for place, _ in draft.guesses()} >= {'command.topic', 'channels.joints.topic', 'command.elements.a'}


URDF = """<robot name="r"><link name="base"/><link name="arm"><inertial><mass value="0.1"/>
<inertia ixx="1e-4" iyy="1e-4" izz="1e-4" ixy="0" ixz="0" iyz="0"/></inertial></link><joint name="a" type="revolute">
<parent link="base"/><child link="arm"/><axis xyz="0 1 0"/><limit lower="0" upper="1" effort="1" velocity="1"/></joint>
</robot>"""


def test_a_model_without_actuators_is_refused_with_the_way_out(tmp_path):
    (tmp_path / 'r.urdf').write_text(URDF)
    with pytest.raises(AuditError, match=r'no named actuator.*save it as MJCF'):
        read_things(tmp_path / 'r.urdf')


def test_a_hand_that_rests_is_told_by_the_names_of_its_topics(world):
    things = read_things(world.write().parent / 'model.xml')
    still = np.full((300, 2), 0.1)
    sides = stream('/joint_states', still), stream('/joint_commands', still)
    draft = interview('arms', 'model.xml', things, Recording('r', ('/joint_states', '/joint_commands'), sides))
    assert draft.profile['command']['topic'].value == 'joint_commands' and draft.profile['command']['topic'].guessed
    assert draft.profile['channels']['joints']['noise'].guessed
