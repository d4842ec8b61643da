"""Steps and drift of a source's clock, told from messages that were held up."""

from itertools import pairwise

import numpy as np
import pytest

from transfer_audit.core.timing import Timing
from transfer_audit.core.timing.clock import ClockWatch
from transfer_audit.core.types import Columns

MS = 1_000_000
SECOND = 1_000_000_000
T0 = 1_700_000_000 * SECOND


def regular(seconds, rate_hz=100.0):
    return T0 + np.rint(np.arange(round(seconds * rate_hz)) * SECOND / rate_hz).astype(np.int64)


def columns(stamps, receives):
    """Messages in the order of their arrival."""
    stamps, receives = np.asarray(stamps, np.int64), np.asarray(receives, np.int64)
    order = np.argsort(receives, kind='stable')
    return Columns(receives[order], stamps[order], np.zeros((len(stamps), 1)))


def watched(messages, cuts=(), end_ns=None):
    """A clock that was shown the messages in pieces."""
    clock = ClockWatch()
    clock.start(T0)
    for begin, end in pairwise([0, *cuts, len(messages)]):
        clock.arrived(messages[begin:end])
        if end > begin:
            clock.advance(int(messages.receive_ns[end - 1]))
    clock.advance(T0 + 10**18 if end_ns is None else end_ns)
    return clock


def jittered(true, jitter_ms, seed=0):
    """When messages sent at `true` arrive: 2 ms later, and up to some deviations more."""
    return true + 2 * MS + np.abs(np.random.default_rng(seed).normal(0, jitter_ms * MS, len(true))).astype(np.int64)


@pytest.mark.parametrize('step_s', [0.012, -0.012, 0.5, -0.5, 3600.0])
@pytest.mark.parametrize('cut', [0, 49, 50, 51])
def test_a_step_of_the_clock_is_found_with_its_size(step_s, cut):
    true = regular(1)
    stamps = true + np.where(np.arange(100) >= 50, round(step_s * SECOND), 0)
    ((at, size),) = [(s.at_ns, s.size_ns) for s in watched(columns(stamps, true + 2 * MS), [cut]).steps()]
    assert size == pytest.approx(step_s * SECOND, abs=1)
    assert at == stamps[49]


@pytest.mark.parametrize('seed', range(20))
@pytest.mark.parametrize('step_s', [0.015, -0.015])
def test_a_small_step_stands_out_of_the_jitter(seed, step_s):
    true = regular(6)
    stamps = true + np.where(np.arange(600) >= 237, round(step_s * SECOND), 0)
    (step,) = watched(columns(stamps, jittered(true, 1.0, seed))).steps()
    assert step.size_ns == pytest.approx(step_s * SECOND, abs=1.5 * MS)
    assert abs(step.at_ns - stamps[236]) <= 100 * MS


def test_two_steps_are_two():
    true = regular(6)
    stamps = true + np.where(true >= T0 + 2 * SECOND, 40 * MS, 0) - np.where(true >= T0 + 4 * SECOND, 25 * MS, 0)
    first, second = watched(columns(stamps, jittered(true, 1.0))).steps()
    assert first.size_ns == pytest.approx(40 * MS, abs=1.5 * MS) and second.size_ns == pytest.approx(
        -25 * MS, abs=1.5 * MS
    )
    assert first.at_ns == pytest.approx(T0 + 2 * SECOND, abs=100 * MS)


@pytest.mark.parametrize('seed', range(40))
@pytest.mark.parametrize('jitter_ms', [0.1, 1.0, 5.0])
def test_jitter_is_neither_step_nor_drift(seed, jitter_ms):
    clock = watched(columns(regular(6), jittered(regular(6), jitter_ms, seed)))
    assert clock.steps() == []
    drift = clock.drift()
    assert drift.low_ppm < 500 and drift.high_ppm > -500


def test_messages_held_up_on_their_way_are_no_step():
    stamps = regular(3)
    receives = np.where((stamps > T0 + SECOND) & (stamps < T0 + 1.7 * SECOND), T0 + 1.7 * SECOND, stamps + 2 * MS)
    assert watched(columns(stamps, receives)).steps() == []


@pytest.mark.parametrize('held_ms', [15, 80, 400])
def test_single_messages_held_up_are_no_step(held_ms):
    stamps = regular(6)
    receives = jittered(stamps, 1.0)
    receives[[100, 101, 250, 400]] += held_ms * MS
    assert watched(columns(stamps, receives)).steps() == []


