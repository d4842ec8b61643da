"""Range and speed."""

import numpy as np
import pytest

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
