"""Range and speed."""

import numpy as np
import pytest

from transfer_audit.core.errors import ProfileError

MS = 1_000_000


def test_the_range_of_the_actuators_is_kept(bench):
    bench.walk((1.0, 0.0))
    decision = bench.wait(20).sense(1.0, 0.0).ask(1.5, 0.0)
    assert decision.action == 'clamped' and 'act_a: 1.5 is outside -1 to 1' in decision.reason
    np.testing.assert_array_equal(decision.values, [1.0, 0.0])


def test_speed_is_measured_from_the_last_command_sent(bench):
    bench.ask(0.0, 0.0)
    decision = bench.wait(20).sense(0.9, 0.9).ask(1.0, 0.01)
    np.testing.assert_allclose(decision.values, [0.04, 0.01])
    assert decision.action == 'clamped' and 'act_a: faster than 2 per second' in decision.reason


@pytest.mark.parametrize('pause_ms', [100, 101, 1000, 3_600_000])
def test_a_pause_buys_no_jump(bench, pause_ms):
    bench.ask(0.0, 0.0)
    decision = bench.wait(pause_ms).sense(0.0, 0.0).ask(1.0, 0.0)
    assert decision.values[0] == pytest.approx(0.2)


def test_a_burst_buys_no_speed(bench):
    bench.ask(0.0, 0.0)
    bench.wait(20).sense(0.0, 0.0)
    for _ in range(50):
        decision = bench.ask(1.0, 0.0)
    assert decision.values[0] == pytest.approx(0.04)


def test_a_hold_buys_no_jump(bench, held):
    bench.ask(0.0, 0.0)
    for _ in range(50):
        bench.wait(20).sense(0.0, 0.0)
        held(bench.ask(np.nan, 0.0), 'NaN')
    assert bench.wait(20).sense(0.0, 0.0).ask(1.0, 0.0).values[0] == pytest.approx(0.2)


def test_a_steady_clock_that_goes_back_buys_nothing(bench):
    bench.ask(0.0, 0.0)
    decision = bench.gate.command(np.array([1.0, 0.0]), bench.now, bench.now, bench.steady - 50 * MS)
    assert decision.values[0] == 0.0


def test_speed_budgets_of_single_actuators(hand, bench_of):
    bench = bench_of(hand(speed_budget={'act_b': 1.0})).sense(0.0, 0.0)
    np.testing.assert_allclose(bench.ask(1.0, 1.0).values, [1.0, 0.01])
    assert bench.gate.status().speed_budget == 1.0


# acceleration


def speeds(bench, target, count, ms=10):
    """How fast the first actuator is sent, per second."""
    left = [bench.wait(ms).sense(0.0, 0.0).ask(target, 0.0).values[0] for _ in range(count + 1)]
    return np.diff(left) / (ms * 1e-3)


def test_speed_builds_up_within_the_acceleration_budget(hand, bench_of):
    bench = bench_of(hand(speed_budget=1.0, acceleration_budget=10.0)).sense(0.0, 0.0)
    bench.ask(0.0, 0.0)
    found = speeds(bench, 1.0, 15)
    assert np.diff(found).max() <= 10.0 * 0.01 + 1e-9
    assert found[-1] == pytest.approx(1.0)


def test_stopping_needs_no_time_and_a_reversal_builds_up_from_zero(hand, bench_of):
    bench = bench_of(hand(speed_budget=1.0, acceleration_budget=10.0)).sense(0.0, 0.0)
    bench.ask(0.0, 0.0)
    speeds(bench, 1.0, 15)
    there = bench.wait(10).sense(0.0, 0.0).ask(0.15, 0.0).values[0]
    stopped = bench.wait(10).sense(0.0, 0.0).ask(there, 0.0)
    assert stopped.action == 'passed' and stopped.values[0] == there
    assert abs(speeds(bench, -1.0, 1)[0]) <= 0.2 + 1e-9


def test_after_a_hold_speed_builds_up_again(hand, bench_of):
    bench = bench_of(hand(speed_budget=1.0, acceleration_budget=10.0)).sense(0.0, 0.0)
    bench.ask(0.0, 0.0)
    speeds(bench, 1.0, 15)
    last = bench.wait(10).sense(0.0, 0.0).ask(1.0, 0.0).values[0]
    bench.ask(np.nan, 0.0)
    decision = bench.wait(10).sense(0.0, 0.0).ask(1.0, 0.0)
    assert decision.values[0] - last <= 10.0 * 0.02**2 and 'sped up by more than 10' in decision.reason


# position limits


def test_the_profile_narrows_the_range(hand, bench_of):
    bench = bench_of(hand(position_limits={'act_a': [-0.5, 0.5]})).sense(0.0, 0.0)
    bench.ask(0.0, 0.0)
    decision = bench.walk((0.9, 0.9))
    assert 'act_a: 0.9 is outside -0.5 to 0.5' in decision.reason
    np.testing.assert_allclose(decision.values, [0.5, 0.9])


def test_a_hand_outside_its_limits_comes_back_slowly_and_goes_no_further(hand, bench_of):
    bench = bench_of(hand(position_limits={'act_a': [-0.5, 0.5]})).sense(0.8, 0.0)
    assert bench.ask(0.9, 0.0).values[0] == pytest.approx(0.8)
    inward = bench.wait(20).sense(0.8, 0.0).ask(0.0, 0.0).values[0]
    assert inward == pytest.approx(0.76)
    assert bench.wait(20).sense(0.8, 0.0).ask(0.8, 0.0).values[0] == pytest.approx(inward)


def test_limits_that_leave_nothing_are_refused(hand, bench_of):
    with pytest.raises(ProfileError, match=r'position_limits\.act_a: .* lies outside the range -1 to 1'):
        bench_of(hand(position_limits={'act_a': [1.5, 2.0]}))
