"""Spent force budgets: what closes is held, what opens passes."""

import mujoco
import numpy as np
import pytest

from transfer_audit.core.errors import UnknownElement


def test_over_budget_closing_is_held_and_opening_passes(bench, held):
    bench.pressing().sense(0.1, 0.0, force=5.0)
    held(bench.ask(0.42, 0.0), 'tip presses 5 N, budget 4 N')
    decision = bench.wait(20).sense(0.1, 0.0, force=5.0).ask(0.37, 0.0)
    assert decision.action == 'passed' and decision.values[0] == 0.37
    assert bench.ask(0.37, 0.0).action == 'passed'
    assert bench.gate.status().trips == 1


def test_opening_passes_until_the_force_is_gone_though_the_joint_lags(bench, held):
    bench.pressing(push=0.1)
    for target in np.arange(0.2, -0.4, -0.03):
        decision = bench.wait(20).sense(0.1, 0.0, force=5.0).ask(target, 0.0)
        assert decision.action == 'passed' and decision.values[0] == target
    held(bench.wait(20).sense(0.1, 0.0, force=5.0).ask(target + 0.01, 0.0), 'closing held')


def test_what_opens_passes_while_another_actuator_is_held(bench):
    bench.walk((0.4, 0.3), joints=(0.1, 0.0), force=3.0)
    decision = bench.wait(20).sense(0.1, 0.0, force=5.0).ask(0.37, 0.33)
    assert decision.action == 'clamped' and 'only what opens' in decision.reason
    np.testing.assert_array_equal(decision.values, [0.37, 0.3])


def test_an_actuator_of_which_nothing_is_known_stands_still(bench, held):
    bench.pressing().sense(0.1, 0.0, force=5.0)
    for motion in (0.01, -0.01):
        held(bench.ask(0.4, motion), 'closing held')


def test_a_second_tip_over_budget_does_not_turn_the_first_finger_around(hand, bench_of, held):
    bench = bench_of(hand(tips=('tip', 'thumb'), force_budget={'tip': 4.0, 'thumb': 4.0}))

    def feel(tip, thumb):
        bench.wait(20).joints(0.1, 0.0)
        bench.gate.measured('tips', np.array([tip, thumb]), bench.now, bench.now, bench.steady)
        return bench

    for target in np.linspace(0.1, 0.4, 20):
        feel(3.0, 0.0).ask(target, 0.0)
    for target in np.linspace(0.4, 0.0, 20):
        assert feel(5.0, 0.0).ask(target, 0.0).action == 'passed'
    assert feel(5.0, 4.5).ask(-0.03, 0.0).action == 'passed'
    held(bench.wait(20).ask(0.0, 0.0), 'tip presses 5 N, budget 4 N; thumb presses 4.5 N, budget 4 N: closing held')


def test_a_stiff_servo_opens_towards_where_it_was_free_of_contact(bench, held):
    bench.walk((0.1, 0.0), force=0.0)
    bench.walk((0.3, 0.0), force=3.0)
    bench.wait(20).sense(0.3, 0.0, force=5.0)
    held(bench.ask(0.31, 0.0), 'closing held')
    assert bench.ask(0.29, 0.0).action == 'passed'


@pytest.mark.parametrize('force', [4.0, 5.0, -5.0, np.inf, -np.inf])
def test_spent_budgets(bench, force, held):
    bench.pressing().sense(0.1, 0.0, force=force)
    held(bench.ask(0.42, 0.0), 'tip presses')
    assert bench.gate.budgets().force == 0.0


def test_noise_at_the_edge_of_the_budget_is_one_trip(bench):
    bench.pressing()
    for index in range(40):
        bench.wait(10).sense(0.1, 0.0, force=4.0 if index % 2 else 3.9)
        bench.ask(0.4 + 0.001 * index, 0.0)
    assert bench.gate.status().trips == 1
    assert bench.sense(0.1, 0.0, force=3.8).ask(0.4, 0.0).action == 'passed'


@pytest.mark.parametrize('silent', ['joints', 'tips'])
def test_silence_of_a_needed_channel_is_held(bench, silent, held):
    bench.ask(0.0, 0.0)
    for _ in range(11):
        bench.wait(10)
        bench.force(0.0) if silent == 'joints' else bench.joints(0.0, 0.0)
    held(bench.ask(0.0, 0.0), f'channel {silent} silent')
    assert bench.gate.status().level == 'stale'
    assert bench.sense(0.0, 0.0).ask(0.0, 0.0).action == 'passed'


@pytest.mark.parametrize(
    'broken',
    [
        lambda bench: bench.force(np.nan),
        lambda bench: bench.force(0.0, age_ms=150),
        lambda bench: bench.force(0.0, age_ms=-150),
        lambda bench: bench.gate.measured('tips', np.zeros(3), bench.now, bench.now, bench.steady),
        lambda bench: bench.gate.measured('tips', np.zeros(0), bench.now, bench.now, bench.steady),
    ],
    ids=['NaN', 'old', 'future', 'too many', 'none'],
)
def test_a_broken_force_counts_as_silence(bench, broken, held):
    bench.ask(0.0, 0.0)
    for _ in range(11):
        broken(bench.wait(10).joints(0.0, 0.0))
    held(bench.ask(0.0, 0.0), 'channel tips')
    assert bench.gate.budgets().force == 0.0


def test_a_nan_does_not_wipe_a_spent_budget_out(bench, held):
    bench.pressing().sense(0.1, 0.0, force=5.0)
    held(bench.force(np.nan).ask(0.42, 0.0), 'tip presses 5 N')


def test_a_channel_the_profile_does_not_have(bench):
    with pytest.raises(UnknownElement, match='joints'):
        bench.gate.measured('joint', np.zeros(2), bench.now, bench.now, bench.steady)


def test_against_a_wall_the_force_stays_near_its_budget(hand, bench_of):
    """A policy that only ever closes, a real servo, a wall; forces arrive 10 ms old."""

    def peak(budget):
        binding = hand(force_budget={'tip': budget})
        model, data = binding.model, mujoco.MjData(binding.model)
        plan, bench = binding.channel('tips'), bench_of(binding)
        old, peaks = [0.0] * 6, []
        for step in range(1500):
            force = float(plan.simulated(data.sensordata)[0])
            old.append(force)
            peaks.append(force)
            bench.wait(2).joints(*data.qpos[:2]).force(old[-6], age_ms=10)
            if step % 10 == 0:
                decision = bench.ask(min(1.0, 1e-3 * step), 0.0)
                data.ctrl[:] = data.ctrl if decision.values is None else decision.values
            mujoco.mj_step(model, data)
        return max(peaks)

    assert peak(1000.0) > 8.0
    assert 2.0 < peak(4.0) < 4.0 * 1.15
