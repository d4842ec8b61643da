"""The events of a source in stamp order, whatever order and portions they came in."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer_audit.core.timeline import Timeline
from transfer_audit.core.types import Columns

HOLD_BACK = 50


def columns(events):
    """Events (receive, stamp, value) in order of arrival."""
    table = np.array(events, np.int64).reshape(-1, 3)
    return Columns(table[:, 0], table[:, 1], table[:, 2:].astype(float))


def filled(events, cuts=()):
    timeline = Timeline(1, HOLD_BACK)
    for part in np.split(np.arange(len(events)), sorted(cuts)):
        timeline.add(columns([events[i] for i in part]))
    return timeline


def content(timeline):
    return timeline.stamps.tolist(), timeline.values[:, 0].tolist()


def test_an_event_is_late_when_it_arrives_more_than_the_hold_back_after_its_stamp():
    timeline = filled([(150, 100, 1), (151, 100, 2), (250, 200, 3), (251, 200, 4)])
    assert content(timeline) == ([100, 200], [1, 3])
    assert len(timeline.faults['late']) == 2


def test_returns_the_events_that_count():
    timeline = Timeline(1, HOLD_BACK)
    taken = timeline.add(columns([(10, 10, 1), (100, 20, 2), (30, 30, 3)]))
    assert taken.stamp_ns.tolist() == [10, 30]


def test_events_out_of_order_are_sorted_and_counted():
    timeline = filled([(10, 10, 1), (31, 30, 3), (32, 20, 2), (40, 40, 4)])
    assert content(timeline) == ([10, 20, 30, 40], [1, 2, 3, 4])
    assert timeline.faults['out_of_order'] == [20]


def test_the_first_to_arrive_of_equal_stamps_stays():
    timeline = filled([(10, 10, 1), (11, 10, 2), (30, 30, 3), (31, 20, 4), (32, 30, 5)], cuts=(3,))
    assert content(timeline) == ([10, 20, 30], [1, 4, 3])
    assert sorted(timeline.faults['duplicates']) == [10, 30]


def test_a_stamp_in_the_future_is_kept():
    assert content(filled([(10, 500, 1), (20, 20, 2)])) == ([20, 500], [2, 1])


def test_counts_faults_within_a_stretch():
    timeline = filled([(at, at, at) for at in (10, 20, 20, 30, 40, 40)])
    assert [timeline.count('duplicates', 0, end) for end in (20, 21, 41)] == [0, 1, 2]
    assert timeline.count('duplicates', 21, 40) == 0


def test_late_events_belong_to_when_they_came_whatever_their_stamp_says():
    hours = 3_600_000
    timeline = filled([(1000, 1000 - hours, 1), (2000, 2000 - hours, 2), (3000, 3000, 3)])
    assert timeline.count('late', 900, 1000) == 1
    assert timeline.count('late', 0, 5000) == 2


def test_forgetting_keeps_the_last_event_before():
    timeline = filled([(at, at, at) for at in (10, 20, 30, 40)])
    timeline.forget(35)
    assert content(timeline) == ([30, 40], [30, 40])
    timeline.forget(30)
    timeline.forget(5)
    assert content(timeline) == ([30, 40], [30, 40])


def test_nothing_is_lost_while_the_buffer_grows_and_forgets():
    timeline = Timeline(2, HOLD_BACK)
    for at in range(5000):
        timeline.add(Columns(np.array([at]), np.array([at]), np.array([[at, -at]], float)))
        if at % 700 == 0:
            timeline.forget(at - 10)
    assert timeline.stamps.tolist() == list(range(4890, 5000))
    assert (timeline.values[:, 0] == timeline.stamps).all() and (timeline.values[:, 1] == -timeline.stamps).all()
    assert (np.diff(timeline.stamps) == 1).all() and timeline.newest_ns == 4999


EVENTS = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 60)), max_size=40)


@settings(max_examples=300, deadline=None)
@given(EVENTS, st.lists(st.integers(0, 40), max_size=6))
def test_any_cutting_of_the_same_events_gives_the_same_buffer(pairs, cuts):
    events = [(receive, stamp, number) for number, (receive, stamp) in enumerate(pairs)]
    whole, cut = filled(events), filled(events, [c for c in cuts if c <= len(events)])
    assert content(whole) == content(cut)
    assert {name: sorted(f) for name, f in whole.faults.items()} == {n: sorted(f) for n, f in cut.faults.items()}


@settings(max_examples=200, deadline=None)
@given(EVENTS)
def test_the_buffer_is_what_a_plain_loop_gives(pairs):
    expected, late, disorder, twice, newest = {}, 0, 0, 0, -1
    for number, (receive, stamp) in enumerate(pairs):
        if receive - stamp > HOLD_BACK:
            late += 1
            continue
        disorder += stamp < newest
        newest = max(newest, stamp)
        twice += stamp in expected
        expected.setdefault(stamp, number)
    timeline = filled([(receive, stamp, number) for number, (receive, stamp) in enumerate(pairs)])
    assert content(timeline) == (sorted(expected), [expected[stamp] for stamp in sorted(expected)])
    assert [len(timeline.faults[name]) for name in ('late', 'out_of_order', 'duplicates')] == [late, disorder, twice]
