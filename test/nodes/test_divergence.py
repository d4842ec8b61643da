"""The divergence node names what was made to diverge, to whoever listens, whenever they come."""

import json
import math

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='live tests need ROS 2: rclpy is not installed')

ROWS = 80
PATIENT = {'clock': {'hold_back_s': 0.3}}
"""A machine that is busy elsewhere must not make a message late."""


def play(stage, ros, fingers, soon, qos=100, b_off=None, tip_off=None, rows_late=0):
    """A round of 0.8 s: both sides by hand, alike but for what is added to the real one from a row on.

    :returns: start of the round, the verdict, and what was heard on each topic
    """
    fingers.path = fingers.write(**PATIENT)
    heard = {kind: stage.hear(ros.Number, f'divergence/{kind}') for kind in ('pose', 'force', 'slip', 'timing')}
    heard['scores'] = stage.hear(ros.JointState, 'divergence/scores')
    heard['first'] = stage.hear(ros.Status, 'divergence/first', ros.latched_all)
    verdicts = stage.hear(ros.String, 'divergence/verdict', ros.latched)
    stage.start('divergence', profile=fingers.path)
    joints = stage.speak(ros.JointState, 'joint_states', qos)
    tips = stage.speak(ros.Array, 'fingertip_force', qos)
    rows = {name: stage.speak(ros.Rows, f'shadow/{name}') for name in ('joints', 'tips')}
    rounds = stage.speak(ros.Status, 'round', ros.latched)
    start_ns = soon(0.4)
    rounds.publish(ros.round('open', 3, start_ns))
    for k in range(-5, ROWS + 5):
        at_ns = start_ns + k * 10_000_000
        stage.spin_until(at_ns)
        a, b = 0.3 * math.sin(0.1 * k), 0.3 * math.cos(0.1 * k)
        real = [0.3 * math.sin(0.1 * (k - rows_late)), 0.3 * math.cos(0.1 * (k - rows_late))]
        joints.publish(ros.joints(at_ns, [real[0], real[1] + (0.05 if b_off is not None and k >= b_off else 0.0)]))
        tips.publish(ros.array(1.0 + (2.0 if tip_off is not None and k >= tip_off else 0.0)))
        if 0 <= k < ROWS:
            rows['joints'].publish(ros.rows(at_ns, ['a', 'b'], [a, b], 0.001))
            rows['tips'].publish(ros.rows(at_ns, ['tip_a'], [1.0], 0.1))
    rounds.publish(ros.round('ended', 3, start_ns, start_ns + ROWS * 10_000_000, success=True))
    stage.wait_for(lambda: verdicts, 'a verdict')
    stage.wait_for(lambda: len(heard['scores']) == ROWS and heard['timing'], 'every score')
    return start_ns, json.loads(verdicts[0].data), heard


@pytest.mark.parametrize('reliability', ['reliable', 'best_effort'])
def test_it_names_the_joint_that_parts_and_when(stage, ros, fingers, soon, told, reliability):
    """A best-effort driver, as sensors often are, is heard as well as a reliable one."""
    qos = ros.best_effort if reliability == 'best_effort' else 100
    start_ns, verdict, heard = play(stage, ros, fingers, soon, qos, b_off=40)
    assert verdict['verdict'] == 'diverged' and verdict['round'] == 3
    first = verdict['first_divergence']
    assert (first['channel'], first['kind'], first['element'], first['unit']) == ('joints', 'pose', 'b', 'rad')
    assert first['onset_s'] == pytest.approx(0.40, abs=0.0101)
    assert first['real'] - first['shadow'][1] == pytest.approx(0.05 - 0.001, abs=1e-6)
    assert verdict['channels']['joints']['a']['verdict'] == 'agreed'
    none, alarm = heard['first'][0], heard['first'][-1]
    assert (none.level, none.message) == (ros.Status.OK, 'none so far')
    assert alarm.level == ros.Status.ERROR
    live = told(alarm)
    assert {key: live[key] for key in ('channel', 'kind', 'element', 'onset_s')} == {
        key: first[key] for key in ('channel', 'kind', 'element', 'onset_s')
    }
    check_scores(ros, start_ns, heard)
    late = stage.hear(ros.Status, 'divergence/first', ros.latched)
    stage.wait_for(lambda: late, 'the first divergence, for a late subscriber')
    assert late[-1] == alarm


def check_scores(ros, start_ns, heard):
    """One score per row and element; the alarm level is 1, and each kind's topic is its worst element."""
    scores = heard['scores']
    assert [ros.ns(message.header) for message in scores] == [start_ns + k * 10_000_000 for k in range(ROWS)]
    assert all(list(message.name) == ['joints/a', 'joints/b', 'tips/tip_a'] for message in scores)
    values = np.array([message.position for message in scores])
    assert values[:, 1].max() >= 1 and values[:40].max() < 1 and values[:, [0, 2]].max() < 1
    assert [message.data for message in heard['pose']] == values[:, :2].max(axis=1).tolist()
    assert [message.data for message in heard['force']] == values[:, 2].tolist()
    assert not heard['slip']


def test_it_names_a_force_that_has_no_stamp(stage, ros, fingers, soon):
    _, verdict, heard = play(stage, ros, fingers, soon, tip_off=40)
    first = verdict['first_divergence']
    assert (first['channel'], first['kind'], first['element'], first['unit']) == ('tips', 'force', 'tip_a', 'N')
    assert 0.38 <= first['onset_s'] <= 0.7
    assert max(message.data for message in heard['force']) >= 1 > max(message.data for message in heard['pose'])


def test_agreement_is_no_divergence(stage, ros, fingers, soon):
    _, verdict, heard = play(stage, ros, fingers, soon)
    assert verdict['verdict'] == 'agreed', verdict['reason']
    assert verdict['metrics']['real']['success'] is True
    assert [status.message for status in heard['first']] == ['none so far']
    assert max(message.data for kind in ('pose', 'force') for message in heard[kind]) < 1
    assert [message.data for message in heard['timing']] == [0.0]


def test_a_late_hand_has_a_score_of_timing_at_the_end_of_its_round(stage, ros, fingers, soon):
    _, verdict, heard = play(stage, ros, fingers, soon, rows_late=8)
    first = verdict['first_divergence']
    assert first['kind'] == 'timing' and first['score'] > 1
    assert heard['timing'][-1].data == first['score']


def test_messages_that_do_not_fit_are_reported_and_not_used(stage, ros, fingers):
    stage.start('divergence', profile=fingers.path)
    joints = stage.speak(ros.JointState, 'joint_states')
    wrong = ros.joints(0, [0.0, 0.0], names=['a', 'a'])
    joints.publish(wrong)
    stage.wait_for(
        lambda: 'more than once' in stage.diagnostics['divergence'].message, 'the refused message in the diagnostics'
    )
    assert stage.diagnostics['divergence'].level == ros.Status.WARN
