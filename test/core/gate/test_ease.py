"""The way back from a hold: along a minimum-jerk course, and never a jump."""

import numpy as np
import pytest


@pytest.fixture
def bench(hand, bench_of):
    """Held at 0 by a NaN after it had passed; a second of motion is allowed at any speed."""
    bench = bench_of(hand(speed_budget=None, ease_in_s=0.2)).sense(0.0, 0.0)
    assert bench.ask(0.0, 0.0).action == 'passed'
    bench.wait(10).sense(0.0, 0.0).ask(np.nan, 0.0)
    return bench


def follow(bench, target, ms=10, count=25):
    """Ask for one target again and again; what left, shape (count,)."""
    return np.array([bench.wait(ms).sense(0.0, 0.0).ask(target, 0.0).values[0] for _ in range(count)])


def test_the_course_is_that_of_minimum_jerk(bench):
    left = follow(bench, 0.5)
    u = np.minimum(np.arange(25) * 0.01 / 0.2, 1.0)
    np.testing.assert_allclose(left, 0.5 * (10 * u**3 - 15 * u**4 + 6 * u**5), atol=1e-12)


def test_what_is_altered_says_so_and_what_is_not_passes(bench):
    decision = bench.wait(10).sense(0.0, 0.0).ask(0.5, 0.0)
    assert decision.action == 'clamped' and decision.reason == 'easing in after a hold'
    follow(bench, 0.5)
    assert bench.wait(10).sense(0.0, 0.0).ask(0.7, 0.0).values[0] == 0.7


def test_a_command_that_stays_where_the_hand_is_held_passes(bench):
    assert bench.wait(10).sense(0.0, 0.0).ask(0.0, 0.0).action == 'passed'


def test_a_hold_in_between_begins_anew_from_where_the_hand_is(bench):
    reached = follow(bench, 0.5, count=12)[-1]
    bench.wait(10).sense(0.0, 0.0).ask(np.inf, 0.0)
    again = follow(bench, 0.5, count=3)
    assert again[0] == reached and reached < again[1] < reached + 0.001


@pytest.mark.parametrize('silence_ms', [101, 5000])
def test_a_policy_that_fell_silent_eases_in(bench, silence_ms):
    follow(bench, 0.5)
    bench.wait(silence_ms).sense(0.0, 0.0)
    assert bench.ask(0.9, 0.0).values[0] == 0.5


def test_a_pause_buys_no_jump_on_the_course(bench):
    """Between two commands at most 0.1 s of the course go by."""
    follow(bench, 0.5, count=1)
    bench.wait(100).sense(0.0, 0.0)
    assert bench.ask(0.5, 0.0).values[0] == pytest.approx(0.25)


def test_it_never_moves_away_from_what_is_asked_for(bench):
    reached = follow(bench, 0.5, count=12)[-1]
    assert bench.wait(10).sense(0.0, 0.0).ask(reached + 1e-3, 0.0).values[0] >= reached


def test_the_speed_budget_holds_on_the_course(hand, bench_of):
    bench = bench_of(hand(speed_budget=1.0, ease_in_s=0.1)).sense(0.0, 0.0)
    left = follow(bench, 0.9, count=60)
    assert np.diff(left).max() == pytest.approx(0.01) and left[-1] < 0.9


def test_opening_a_pressing_hand_does_not_wait(hand, bench_of):
    bench = bench_of(hand(ease_in_s=0.5)).sense(0.0, 0.0)
    bench.pressing().sense(0.1, 0.0, force=5.0)
    assert 'closing held' in bench.ask(0.9, 0.0).reason
    last = bench.wait(20).sense(0.1, 0.0, force=5.0).gate.status()
    assert last.level == 'error'
    before = bench.ask(0.9, 0.0)
    assert before.values is None
    opened = bench.ask(-1.0, 0.0).values[0]
    assert bench.wait(20).sense(0.1, 0.0, force=5.0).ask(-1.0, 0.0).values[0] == pytest.approx(opened - 0.04)
