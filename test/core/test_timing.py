"""Regularity of a topic, steps of its clock, and how late a motion follows."""

import numpy as np
import pytest
from scipy import signal

from transfer_audit.core.timing import Timing, delay_between
from transfer_audit.core.types import Columns

MS = 1_000_000
SECOND = 1_000_000_000


def taken(stamps, cuts=(), start=0, end=None, max_gap_ms=100):
    timing = Timing(max_gap_ms * MS)
    timing.start(start)
    stamps = np.asarray(stamps, np.int64)
    for until in [*cuts, (stamps[-1] if end is None else end - 1)]:
        timing.take(stamps, until)
    if end is not None:
        timing.finish(end)
    return timing


def regular(seconds, rate_hz):
    return np.rint(np.arange(round(seconds * rate_hz)) * SECOND / rate_hz).astype(np.int64)


@pytest.mark.parametrize('rate_hz', [40, 80, 100, 187.3, 333, 1000])
def test_the_rate_is_found_to_a_thousandth(rate_hz):
    assert taken(regular(20, rate_hz)).report().rate_hz == pytest.approx(rate_hz, rel=1e-3)


def test_the_rate_is_that_of_the_usual_period_when_messages_are_lost():
    rng = np.random.default_rng(0)
    stamps = regular(60, 100)
    kept = stamps[(rng.random(len(stamps)) > 0.1) | (stamps == 0)]
    report = taken(kept).report()
    assert report.rate_hz == pytest.approx(100, rel=1e-3)
    assert report.drops == (kept[-1] - kept[0]) // (10 * MS) + 1 - len(kept)


def test_jitter_is_the_deviation_of_the_period():
    rng = np.random.default_rng(1)
    periods = 10 * MS + rng.normal(0, 0.4 * MS, 20_000)
    report = taken(np.cumsum(periods.astype(np.int64))).report()
    assert report.jitter_s == pytest.approx(0.4e-3, rel=0.05)
    assert report.drops == 0


def test_a_regular_topic_has_no_jitter_no_drops_and_no_gaps():
    timing = taken(regular(10, 100), end=10 * SECOND)
    report = timing.report()
    assert report.drops == 0 and report.jitter_s == pytest.approx(0, abs=1e-6) and timing.gaps == []
    assert report.longest_gap_s == pytest.approx(0.01)


def test_a_gap_is_found_with_both_its_ends():
    stamps = regular(10, 100)
    timing = taken(stamps[(stamps <= 3 * SECOND) | (stamps >= 3.5 * SECOND)], end=10 * SECOND)
    assert [(gap.start_ns, gap.end_ns) for gap in timing.gaps] == [(3 * SECOND, round(3.5 * SECOND))]
    assert timing.report().longest_gap_s == pytest.approx(0.5)
    assert timing.report().drops == 49


def test_silence_at_either_end_of_a_round_is_a_gap():
    stamps = regular(2, 100) + SECOND
    timing = taken(stamps, end=4 * SECOND)
    assert [(gap.start_ns, gap.end_ns) for gap in timing.gaps] == [(0, SECOND), (int(stamps[-1]), 4 * SECOND)]


def test_a_silent_topic_is_one_gap_and_has_no_rate():
    timing = Timing(100 * MS)
    timing.start(0)
    timing.take(np.empty(0, np.int64), SECOND)
    timing.finish(SECOND)
    assert len(timing.gaps) == 1
    assert (timing.report().rate_hz, timing.report().drops, timing.report().jitter_s) == (None, 0, None)


def test_a_gap_as_long_as_allowed_is_none():
    assert taken([0, 100 * MS, 200 * MS]).gaps == []
    assert len(taken([0, 100 * MS + 1]).gaps) == 1


def test_only_messages_of_the_round_count():
    stamps = regular(10, 100)
    timing = taken(stamps, start=4 * SECOND, end=5 * SECOND)
    assert timing.report().rate_hz == pytest.approx(100)
    assert timing._seen == 100


def test_the_report_does_not_depend_on_how_messages_were_cut():
    rng = np.random.default_rng(2)
    stamps = np.cumsum(rng.integers(1, 25, 3000)) * MS
    whole = taken(stamps, end=int(stamps[-1]) + SECOND)
    for step in (1, 7, 100):
        cut = taken(stamps, cuts=stamps[::step].tolist(), end=int(stamps[-1]) + SECOND)
        assert cut.report() == whole.report() and cut.gaps == whole.gaps


def arrivals(stamps, delays_ms):
    receive = np.asarray(stamps) + np.asarray(delays_ms) * MS
    return Columns(receive.astype(np.int64), np.asarray(stamps, np.int64), np.zeros((len(stamps), 1)))


@pytest.mark.parametrize('step_s', [0.5, -0.5, 3600.0])
@pytest.mark.parametrize('cut', [0, 49, 50, 51])
def test_a_step_of_the_clock_is_found_with_its_size(step_s, cut):
    true = regular(1, 100)
    stamps = true + np.where(np.arange(100) >= 50, round(step_s * SECOND), 0)
    columns = Columns(true + 2 * MS, stamps, np.zeros((100, 1)))
    timing = Timing(100 * MS, 50 * MS)
    timing.arrived(columns[:cut])
    timing.arrived(columns[cut:])
    ((at, size),) = timing.clock_steps
    assert size == round(step_s * SECOND)
    assert at == max(stamps[50], true[50] + 2 * MS - 50 * MS)


def test_messages_held_up_on_their_way_are_no_clock_step():
    stamps = regular(1, 100)
    delays = np.where((stamps > 300 * MS) & (stamps < 700 * MS), 2 + (700 * MS - stamps) / MS, 2)
    timing = Timing(100 * MS)
    timing.arrived(arrivals(stamps, delays))
    assert delays.max() > 300 and timing.clock_steps == []


def test_a_pause_is_no_clock_step():
    stamps = np.concatenate([regular(1, 100), regular(1, 100) + 5 * SECOND])
    timing = Timing(100 * MS)
    timing.arrived(arrivals(stamps, np.full(200, 3)))
    assert timing.clock_steps == []


RATE = 100.0


def motion(seconds, delay_s=0.0, seed=0, noise=0.0, band_hz=4.0):
    """A band-limited motion known at any time: a sum of sines, delayed by shifting their phases."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE - delay_s
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
