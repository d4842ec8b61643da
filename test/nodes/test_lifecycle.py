"""Every executable comes up, reports and goes: when asked, when its parent is gone, at once when it cannot work."""

import json
import os
import signal
import sys

import pytest

NODES = ('shadow_sim', 'divergence', 'safety_gate', 'ledger_writer', 'hand_emulator', 'bag_recorder')
END_S = 5.0
BROKEN = '<mujoco><worldbody><body><joint type="knee"/></body></worldbody></mujoco>'
PARENT = """
import json, signal, subprocess, sys
children = [subprocess.Popen(command) for command in json.loads(sys.argv[1])]
print(json.dumps([child.pid for child in children]), flush=True)
signal.pause()
"""


@pytest.fixture
def parameters(fingers, tmp_path):
    """Of each node: those that any understands, and those it needs."""
    common = {'profile': fingers.path, 'ledger': tmp_path / 'ledger.db'}
    return {name: {**common, **({'output': tmp_path / 'bag'} if name == 'bag_recorder' else {})} for name in NODES}


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_they_report_and_end_when_asked(stage, parameters, number):
    nodes = stage.start_all(**parameters)
    for name in NODES:
        status = stage.diagnostics[name]
        assert (status.name, status.hardware_id) == (f'/{name}', 'fingers')
        assert status.message
    for node in nodes.values():
        node.send(number)
    for node in nodes.values():
        assert node.ends(END_S) == 0, node.text
        assert 'Traceback' not in node.text


def test_they_end_with_the_process_that_started_them(stage, parameters):
    commands = [stage.command(name, **parameters[name]) for name in NODES]
    parent = stage.run([sys.executable, '-c', PARENT, json.dumps(commands)], 'parent')
    stage.wait_for(lambda: stage.diagnostics.keys() >= set(NODES), 'the nodes to report')
    children = json.loads(parent.text.splitlines()[0])
    assert len(children) == len(NODES) and all(map(_alive, children))
    parent.send(signal.SIGKILL)
    parent.ends()
    try:
        stage.wait_for(lambda: not any(map(_alive, children)), 'the nodes to end with their parent', END_S)
    finally:
        for child in filter(_alive, children):
            os.kill(child, signal.SIGKILL)
    assert parent.text.count('the process that started this node is gone') == len(NODES)
    assert 'Traceback' not in parent.text


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f'/proc/{pid}/stat') as file:
        return file.read().rpartition(')')[2].split()[0] != 'Z'


MISTAKES = {
    'no file': ('profile', lambda fingers: fingers.folder / 'nowhere.yaml', 'cannot read the profile'),
    'no profile': ('profile', lambda _: "''", 'no profile: give the parameter profile'),
    'nothing': ('profile', lambda _: '', "Couldn't parse parameter override rule"),
    'typo': ('profile', lambda f: f.write('typo.yaml', command={'elements': {'a': 'act_z'}}), "no actuator 'act_z'"),
    'broken': ('model', lambda fingers: _broken(fingers.folder / 'broken.xml'), 'the model does not compile'),
}


def _broken(path):
    path.write_text(BROKEN)
    return path


@pytest.mark.parametrize(
    ('mistake', 'names'),
    [
        ('broken', ('shadow_sim', 'hand_emulator', 'scripted_policy')),
        ('typo', ('safety_gate', 'hand_emulator')),
        ('no file', ('ledger_writer', 'divergence')),
        ('no profile', ('bag_recorder', 'hand_emulator')),
        ('nothing', ('divergence',)),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(stage, fingers, parameters, mistake, names):
    key, value, sentence = MISTAKES[mistake]
    given = {name: {**parameters.get(name, {}), 'profile': fingers.path, key: value(fingers)} for name in names}
    for node in [stage.run(stage.command(name, **given[name]), name) for name in names]:
        assert node.ends() == 2, node.text
        assert sentence in node.text and 'Traceback' not in node.text


def test_numbers_may_be_written_as_one_likes(stage, parameters):
    """A folder called 2026, a seed of 2.0, a task of 7: the types of parameters are guessed by their spelling."""
    given = {'shadow_sim': {'threads': 1.0}, 'hand_emulator': {'seed': 2.0}, 'ledger_writer': {'task': 7}}
    stage.start_all(**{name: {**parameters[name], **own} for name, own in given.items()})
