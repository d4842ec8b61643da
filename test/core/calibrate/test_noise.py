"""Noise of known size, memory and quantisation is found again beside a motion."""

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from transfer_audit.core.calibrate.noise import noise_of, sensor

RATE_HZ = 100
SIGMA = 0.002


def record(world, make, tau_s=0.0, step=0.0, hold=1, seconds=40.0, seed=0):
    """Three seconds of motion in every ten, and noise all the time."""
    times = np.arange(0.0, seconds, 1 / RATE_HZ)
    like = math.exp(-1 / (RATE_HZ * tau_s)) if tau_s else 0.0
    white = np.random.default_rng(seed).normal(0, SIGMA * math.sqrt(1 - like**2), len(times))
    values = lfilter([1.0], [1.0, -like], white)
    phase = times % 10
    values += np.where(phase < 3, 0.3 * np.sin(2 * np.pi * phase / 3), 0.0)
    values = np.round(values / step) * step if step else values
    values = values[np.arange(len(values)) // hold * hold]
    pair = np.stack([values, 0 * values], axis=1)
    return world.hand(), make.trace(seconds, ([0.0], [[0.0, 0.0]]), joints=(times, pair))


def found(world, make, **how):
    binding, trace = record(world, make, **how)
    return {q.name: q for q in sensor([trace], binding.channel('joints'), 0, 'a')}


@pytest.mark.parametrize('seed', range(3))
def test_white_noise(world, make, seed):
    named = found(world, make, seed=seed)
    rest = named['noise at rest']
    assert rest.value == pytest.approx(SIGMA, rel=0.05) and rest.low < SIGMA * 1.03 and rest.high > SIGMA * 0.97
    assert named['noise in motion'].value == pytest.approx(SIGMA, rel=0.08)
    assert named['noise correlation time'].value < 1 / RATE_HZ
    assert named['quantisation'].value == 0.0
    assert noise_of(list(named.values())) == rest.value


@pytest.mark.parametrize('tau_s', [0.03, 0.08])
def test_noise_with_a_memory(world, make, tau_s):
    named = found(world, make, tau_s=tau_s, seconds=120.0)
    assert named['noise correlation time'].value == pytest.approx(tau_s, rel=0.3)
    assert named['noise at rest'].value == pytest.approx(SIGMA, rel=0.15)


def test_quantised_noise_is_never_told_finer_than_its_step(world, make):
    named = found(world, make, step=0.005)
    assert named['quantisation'].value == pytest.approx(0.005, rel=1e-6)
    assert 'below the quantisation' in named['noise at rest'].why
    assert noise_of(list(named.values())) == named['quantisation'].value


def test_a_register_that_is_refreshed_slowly(world, make):
    named = found(world, make, hold=3, step=0.0005)
    assert named['refresh period'].value == pytest.approx(0.03, abs=0.001)
    assert 'refresh period' not in found(world, make, step=0.0005)


def test_a_motion_without_rest_tells_no_noise_at_rest(world, make):
    times = np.arange(0.0, 10.0, 0.01)
    wave = np.sin(2 * np.pi * times)
    trace = make.trace(10.0, ([0.0], [[0.0, 0.0]]), joints=(times, np.stack([wave, wave], axis=1)))
    named = {q.name: q for q in sensor([trace], world.hand().channel('joints'), 0, 'a')}
    assert named['noise at rest'].standing == named['noise correlation time'].standing == 'not identifiable'
    assert 'rests' in named['noise at rest'].why


def test_a_channel_that_was_not_recorded(world, make):
    trace = make.trace(10.0, ([0.0], [[0.0, 0.0]]), joints=([], np.empty((0, 2))))
    (only,) = sensor([trace], world.hand().channel('joints'), 0, 'a')
    assert only.standing == 'not identifiable' and noise_of([only]) is None


def test_the_encoder_of_a_real_servo(real):
    binding, traces = real('xl330/kp400_sin_sin', 'xl330/kp400_up_and_down')
    named = {q.name: q for q in sensor(traces, binding.channel('joints'), 0, 'servo')}
    assert named['quantisation'].value == pytest.approx(2 * math.pi / 4096, rel=1e-6)
    assert named['noise at rest'].value < 2 * math.pi / 4096
    assert 'refresh period' not in named


def test_the_registers_of_a_real_finger(real):
    binding, traces = real('rh56/contact_speed100_force500', 'rh56/contact_speed500_force500')
    angle = {q.name: q for q in sensor(traces, binding.channel('joints'), 0, 'index')}
    force = {q.name: q for q in sensor(traces, binding.channel('fingers'), 0, 'index_intermediate')}
    assert angle['quantisation'].value == pytest.approx(0.0015, rel=1e-6)
    assert force['quantisation'].value == pytest.approx(0.007478, rel=1e-6)
    assert angle['refresh period'].value == pytest.approx(0.025, abs=0.001)
