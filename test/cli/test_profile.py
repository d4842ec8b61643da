"""`transfer-audit profile check` from outside."""

import json

import pytest

from transfer_audit.resources import hand_profile


def test_a_good_profile_is_summed_up(call, fingers, recorder):
    for more in ((), ('--bag', recorder.bag()), ('--model', fingers.model)):
        code, out, complaint = call('profile', 'check', fingers.path, *more)
        assert (code, complaint) == (0, '')
        assert f'{fingers.path}: good. fingers: 2 actuators, 2 channels with 3 elements, 4 members' in out


def test_the_profile_of_the_demo_is_good(call):
    code, out, _ = call('profile', 'check', hand_profile('emulated_hand'))
    assert code == 0 and '16 actuators' in out


def test_everything_wrong_stands_in_one_list_with_its_line(refuses, fingers):
    path = fingers.write(
        command={'elements': {'a': 'act_a', 'b': 'act_bb'}},
        channels={'joints': {'unit': 'degrees', 'elements': {'a': 'a', 'b': 'bb'}}},
        clock={'rate': 100},
    )
    complaint = refuses('profile', 'check', path)
    for sentence in ('clock.rate', "no actuator 'act_bb'", "'degrees'", "'bb'"):
        assert sentence in complaint
    assert complaint.count('line ') >= 4 and 'Traceback' not in complaint


BAD_BAGS = {
    'another joint': ({'names': ('c', 'd')}, '(known: c, d)'),
    'a missing topic': ({'without': ('fingertip_force',)}, "no topic 'fingertip_force'"),
    'another type': ({'types': {'hand_command': 'std_msgs/msg/String'}}, 'holds std_msgs/msg/String'),
}


@pytest.mark.parametrize('what', BAD_BAGS)
def test_a_bag_that_does_not_fit_the_profile(refuses, fingers, recorder, what):
    changes, sentence = BAD_BAGS[what]
    assert sentence in refuses('profile', 'check', fingers.path, '--bag', recorder.bag(**changes))


def test_a_bag_or_model_that_is_not_there(refuses, fingers, tmp_path):
    assert 'nowhere' in refuses('profile', 'check', fingers.path, '--bag', tmp_path / 'nowhere')
    assert 'no such model' in refuses('profile', 'check', fingers.path, '--model', tmp_path / 'none.xml')
    assert 'cannot read the profile' in refuses('profile', 'check', tmp_path / 'none.yaml')


def test_as_json_problems_are_a_list(call, fingers, tmp_path):
    out = tmp_path / 'found.json'
    assert call('profile', 'check', fingers.path, '--json', out)[0] == 0 and json.loads(out.read_text())['good']
    code, said, _ = call('profile', 'check', fingers.write(clock={'rate': 100}), '--json', '-')
    found = json.loads(said)
    assert code == 2 and not found['good'] and len(found['problems']) == 1
