"""The speed law of a hand that moves at a commanded speed, its saturation, and the way it stays behind at first."""

import numpy as np
import pytest

from transfer_audit.core.calibrate.driven import driven
from transfer_audit.core.calibrate.speed import dead_band, speed_law
from transfer_audit.core.calibrate.starts import starts_of

SCALE, LIMIT = 0.0285, 60.0


def hand(world):
    return world.hand(
        command={'elements': {'a': 'act_a'}, 'speed': {'field': 'velocity', 'scale': 0.02}},
        channels={'joints': {'elements': {'a': 'a'}}},
    )


def record(make, speeds, name, band=0.0, seed=0):
    """Back and forth at each of the speeds; the set point goes `band` before the joint moves."""
    rng = np.random.default_rng(seed)
    told = [(1.0 + 4.0 * k, float((k + 1) % 2)) for k in range(len(speeds))]
    times = np.arange(0.0, told[-1][0] + 4.0, 0.01)
    joint, position = np.zeros(len(times)), 0.0
    for (at, target), speed in zip(told, speeds, strict=True):
        rate = SCALE * min(speed, LIMIT)
        way = rate * np.maximum(times - at - 0.05, 0.0)
        way = np.where(way > band, np.minimum(way, 1.0), 0.0)
        joint = np.where(times > at, position + np.sign(target - position) * way, joint)
        position = target
    joint = joint + rng.normal(0, 0.0005, len(times))
    command = np.array([[0.0, 50.0], *([target, speed] for (_, target), speed in zip(told, speeds, strict=True))])
    return make.trace(times[-1], ([0.0, *(t for t, _ in told)], command), name, joints=(times, joint))


def measure(world, traces):
    binding = hand(world)
    (joint,) = driven(binding)
    starts = starts_of(traces, binding, joint)
    return {q.name: q for q in speed_law(traces, binding, joint, starts)}, dead_band(binding, joint, starts)


def test_scale_and_saturation(world, make):
    traces = [record(make, [20, 20, 40, 40, 100, 100, 150, 150], f'bag{k}', seed=k) for k in range(3)]
    found, _ = measure(world, traces)
    scale, limit = found['speed scale'], found['speed limit']
    assert scale.value == pytest.approx(SCALE, rel=0.01) and scale.low <= SCALE * 1.005 and scale.high >= SCALE * 0.995
    assert limit.value == pytest.approx(LIMIT, rel=0.02) and limit.standing == 'measured'
    assert scale.count == 12 and limit.count == 12


def test_a_hand_that_was_never_told_to_go_faster_shows_no_saturation(world, make):
    found, _ = measure(world, [record(make, [20, 20, 40, 40, 50, 50], 'bag')])
    assert found['speed scale'].value == pytest.approx(SCALE, rel=0.01)
    assert found['speed limit'].standing == 'not identifiable' and found['speed limit'].low == 50.0


def test_too_few_motions_are_no_law(world, make):
    found, _ = measure(world, [record(make, [20, 40], 'bag')])
    assert found['speed scale'].standing == 'not identifiable' and 'speeds' in found['speed scale'].why


def test_the_way_before_a_joint_moves(world, make):
    _, band = measure(world, [record(make, [10] * 8, 'bag', band=0.05)])
    assert band.standing == 'measured' and band.value == pytest.approx(0.05, abs=0.005)


def test_a_dead_band_between_the_steps_that_moved_nothing_and_those_that_did(world, make):
    sizes = [0.004, 0.008, 0.012, 0.016, 0.02, 0.03]
    times = np.arange(0.0, 2.0 + 2.0 * len(sizes), 0.01)
    told, joint = [(0.0, 0.0)], np.zeros(len(times))
    for k, size in enumerate(sizes):
        at, here = 1.0 + 2.0 * k, joint[-1]
        told.append((at, here + size))
        if size > 0.015:
            joint[times > at + 0.02] = here + size * np.minimum(1.0, (times[times > at + 0.02] - at - 0.02) / 0.1)
    binding = world.hand(command={'elements': {'a': 'act_a'}}, channels={'joints': {'elements': {'a': 'a'}}})
    (one,) = driven(binding)
    trace = make.trace(times[-1], tuple(zip(*told, strict=True)), joints=(times, joint))
    found = dead_band(binding, one, starts_of([trace], binding, one))
    assert found.standing == 'measured' and found.low == pytest.approx(0.012) and found.high == pytest.approx(0.016)


def test_a_real_finger_moves_at_2_85_counts_per_second_and_unit(real):
    names = [f'rh56/contact_speed{speed}_force{force}' for speed in (100, 500) for force in (100, 500, 1000)]
    binding, traces = real(*names)
    (joint,) = driven(binding)
    found = {q.name: q for q in speed_law(traces, binding, joint, starts_of(traces, binding, joint))}
    assert found['speed scale'].value == pytest.approx(2.85, rel=0.05)
    assert found['speed scale'].low < 2.85 < found['speed scale'].high
    assert found['speed limit'].standing == 'not identifiable'
