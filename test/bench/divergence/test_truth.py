"""The truth of a round is read off its noise-free excess."""

import numpy as np
import pytest

from transfer_audit.bench.divergence.truth import LEVEL, excursions, seen

NAMES = (('joints', 'a', 'pose'), ('joints', 'b', 'pose'), ('tips', 'tip', 'force'))


def excess(**begins):
    """200 rows in which the named columns leave the envelope at a row, a little more each row."""
    out = np.zeros((200, 3))
    for column, (_, name, _) in enumerate(NAMES):
        if name in begins:
            out[begins[name] :, column] = 0.2 * np.arange(1, 201 - begins[name])
    return out


def test_the_onset_is_the_first_row_outside_not_where_the_excess_is_large():
    assert seen(excess(a=40), NAMES).truth.onset == 40


@pytest.mark.parametrize(('height', 'marginal'), [(2.0, []), (6.0, [30]), (20.0, [])])
def test_a_short_peep_outside_long_before_may_be_seen_or_not_by_its_height(height, marginal):
    values = excess(a=100)
    values[30:33, 1] = height
    found = seen(values, NAMES)
    assert found.truth.onset == (30 if height == 20.0 else 100)
    assert [one.onset for one in found.marginal] == marginal
    assert found.nearest(110.0) is found.truth
    assert found.nearest(31.0).elements == {('joints', 'b')} if marginal else found.nearest(31.0) is found.truth


def test_excursions_are_told_apart_by_the_rows_between():
    values = np.zeros(100)
    values[10:20], values[60:70] = 1.5, 2.5
    assert excursions(values) == [(10, pytest.approx(10.0)), (60, pytest.approx(20.0))]


def test_what_never_adds_up_cannot_be_seen():
    values = np.zeros((200, 3))
    values[50:52, 1] = 0.4 * LEVEL
    values[:, 2] = 0.4
    assert seen(values, NAMES).truth is None and [one.onset for one in seen(values, NAMES).marginal] == [50]
    values[52, 1] = 0.4 * LEVEL
    assert seen(values, NAMES).truth.onset == 50 and not seen(values, NAMES).marginal


@pytest.mark.parametrize(('later', 'together'), [(2, True), (3, False)])
def test_elements_that_part_within_two_rows_are_equally_true(later, together):
    found = seen(excess(b=60, tip=60 + later), NAMES).truth
    assert found.onset == 60
    assert found.elements == {('joints', 'b')} | ({('tips', 'tip')} if together else set())
    assert found.kinds == {'pose'} | ({'force'} if together else set())
