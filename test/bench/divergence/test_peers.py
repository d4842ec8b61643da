"""The peers do what their names say, and are tuned to a number of false alarms."""

import numpy as np
import pytest

from transfer_audit.bench.divergence.peers import held, page_hinkley, threshold_peer, tuned

THRESHOLD = threshold_peer(100.0)


def stretch(begin, length, value=4.0):
    out = np.zeros((100, 2))
    out[begin : begin + length, 1] = value
    return out


def test_a_threshold_must_be_passed_for_50_ms():
    assert THRESHOLD.call(stretch(20, 4), 3.0) is None
    found = THRESHOLD.call(stretch(20, 5), 3.0)
    assert (found.column, found.row, found.onset) == (1, 24, 20)


def test_held_agrees_with_the_plain_minimum():
    values = np.random.default_rng(0).random((40, 3))
    expected = [values[row - 4 : row + 1].min(axis=0) if row >= 4 else np.zeros(3) for row in range(40)]
    np.testing.assert_array_equal(held(values, 5), expected)


@pytest.fixture
def both():
    pytest.importorskip('river')
    return THRESHOLD, page_hinkley()


def test_a_peer_alarms_below_its_peak_and_not_at_it(both):
    for seed in range(5):
        values = np.maximum(np.random.default_rng(seed).normal(0.3, 1.0, (300, 3)), 0.0)
        for peer in both:
            peak = peer.peak(values)
            assert peak > 0
            assert peer.call(values, peak + 1e-9) is None
            assert peer.call(values, 0.999 * peak) is not None


def test_page_hinkley_names_the_column_that_rose_first():
    pytest.importorskip('river')
    values = np.zeros((300, 3))
    values[150:, 2], values[170:, 0] = 6.0, 20.0
    found = page_hinkley().call(values, 20.0)
    assert found.column == 2 and 150 < found.row == found.onset < 160


@pytest.mark.parametrize('alarms', [0, 1, 3, 7])
def test_tuning_leaves_as_many_false_alarms_as_asked_for(alarms):
    peaks = np.random.default_rng(1).random(20).tolist()
    level = tuned(peaks, alarms)
    assert sum(peak > level for peak in peaks) == alarms
    assert sum(peak > level - 1e-6 for peak in peaks) == alarms + 1


def test_tuning_to_more_alarms_than_rounds_lets_everything_through():
    assert tuned([1.0, 2.0], 5) == 0.0
