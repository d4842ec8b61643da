"""Lags between streams, the drag of free motion and the touch after it, put in and found again."""

import numpy as np
import pytest

from transfer_audit.core.calibrate.drag import drags
from transfer_audit.core.calibrate.driven import driven
from transfer_audit.core.calibrate.lag import force_to_pose, log_to_command
from transfer_audit.core.calibrate.starts import starts_of
from transfer_audit.core.calibrate.touch import touched

TIP = {
    'kind': 'force', 'topic': 'force', 'type': 'std_msgs/msg/Float64MultiArray', 'field': 'data', 'stamp': 'receive',
    'elements': {0: 'body:arm_a'}, 'unit': 'N', 'noise': 0.01, 'tolerance': 0.2,
}  # fmt: skip
WALL, STIFFNESS, SPEED = 0.6, 40.0, 1.0
SERVO = [f'xl330/kp400_{motion}' for motion in ('sin_sin', 'sin_time_square', 'up_and_down')]


def hand(world):
    return world.hand(
        command={'elements': {'a': 'act_a'}}, channels={'joints': {'elements': {'a': 'a'}}, 'fingers': TIP}
    )


def presses(make, lag_s, drag, count=12, name='bag', seed=0):
    """A joint that goes to a wall and back every four seconds, and the force of it, read `lag_s` later."""
    rng = np.random.default_rng(seed)
    told = [(1.0 + 2.0 * k, float((k + 1) % 2)) for k in range(2 * count)]
    times = np.arange(0.0, told[-1][0] + 2.0, 0.01)
    late = rng.uniform(0.04, 0.06, len(told))

    def at(t):
        free = make.ramp(t, told, SPEED, late)
        return np.minimum(free, WALL + 0.1 * np.maximum(free - WALL, 0.0)), np.maximum(free - WALL, 0.0)

    joint, _ = at(times)
    way, deep = at(times - lag_s)
    moving = np.gradient(way, times) > 0.1
    force = STIFFNESS * deep + drag * moving * np.minimum(1.0, way / 0.3) + rng.normal(0, 0.005, len(times))
    joint = joint + rng.normal(0, 0.0005, len(times))
    at_s, where = [0.0, *(t for t, _ in told)], [0.0, *(p for _, p in told)]
    return make.trace(times[-1], (at_s, where), name, joints=(times, joint), fingers=(times, force))


def measure(world, traces):
    binding = hand(world)
    (joint,) = driven(binding)
    starts = starts_of(traces, binding, joint)
    (lag,) = force_to_pose(traces, binding, [(joint, starts)])
    return lag, {q.name: q for q in drags(traces, binding, [(joint, starts)])}, starts


@pytest.mark.parametrize('lag_s', [0.0, 0.02, 0.05])
def test_a_force_that_is_read_late(world, make, lag_s):
    traces = [presses(make, lag_s, drag=0.1, name=f'bag{k}', seed=k) for k in range(3)]
    lag, _, _ = measure(world, traces)
    assert lag.standing == 'measured'
    assert lag.value == pytest.approx(lag_s, abs=0.004)


@pytest.mark.parametrize('drag', [0.05, 0.15])
def test_the_drag_of_free_motion_is_no_touch(world, make, drag):
    _, found, _ = measure(world, [presses(make, 0.0, drag)])
    assert found['drag, p50'].value == pytest.approx(drag, abs=0.03)
    assert found['drag, p99'].high < drag + 0.06


def test_a_touch_is_where_the_wall_is(world, make):
    trace = presses(make, 0.0, drag=0.1)
    _, _, starts = measure(world, [trace])
    times = (trace.channels['fingers'].stamp_ns - trace.start_ns) / 1e9
    closing = [start for start in starts.found if start.direction > 0]
    found = [touched(start, times, trace.channels['fingers'].values[:, 0]) for start in closing]
    truth = [start.commanded_s + start.onset_s + WALL / SPEED for start in closing]
    assert np.abs(np.array(found) - truth).max() < 0.02


def test_nothing_is_touched_in_the_air(world, make):
    trace = presses(make, 0.0, drag=0.15)
    trace.channels['fingers'].values[:] = np.random.default_rng(1).normal(0, 0.01, (len(trace.channels['fingers']), 1))
    lag, found, _ = measure(world, [trace])
    assert lag.standing == 'not identifiable' and 'presses' in lag.why
    assert found['drag, p50'].value < 0.05


def test_states_are_stamped_so_long_after_their_commands(make):
    times = np.arange(0.0, 5.0, 0.005)
    late = np.random.default_rng(0).normal(0.0035, 0.0001, len(times))
    found = log_to_command([make.trace(5.0, (times, times), joints=(times + late, times))], 'joints')
    assert found.value == pytest.approx(0.0035, abs=2e-5) and found.high - found.low < 4e-5
    rare = make.trace(5.0, ([0.0, 2.0, 4.0], [0.0, 1.0, 0.0]), joints=(times, times))
    assert log_to_command([rare], 'joints').standing == 'not identifiable'


def test_a_real_servo_is_read_3_5_ms_after_its_command(real):
    _, traces = real(*SERVO)
    found = log_to_command(traces, 'joints')
    assert found.value == pytest.approx(0.0035, abs=0.0003)


def test_the_drag_of_a_real_linkage_is_about_20_counts(real):
    binding, traces = real('rh56/contact_speed100_force500', 'rh56/contact_speed500_force500')
    (joint,) = driven(binding)
    found = {q.name: q for q in drags(traces, binding, [(joint, starts_of(traces, binding, joint))])}
    assert found['drag, p99'].value == pytest.approx(20 * 0.007478, rel=0.2)
