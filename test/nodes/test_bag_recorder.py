"""The recorder keeps what every other node hears, and never writes over a bag."""

import signal

import pytest

from transfer_audit.bags.reader import open_bag
from transfer_audit.core.profile import load_profile
from transfer_audit.nodes.interface import pilot_topics

pytest.importorskip('rclpy', reason='live tests need ROS 2: rclpy is not installed')


def test_every_topic_is_recorded_whatever_its_publisher_offers(stage, ros, fingers, tmp_path, told):
    recorder = stage.start('bag_recorder', profile=fingers.path, output=tmp_path / '2026')
    joints = stage.speak(ros.JointState, 'joint_states', ros.best_effort)
    rounds = stage.speak(ros.Status, 'round', ros.latched)
    sent = [ros.joints(k, [0.5, k]) for k in range(30)]
    seen = told(stage.diagnostics['bag_recorder'])['messages']
    rounds.publish(ros.round('idle'))
    for message in sent:
        joints.publish(message)
    stage.wait_for(lambda: told(stage.diagnostics['bag_recorder'])['messages'] >= seen + 25, 'the messages')
    recorder.send(signal.SIGTERM)
    assert recorder.ends() == 0
    with open_bag(tmp_path / '2026') as bag:
        expected = pilot_topics(load_profile(fingers.path))
        assert set(bag.topics) == {'/' + topic.lstrip('/') for topic in expected}
        assert bag.topics['/joint_states'].count >= 20 and bag.topics['/round'].count == 1


def test_without_a_folder_or_over_an_old_bag_it_refuses(stage, fingers, tmp_path):
    (tmp_path / 'old').mkdir()
    asked = {'no output': {}, 'exists already': {'output': tmp_path / 'old'}}
    nodes = {
        sentence: stage.run(stage.command('bag_recorder', profile=fingers.path, **given), 'bag_recorder')
        for sentence, given in asked.items()
    }
    for sentence, node in nodes.items():
        assert node.ends() == 2 and sentence in node.text and 'Traceback' not in node.text
