"""Forces that would be over before a hold could act."""

from pathlib import Path

import mujoco
import numpy as np
import pytest

from transfer_audit.bench.gate.replay import contacts, removed

REAL = Path(__file__).parents[4] / 'shared' / 'data' / 'rh56'


@pytest.fixture
def bench(hand, bench_of):
    """Motion follows a command after 50 ms; the budget of the tip is 4 N."""
    return bench_of(hand(latency_s=0.05)).sense(0.0, 0.0)


def ramp(bench, rate, until=8.0, ms=5, start=0.0):
    """Press harder and harder, N/s; the force at which the gate first forbids to close."""
    force = start
    while force < until:
        force += rate * ms * 1e-3
        bench.wait(ms).sense(0.1, 0.0, force=force)
        if 'only opening' in bench.gate.status().message:
            return force
    return force


@pytest.mark.parametrize('rate', [10.0, 25.0, 50.0])
def test_a_steady_rise_is_held_one_latency_before_the_budget(bench, rate):
    """Within two readings, and later by what noise hides: 0.21 N over the 56 ms that are looked back."""
    bench.pressing(force=0.5)
    held = ramp(bench, rate, start=0.5)
    assert -1.5 * rate * 0.005 <= held - (4.0 - rate * 0.05) <= 2.0 * rate * 0.005 + 0.21


def test_the_reason_says_what_would_be_reached(bench):
    bench.pressing(force=0.5)
    ramp(bench, 40.0, start=0.5)
    assert 'before a hold acts, budget 4 N' in bench.ask(0.42, 0.0).reason
    assert 'before a hold acts' in bench.gate.rearm()[1]


def test_without_a_known_latency_only_measured_force_counts_and_the_status_says_so(hand, bench_of):
    bench = bench_of(hand()).sense(0.0, 0.0)
    bench.pressing(force=0.5)
    assert ramp(bench, 25.0, start=0.5) >= 4.0
    status = bench.gate.status()
    assert status.latency_s is None and status.expected_overshoot == {'tip': None}
    assert 'the latency of the hand is not known' in status.overshoot


def test_noise_at_half_the_budget_is_never_over(bench):
    """50 mN of noise, 100 s at 200 Hz: no hold, though a difference of two readings looks like 30 N/s."""
    rng = np.random.default_rng(0)
    bench.pressing(force=2.0)
    for _ in range(20_000):
        bench.wait(5).force(2.0 + 0.05 * rng.standard_normal())
        assert not bench.gate._forces.any_over


def test_drag_within_the_tolerance_is_no_contact(bench):
    """Steep, but below what the channel calls a touch."""
    for index in range(200):
        bench.wait(5).sense(0.0, 0.0, force=0.29 * (index % 2))
        assert bench.gate.status().level != 'error'


def test_what_was_foretold_holds_until_it_can_have_shown(bench):
    bench.pressing(force=0.5)
    force = ramp(bench, 40.0, start=0.5)
    bench.wait(5).sense(0.1, 0.0, force=force - 0.01)
    over = []
    for index in range(40):
        bench.wait(5).sense(0.1, 0.0, force=force + 0.001 * (index % 2))
        over.append('only opening' in bench.gate.status().message)
    assert 50 <= 5 * (1 + sum(over)) <= 70 and not over[-1]


def test_a_steep_rise_is_over_its_own_budget(hand, bench_of, held):
    bench = bench_of(hand(force_budget={}, force_rate_budget={'tip': 30.0})).sense(0.0, 0.0)
    bench.pressing(force=0.5)
    bench.wait(10).sense(0.1, 0.0, force=0.6)
    assert bench.ask(0.4, 0.0).action == 'passed'
    bench.wait(10).sense(0.1, 0.0, force=1.3)
    held(bench.ask(0.42, 0.0), 'tip rises by 48.8 N/s, budget 30 N/s')
    assert bench.wait(10).ask(0.3, 0.0).values[0] < 0.4


def test_the_expected_overshoot_is_what_the_steepest_rise_would_reach(bench):
    """60 N/s for 50 ms of latency, 50 ms of readings and no age: 6 N, two over the budget."""
    bench.pressing(force=0.0)
    for force in (0.0, 0.6, 1.2, 1.8):
        bench.wait(10).sense(0.1, 0.0, force=force)
    assert bench.gate.status().expected_overshoot['tip'] == pytest.approx(2.0, abs=1.3)
    bench.gate.divergence('force', 'tip', '')
    assert bench.gate.status().expected_overshoot['tip'] > 3.0


def test_a_late_hand_against_a_wall(hand, bench_of):
    """A policy that only closes, a servo that follows 60 ms late: foretelling takes most of the overshoot away."""

    def peak(**budgets):
        binding = hand(force_budget={'tip': 4.0}, speed_budget=0.5, **budgets)
        model, data = binding.model, mujoco.MjData(binding.model)
        model.actuator_gainprm[:, 0], model.actuator_biasprm[:, 1] = 20.0, -20.0
        plan, bench = binding.channel('tips'), bench_of(binding)
        late, peaks = [np.zeros(2)] * 6, []
        for step in range(1000):
            peaks.append(abs(float(plan.simulated(data.sensordata)[0])))
            bench.wait(2).joints(*data.qpos[:2]).force(peaks[-1])
            if step % 5 == 0:
                decision = bench.ask(1.0, 0.0)
                late.append(late[-1] if decision.values is None else decision.values)
                data.ctrl[:] = late[-7]
            mujoco.mj_step(model, data)
        return max(peaks)

    plain, foretold = peak(latency_s=0.0), peak(latency_s=0.06)
    assert plain > 5.0 and foretold - 4.0 < 0.5 * (plain - 4.0), (plain, foretold)


@pytest.mark.skipif(not REAL.is_dir(), reason='the real traces are not here')
def test_on_a_real_hand_most_of_the_overshoot_is_removed_and_free_motion_is_free(tmp_path):
    """RH56, force limit 500: late by 75 ms, it peaks at three times the limit."""
    for name in ('contact_speed500_force500', 'contact_speed100_force500', 'model'):
        (tmp_path / name).symlink_to(REAL / name)
    found = contacts(tmp_path, lambda _: None)
    assert len(found) == 2 and all(0.06 < one.latency_s < 0.09 for one in found)
    assert removed(found) > 0.8
    assert not any(one.needless or one.in_free_motion for one in found)


def test_messages_that_arrive_in_a_bunch_are_no_steep_rise(bench):
    """30 N/s, read every 10 ms; the third message is kept back until the fourth comes."""
    bench.pressing(force=0.5)
    for index, ms in enumerate((10, 10, 19.9, 0.1, 10)):
        bench.wait(ms).force(0.5 + 0.3 * index)
        assert 'before a hold acts' not in bench.gate.status().message, index