def test_a_pause_is_no_step():
    stamps = np.concatenate([regular(1), regular(1) + 5 * SECOND])
    assert watched(columns(stamps, stamps + 3 * MS)).steps() == []


@pytest.mark.parametrize('ppm', [10_000, -10_000, 3_000])
def test_the_drift_of_a_clock_is_found_in_six_seconds_with_a_millisecond_of_jitter(ppm):
    hits = 0
    for seed in range(50):
        true = regular(6)
        stamps = T0 + np.rint((true - T0) * (1 + ppm / 1e6)).astype(np.int64)
        receives = true + np.rint(np.random.default_rng(seed).normal(5 * MS, MS, 600)).astype(np.int64)
        clock = watched(columns(stamps, receives))
        drift = clock.drift()
        assert clock.steps() == []
        assert drift.ppm == pytest.approx(ppm, abs=400)
        hits += drift.low_ppm <= ppm <= drift.high_ppm
    assert hits >= 38


def test_a_step_is_no_drift():
    true = regular(6)
    stamps = true + np.where(np.arange(600) >= 300, 50 * MS, 0)
    drift = watched(columns(stamps, jittered(true, 1.0))).drift()
    assert abs(drift.ppm) < 400


def test_a_source_stamped_when_received_has_no_clock_of_its_own():
    clock = watched(columns(regular(6), regular(6)))
    assert clock.steps() == [] and clock.drift() is None


def test_too_short_a_round_has_no_drift():
    assert watched(columns(regular(0.5), regular(0.5) + MS)).drift() is None
    assert watched(columns([], [])).drift() is None and watched(columns([], [])).steps() == []


def test_only_messages_received_in_the_round_count():
    true = regular(6)
    stamps = true + np.where(true < T0 + SECOND, 70 * MS, 0) + np.where(true >= T0 + 5 * SECOND, 70 * MS, 0)
    clock = ClockWatch()
    clock.arrived(columns(stamps, true + MS))
    clock.start(T0 + SECOND)
    clock.advance(T0 + 5 * SECOND - 1)
    assert clock.steps() == []
    clock.start(T0 + 5 * SECOND)
    clock.advance(T0 + 6 * SECOND)
    assert clock.steps() == []
    assert len(watched(columns(stamps, true + MS)).steps()) == 2


@pytest.mark.parametrize('seconds, rate_hz', [(20, 100.0), (1200, 20.0)])
def test_steps_and_drift_do_not_depend_on_how_messages_were_cut(seconds, rate_hz):
    """The long one has more blocks than are kept."""
    true = regular(seconds, rate_hz)
    stamps = true + np.where(true >= T0 + seconds * SECOND // 2, 60 * MS, 0)
    messages = columns(stamps, jittered(true, 2.0))
    whole = watched(messages)
    assert len(whole.steps()) == 1
    for step in (13, 1000):
        cut = watched(messages, list(range(step, len(messages), step)))
        assert cut.steps() == whole.steps() and cut.drift() == whole.drift()


def test_what_arrives_between_rounds_does_not_pile_up():
    timing = Timing(100 * MS, 50 * MS)
    messages = columns(regular(100, 10_000.0), regular(100, 10_000.0) + MS)
    for begin in range(0, len(messages), 500):
        timing.arrived(messages[begin : begin + 500])
    assert sum(len(stamps) for stamps, _ in timing.clock._waiting) < 500_000
    timing.forget(T0 + 100 * SECOND)
    assert sum(len(stamps) for stamps, _ in timing.clock._waiting) < 20


@pytest.mark.parametrize('rate_hz', [5.0, 30.0, 200.0])
def test_a_second_of_slow_delivery_is_no_step(rate_hz):
    stamps = regular(12, rate_hz)
    slow = (stamps >= T0 + 5 * SECOND) & (stamps < T0 + 6.5 * SECOND)
    assert watched(columns(stamps, jittered(stamps, 1.0) + np.where(slow, 80 * MS, 0))).steps() == []


@pytest.mark.parametrize('rate_hz', [30.0, 500.0])
def test_minutes_of_heavy_tailed_delivery_have_hardly_a_step(rate_hz):
    steps = 0
    for seed in range(10):
        stamps = regular(60, rate_hz)
        late_ms = np.random.default_rng(seed).lognormal(1.0, 1.2, len(stamps))
        steps += len(watched(columns(stamps, stamps + (late_ms * MS).astype(np.int64))).steps())
    assert steps <= 1
