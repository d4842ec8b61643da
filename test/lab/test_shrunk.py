"""The interval of a difference of gaps."""

import numpy as np
import pytest

from transfer_audit.lab.shrunk import Difference, closed, difference
from transfer_audit.ledger.panels import success_gap_interval, wilson


def test_of_two_shares_it_is_newcombes():
    sim, real = np.repeat([1.0, 0.0], [18, 2]), np.repeat([1.0, 0.0], [5, 15])
    found = difference(0.9, wilson(18, 20), 0.25, wilson(5, 20))
    assert found.value == pytest.approx(0.65)
    assert found.interval == pytest.approx(success_gap_interval(sim, real))


def test_it_holds_the_true_difference_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(2000):
        gaps = rng.normal([0.3, 0.1], 0.05)
        found = difference(*(value for gap in gaps for value in (gap, (gap - 0.098, gap + 0.098))))
        hits += found.interval[0] <= 0.2 <= found.interval[1]
    assert 0.935 <= hits / 2000 <= 0.965
    assert difference(0.3, (0.2, 0.4), 0.1, (0.0, 0.2)).sure
    assert not difference(0.3, (0.1, 0.5), 0.1, (-0.1, 0.3)).sure


def test_a_gap_that_shrank_does_not_excuse_one_that_grew():
    smaller, larger = Difference(0.1, (0.05, 0.15)), Difference(-0.2, (-0.6, 0.2))
    assert closed({'slip': smaller}) and closed({'slip': smaller, 'success': Difference(0.0, (-0.3, 0.3))})
    assert not closed({'slip': smaller, 'success': larger}) and not closed({'success': larger})
