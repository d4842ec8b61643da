"""Figures of hand-made outcomes."""

import pytest

from transfer_audit.bench.divergence import summary
from transfer_audit.bench.divergence.score import Outcome


def one(error=0.0, multiple=4.0, alarmed=True, **changes):
    known = {
        'method': 'detector', 'fault': 'friction', 'size': 0.1, 'world': 'w', 'target': 'a', 'multiple': multiple,
        'smallest': 0.02, 'verdict': 'diverged', 'alarmed': alarmed, 'onset_error': error if alarmed else None,
        'delay': 3.0 if alarmed else None, 'kind': 1.0 if alarmed else None, 'element': 1.0 if alarmed else None,
        'covered': True if alarmed else None,
    }  # fmt: skip
    return Outcome(**{**known, **changes})


def test_figures_of_a_group():
    found = summary.group([one(-2.0), one(4.0, kind=0.5), one(alarmed=False), one(alarmed=False, abstained=True)])
    assert (found.runs, found.misses, found.abstained) == (4, 0.25, 0.25)
    assert (found.onset_median, found.onset_signed, found.kind, found.element) == (3.0, 1.0, 0.75, 1.0)


def test_rounds_with_nothing_to_see_are_no_misses_but_alarms_in_them_are_told():
    unseen = [one(multiple=None, alarmed=False), one(None, multiple=None)]
    assert summary.group(unseen).runs == 0 and summary.group(unseen).misses is None
    assert summary.loud(unseen) == 0.5
    assert summary.loud([one(2.0, multiple=None)]) == 0.0  # it names a departure that is just too small to be owed


@pytest.mark.parametrize(
    ('multiple', 'place'), [(1.0, 0), (1.49, 0), (1.5, 1), (3.0, 2), (11.9, 3), (1e3, 4), (0.98, 0)]
)
def test_sizes_fall_into_bins_by_their_multiple(multiple, place):
    assert summary.bin_of(multiple) == place


def test_only_rounds_well_above_visible_are_held_to_the_bounds():
    assert len(summary.plain([one(multiple=2.9), one(multiple=3.0), one(multiple=None)])) == 1


def test_bounds_break_one_by_one():
    good = [one() for _ in range(100)]
    assert summary.misjudged(summary.group(good)) == []
    assert summary.misjudged(summary.group([*good[:98], one(alarmed=False), one(alarmed=False)])) == ['misses']
    assert summary.misjudged(summary.group([*good[:94], *(one(kind=0.0) for _ in range(6))])) == ['kind']
    assert summary.misjudged(summary.group([*good[:94], *(one(element=0.0) for _ in range(6))])) == ['element']
    assert summary.misjudged(summary.group([*good[:94], *(one(-9.0) for _ in range(6))])) == ['onset_p95']
    assert summary.misjudged(summary.group([one(1.5) for _ in range(9)])) == ['onset_median']
    assert 'misses' in summary.misjudged(summary.group([]))


def test_who_is_ahead_is_said_with_a_reason():
    def group(error, **changes):
        return summary.group([one(error, **changes)])

    assert summary.ahead(group(0.0), group(3.0)) == 'detector'
    assert summary.ahead(group(1.0), group(1.0)) == 'even'
    assert 'late' in summary.ahead(group(5.0), group(1.0))
    assert 'early' in summary.ahead(group(-5.0), group(1.0))
    assert 'silent' in summary.ahead(group(0.0), group(0.0, alarmed=False))
