"""How late one motion follows another, to a fraction of a sample, with an interval that holds what it says."""

import numpy as np
import pytest
from scipy import signal

from transfer_audit.core.timing import delay_between

RATE = 100.0


def motion(seconds, delay_s=0.0, seed=0, noise=0.0, band_hz=4.0, rate_hz=RATE):
    """A band-limited motion known at any time: a sum of sines, delayed by shifting their phases."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate_hz)) / rate_hz - delay_s
    frequencies, phases = rng.uniform(0.2, band_hz, 12), rng.uniform(0, 2 * np.pi, 12)
    clean = np.sin(2 * np.pi * np.outer(t, frequencies) + phases) @ (1 / (1 + frequencies))
    return 0.2 * clean + np.random.default_rng(seed + 1000).normal(0, noise, len(t))


@pytest.mark.parametrize('delay_s', [0.005, 0.020, 0.035, 0.080, -0.020])
@pytest.mark.parametrize('seed', [0, 1, 2])
def test_recovers_a_known_delay_to_a_tenth_of_a_sample(delay_s, seed):
    found = delay_between(motion(20, delay_s, seed), motion(20, 0, seed), RATE, 0.002)
    assert found.delay_s == pytest.approx(delay_s, abs=0.1 / RATE)
    assert found.explained > 0.95


@pytest.mark.parametrize('delay_s', [0.005, 0.035, 0.080])
def test_noise_and_another_gain_do_not_move_the_delay(delay_s):
    for seed in range(10):
        real = 0.8 * motion(20, delay_s, seed, noise=0.002) + 0.05
        found = delay_between(real, motion(20, 0, seed), RATE, 0.002)
        assert found.delay_s == pytest.approx(delay_s, abs=0.1 / RATE)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    hits = 0
    for seed in range(100):
        real = motion(20, 0.035, seed, noise=0.02)
        found = delay_between(real, motion(20, 0, seed), RATE, 0.002)
        hits += found.low_s <= 0.035 <= found.high_s
        assert found.low_s <= found.delay_s <= found.high_s
    assert hits >= 80


def test_the_interval_shrinks_with_the_noise():
    widths = [
        np.subtract(*[getattr(delay_between(motion(20, 0.035, 5, noise), motion(20, 0, 5), RATE, 0.002), side)
                      for side in ('high_s', 'low_s')])
        for noise in (0.05, 0.005)
    ]  # fmt: skip
    assert widths[1] < widths[0] / 3


@pytest.mark.parametrize('delay_s', [0.03, 0.096, 0.15, 0.3, -0.12])
@pytest.mark.parametrize('rate_hz', [50.0, 100.0, 500.0])
def test_a_single_course_that_correlates_best_near_no_lag_at_all(delay_s, rate_hz):
    rng, t = np.random.default_rng(3), np.arange(round(2 * rate_hz)) / rate_hz
    course = lambda t: 0.8 / (1 + np.exp(-6 * (t - 1.0)))  # noqa: E731
    found = delay_between(course(t - delay_s) + 0.002 * rng.standard_normal(len(t)), course(t), rate_hz, 0.002)
    assert found.delay_s == pytest.approx(delay_s, abs=0.004) and found.low_s <= found.delay_s <= found.high_s


def test_gaps_do_not_move_the_delay():
    real, shadow = motion(20, 0.035), motion(20)
    real[300:420], shadow[900:930] = np.nan, np.nan
    assert delay_between(real, shadow, RATE, 0.002).delay_s == pytest.approx(0.035, abs=0.1 / RATE)


def test_what_does_not_move_has_no_delay():
    rng = np.random.default_rng(0)
    still, moving = rng.normal(0, 0.002, 2000), motion(20)
    assert delay_between(still, moving, RATE, 0.002) is None
    assert delay_between(moving, still, RATE, 0.002) is None
    assert delay_between(np.zeros(2000), np.zeros(2000), RATE, 0.002) is None


def test_too_little_data_has_no_delay():
    real = np.full(2000, np.nan)
    assert delay_between(real, motion(20), RATE, 0.002) is None
    real[:19] = motion(20)[:19]
    assert delay_between(real, motion(20), RATE, 0.002) is None


def test_an_unrelated_motion_is_not_explained_by_a_delay():
    found = delay_between(motion(20, seed=7), motion(20, seed=8), RATE, 0.002)
    assert found is None or found.explained < 0.5 or found.high_s - found.low_s > 0.1


def test_a_motion_of_another_shape_is_not_taken_for_a_delay():
    slow = signal.lfilter([0.05], [1, -0.95], motion(20))
    found = delay_between(slow, motion(20), RATE, 0.002)
    assert found is None or found.explained < 0.98


@pytest.mark.parametrize('rate_hz', [100.0, 200.0])
@pytest.mark.parametrize('noise', [0.002, 0.02])
def test_over_two_hundred_cases_the_interval_holds_the_truth_and_nothing_leans(rate_hz, noise):
    hits, errors = 0, []
    for seed in range(200):
        delay_s = np.random.default_rng(seed).uniform(0.0, 0.08)
        real = motion(6, delay_s, seed, noise, rate_hz=rate_hz)
        found = delay_between(real, motion(6, 0, seed, rate_hz=rate_hz), rate_hz, 0.002)
        hits += found.low_s <= delay_s <= found.high_s
        errors.append((found.delay_s - delay_s) * rate_hz)
    assert 170 <= hits <= 196
    assert abs(np.mean(errors)) < 0.05


def test_one_short_motion_has_a_delay_too():
    """A minimum-jerk motion of half a second within ten."""
    t = np.arange(1000) / RATE
    for delay_s in (0.0, 0.013, 0.05):
        share = np.clip((t[:, None] - 4.0 - np.array([0.0, delay_s])) / 0.5, 0.0, 1.0)
        shadow, real = (0.4 * share**3 * (10 - 15 * share + 6 * share**2)).T
        real = real + np.random.default_rng(0).normal(0, 0.001, 1000)
        found = delay_between(real, shadow, RATE, 0.001)
        assert found.delay_s == pytest.approx(delay_s, abs=0.001) and found.high_s - found.low_s < 0.003
