"""A verdict is held against the truth without favour."""

import pytest

from transfer_audit.bench.divergence.peers import Call
from transfer_audit.bench.divergence.score import of_call, of_verdict
from transfer_audit.bench.divergence.truth import Seen, Truth

CASE = {'fault': 'friction', 'size': 0.1, 'world': 'w', 'target': 'a', 'multiple': 4.0, 'smallest': 0.025}
TRUTH = Truth(100, frozenset({'pose'}), frozenset({('joints', 'a')}))


def verdict(element='a', kind='pose', onset=1.02, interval=(0.99, 1.03), flagged=1.1, ties=(), said='diverged'):
    first = {
        'channel': 'joints', 'kind': kind, 'element': element, 'onset_s': onset, 'onset_interval_s': list(interval),
        'flagged_s': flagged, 'ties': [{'channel': 'joints', 'kind': k, 'element': e} for k, e in ties],
    }  # fmt: skip
    return {'verdict': said, 'reason': 'r', 'first_divergence': first, 'channels': {}}


def silent(kind='agreed', element='agreed'):
    channels = {'joints': {'a': {'verdict': element}, 'b': {'verdict': 'agreed'}}}
    return {'verdict': kind, 'reason': 'r', 'first_divergence': None, 'channels': channels}


def score(found, truth=TRUTH, marginal=()):
    return of_verdict(CASE, found, Seen(truth, marginal), 100.0)


def test_errors_are_signed_and_in_rows():
    late, early = score(verdict()), score(verdict(onset=0.97))
    assert late.onset_error == pytest.approx(2.0) and early.onset_error == pytest.approx(-3.0)
    assert late.delay == pytest.approx(10.0) and late.alarmed and not late.early
    assert score(verdict(onset=0.5, flagged=0.6)).early


def test_right_ties_count_half_and_only_where_the_first_is_wrong():
    assert (score(verdict()).kind, score(verdict()).element) == (1.0, 1.0)
    tied = score(verdict('b', 'timing', ties=[('pose', 'a')]))
    assert (tied.kind, tied.element, tied.ties) == (0.5, 0.5, 1)
    assert score(verdict('a', ties=[('pose', 'b')])).element == 1.0
    wrong = score(verdict('b', 'force', ties=[('force', 'c')]))
    assert (wrong.kind, wrong.element) == (0.0, 0.0)


@pytest.mark.parametrize(('interval', 'covered'), [((0.99, 1.03), True), ((1.01, 1.03), False), ((0.9, 0.99), False)])
def test_the_interval_must_hold_the_true_row(interval, covered):
    assert score(verdict(interval=interval)).covered is covered


def test_silence_is_a_miss_unless_it_is_owned_up_to():
    assert not score(silent()).alarmed and not score(silent()).abstained
    assert score(silent('unauditable')).abstained
    assert score(silent(element='unaudited')).abstained


def test_an_alarm_where_nothing_can_be_seen_has_no_errors():
    found = score(verdict(), None)
    assert found.alarmed and found.onset_error is None and found.kind is None


def test_what_may_be_seen_or_not_is_right_when_named_and_no_error_when_left_out():
    before = Truth(40, frozenset({'slip'}), frozenset({('slip', 'tip')}))
    named = score(verdict('tip', 'slip', onset=0.41, flagged=0.5), marginal=(before,))
    assert (named.kind, named.element, named.early) == (1.0, 0.0, False)
    assert named.onset_error == pytest.approx(1.0)
    assert score(verdict(), marginal=(before,)).onset_error == pytest.approx(2.0)
    assert score(verdict(onset=0.41), None, (before,)).onset_error == pytest.approx(1.0)


def test_a_peer_is_scored_by_its_column():
    names = (('joints', 'b', 'pose'), ('joints', 'a', 'pose'))
    found = of_call(CASE, 'threshold', Call(1, 107, 103), names, Seen(TRUTH))
    assert (found.onset_error, found.delay, found.kind, found.element) == (3.0, 7.0, 1.0, 1.0)
    assert not of_call(CASE, 'threshold', None, names, Seen(TRUTH)).alarmed
