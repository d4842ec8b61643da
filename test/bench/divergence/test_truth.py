"""The truth of a round is read off its noise-free excess."""

import numpy as np
import pytest

from transfer_audit.bench.divergence.truth import LEVEL, onsets, parted

NAMES = (('joints', 'a', 'pose'), ('joints', 'b', 'pose'), ('tips', 'tip', 'force'))


def excess(**begins):
    """200 rows in which the named columns leave the envelope at a row, a little more each row."""
    out = np.zeros((200, 3))
    for column, (_, name, _) in enumerate(NAMES):
        if name in begins:
            out[begins[name] :, column] = 0.2 * np.arange(1, 201 - begins[name])
    return out


def test_the_onset_is_the_first_row_outside_not_where_the_excess_is_large():
    assert onsets(excess(a=40)) == {0: 40}


def test_a_short_peep_outside_long_before_does_not_count():
    values = excess(a=100)
    values[30:33, 0] = 2.0
    assert onsets(values) == {0: 100}


def test_what_never_adds_up_cannot_be_seen():
    values = np.zeros((200, 3))
    values[50:52, 1] = 0.4 * LEVEL
    values[:, 2] = 0.4
    assert onsets(values) == {} and parted(values, NAMES) is None
    values[52, 1] = 0.4 * LEVEL
    assert onsets(values) == {1: 50}


@pytest.mark.parametrize(('later', 'together'), [(2, True), (3, False)])
def test_elements_that_part_within_two_rows_are_equally_true(later, together):
    found = parted(excess(b=60, tip=60 + later), NAMES)
    assert found.onset == 60
    assert found.elements == {('joints', 'b')} | ({('tips', 'tip')} if together else set())
    assert found.kinds == {'pose'} | ({'force'} if together else set())
