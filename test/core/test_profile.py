"""A bad profile is told everything that is wrong with it, in one list and in sentences."""

from pathlib import Path

import pytest
import yaml

from transfer_audit.core.binding import open_hand, with_parameters
from transfer_audit.core.errors import AuditError, ModelError, ProfileError, UnknownElement
from transfer_audit.core.profile import load_profile

GOOD = """\
hand: arms
model: model.xml
clock: {rate_hz: 100}
command:
  topic: hand_command
  type: sensor_msgs/msg/JointState
  field: position
  elements: {a: act_a, b: act_b}
channels:
  joints:
    kind: pose
    topic: joint_states
    type: sensor_msgs/msg/JointState
    field: position
    elements: {a: a, b: b}
    unit: rad
    noise: 0.001
    tolerance: 0.01
  tips:
    kind: force
    topic: force
    type: std_msgs/msg/Float64MultiArray
    field: data
    stamp: receive
    elements: {0: rod_a, 1: "body:arm_b"}
    unit: N
    noise: {0: 0.05, 1: 0.1}
    tolerance: 0.3
family:
  members: 4
  parameters:
    damping: {field: dof_damping, select: ["*"], range: [0.5, 2.0], scale: relative}
    tactile: {channel: tips, range: [0.02, 0.08]}
gate:
  force_budget: {rod_a: 4.0}
  speed_budget: {act_a: 3.0}
"""


@pytest.fixture
def problems(world):
    """What is said of GOOD after replacing texts."""

    def say(*changes, model=world.arms):
        text = GOOD
        for old, new in changes:
            assert old in text, f'{old!r} is not in the profile'
            text = text.replace(old, new, 1)
        with pytest.raises(ProfileError) as caught:
            open_hand(world.write(model, text))
        assert [line.strip() for line in caught.value.problems] == [
            line.strip() for line in str(caught.value).splitlines()[1:]
        ]
        return caught.value.problems

    return say


def test_the_profile_that_the_others_spoil_is_good(world):
    binding = open_hand(world.write(text=GOOD))
    assert [plan.name for plan in binding.channels] == ['joints', 'tips']
    assert [element.name for element in binding.channel('tips').elements] == ['rod_a', 'arm_b']
    assert binding.channel('tips').noise.tolist() == [0.05, 0.1]
    assert binding.steps_per_row == 5


