"""How late a hand follows, seen at starts of motion."""

import numpy as np
import pytest

from transfer_audit.core.gate.latency import Latency
from transfer_audit.core.gate.servos import Servos
from transfer_audit.core.types import NS

MS = 1_000_000


def watch(binding, late_ms, declared_s=None, seconds=10, blocked=False, seed=0):
    """A hand that goes back and forth between rests of 0.7 s, commanded and measured at 200 Hz."""
    rng, latency = np.random.default_rng(seed), Latency(Servos(binding), declared_s)
    past = {}
    for tick in range(seconds * 200):
        at_ms = tick * 5
        phase = (at_ms // 700) % 2
        ramp = min((at_ms % 700) * 2e-3, 0.3)
        command = np.array([ramp if phase else 0.3 - ramp, 0.0])
        past[at_ms] = command
        latency.sent(command, at_ms * MS)
        joints = past.get(at_ms - late_ms, np.array([0.3, 0.0])) * (not blocked) + 0.0005 * rng.standard_normal(2)
        latency.measured(joints, at_ms * MS)
    return latency


@pytest.mark.parametrize('late_ms', [20, 35, 80, 150])
def test_recovers_a_known_latency_to_two_samples(binding, late_ms):
    found = watch(binding, late_ms)
    assert found.known and abs(found.ns - late_ms * MS) <= 10 * MS


def test_what_is_declared_is_the_least(binding):
    assert watch(binding, 35, declared_s=0.1).ns == 100 * MS
    assert watch(binding, 150, declared_s=0.1).ns == pytest.approx(150 * MS, abs=10 * MS)


def test_a_blocked_hand_and_a_resting_one_teach_nothing(binding):
    assert not watch(binding, 35, blocked=True).known
    latency = Latency(Servos(binding), None)
    for tick in range(1000):
        latency.sent(np.zeros(2), tick * 5 * MS)
        latency.measured(np.array([0.3, 0.0]) * (tick > 500), tick * 5 * MS)
    assert not latency.known


def test_the_gate_tells_its_latency(hand, bench_of):
    bench = bench_of(hand(latency_s=0.04))
    assert bench.gate.status().latency_s == 0.04
    assert bench_of(hand()).gate.status().latency_s is None


def test_times_are_those_of_the_measurement(binding):
    """A measurement that arrives late counts from when it was made."""
    latency = Latency(Servos(binding), None)
    for at_ms in range(0, 1000, 10):
        latency.sent(np.array([0.2 * (at_ms >= 600), 0.0]), at_ms * MS)
        latency.measured(np.array([0.2 * (at_ms >= 660), 0.0]), (at_ms - 20) * MS)
    assert latency.ns == 40 * MS and NS > 0
