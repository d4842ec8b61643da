"""The scripted policy goes through the keyframes of a model, smoothly."""

import numpy as np
import pytest

from transfer_audit.core.errors import UnknownElement
from transfer_audit.core.script import script_of

KEYS = '<keyframe><key name="home" ctrl="0.1 0.2"/><key name="grasp" ctrl="1.1 -0.8"/></keyframe></mujoco>'


@pytest.fixture
def script(world):
    elements = {'b': 'act_b', 'a': 'act_a'}
    binding = world.hand(world.arms.replace('</mujoco>', KEYS), command={'elements': elements})
    return script_of(binding, ('home', 'grasp', 'home'), 2.0)


def test_it_passes_each_key_at_its_time_in_the_order_of_the_command(script):
    assert script.duration_s == 4.0
    for time, expected in ((0, [0.2, 0.1]), (2, [-0.8, 1.1]), (4, [0.2, 0.1]), (1, [-0.3, 0.6])):
        assert script.at(time) == pytest.approx(expected)


def test_it_rests_before_and_after(script):
    assert script.at(-5).tolist() == script.at(0).tolist() == [0.2, 0.1]
    assert script.at(99).tolist() == script.at(4).tolist() == pytest.approx([0.2, 0.1], abs=1e-15)


def test_it_starts_and_stops_without_a_jerk(script):
    times = np.arange(0, 4.001, 0.01)
    speed = np.diff([script.at(time)[0] for time in times]) / 0.01
    assert np.abs(speed[[0, 199, 200, -1]]).max() < 0.01 < np.abs(speed).max() < 0.8
    assert np.abs(np.diff(speed)).max() < 0.04


def test_an_unknown_key_is_named_with_the_nearest(world):
    with pytest.raises(UnknownElement, match=r"no keyframe 'gras'; did you mean 'grasp'\? \(known: home, grasp\)"):
        script_of(world.hand(world.arms.replace('</mujoco>', KEYS)), ('gras',), 1.0)
