"""The detector keeps its budget of false alarms, finds what departs, and says when it began."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.stats import poisson

from transfer_audit.core.align import Rows
from transfer_audit.core.channels import ChannelPlan, Element
from transfer_audit.core.divergence import Comparison, Detector, Finding, Law, departures, excess, first_of, law_of
from transfer_audit.core.divergence.detector import INSIDE
from transfer_audit.core.divergence.onset import onset
from transfer_audit.core.divergence.threshold import raised
from transfer_audit.core.types import Envelope

T0 = 1_700_000_000_000_000_000


def test_the_excess_is_the_distance_to_the_envelope_in_units_of_noise():
    real = np.array([[0.0, 1.5, -3.0, np.nan, 1.0]])
    lower, upper = np.full((1, 5), -1.0), np.full((1, 5), 1.0)
    found = excess(real, lower, upper, np.array([1.0, 0.25, 2.0, 1.0, 1.0]))
    assert found[0, [0, 1, 2, 4]].tolist() == [0.0, 2.0, 1.0, 0.0] and np.isnan(found[0, 3])


def test_the_excess_of_an_unknown_envelope_is_unknown():
    assert np.isnan(excess(np.array([[9.0]]), np.array([[np.nan]]), np.array([[1.0]]), np.ones(1))).all()


def test_departures_are_signed_on_both_sides():
    beyond = departures(np.array([[1.5]]), np.array([[-1.0]]), np.array([[1.0]]), np.array([0.25]))
    assert beyond[:, 0, 0].tolist() == [2.0, -10.0]


def level(false_alarms_per_hour, rate_hz, elements, correlation_s=0.0):
    return law_of(false_alarms_per_hour, rate_hz, np.full(elements, correlation_s)).level[0]


def test_the_level_rises_with_rate_elements_and_correlation_and_falls_with_the_budget():
    assert level(1, 100, 1) < level(1, 500, 1) < level(1, 500, 10) < level(0.1, 500, 10) < level(0.1, 500, 10, 0.02)
    assert level(2, 100, 10) == pytest.approx(level(1, 100, 5))
    assert level(1e9, 1, 1) == 0.1


@pytest.mark.parametrize(('correlation_s', 'elements'), [(0.0, 1), (0.0, 60), (0.03, 1), (0.03, 60), (0.2, 4)])
def test_false_alarms_at_the_edge_keep_the_budget_for_white_and_coloured_noise(correlation_s, elements):
    """Noise about an envelope of no width: the worst data that agree. Rounds of 20 s, each detector started anew."""
    rate_hz, rows, streams = 100.0, 2000, 1200
    hours = streams * rows / rate_hz / 3600 / elements
    budget = 100.0 / hours
    law = law_of(budget, rate_hz, np.full(elements, correlation_s))
    phi = np.exp(-1 / (correlation_s * rate_hz)) if correlation_s else 0.0
    rng = np.random.default_rng(7)
    driven = rng.standard_normal((rows, streams)) * np.sqrt(1 - phi**2)
    driven[0] /= np.sqrt(1 - phi**2)
    noise = lfilter([1.0], [1.0, -phi], driven, axis=0)
    detector = Detector(Law.of(np.full(streams, law.drift[0]), np.full(streams, law.level[0])))
    alarms = [alarm for part in np.split(noise, 20) for alarm in detector.step(np.stack([part, -part]))[1]]
    low, high = poisson.interval(0.998, 100)
    assert 0.8 * low < len(alarms) < high


def test_hours_well_inside_the_envelope_raise_no_alarm():
    rng = np.random.default_rng(1)
    detector = Detector(law_of(1, 100, np.zeros(20)))
    for _ in range(100):
        z = rng.standard_normal((10_000, 20))
        assert detector.step(np.stack([z - 2.0, -z - 2.0]))[1] == []


def test_agreeing_rows_raise_a_level_and_never_lower_it():
    law = Law.of(np.full(2, 0.5), np.full(2, 10.0))
    rng = np.random.default_rng(0)
    steps = rng.exponential(0.2, (200, 50)) * (rng.random((200, 50)) < 0.3)
    climbing = np.concatenate([np.append(np.cumsum(part), 0.0) for part in steps[:, :8]])
    scores = np.stack([climbing, np.zeros(len(climbing))], axis=1)
    found = raised(law, scores, 100.0, 1.0)
    assert found.level[1] == 10.0 and found.level[0] > 10.0 * scores.max()


def test_the_score_is_pages_recursion():
    rng = np.random.default_rng(3)
    values, h = rng.normal(0.3, 1.5, (2000, 4)), 9.0
    statistic, expected = np.zeros(4), []
    for row in values:
        statistic = np.maximum(statistic + np.clip(row, -INSIDE, h / 2 + 0.5) - 0.5, 0)
        expected.append(statistic / h)
    _, scores, _ = alarm_of(values, h)
    assert np.abs(scores - np.array(expected)).max() < 1e-3


def alarm_of(values, h=12.0, cuts=()):
    """Alarms of departures above; what is below stays far inside."""
    count = values.shape[1]
    detector = Detector(Law.of(np.full(count, 0.5), np.full(count, h)))
    found, scores = [], []
    for part in np.split(values, list(cuts)):
        if len(part):
            part_scores, alarms = detector.step(np.stack([part, np.full_like(part, -50.0)]))
            scores.append(part_scores)
            found += alarms
    return found, np.concatenate(scores), detector


@pytest.mark.parametrize('shift', [2.0, 4.0, 10.0, 1000.0])
def test_the_onset_of_a_step_is_found_within_two_rows(shift):
    errors = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        beyond = rng.standard_normal((600, 1)) - 3.0
        beyond[400:] += 3.0 + shift
        (alarm,), _, _ = alarm_of(beyond, level(1, 100, 20))
        row, low, high = onset(beyond[: alarm.row + 1, 0], alarm.zero_row)
        errors.append(row - 400)
        assert low <= row <= high <= alarm.row
    assert abs(np.median(errors)) <= 1 and np.percentile(np.abs(errors), 95) <= 3


@pytest.mark.parametrize('slope', [0.05, 0.2, 1.0, 5.0, 40.0])
def test_the_interval_of_an_onset_covers_the_truth_at_its_level(slope):
    """A departure that crosses the edge at 400.37, at 0.05 to 40 times the noise per row."""
    covered, errors, truth = 0, [], 400.37
    for seed in range(200):
        rng = np.random.default_rng(seed)
        beyond = np.maximum(slope * (np.arange(700)[:, None] - truth), -20.0) + rng.standard_normal((700, 1))
        (alarm, *_), _, _ = alarm_of(beyond, level(1, 100, 20))
        row, low, high = onset(beyond[: alarm.row + 1, 0], alarm.zero_row)
        covered += low <= truth <= high or low <= np.ceil(truth) <= high
        errors.append(row - np.ceil(truth))
    assert covered >= 0.85 * 200, (slope, covered)
    assert abs(np.median(errors)) <= max(1, 1.0 / slope)


def test_a_large_departure_is_flagged_within_three_rows():
    values = np.full((50, 1), -5.0)
    values[30:] = 1e6
    (alarm,), _, _ = alarm_of(values)
    assert (alarm.zero_row, alarm.row) == (30, 31)


def test_one_outlier_never_alarms_however_large():
    values = np.zeros((200, 1))
    values[100] = np.inf
    found, scores, _ = alarm_of(values)
    assert found == [] and scores.max() == pytest.approx(0.5)


def test_scores_are_one_at_the_alarm():
    values = np.full((60, 1), 1.0)
    (alarm,), scores, _ = alarm_of(values, 12.0)
    assert scores[alarm.row, 0] == 1.0 and scores[alarm.row - 1, 0] < 1.0 and alarm.row == 23


def test_rows_that_are_not_known_leave_the_statistic_as_it_is():
    values = np.full((40, 2), 1.0)
    values[10:30, 0] = np.nan
    _, scores, _ = alarm_of(values, 30.0)
    assert np.array_equal(scores[10:30, 0], np.full(20, scores[9, 0]))
    assert scores[30, 0] - scores[29, 0] == pytest.approx(scores[10, 1] - scores[9, 1])


def test_an_element_alarms_once():
    assert len(alarm_of(np.full((500, 1), 5.0))[0]) == 1


def test_alarms_come_in_order_of_time_then_column():
    values = np.zeros((100, 3))
    values[50:, 0], values[20:, 1], values[20:, 2] = 9.0, 9.0, 9.0
    assert [alarm.element for alarm in alarm_of(values)[0]] == [1, 2, 0]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 300), max_size=8))
def test_scores_and_alarms_do_not_depend_on_how_rows_were_cut(seed, cuts):
    rng = np.random.default_rng(seed)
    values = rng.normal(0.6, 1.0, (300, 3))
    values[rng.random((300, 3)) < 0.05] = np.nan
    whole, scores, detector = alarm_of(values, 6.0)
    parts, cut_scores, other = alarm_of(values, 6.0, sorted(cuts))
    assert whole == parts and np.array_equal(scores, cut_scores) and np.array_equal(detector.peak, other.peak)


def finding(name, onset, latest=None, flagged=None, channel='joints', kind='pose'):
    latest = onset + 10 if latest is None else latest
    flagged = latest + 10 if flagged is None else flagged
    return Finding(channel, kind, name, 'rad', onset, onset - 10, latest, flagged, 1.0, 0.0, (0.0, 0.0))


def test_the_first_is_the_earliest_onset_not_the_earliest_alarm():
    slow, quick = finding('slow', 100, flagged=500), finding('quick', 200, flagged=220)
    assert first_of([quick, slow]) == (slow, [])


def test_onsets_whose_intervals_overlap_are_ties():
    a, b, c = finding('a', 100, latest=130), finding('b', 135), finding('c', 141)
    assert first_of([c, b, a]) == (a, [b])


def test_what_cannot_make_an_element_part_comes_first_only_where_nothing_else_was_found():
    lossy, parted = replace(finding('lossy', 50, kind='timing'), minor=True), finding('parted', 100)
    assert first_of([lossy, parted]) == (parted, []) and first_of([lossy]) == (lossy, [])


def test_of_ties_causes_come_before_what_they_cause():
    late = finding('late', 108, kind='timing')
    driver, dragged = replace(finding('driver', 105), driven=True), replace(finding('dragged', 104), evidence=9.0)
    assert first_of([dragged, driver]) == (driver, [dragged])
    assert first_of([dragged, driver, late]) == (late, [dragged, driver])
    force = finding('force', 104, kind='force')
    assert first_of([driver, force]) == (force, [driver])


def test_of_equal_onsets_the_one_with_more_evidence_comes_first():
    weak, strong = replace(finding('a', 105), evidence=1.0), replace(finding('b', 105), evidence=2.0)
    assert first_of([weak, strong]) == (strong, [weak])


def test_the_first_does_not_depend_on_the_order_of_the_findings():
    found = [finding(name, 100) for name in 'bca']
    assert first_of(found)[0].element == first_of(found[::-1])[0].element == 'a'
    assert first_of([]) == (None, [])


def plan(name='joints', count=2, noise=0.1, tolerance=0.5):
    elements = tuple(Element(f'{name}_{index}', f'{name}_{index}', 'scalar', index) for index in range(count))
    ones = np.ones(count)
    return ChannelPlan(
        name, 'pose', 'rad', name, elements, noise * ones, tolerance * ones, ones, 0 * ones, 'norm', 0, False
    )


def rows(real, start=0, row_ns=None, half=0.2, channel='joints'):
    row_ns = T0 + (start + np.arange(len(real))) * 10_000_000 if row_ns is None else row_ns
    middle = np.zeros_like(real)
    return Rows(row_ns, {channel: real}, {channel: Envelope(row_ns, middle, middle - half, middle + half)})


def test_a_finding_names_element_time_value_and_family():
    comparison = Comparison([plan()], 100.0, 1.0)
    comparison.start(T0)
    real = np.zeros((200, 2))
    real[120:, 1] = 1.7
    comparison.step(rows(real))
    (found,) = comparison.findings
    assert (found.channel, found.kind, found.element, found.unit) == ('joints', 'pose', 'joints_1', 'rad')
    assert found.onset_ns == T0 + 1_200_000_000
    assert T0 + 1_180_000_000 <= found.earliest_ns <= found.onset_ns <= found.latest_ns <= found.flagged_ns
    assert found.real == 1.7 and found.shadow == pytest.approx((-0.2, 0.2)) and found.score >= 1


def test_a_difference_within_the_tolerance_is_none():
    comparison = Comparison([plan()], 100.0, 1.0)
    comparison.step(rows(np.full((5000, 2), 0.7)))
    assert comparison.findings == [] and comparison.peak.max() == 0


def test_the_time_of_an_onset_is_that_of_its_row_where_rows_were_lost_on_both_sides():
    comparison = Comparison([plan()], 100.0, 1.0)
    comparison.start(T0)
    real = np.zeros((200, 2))
    real[120:, 1] = 1.7
    row_ns = T0 + np.arange(200) * 10_000_000 + np.where(np.arange(200) >= 60, 3_000_000_000, 500_000_000)
    for begin, end in ((0, 59), (59, 61), (61, 130), (130, 200)):
        part = slice(begin, end)
        comparison.step(rows(real[part], row_ns=row_ns[part]))
    (found,) = comparison.findings
    assert found.onset_ns == row_ns[120] and row_ns[118] <= found.earliest_ns and found.flagged_ns in row_ns


def test_coverage_and_rms_count_only_what_is_known():
    comparison = Comparison([plan()], 100.0, 1.0)
    real = np.full((100, 2), 0.3)
    real[40:, 0] = np.nan
    comparison.step(rows(real))
    assert comparison.covered.tolist() == [40, 100]
    assert comparison.rms == pytest.approx([0.3, 0.3])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 199), max_size=5))
def test_a_comparison_does_not_depend_on_how_rows_were_cut(cuts):
    rng = np.random.default_rng(0)
    real = rng.normal(0, 1.0, (200, 2))
    real[rng.random((200, 2)) < 0.1] = np.nan
    found = []
    for marks in ([], sorted(set(cuts))):
        comparison = Comparison([plan()], 100.0, 1.0)
        comparison.start(T0)
        for part in np.split(np.arange(200), marks):
            comparison.step(rows(real[part], start=int(part[0])))
        found.append((comparison.findings, comparison.peak.tolist(), comparison.rms.tolist(), comparison.span.tolist()))
    assert found[0] == found[1] and len(found[0][0]) == 2
