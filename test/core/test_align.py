"""Both sides on one clock: exact where data is, silent where none is, and the same however it was cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer_audit.core.align import Aligner, interpolate
from transfer_audit.core.channels import ChannelPlan, Element, rotation_angle
from transfer_audit.core.errors import FieldError
from transfer_audit.core.profile import Clock
from transfer_audit.core.timeline import Timeline
from transfer_audit.core.types import Columns, Envelope

MS = 1_000_000
GAP = 100 * MS
CLOCK = Clock(rate_hz=100, hold_back_s=0.05, max_gap_s=0.1)


def plan(name='joints', sense='scalar', home=(1.0, 0.0, 0.0, 0.0)):
    element = Element('a', 'a', sense, 0, home)
    width = len(element.columns)
    one, many = np.ones(1), np.ones(width)
    return ChannelPlan(name, 'pose', 'rad', name, (element,), many, many, one, 0 * one, 'norm', 0.05, False)


def events(stamps, values, delays=0):
    stamps = np.asarray(stamps, np.int64)
    return Columns(stamps + delays, stamps, np.asarray(values, float).reshape(len(stamps), 1))


def timeline(stamps, values):
    found = Timeline(1, 50 * MS)
    found.add(events(stamps, values))
    return found


def at(stamps, values, rows, hold=False):
    return interpolate(timeline(stamps, values), np.asarray(rows, np.int64), GAP, hold)[:, 0]


def test_interpolation_is_exact_on_a_line():
    rng = np.random.default_rng(0)
    stamps = np.cumsum(rng.integers(1, 90 * MS, 200))
    rows = np.sort(rng.integers(stamps[0], stamps[-1], 500))
    found = at(stamps, 3.0 * stamps / 1e9 - 1.0, rows)
    assert found == pytest.approx(3.0 * rows / 1e9 - 1.0, abs=1e-12)


def test_a_row_on_an_event_has_its_value_bit_for_bit():
    values = np.array([0.1, 0.2, 0.7])
    assert at([0, 10, 20], values, [0, 10, 20]).tolist() == values.tolist()
    assert at([0, 10 * MS, 500 * MS], values, [0, 500 * MS]).tolist() == [0.1, 0.7]


def test_a_gap_over_the_limit_is_not_filled():
    found = at([0, 100 * MS, 201 * MS], [1.0, 2.0, 3.0], np.array([50, 100, 150, 201]) * MS)
    assert found[[0, 1, 3]].tolist() == [1.5, 2.0, 3.0] and np.isnan(found[2])


def test_before_the_first_and_after_the_last_event_is_nothing():
    assert np.isnan(at([10, 20], [1.0, 2.0], [9, 21])).all()
    assert np.isnan(at([], [], [1, 2])).all()


def test_an_unknown_value_is_not_interpolated_but_its_neighbours_stay():
    found = at([0, 10, 20, 30], [1.0, np.nan, 3.0, 4.0], [0, 5, 10, 15, 20, 25])
    assert found[[0, 4, 5]].tolist() == [1.0, 3.0, 3.5] and np.isnan(found[1:4]).all()


def test_flags_are_held():
    assert at([0, 10, 20], [1.0, 2.0, 5.0], [0, 9, 10, 19, 20], hold=True).tolist() == [1, 1, 2, 2, 5]


def envelope(row_ns, value=0.0):
    row_ns = np.asarray(row_ns, np.int64)
    values = np.full((len(row_ns), 1), value)
    return Envelope(row_ns, values, values, values)


def test_rows_come_once_both_sides_are_known_for_good():
    aligner = Aligner([plan()], CLOCK)
    rows = np.arange(10) * 10 * MS
    aligner.measured('joints', events(np.arange(0, 6) * 12 * MS, np.arange(6)))
    assert list(aligner.advance(1000 * MS)) == []
    aligner.shadow('joints', envelope(rows))
    (found,) = aligner.advance(45 * MS)
    assert found.row_ns.tolist() == [0, 10 * MS, 20 * MS, 30 * MS]
    (found,) = aligner.advance(61 * MS)
    assert found.row_ns.tolist() == [40 * MS, 50 * MS, 60 * MS]
    assert list(aligner.advance(61 * MS)) == []
    assert list(aligner.advance(159 * MS)) == []
    (found,) = aligner.advance(161 * MS)
    assert found.row_ns.tolist() == [70 * MS, 80 * MS, 90 * MS] and np.isnan(found.real['joints']).all()


def test_a_stamp_in_the_future_does_not_decide_rows():
    aligner = Aligner([plan()], CLOCK)
    aligner.shadow('joints', envelope(np.arange(10) * 10 * MS))
    aligner.measured('joints', events([0, 20 * MS], [0.0, 2.0]))
    aligner.measured('joints', events([5000 * MS], [9.0], delays=-4975 * MS))
    (found,) = aligner.advance(35 * MS)
    assert found.row_ns.tolist() == [0, 10 * MS, 20 * MS]
    aligner.measured('joints', events([40 * MS], [4.0]))
    (found,) = aligner.advance(45 * MS)
    assert found.real['joints'][:, 0].tolist() == [3.0, 4.0]


def test_channels_move_in_lockstep_with_the_slowest():
    aligner = Aligner([plan('fast'), plan('slow')], CLOCK)
    for name, step in (('fast', 10), ('slow', 40)):
        aligner.measured(name, events(np.arange(0, 200, step) * MS, np.arange(0, 200, step)))
        aligner.shadow(name, envelope(np.arange(20) * 10 * MS))
    (found,) = aligner.advance(155 * MS)
    assert found.row_ns[-1] == 120 * MS
    assert found.real['slow'][:, 0] == pytest.approx(found.row_ns / MS)


def test_shadow_rows_lost_on_one_channel_are_unknown_and_counted():
    aligner = Aligner([plan('one'), plan('two')], CLOCK)
    rows = np.arange(10) * 10 * MS
    for name in ('one', 'two'):
        aligner.measured(name, events(rows, np.arange(10)))
    aligner.shadow('one', envelope(rows, 1.0))
    aligner.shadow('two', envelope(np.delete(rows, [3, 4]), 2.0))
    (found,) = aligner.advance(90 * MS)
    assert found.row_ns.tolist() == rows.tolist() and aligner.lost_rows == 2
    assert np.flatnonzero(np.isnan(found.shadow['two'].median[:, 0])).tolist() == [3, 4]
    assert (found.shadow['one'].median == 1.0).all()
    assert np.nanmin(found.shadow['two'].lower) == np.nanmax(found.shadow['two'].upper) == 2.0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 60))
def test_rows_do_not_depend_on_when_events_were_fed_and_how_often_it_advanced(seed, stride):
    rng = np.random.default_rng(seed)
    stamps = np.cumsum(rng.integers(1, 60, 40)) * MS
    delays = rng.integers(0, 50, 40) * MS
    if seed % 3 == 0:
        stamps[20:] += 150 * MS
    values = rng.normal(size=40)
    order = np.argsort(stamps + delays, kind='stable')
    arriving = events(stamps, values, delays)[order]
    grid = envelope(np.arange(0, int(stamps[-1]) + 200 * MS, 10 * MS))
    found = []
    for steps in (range(1), range(0, int(stamps[-1]) // MS + 300, stride)):
        aligner, fed, parts = Aligner([plan()], CLOCK), 0, []
        aligner.shadow('joints', grid)
        for number, mark in enumerate(steps):
            now = mark * MS if len(steps) > 1 else 10**12
            end = int(np.searchsorted(arriving.receive_ns, now, side='right'))
            aligner.measured('joints', arriving[fed:end])
            fed = end
            parts += aligner.advance(now - 50 * MS)
            if number % 5 == 4 and parts:
                aligner.drop(int(parts[-1].row_ns[-1]))
        aligner.measured('joints', arriving[fed:])
        parts += aligner.advance(10**12)
        found.append((
            np.concatenate([p.row_ns for p in parts]), np.concatenate([p.real['joints'] for p in parts]),
            aligner.lanes['joints'].timing.report(), aligner.lanes['joints'].timing.gaps, aligner.lanes['joints'].peak,
        ))  # fmt: skip
    assert np.array_equal(found[0][0], found[1][0]) and np.array_equal(found[0][1], found[1][1], equal_nan=True)
    assert found[0][2:4] == found[1][2:4] and np.array_equal(found[0][4], found[1][4])


def quaternion(angle, axis=(0, 0, 1)):
    return np.concatenate([np.sin(angle / 2) * np.asarray(axis, float), [np.cos(angle / 2)]])


@pytest.mark.parametrize('sign', [1, -1])
def test_a_pose_is_position_and_turning_angle_whatever_the_quaternions_sign(sign):
    home = np.roll(quaternion(0.5), 1)
    cube = plan('cube', 'pose', tuple(home))
    raw = np.concatenate([[0.1, 0.2, 0.3], sign * quaternion(0.8)])[None, None]
    assert cube.compared(cube.measured(raw))[0] == pytest.approx([0.1, 0.2, 0.3, 0.3])
    assert np.array_equal(cube.measured(raw), cube.measured(raw * [1, 1, 1, -1, -1, -1, -1]))
    assert cube.columns == ('a.x', 'a.y', 'a.z', 'a.angle') and cube.units == ('rad', 'rad', 'rad', 'rad')


@pytest.mark.parametrize('angle', [0.0, 1e-9, 1e-4, 1.0, np.pi - 1e-6, np.pi])
def test_the_turning_angle_is_exact_at_both_ends(angle):
    found = rotation_angle(np.roll(quaternion(angle, (1, 0, 0)), 1)[None], np.array([1.0, 0, 0, 0]))
    assert found[0] == pytest.approx(angle, abs=1e-9)


def test_a_quaternion_of_zero_has_no_angle():
    assert np.isnan(rotation_angle(np.zeros((1, 4)), np.array([1.0, 0, 0, 0]))).all()


def test_messages_with_another_count_of_numbers_are_refused():
    with pytest.raises(FieldError, match='1 number per element expected, the messages hold 3'):
        plan().measured(np.zeros((1, 1, 3)))
    with pytest.raises(FieldError, match=r'a pose .* expected, found 3 numbers'):
        plan(sense='pose').measured(np.zeros((1, 1, 3)))