SPOILT = {
    'unknown key': (('    unit: rad', '    unitt: 3\n    unit: rad'),
                    "line 16, channels.joints.unitt: unknown key; did you mean 'unit'?"),
    'unknown key at the top': (('hand: arms', 'hands: 2\nhand: arms'),
                               "line 1, hands: unknown key; did you mean 'hand'?"),
    'unknown joint': (('elements: {a: a, b: b}', 'elements: {a: a, b: bb}'),
                      "line 15, channels.joints.elements.b: no joint, body:… or site:… 'bb' in the model; "
                      "did you mean 'b'? (known: a, b, body:"),
    'unknown actuator': (('{a: act_a, b: act_b}', '{a: act_a, b: actb}'),
                         "line 8, command.elements.b: no actuator 'actb' in the model; did you mean 'act_b'? "
                         '(known: act_a, act_b)'),
    'unknown sensor or tip': (('{0: rod_a,', '{0: rod_c,'),
                              "line 25, channels.tips.elements.0: no sensor, geom or body 'rod_c' in the model; "
                              "did you mean 'rod_b'?"),
    'wrong unit': (('unit: rad', 'unit: deg'),
                   "line 16, channels.joints.unit: a pose channel is compared in rad or m, found 'deg'; use scale"),
    'unit of another joint': (('unit: rad', 'unit: m'),
                              "line 15, channels.joints.elements.a: joint 'a' is measured in rad, the channel in m"),
    'no message type': (('type: std_msgs/msg/Float64MultiArray', 'type: std_msgs/Float64'),
                        "line 22, channels.tips.type: 'std_msgs/Float64' is no message type; "
                        'expected like sensor_msgs/msg/JointState'),
    'no path': (('    field: data', '    field: data[x]'), "line 23, channels.tips.field: 'data[x]' is no path"),
    'no path to a stamp': (('stamp: receive', 'stamp: a..b'), "line 24, channels.tips.stamp: 'a..b' is no path"),
    'channel of noise': (('channel: tips', 'channel: tip'),
                         "line 33, family.parameters.tactile.channel: no channel 'tip'; did you mean 'tips'? "
                         '(known: joints, tips)'),
    'key given twice': (('    tolerance: 0.3', '    tolerance: 0.3\n    unit: N'),
                        'line 29, channels.tips.unit: also given in line 26'),
    'element named twice': (('elements: {a: a, b: b}', 'elements: {a: a, b: a}'),
                            "line 15, channels.joints.elements: 'a' is named for more than one entry"),
    'range falling': (('range: [0.5, 2.0]', 'range: [2.0, 0.5]'),
                      'line 32, family.parameters.damping.range: must rise, found [2.0, 0.5]'),
    'rate no multiple of the step': (('rate_hz: 100', 'rate_hz: 120'),
                                     'line 3, clock.rate_hz: 120 Hz is no whole number of physics steps of 0.002 s; '
                                     'nearest: 100 or 125 Hz'),
    'rate over the physics': (('rate_hz: 100', 'rate_hz: 1000'),
                              'line 3, clock.rate_hz: 1000 Hz is no whole number of physics steps'),
    'element missing in a map': (('noise: {0: 0.05, 1: 0.1}', 'noise: {0: 0.05}'),
                                 "line 27, channels.tips.noise: no value for element 1; one number for all or one"),
    'map of an unknown element': (('noise: {0: 0.05, 1: 0.1}', 'noise: {0: 0.05, 1: 0.1, 2: 0.1}'),
                                  "line 27, channels.tips.noise.2: no element 2 (known: 0, 1)"),
    'scale of an unknown element': (('    unit: rad', '    scale: {a: 1, b: 1, c: 1}\n    unit: rad'),
                                    "line 16, channels.joints.scale.c: no element 'c'"),
    'scale of zero': (('    unit: rad', '    scale: 0\n    unit: rad'), 'line 16, channels.joints.scale: must not be'),
    'noise of zero': (('noise: 0.001', 'noise: 0'), 'line 17, channels.joints.noise: must be above 0, found 0.0'),
    'noise that is not finite': (('noise: 0.001', 'noise: .nan'), 'line 17, channels.joints.noise: Input should be a'),
    'negative tolerance': (('tolerance: 0.3', 'tolerance: -1'), 'line 28, channels.tips.tolerance: must be 0 or more'),
    'unknown kind': (('kind: force', 'kind: forces'),
                     "line 20, channels.tips.kind: 'forces' is not one of 'pose', 'force' or 'slip'"),
    'missing key': (('    topic: force\n', ''), 'line 19, channels.tips.topic: is missing'),
    'field that no member can vary': (('field: dof_damping', 'field: mesh_vert'),
                                      "line 32, family.parameters.damping.field: MuJoCo cannot vary 'mesh_vert'"),
    'field misspelt': (('field: dof_damping', 'field: dof_dampin'),
                       "MuJoCo cannot vary 'dof_dampin' per member; did you mean 'dof_damping'?"),
    'field of names': (('field: dof_damping', 'field: names_map'), "MuJoCo cannot vary 'names_map' per member"),
    'field of indices': (('field: dof_damping', 'field: geom_type'), "MuJoCo cannot vary 'geom_type' per member"),
    'the physics step': (('field: dof_damping', 'field: opt.timestep'), "MuJoCo cannot vary 'opt.timestep' per member"),
    'field of nothing that has a name to select': (('field: dof_damping', 'field: light_pos'),
                                                   "'light_pos' does not belong to named objects of the model"),
    'select that matches nothing': (('select: ["*"]', 'select: ["c*", "*"]'),
                                    "line 32, family.parameters.damping.select: no joint of the model matches 'c*'"),
    'select of nothing': (('select: ["*"]', 'select: []'), 'line 32, family.parameters.damping.select:'),
    'column that is not there': (('select: ["*"]', 'columns: [1]'),
                                 'line 32, family.parameters.damping.columns: dof_damping has columns 0..0, found 1'),
    'column of an option': (('field: dof_damping, select: ["*"]', 'field: opt.gravity, columns: [3]'),
                            'line 32, family.parameters.damping.columns: opt.gravity has columns 0..2, found 3'),
    'field and channel': (('channel: tips,', 'channel: tips, field: dof_damping,'),
                          'line 33, family.parameters.tactile: give either field (of the model) or channel'),
    'noise as a factor': (('range: [0.02, 0.08]', 'range: [0.5, 2.0], scale: relative'),
                          'line 33, family.parameters.tactile.range: noise is a standard deviation'),
    'negative delay': (('field: dof_damping, select: ["*"], range: [0.5, 2.0], scale: relative',
                        'field: actuator_delay, range: [-0.01, 0.02]'),
                       'line 32, family.parameters.damping.range: actuator_delay cannot be negative'),
    'budget of no force element': (('force_budget: {rod_a', 'force_budget: {rod_b'),
                                   "line 35, gate.force_budget.rod_b: no force channel has an element 'rod_b'; "
                                   "did you mean 'rod_a'? (known: arm_b, rod_a)"),
    'budget of no actuator': (('speed_budget: {act_a', 'speed_budget: {act_c'),
                              "line 36, gate.speed_budget.act_c: the command has no actuator 'act_c'"),
    'number that is none': (('members: 4', 'members: many'), 'line 30, family.members: Input should be a valid'),
    'members below one': (('members: 4', 'members: 0'), "line 30, family.members: Input should be greater than"),
    'list where a mapping belongs': (('clock: {rate_hz: 100}', 'clock: [100]'), 'line 3, clock: Input should be'),
    'key that the package uses itself': (('hand: arms', 'path: x\nhand: arms'), 'line 1, path: unknown key'),
    'key that YAML reads as a truth value': (('elements: {a: a, b: b}', 'elements: {no: a, b: b}'),
                                             'line 15, channels.joints.elements'),
    'negative position': (('{0: rod_a,', '{-1: rod_a,'), 'line 25, channels.tips.elements'),
}  # fmt: skip


