"""Each fault does to commands and messages what it says, from its beginning on and not before."""

import numpy as np
import pytest

from transfer_audit.bench.divergence import changes
from transfer_audit.core.types import Columns

MS = 1_000_000
BEGIN = 300 * MS


@pytest.fixture
def columns():
    stamps = np.arange(100, dtype=np.int64) * 10 * MS
    values = np.stack([np.arange(100.0), np.sin(np.arange(100))], axis=1)
    return Columns(stamps + MS, stamps, values)


def test_late_controls_are_those_of_a_while_ago():
    controls = np.arange(20.0)[:, None] * [1, 10]
    found = changes.delayed(controls, 3, 8, [1])
    np.testing.assert_array_equal(found[:, 0], controls[:, 0])
    np.testing.assert_array_equal(found[:8, 1], controls[:8, 1])
    np.testing.assert_array_equal(found[8:, 1], controls[5:17, 1])


def test_backlash_follows_half_the_play_behind_and_stands_still_where_the_motion_turns():
    up = np.linspace(0, 1, 101)
    controls = np.concatenate([up, up[::-1]])[:, None]
    found = changes.with_backlash(controls, 0.2, 0)[:, 0]
    np.testing.assert_allclose(found[20:101], up[20:] - 0.1)
    np.testing.assert_allclose(found[101:121], 0.9)
    np.testing.assert_allclose(found[130:], controls[130:, 0] + 0.1)


@pytest.mark.parametrize(
    ('edit', 'expected'),
    [
        (changes.affine(0, 2.0, 1.0), lambda v: 2 * v + 1),
        (changes.affine(0, -1.0, 0.0), lambda v: -v),
        (changes.stuck(0, 10.0), lambda v: np.full_like(v, 29.0)),
        (changes.stuck(0, 0.1), lambda v: np.where(np.arange(len(v)) < 10, 29.0, v)),
    ],
)
def test_values_change_from_the_beginning_on_in_one_column(columns, edit, expected):
    found = edit(columns, BEGIN)
    np.testing.assert_array_equal(found.values[:30], columns.values[:30])
    np.testing.assert_array_equal(found.values[30:, 0], expected(columns.values[30:, 0]))
    np.testing.assert_array_equal(found.values[:, 1], columns.values[:, 1])
    np.testing.assert_array_equal(found.stamp_ns, columns.stamp_ns)


def test_swapped_columns_are_exchanged(columns):
    found = changes.swapped(0, 1)(columns, BEGIN)
    np.testing.assert_array_equal(found.values[:30], columns.values[:30])
    np.testing.assert_array_equal(found.values[30:], columns.values[30:, ::-1])


def test_a_lagging_sensor_nears_a_step_with_its_time_constant(columns):
    step = changes.with_values(columns, np.repeat((np.arange(100) >= 31)[:, None].astype(float), 2, axis=1))
    found = changes.lagging(0, 0.1)(step, BEGIN).values[:, 0]
    np.testing.assert_allclose(found[40], 1 - np.exp(-1.0), atol=1e-12)
    assert found[30] == 0.0


def test_a_dropout_takes_out_what_was_stamped_within(columns):
    found = changes.dropped(0.2)(columns, BEGIN)
    assert len(found) == 80 and np.diff(found.stamp_ns).max() == 210 * MS


def test_stamps_step_and_drift_but_messages_arrive_when_they_did(columns):
    stepped, drifting = changes.stepped(-0.05)(columns, BEGIN), changes.drifting(0.01)(columns, BEGIN)
    for found in (stepped, drifting):
        np.testing.assert_array_equal(found.receive_ns, columns.receive_ns)
        np.testing.assert_array_equal(found.stamp_ns[:30], columns.stamp_ns[:30])
    assert stepped.stamp_ns[30] == 250 * MS
    assert drifting.stamp_ns[80] - columns.stamp_ns[80] == 5 * MS


def test_disorder_loses_nothing_and_lets_later_messages_overtake(columns):
    found = changes.disordered(0.03)(columns, BEGIN)
    assert sorted(found.stamp_ns) == sorted(columns.stamp_ns)
    assert (np.diff(found.receive_ns) >= 0).all() and (np.diff(found.stamp_ns) < 0).any()
    np.testing.assert_array_equal(found.stamp_ns[:30], columns.stamp_ns[:30])
