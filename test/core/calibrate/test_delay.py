"""Delays are found as the distribution they are drawn from, and late starts beside it."""

import numpy as np
import pytest

from transfer_audit.core.calibrate.delay import delay_range, delays
from transfer_audit.core.calibrate.driven import driven
from transfer_audit.core.calibrate.starts import quantum, starts_of

SPEED = 2.0
CONTACTS = [f'rh56/contact_speed{speed}_force{force}' for speed in (100, 500) for force in (100, 500, 1000)]


def hand(world, ramps=True):
    command = {'elements': {'a': 'act_a'}, **({'speed': {'field': 'velocity', 'scale': 1.0}} if ramps else {})}
    return world.hand(command=command, channels={'joints': {'elements': {'a': 'a'}}})


def steps(make, late, rate_hz=100, step=0.0, noise=0.0, every_s=2.0, seed=0, hold=1):
    """Commands back and forth every two seconds; the joint follows each so long after it, at 2 rad/s.

    :param step: quantisation; `hold`: samples for which a register keeps its value
    """
    rng = np.random.default_rng(seed)
    told = [(1.0 + k * every_s, float((k + 1) % 2)) for k in range(len(late))]
    times = np.arange(0.0, told[-1][0] + every_s, 1.0 / rate_hz)
    joint = make.ramp(times, told, SPEED, late)[np.arange(len(times)) // hold * hold]
    joint += rng.normal(0.0, noise, len(times)) if noise else 0.0
    joint = np.round(joint / step) * step if step else joint
    at = [(0.0, 0.0), *told]
    return make.trace(times[-1], ([t for t, _ in at], [(p, SPEED) for _, p in at]), joints=(times, joint))


def measured(world, trace):
    binding = hand(world)
    (joint,) = driven(binding)
    starts = starts_of([trace], binding, joint)
    return {q.name: q for q in delays(joint, starts, True)}, delay_range(joint, starts, binding)


@pytest.mark.parametrize('delay_s', [0.005, 0.0234, 0.12])
@pytest.mark.parametrize('step', [0.0, 0.0015])
def test_a_constant_delay_is_known_to_half_a_millisecond(world, make, delay_s, step):
    found, _ = measured(world, steps(make, [delay_s] * 20, step=step))
    for direction in ('closing', 'opening'):
        p50 = found[f'command delay, {direction}, p50']
        assert p50.value == pytest.approx(delay_s, abs=5e-4), direction
        assert p50.count == 10 and p50.standing == 'measured'
        assert f'late starts, {direction}' not in found


def test_quantiles_of_a_spread_delay_lie_in_their_intervals(world, make):
    inside = 0
    for seed in range(20):
        late = np.random.default_rng(seed).uniform(0.05, 0.15, 60)
        found, range_ = measured(world, steps(make, late, noise=0.001, seed=seed))
        p50 = found['command delay, closing, p50']
        inside += p50.low <= 0.1 <= p50.high
        assert (range_.low, range_.high) == pytest.approx((late.min(), late.max()), abs=0.003)
    assert 15 <= inside <= 20


def test_late_starts_stand_apart(world, make):
    rng = np.random.default_rng(3)
    late = rng.normal(0.08, 0.01, 100)
    tardy = rng.permutation(50)[:8] * 2
    late[tardy] = rng.uniform(0.5, 0.9, 8)
    found, range_ = measured(world, steps(make, late, noise=0.0005))
    apart = found['late starts, closing']
    assert apart.value == pytest.approx(8 / 50) and apart.low < 0.16 < apart.high
    assert 'two kinds' in apart.why
    assert found['late starts, closing, p50'].value == pytest.approx(float(np.median(late[tardy])), abs=0.01)
    assert found['command delay, closing, p50'].value == pytest.approx(0.08, abs=0.006)
    assert 'late starts, opening' not in found
    assert range_.high < 0.15 and range_.select == ('act_a',)


def test_a_register_that_is_refreshed_slowly_does_not_shift_the_delay(world, make):
    late = np.random.default_rng(0).uniform(0.06, 0.08, 40)
    found, _ = measured(world, steps(make, late, hold=2, step=0.0015))
    assert found['command delay, closing, p50'].value == pytest.approx(0.07, abs=0.004)
    assert found['command to first seen motion, closing, p50'].value > 0.075


def test_one_step_is_a_delay_but_no_distribution(world, make):
    found, range_ = measured(world, steps(make, [0.04], noise=0.0005))
    p50 = found['command delay, closing, p50']
    assert p50.low <= 0.04 <= p50.high and p50.high - p50.low < 0.02
    assert 'too few' in p50.why and 'command delay, closing, p99' not in found and range_ is None


def test_a_stream_of_commands_has_no_steps(world, make):
    times = np.arange(0.0, 5.0, 0.01)
    wave = np.sin(3 * times)
    command = times, np.stack([wave, np.full(len(wave), SPEED)], axis=1)
    found, range_ = measured(world, make.trace(5.0, command, joints=(times + 0.001, wave)))
    assert found['command delay'].standing == 'not identifiable' and 'fit' in found['command delay'].why
    assert range_ is None


def test_motion_that_begins_where_nothing_was_recorded_is_no_start(world, make):
    trace = steps(make, [0.3] * 10)
    joints = trace.channels['joints']
    since = (joints.stamp_ns - trace.start_ns) / 1e9
    trace.channels['joints'] = joints[~((since % 2.0 > 1.1) & (since % 2.0 < 1.4))]
    found, range_ = measured(world, trace)
    assert list(found) == ['command delay'] and 'no motion is seen' in found['command delay'].why and range_ is None


@pytest.mark.parametrize('delay_s', [0.005, 0.02, 0.04])
def test_the_run_up_of_a_servo_is_not_taken_for_its_delay(world, make, delay_s):
    """A simulated servo that gathers speed: what is read off is told as delay and run-up, and is no range."""
    family = {'parameters': {'delay': {'field': 'actuator_delay', 'select': ['*'], 'range': [delay_s, delay_s]}}}
    binding = world.hand(family=family)
    at_s, where = np.arange(12.0), 0.5 * (np.arange(12) % 2)
    both = np.stack([where, where], axis=1)
    shadow = world.shadow(binding, ((at_s * 1e9).astype(np.int64), both), {'joints': ([0], [[0.0, 0.0]])})
    rows = world.simulate(shadow, 12.0)['joints']
    joints = (rows.row_ns - world.t0) / 1e9, rows.median + np.random.default_rng(0).normal(0, 0.001, rows.median.shape)
    joint = driven(binding)[0]
    starts = starts_of([make.trace(12.0, (at_s, both), joints=joints)], binding, joint)
    found = {q.name: q for q in delays(joint, starts, False)}
    assert delay_s < found['command delay and run-up, closing, p50'].value < delay_s + 0.015
    assert not any(name.startswith('command delay,') for name in found)
    assert delay_range(joint, starts, binding) is None


@pytest.mark.parametrize('step', [0.0015, 2 * np.pi / 4096])
def test_the_step_of_quantised_values(step):
    values = np.round(np.cumsum(np.random.default_rng(0).normal(0, 0.01, 500)) / step) * step
    assert quantum(values) == pytest.approx(step, rel=1e-6)
    assert quantum(np.random.default_rng(0).normal(size=500)) == 0.0
    assert quantum(np.zeros(5)) == 0.0


def test_the_real_step_is_seen_66_to_75_ms_after_its_command(real):
    binding, traces = real('rh56/step_1000_to_500')
    (joint,) = driven(binding)
    found = {q.name: q for q in delays(joint, starts_of(traces, binding, joint), True)}
    seen = found['command to first seen motion, closing, p50']
    assert 0.066 < seen.low <= seen.value < 0.076
    assert 0.045 < found['command delay, closing, p50'].value < seen.low


def test_real_contacts_start_in_two_kinds(real):
    binding, traces = real(*CONTACTS)
    (joint,) = driven(binding)
    starts = starts_of(traces, binding, joint)
    found = {q.name: q for q in delays(joint, starts, True)}
    assert found['command to first seen motion, closing, p50'].value == pytest.approx(0.17, abs=0.03)
    assert found['command to first seen motion, closing, p90'].value == pytest.approx(0.5, abs=0.08)
    assert 0.1 < found['late starts, closing'].value < 0.3
    assert found['late starts, closing, p50'].value > 0.35
    assert found['command delay, opening, p50'].value == pytest.approx(0.072, abs=0.01)
    range_ = delay_range(joint, starts, binding)
    assert 0.04 < range_.low < 0.07 and 0.2 < range_.high < 0.35
