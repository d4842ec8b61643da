"""Marks become rounds; slip is counted by the same code on both sides."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer_audit.core.align import Rows
from transfer_audit.core.channels import ChannelPlan, Element, slip_speed
from transfer_audit.core.rounds import SlipMetric, rounds_from_marks
from transfer_audit.core.types import Envelope


def spans(marks, end=100):
    return [(r.number, r.start_ns, r.end_ns, r.task) for r in rounds_from_marks(marks, end)]


def test_a_new_value_starts_a_round_and_an_empty_one_ends_it():
    assert spans([(10, 'trial 1'), (20, ''), (30, 'trial 2'), (45, '')]) == [
        (1, 10, 20, 'trial 1'), (2, 30, 45, 'trial 2'),
    ]  # fmt: skip


def test_another_value_ends_one_round_and_starts_the_next():
    assert spans([(10, 'a'), (20, 'b'), (30, 'a')]) == [(1, 10, 20, 'a'), (2, 20, 30, 'b'), (3, 30, 100, 'a')]


def test_a_repeated_value_changes_nothing():
    assert spans([(10, 'a'), (15, 'a'), (20, ''), (25, ''), (30, 'b'), (35, 'b')], 40) == [
        (1, 10, 20, 'a'), (2, 30, 40, 'b'),
    ]  # fmt: skip


def test_the_same_value_after_a_pause_is_another_round():
    assert [r[0] for r in spans([(10, 'a'), (20, ''), (30, 'a')])] == [1, 2]


def test_the_end_of_the_recording_ends_the_last_round():
    assert spans([(10, 'a')], 50) == [(1, 10, 50, 'a')]
    assert spans([(10, 'a')], 10) == []
    assert spans([]) == [] and spans([(10, ''), (20, '')]) == []


@given(st.lists(st.sampled_from(['', 'a', 'b']), max_size=30))
def test_rounds_are_numbered_and_never_overlap(values):
    found = rounds_from_marks(list(enumerate(values)), len(values))
    assert [r.number for r in found] == list(range(1, len(found) + 1))
    for before, after in pairwise(found):
        assert before.start_ns < before.end_ns <= after.start_ns
    judged = {n for r in found for n in range(r.start_ns, r.end_ns)}
    assert judged == {n for n, value in enumerate(values) if value}


def channel(kind, targets, tolerance=0.01, floor=0.1):
    elements = tuple(Element(target, target, 'scalar', index) for index, target in enumerate(targets))
    ones = np.ones(len(targets))
    unit = 'N' if kind == 'force' else 'm/s'
    return ChannelPlan(kind, kind, unit, kind, elements, ones, tolerance * ones, ones, 0 * ones, 'norm', floor, False)


def rows(slip, force):
    def side(values):
        values = np.asarray(values, float)
        return Envelope(np.arange(len(values)), values, values - 1, values + 1)

    real = {'slip': np.asarray(slip[0], float), 'force': np.asarray(force[0], float)}
    return Rows(np.arange(len(slip[0])), real, {'slip': side(slip[1]), 'force': side(force[1])})


PLANS = [channel('slip', ['tip_a', 'tip_b']), channel('force', ['tip_b', 'tip_a'])]
SLIP = [[0.02, 0.0], [0.02, 0.5], [0.005, 0.5], [0.0, np.nan], [np.nan, 0.5]]
FORCE = [[0.0, 1.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.05], [np.nan, 1.0]]


def test_slip_rate_is_the_share_of_the_contact_time_in_which_a_tip_slips():
    metric = SlipMetric(PLANS)
    metric.step(rows((SLIP, SLIP), (FORCE, FORCE)))
    # tip_a touches in rows 0, 1, 2 and slips in 0, 1; tip_b touches in row 2 (row 3 is unknown) and slips there
    assert metric.rate('real') == pytest.approx(3 / 4)


def test_both_sides_are_counted_alike():
    rng = np.random.default_rng(0)
    slip, force = rng.normal(0, 0.02, (500, 2)), rng.normal(0.1, 0.3, (500, 2))
    slip[rng.random((500, 2)) < 0.1] = np.nan
    same = SlipMetric(PLANS)
    same.step(rows((slip, slip), (force, force)))
    assert same.rate('real') == same.rate('shadow') is not None
    metric = SlipMetric(PLANS)
    metric.step(rows((slip, np.roll(slip, 7, axis=0)), (force, np.roll(force, 7, axis=0))))
    assert metric.rate('real') == metric.rate('shadow')


def test_a_tip_that_never_touched_has_no_slip_rate():
    metric = SlipMetric(PLANS)
    metric.step(rows((SLIP, SLIP), (np.zeros((5, 2)), FORCE)))
    assert metric.rate('real') is None and metric.rate('shadow') is not None
    metric.start()
    assert metric.rate('shadow') is None


def test_a_tip_without_a_force_is_not_counted():
    metric = SlipMetric([PLANS[0], channel('force', ['elsewhere'])])
    shadow = {'slip': rows((SLIP, SLIP), (FORCE, FORCE)).shadow['slip'], 'force': Envelope(*[np.ones((5, 1))] * 4)}
    metric.step(Rows(np.arange(5), {'slip': np.array(SLIP), 'force': np.ones((5, 1))}, shadow))
    assert metric.rate('real') is None


def test_slip_needs_a_load_and_is_unknown_where_either_is():
    speed, force = np.array([0.1, -0.2, 0.1, np.nan, 0.1]), np.array([1.0, 1.0, 0.05, 1.0, np.nan])
    found = slip_speed(speed, force, 0.05)
    assert found[:3].tolist() == [0.1, 0.2, 0.0] and np.isnan(found[3:]).all()
