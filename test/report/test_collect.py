"""Nothing seen is lost, nothing grows."""

from types import SimpleNamespace

import numpy as np
import pytest

from transfer_audit.core.align import Rows
from transfer_audit.core.judge import Scored
from transfer_audit.core.types import Envelope
from transfer_audit.report.collect import Collector

PERIOD_NS = 10_000_000
SECOND = 10**9


@pytest.fixture
def collector():
    plan = SimpleNamespace(name='joints', columns=('hinge',), units=('rad',), tolerance=np.array([0.02]))
    profile = SimpleNamespace(clock=SimpleNamespace(rate_hz=100.0))
    return lambda **options: Collector(SimpleNamespace(channels=(plan,), profile=profile), **options)


def scored(row_ns, values, scores=None):
    column = np.asarray(values, np.float64)[:, None]
    zeros = np.zeros_like(column)
    return Scored(
        Rows(row_ns, {'joints': column}, {'joints': Envelope(row_ns, zeros, zeros - 1, zeros + 1)}),
        zeros if scores is None else np.asarray(scores)[:, None],
    )


def watch(collector, values, start_ns=0, block=1000):
    for at in range(0, len(values), block):
        part = values[at : at + block]
        collector.watch(scored(start_ns + PERIOD_NS * np.arange(at, at + len(part)), part))


@pytest.mark.parametrize('sign', [1.0, -1.0])
def test_a_spike_of_one_row_in_a_million_is_drawn(collector, sign):
    values = np.zeros(1_000_000)
    values[654_321] = sign * 7.0
    kept = collector(most_numbers=70_000)
    watch(kept, values)
    trace = kept.trace(0, (0, 10_000 * SECOND), (0.0, 10_000.0), 200)
    at = np.nanargmax(np.abs(trace.real).max(axis=1))
    assert np.abs(trace.real[at]).max() == 7.0
    assert trace.time_s[at] == pytest.approx(6543.21, abs=50.0)
    assert len(trace.time_s) < 500


def test_memory_is_bounded(collector):
    kept = collector(most_numbers=7_000)
    most = 0
    for block in range(1000):
        kept.watch(scored(PERIOD_NS * np.arange(1000 * block, 1000 * (block + 1)), np.zeros(1000)))
        most = max(most, len(kept))
    assert most <= 1000


def test_a_trace_is_exact_while_there_is_room(collector):
    kept, values = collector(), np.random.default_rng(0).normal(size=500)
    watch(kept, values, block=77)
    trace = kept.trace(0, (0, 5 * SECOND), (0.0, 5.0), 500)
    np.testing.assert_allclose(trace.real, values[:, None].repeat(2, axis=1), rtol=1e-6)
    np.testing.assert_allclose(trace.time_s, np.arange(500) / 100)
    np.testing.assert_array_equal(trace.envelope, [[-1.0, 1.0]] * 500)


def test_rounds_do_not_mix_however_coarse_they_became(collector):
    kept, starts = collector(most_numbers=1_000), [0, 300 * SECOND + 1234, 600 * SECOND + 5678]
    for number, start in enumerate(starts):
        watch(kept, np.full(29_999, float(number)), start)
    for number, start in enumerate(starts):
        trace = kept.trace(0, (start, start + 300 * SECOND), (0.0, 300.0), 50)
        assert np.nanmin(trace.real) == np.nanmax(trace.real) == number


@pytest.mark.parametrize('alarm', [500, 30_011, 98_999])
def test_rows_around_an_alarm_stay_as_they_were(collector, alarm):
    kept = collector(most_numbers=14_000)
    rows = np.arange(100_000)
    for part in np.split(rows, 100):
        kept.watch(scored(PERIOD_NS * part, np.sin(part), 2.0 * (part >= alarm)))
    trace = kept.trace(0, (0, 1000 * SECOND), (alarm / 100 - 0.9, alarm / 100 + 0.9), 900)
    near = rows[np.abs(rows - alarm) < 90]
    at = np.searchsorted(trace.time_s, near / 100 - 1e-6)
    np.testing.assert_allclose(trace.real[at], np.sin(near)[:, None].repeat(2, axis=1), rtol=1e-6)
    assert len(kept) <= 2000


def test_missing_rows_break_the_line(collector):
    kept = collector()
    watch(kept, np.zeros(10))
    watch(kept, np.zeros(10), start_ns=50 * PERIOD_NS)
    trace = kept.trace(0, (0, SECOND), (0.0, 1.0), 100)
    assert list(np.flatnonzero(np.isnan(trace.time_s))) == [10]


def test_a_window_shows_nothing_of_the_next_round(collector):
    kept = collector()
    watch(kept, np.zeros(100))
    watch(kept, np.ones(100), start_ns=SECOND)
    trace = kept.trace(0, (0, SECOND), (0.5, 1.5), 900)
    assert np.nanmax(trace.real) == 0.0 and np.nanmax(trace.time_s) < 1.0


def test_a_round_without_rows_is_an_empty_trace(collector):
    assert len(collector().trace(0, (0, SECOND), (0.0, 1.0), 100).time_s) == 0