@pytest.mark.parametrize('case', SPOILT)
def test_names_what_is_wrong_with_line_place_choices_and_nearest(problems, case):
    change, sentence = SPOILT[case]
    found = problems(change)
    assert any(sentence in problem for problem in found), found


@pytest.mark.parametrize('case', SPOILT)
def test_one_fault_is_told_once(problems, case):
    also = {'unknown sensor or tip': 1, 'unit of another joint': 1, 'negative position': 0}  # a budget; the other joint
    assert len(problems(SPOILT[case][0])) == 1 + also.get(case, 0)


TOGETHER = ['unknown key', 'unknown key at the top', 'unknown joint', 'unknown actuator', 'unknown sensor or tip',
            'no message type', 'no path', 'channel of noise', 'key given twice', 'range falling',
            'rate no multiple of the step', 'element missing in a map', 'number that is none',
            'budget of no force element', 'budget of no actuator']  # fmt: skip


def test_faults_of_every_kind_stand_in_one_list(problems):
    found = problems(*(SPOILT[case][0] for case in TOGETHER))
    for case in TOGETHER:
        place = SPOILT[case][1].partition(', ')[2][:30].rstrip('0123456789')
        assert any(place in problem for problem in found), (case, found)
    assert len(found) == len(TOGETHER)


def test_a_channel_that_cannot_be_read_does_not_hide_or_cause_others(problems):
    found = problems(SPOILT['unknown kind'][0], SPOILT['unknown joint'][0], SPOILT['unknown actuator'][0])
    assert len(found) == 3


def test_a_free_joint_is_no_angle(world):
    model = world.arms.replace('<body name="arm_b" pos="0 0.2 0"><joint name="b" type="hinge" axis="0 1 0" '
                               'damping="0.02" armature="0.002"/>',
                               '<body name="arm_b"><freejoint name="b"/>')  # fmt: skip
    with pytest.raises(ProfileError, match=r"joint 'b' is free or a ball; use body:arm_b for its pose"):
        open_hand(world.write(model, GOOD))


def test_a_sensor_of_four_numbers_is_no_force(world):
    model = world.arms.replace(
        '</mujoco>', '<sensor><framequat name="q" objtype="body" objname="arm_a"/></sensor></mujoco>'
    )
    with pytest.raises(ProfileError, match="sensor 'q' gives 4 numbers; a force needs 1 or 3"):
        open_hand(world.write(model, GOOD.replace('{0: rod_a,', '{0: q,').replace('{rod_a: 4.0}', '{q: 4.0}')))


