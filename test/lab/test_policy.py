"""The policy's commands: from home, through the grip, within the servos' ranges."""

import numpy as np
import pytest

from transfer_audit.lab.policy import HIGH, LOW, Instance, controls_of, cube_start, instances


def test_tasks_follow_from_the_seed():
    assert instances(3, 1) == instances(3, 1) and instances(3, 1) != instances(3, 2)
    assert instances(5, 1)[:3] == instances(3, 1)


def test_commands_begin_at_home_stay_in_range_and_do_not_jump(binding):
    task = Instance((0.0, 0.0), 0.0, 1.5, 2.0)
    home = binding.model.key('home').ctrl
    low, high = binding.model.actuator_ctrlrange.T
    for policy in (LOW, HIGH, (LOW + HIGH) / 2):
        controls = controls_of(binding, policy, task)
        assert controls[:20] == pytest.approx(np.tile(home, (20, 1)))
        assert (controls >= low).all() and (controls <= high).all()
        assert np.abs(np.diff(controls, axis=0)).max() * 100 < 6.0  # the speed that the gate allows


def test_a_squeeze_moves_the_base_joint_of_its_finger_alone(binding):
    task = Instance((0.0, 0.0), 0.0, 1.5, 2.0)
    light = np.array([0.0, 0.0, 0.0, 0.0, 0.4, 1.0])
    firm = light + [0.0, 0.05, 0.0, 0.0, 0.0, 0.0]
    added = controls_of(binding, firm, task)[-1] - controls_of(binding, light, task)[-1]
    expected = np.zeros(16)
    expected[binding.command.names.index('act_middle_1')] = 0.05
    assert added == pytest.approx(expected)


def test_the_cube_lies_where_the_task_says(binding):
    x, y, z, w, *_, turn = cube_start(binding, Instance((0.001, -0.002), 0.1, 1.5, 2.0))
    home = cube_start(binding, Instance((0.0, 0.0), 0.0, 1.5, 2.0))
    assert (x - home[0], y - home[1], z) == pytest.approx((0.001, -0.002, home[2]))
    assert 2 * np.arctan2(turn, w) - 2 * np.arctan2(home[6], home[3]) == pytest.approx(0.1)
