"""The emulated hand speaks like a driver, moves when it is told to, and differs by what it is told to."""

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='live tests need ROS 2: rclpy is not installed')

DELAYS_S = (0.005, 0.2)
CUBE = {
    'kind': 'pose', 'topic': 'object_pose', 'type': 'geometry_msgs/msg/PoseStamped', 'field': 'pose', 'stamp': 'header',
    'elements': {'base': 'body:finger_b'}, 'unit': 'm', 'noise': 0.001, 'tolerance': 0.01,
}  # fmt: skip


@pytest.mark.parametrize('delay_s', DELAYS_S)
def test_it_publishes_as_declared_and_moves_after_its_delay(stage, ros, fingers, delay_s):
    from geometry_msgs.msg import PoseStamped

    path = fingers.write(channels={'cube': CUBE})
    heard = {
        'joints': stage.hear(ros.JointState, 'joint_states'),
        'tips': stage.hear(ros.Array, 'fingertip_force'),
        'cube': stage.hear(PoseStamped, 'object_pose'),
    }
    stage.start('hand_emulator', profile=path, mismatch=f'actuator_delay={delay_s}')
    commands = stage.speak(ros.JointState, 'hand_command')
    stage.wait_for(lambda: all(heard.values()), 'every channel')
    commanded = [command(stage, ros, commands, heard['joints'], target) for target in (1.0, 0.0, 1.0, 0.0, 1.0)]
    stamps = np.array([ros.ns(message.header) for message in heard['joints']])
    assert all(list(message.name) == ['a', 'b'] for message in heard['joints'])
    assert (np.diff(stamps) > 0).all() and (np.diff(stamps) % 2_000_000 <= 1).all()
    assert np.median(np.diff(stamps)) == pytest.approx(1e7, abs=2.1e6)
    assert {len(message.data) for message in heard['tips']} == {1}
    assert all(abs(message.pose.position.y - 0.2) < 0.01 for message in heard['cube'])
    b = np.array([message.position[1] for message in heard['joints']])
    assert 0.0002 < b[stamps < commanded[0]].std() < 0.005
    onsets_s = [_onset_s(stamps[stamps >= at], b[stamps >= at], at) for at in commanded]
    assert np.median(onsets_s) == pytest.approx(delay_s + _rise_s(), abs=0.03), onsets_s


def command(stage, ros, commands, joints, target):
    """Send finger b somewhere; returns when it was told, once it is there."""
    at_ns = int(stage.node.get_clock().now().nanoseconds)
    commands.publish(ros.joints(at_ns, [0.0, target]))
    stage.wait_for(lambda: abs(joints[-1].position[1] - target) < 0.02, 'the hand to be where it was told to be')
    return at_ns


def _onset_s(stamps, positions, commanded_ns):
    """When the joint has gone 0.05 rad."""
    return (stamps[np.argmax(abs(positions - positions[0]) > 0.05)] - commanded_ns) / 1e9


def _rise_s():
    """How long that takes without any delay: the joint is a known second-order system."""
    inertia, damping, stiffness, step_s = 0.002 + 0.02 * 0.1**2 / 3, 0.07, 1.0, 1e-4
    angle = speed = elapsed_s = 0.0
    while angle < 0.05:
        speed += step_s * (stiffness * (1.0 - angle) - damping * speed) / inertia
        angle, elapsed_s = angle + step_s * speed, elapsed_s + step_s
    return elapsed_s


def test_a_mismatch_that_is_no_parameter_is_refused_with_the_choices(stage, fingers):
    asked = {
        'actuator_dealy=0.1': "did you mean 'actuator_delay'?",
        'actuator_delay': 'expected NAME=NUMBER',
    }
    started = {
        text: stage.run(stage.command('hand_emulator', profile=fingers.path, mismatch=text), 'hand_emulator')
        for text in asked
    }
    for text, sentence in asked.items():
        assert started[text].ends() == 2, started[text].text
        assert sentence in started[text].text and 'Traceback' not in started[text].text


def test_it_can_be_put_back_home(stage, ros, fingers):
    from std_srvs.srv import Trigger

    joints = stage.hear(ros.JointState, 'joint_states')
    stage.start('hand_emulator', profile=fingers.path)
    commands = stage.speak(ros.JointState, 'hand_command')
    commands.publish(ros.joints(0, [0.0, 1.0]))
    stage.wait_for(lambda: joints and joints[-1].position[1] > 0.9, 'a motion')
    assert stage.call(Trigger, 'hand_emulator/reset').success
    seen = len(joints)
    stage.wait_for(lambda: len(joints) > seen + 20, 'more joint states')
    assert abs(joints[-1].position[1]) < 0.05