@pytest.mark.parametrize('text, said', [
    ('hand: [', 'not YAML'), ('', 'a profile is a mapping'), ('- a\n- b', 'a profile is a mapping'),
    ('hand: !!python/object:os.system x', 'not YAML'), ('a: &x [*x]', 'refers to itself'), ('? [a]\n: b', 'not YAML'),
    ('hand: 2001-99-99', 'not YAML'), ('hand: "\\xZZ"', 'not YAML'), ('a\tb: \x07', 'not YAML'),
])  # fmt: skip
def test_what_is_no_profile_is_said_in_one_sentence(world, text, said):
    path = world.write(text=text)
    with pytest.raises(AuditError, match=said) as caught:
        open_hand(path)
    assert str(caught.value).startswith(str(path)) and '\n' not in str(caught.value)


def test_bytes_that_are_no_text_are_refused(world):
    path = world.write()
    path.write_bytes(b'hand: \xff\xfe')
    with pytest.raises(AuditError, match='not YAML'):
        open_hand(path)


def test_missing_files_are_named(world):
    path = world.write()
    with pytest.raises(AuditError, match=r'nowhere.yaml: cannot read the profile: No such file'):
        open_hand(path.parent / 'nowhere.yaml')
    with pytest.raises(AuditError, match='cannot read the profile: Is a directory'):
        open_hand(path.parent)
    (path.parent / 'model.xml').unlink()
    with pytest.raises(ModelError, match=r'model.xml: no such model file'):
        open_hand(path)


@pytest.mark.parametrize(
    'model', ['<mujoco><worldbody><body><joint/></body></worldbody></mujoco>', '<mujoco>', 'text', '']
)
def test_a_model_that_does_not_compile_is_said_in_one_sentence(world, model):
    with pytest.raises(ModelError, match=r'model.xml: the model does not compile: ') as caught:
        open_hand(world.write(model))
    assert '\n' not in str(caught.value)


def test_a_missing_model_does_not_hide_the_problems_of_the_profile(problems):
    found = problems(('model: model.xml', 'model: other.xml'), ('unit: rad', 'unit: deg'))
    assert len(found) == 2 and 'no such model file' in found[1]


def test_another_model_can_be_passed(world):
    path = world.write()
    other = path.parent / 'elsewhere' / 'other.xml'
    other.parent.mkdir()
    other.write_text(world.arms.replace('timestep="0.002"', 'timestep="0.005"'))
    assert open_hand(path, other).model.opt.timestep == 0.005
    assert open_hand(path, str(other)).profile.model_path == other
    assert load_profile(path).model_path == path.parent / 'model.xml'
    (path.parent / 'model.xml').unlink()
    assert open_hand(path, other).steps_per_row == 2


def test_aliases_are_copies_of_their_own(world):
    spec = yaml.safe_load(GOOD)
    del spec['channels']['tips'], spec['family'], spec['gate']
    text = yaml.safe_dump(spec, sort_keys=False)
    text += '  others: *x\n'
    text = text.replace('  joints:\n', '  joints: &x\n').replace('    unit: rad', '    unitt: 3\n    unit: rad')
    with pytest.raises(ProfileError) as caught:
        open_hand(world.write(text=text))
    assert [problem.partition(': ')[0].partition(', ')[2] for problem in caught.value.problems] == [
        'channels.joints.unitt', 'channels.others.unitt',
    ]  # fmt: skip


def test_the_digest_follows_the_text_and_nothing_else(world):
    first = open_hand(world.write(text=GOOD)).profile.digest
    assert open_hand(world.write(text=GOOD)).profile.digest == first != ''
    assert open_hand(world.write(text=GOOD + '# note\n')).profile.digest != first


def test_a_parameter_can_be_pinned_and_an_unknown_one_is_named(world):
    profile = load_profile(world.write(text=GOOD))
    assert with_parameters(profile, {'damping': 1.5}).family.parameters['damping'].range == (1.5, 1.5)
    with pytest.raises(UnknownElement, match=r"no family parameter 'dampin'; did you mean 'damping'\?"):
        with_parameters(profile, {'dampin': 1.5})


def test_every_profile_of_the_package_is_sound():
    for path in (Path(__file__).parents[2] / 'config').glob('*/profile.yaml'):
        assert load_profile(path).hand == path.parent.name
