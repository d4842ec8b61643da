"""The rate of a topic, its gaps, drops and jitter."""

import numpy as np
import pytest

from transfer_audit.core.timing import Timing

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
