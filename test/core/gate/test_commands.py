"""What is a command of this hand, and where it starts."""

import numpy as np
import pytest

from transfer_audit.core.types import NS

MS = 1_000_000


def test_a_good_command_passes_as_it_came(bench):
    assert bench.ask(0.01, -0.01).action == 'passed'
    decision = bench.wait(10).sense(0.0, 0.0).ask(0.02, -0.02)
    assert decision.action == 'passed' and decision.reason == ''
    np.testing.assert_array_equal(decision.values, [0.02, -0.02])


def test_what_left_cannot_be_changed_from_outside(bench):
    asked = np.array([0.01, 0.0])
    decision = bench.gate.command(asked, bench.now, bench.now, bench.steady)
    asked[:] = 9.0
    assert decision.values[0] == 0.01
    with pytest.raises(ValueError):
        decision.values[0] = 9.0


@pytest.mark.parametrize(
    ('values', 'word'),
    [
        ([np.nan, 0.0], 'act_a is missing or NaN'),
        ([0.0, np.nan], 'act_b is missing or NaN'),
        ([np.nan, np.nan], 'missing'),
        ([0.0, np.inf], 'act_b is infinite'),
        ([-np.inf, 0.0], 'infinite'),
        ([0.0], '2 values expected'),
        ([0.0, 0.0, 0.0], '2 values expected'),
        ([], '2 values expected'),
        ([[0.0, 0.0]], '2 values expected'),
        (0.0, '2 values expected'),
        (None, '2 values expected'),
        ('home', 'not a row of numbers'),
        ([[0.0], [0.0, 1.0]], 'not a row of numbers'),
    ],
)
def test_nonsense_is_held(bench, values, word, held):
    held(bench.gate.command(values, bench.now, bench.now, bench.steady), word)
    assert bench.ask(0.0, 0.0).action == 'passed'


@pytest.mark.parametrize(('age_ms', 'word'), [(101, 'past'), (5000, 'past'), (-101, 'future'), (-1e9, 'future')])
def test_a_stamp_far_from_the_present_is_held(bench, age_ms, word, held):
    held(bench.ask(0.0, 0.0, age_ms=age_ms), word)


def test_an_unstamped_command_is_held(bench, held):
    held(bench.gate.command(np.zeros(2), 0, bench.now, bench.steady), 'past')


def test_a_stamp_that_is_no_number_is_held(bench, held):
    held(bench.gate.command(np.zeros(2), float('nan'), bench.now, bench.steady), 'stamped')


def test_an_overtaken_command_is_held(bench, held):
    assert bench.ask(0.01, 0.0).action == 'passed'
    held(bench.ask(0.0, 0.0, age_ms=20), 'overtaken')


@pytest.mark.parametrize('step_s', [-3600, -0.2, 0.2, 3600])
def test_a_step_of_ros_time_holds_for_a_while(bench, held, step_s):
    """However the stamps stand to the new time: for `stale_s` both times are about."""
    bench.ask(0.01, 0.0)
    bench.ros += int(step_s * NS)
    for _ in range(10):
        held(bench.wait(10).sense(0.0, 0.0).ask(0.02, 0.0), f'ROS time stepped by {step_s:+.3g} s')
    assert 'ROS time stepped' in bench.gate.rearm()[1]
    assert bench.wait(10).sense(0.0, 0.0).ask(0.02, 0.0).action == 'passed'


def test_ros_time_that_stands_still_is_no_time(bench, held):
    """A paused simulation: every stamp is fresh for ever."""
    bench.ask(0.01, 0.0)
    for _ in range(11):
        bench.wait(10)
        bench.ros -= 10 * MS
        bench.sense(0.0, 0.0)
    held(bench.ask(0.02, 0.0), 'ROS time has stood still for 0.11 s')
    assert 'stood still' in bench.gate.rearm()[1]
    assert bench.wait(10).sense(0.0, 0.0).ask(0.02, 0.0).action == 'passed'


def test_what_cannot_be_converted_is_held(bench, held):
    held(bench.gate.refuse('no joint act_c in this hand', bench.now, bench.steady), 'act_c')


def test_nothing_moves_before_the_joints_are_known(binding, bench_of, held):
    bench = bench_of(binding).force(0.0)
    held(bench.ask(0.0, 0.0), 'never heard')
    held(bench.joints(0.0, np.nan).ask(0.0, 0.0), 'b of channel joints never heard')


def test_without_a_force_budget_the_joints_are_needed_all_the_same(hand, bench_of, held):
    bench = bench_of(hand(force_budget={}))
    held(bench.ask(0.0, 0.0), 'a of channel joints never heard')
    assert bench.joints(0.0, 0.0).ask(0.0, 0.0).action == 'passed'
    held(bench.wait(101).ask(0.05, 0.0), 'a of channel joints silent for 0.101 s')


def test_an_actuator_whose_joint_nobody_measures_never_starts(hand, bench_of, held):
    held(bench_of(hand(joints=('a',))).joints(0.0).force(0.0).ask(0.0, 0.0), 'act_b stands is not known')


def test_the_first_command_starts_at_the_measured_joints(binding, bench_of):
    bench = bench_of(binding).sense(0.5, -0.5)
    decision = bench.ask(-1.0, -0.5)
    assert decision.action == 'clamped'
    np.testing.assert_allclose(decision.values, [0.5 - 2.0 * 0.01, -0.5])


def test_a_hand_outside_its_range_starts_at_the_edge(binding, bench_of):
    decision = bench_of(binding).sense(1.3, 0.0).ask(0.0, 0.0)
    np.testing.assert_allclose(decision.values, [1.0 - 0.02, 0.0])
