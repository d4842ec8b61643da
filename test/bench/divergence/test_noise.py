"""Counting alarms on noise, and the cost of a row."""

import numpy as np
import pytest

from transfer_audit.bench.divergence import noise


@pytest.mark.parametrize(('counted', 'low', 'high'), [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (10, 4.7954, 18.3904)])
def test_the_interval_is_that_of_the_tables(counted, low, high):
    assert noise.poisson_interval(counted) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize('coefficient', [0.0, 0.5, 0.9])
def test_noise_has_the_spread_and_the_colour_it_is_said_to_have(coefficient):
    values = noise._noise(np.random.default_rng(0), coefficient, 4)
    assert values[1000:].std() == pytest.approx(1.0, abs=0.05)
    pairs = np.corrcoef(values[1000:-1, 0], values[1001:, 0])[0, 1]
    assert pairs == pytest.approx(coefficient, abs=0.03)


def test_every_colour_is_counted_for_one_and_many_elements():
    found = noise.false_alarms(0.1)
    assert {(one.colour, one.elements) for one in found} == {(c, n) for c in noise.COLOURS for n in (1, 60)}
    assert all(one.expected == pytest.approx(0.1, rel=0.06) and one.hours == pytest.approx(0.1) for one in found)


def test_a_row_is_timed():
    assert 0.0 < noise.row_cost(rows=50) < 50.0
