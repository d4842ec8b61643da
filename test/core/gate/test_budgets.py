"""What divergences and failed rounds leave of the budgets."""

import numpy as np
import pytest

from transfer_audit.core.errors import ProfileError


def test_a_divergence_cuts_and_agreeing_rounds_restore(bench):
    gate = bench.gate
    assert gate.budgets() == (1.0, 1.0, 1.0)
    gate.divergence('force', 'tip', '3 N where 1 was foretold')
    gate.divergence('pose', 'a', '')
    assert gate.status().force_budget == {'tip': 2.0} and gate.status().speed_budget == 0.5
    assert gate.budgets() == (0.5, 0.25, 1.0)
    assert 'force of tip diverged: 3 N' in gate.status().cut
    gate.round_ended(True, True)
    gate.divergence('pose', 'a', '')
    assert gate.status().force_budget == {'tip': 2.0}
    gate.round_ended(True, False)  # the divergence of this round counts though its end forgot it
    gate.round_ended(True, False)
    assert gate.status().cut
    gate.round_ended(True, False)
    assert not gate.status().cut and gate.budgets() == (1.0, 1.0, 1.0)


def test_a_cut_acts_on_the_next_command(bench, held):
    bench.pressing().sense(0.1, 0.0, force=3.0)
    assert bench.ask(0.41, 0.0).action == 'passed'
    bench.gate.divergence('force', 'tip', '')
    held(bench.wait(20).sense(0.1, 0.0, force=3.0).ask(0.42, 0.0), 'budget 2 N')
    bench.sense(0.1, 0.0, force=0.0)
    assert bench.ask(1.0, 0.0).values[0] == pytest.approx(0.41 + 2.0 * 0.25 * 0.02)


def test_a_cut_to_nothing_lets_nothing_close(hand, bench_of):
    bench = bench_of(hand(cut={'force': 0.0, 'speed': 0.0})).sense(0.0, 0.0)
    bench.ask(0.0, 0.0)
    bench.gate.divergence('pose', 'a', '')
    bench.wait(20).sense(0.0, 0.0)
    for target in (0.1, -0.1):
        decision = bench.ask(target, 0.0)
        assert decision.values is None or not decision.values.any()


def test_failed_rounds_in_a_row_latch(bench, held):
    gate = bench.gate
    for success in (False, False, True, False, None, False):
        gate.round_ended(success, False)
    assert gate.status().failures_left == 1 and bench.ask(0.0, 0.0).action == 'passed'
    gate.round_ended(False, False)
    held(bench.ask(0.0, 0.0), '3 rounds failed in a row')
    assert bench.latch.reason and gate.budgets().failures == 0.0 and gate.status().trips == 1
    assert gate.rearm() == (True, 'rearmed after: 3 rounds failed in a row, budget 3')
    assert gate.status().failures_left == 3 and bench.ask(0.0, 0.0).action == 'passed'


# each kind its own cut

CUT = {
    'force': {'force': 0.5, 'speed': 1.0},
    'pose': {'force': 1.0, 'speed': 0.25},
    'timing': {'force': 0.75, 'speed': 0.1},
    'restore_after_rounds': 2,
}


@pytest.mark.parametrize(
    ('kinds', 'force', 'speed'),
    [
        (['force'], 0.5, 1.0),
        (['pose'], 1.0, 0.25),
        (['slip'], 0.5, 0.5),
        (['force', 'timing'], 0.5, 0.1),
        (['pose', 'timing', 'pose'], 0.75, 0.1),
        (['sight'], 0.5, 0.1),
    ],
)
def test_each_kind_cuts_what_the_profile_says(hand, bench_of, kinds, force, speed):
    """Of several kinds the smallest shares count; a kind that nobody knows counts as all."""
    gate = bench_of(hand(cut=CUT)).sense(0.0, 0.0).gate
    for kind in kinds:
        gate.divergence(kind, 'a', 'because')
    assert gate.budgets()[:2] == (force, speed)
    assert all(f'{kind} of a diverged: because' in gate.status().cut for kind in kinds)


def test_the_last_change_is_told_with_before_after_and_why(hand, bench_of):
    gate = bench_of(hand(cut=CUT)).sense(0.0, 0.0).gate
    assert gate.status().change is None
    gate.divergence('pose', 'a', 'it sticks')
    change = gate.status().change
    assert (change.force_before, change.speed_before) == (1.0, 1.0)
    assert (change.force_after, change.speed_after) == (1.0, 0.25)
    assert change.why == 'pose of a diverged: it sticks'
    for _ in range(3):
        gate.round_ended(True, False)
    change = gate.status().change
    assert (change.speed_before, change.speed_after, change.why) == (0.25, 1.0, '2 rounds agreed')


def test_two_numbers_stand_for_every_kind(hand):
    cut = hand(cut={'force': 0.2, 'speed': 0.3, 'restore_after_rounds': 4}).profile.gate.cut
    kinds = (cut.force, cut.pose, cut.slip, cut.timing)
    assert all((shares.force, shares.speed) == (0.2, 0.3) for shares in kinds)
    assert cut.restore_after_rounds == 4 and hand(cut={'speed': 0.1}).profile.gate.cut.force.force == 0.5


# trips


def test_the_trips_of_one_round_latch(hand, bench_of, held):
    bench = bench_of(hand(trip_budget=2)).sense(0.0, 0.0)
    bench.pressing()
    for force in (5.0, 1.0, 5.0):
        bench.wait(10).sense(0.1, 0.0, force=force)
        decision = bench.ask(bench.gate.sent[0] + 0.001, 0.0)
    held(decision, 'tip presses 5 N')
    assert bench.latch.reason == '2 trips in one round, budget 2' and bench.gate.status().trips_left == 0
    assert 'presses' in bench.gate.rearm()[1]
    assert bench.wait(10).sense(0.1, 0.0, force=0.0).gate.rearm()[0] and bench.gate.status().trips_left == 2


def test_a_round_that_ends_gives_its_trips_back(hand, bench_of):
    bench = bench_of(hand(trip_budget=2)).sense(0.0, 0.0)
    bench.pressing().sense(0.1, 0.0, force=5.0)
    bench.ask(0.42, 0.0)
    assert bench.gate.status().trips_left == 1
    bench.gate.round_ended(True, False)
    assert bench.gate.status().trips_left == 2 and bench.latch.reason is None


# less at run time


@pytest.mark.parametrize(
    ('kind', 'name', 'less', 'more'),
    [
        ('speed_budget', None, 1.0, 1.5),
        ('speed_budget', 'act_a', 1.0, 2.0),
        ('force_budget', 'tip', 2.0, 3.0),
        ('acceleration_budget', 'act_b', 10.0, 11.0),
        ('failure_budget', None, 2, 3),
        ('trip_budget', None, 5, 6),
    ],
)
def test_budgets_only_ever_shrink_until_rearm(bench, kind, name, less, more):
    gate = bench.gate
    assert gate.tighten(kind, less, name)[0]
    done, why = gate.tighten(kind, more, name)
    assert not done and 'only rearm gives more' in why
    place = kind if name is None else f'{kind} of {name}'
    assert gate.status().tightened == (f'{place}: {less:g}',)
    assert gate.rearm()[0] and gate.status().tightened == ()
    assert gate.tighten(kind, less, name)[0]


@pytest.mark.parametrize(
    ('kind', 'name', 'value', 'word'),
    [
        ('speed_budget', 'act_c', 1.0, "no 'act_c'"),
        ('speed_budget', None, float('nan'), 'a number, 0 or more'),
        ('speed_budget', None, -1.0, 'a number, 0 or more'),
        ('force_budget', 'thumb', 1.0, "no 'thumb'"),
        ('failure_budget', None, 1.5, 'a whole number'),
        ('stale_s', None, 0.1, "no 'stale_s' to tighten"),
    ],
)
def test_what_cannot_be_tightened(bench, kind, name, value, word):
    before = bench.gate.status()
    done, why = bench.gate.tighten(kind, value, name)
    assert not done and word in why and bench.gate.status() == before


def test_a_tightened_budget_acts_on_the_next_command(bench):
    bench.ask(0.0, 0.0)
    assert bench.gate.tighten('speed_budget', 0.5, 'act_a') == (True, 'speed_budget of act_a is 0.5 now, until rearm')
    np.testing.assert_allclose(bench.wait(20).sense(0.0, 0.0).ask(1.0, 1.0).values, [0.01, 0.04])


# where a force comes from


@pytest.mark.parametrize('how', ['source', 'topic'])
def test_a_commanded_effort_guards_nothing(hand, how):
    change = {'source': 'commanded'} if how == 'source' else {'topic': 'command'}
    with pytest.raises(ProfileError, match='channel tips carries a commanded effort: a budget needs a force'):
        hand(tip_channel=change)
    assert hand(tip_channel=change, force_budget={}).profile.gate.force_budget == {}


@pytest.mark.parametrize('key', ['force_budget', 'force_rate_budget'])
def test_a_budget_needs_a_force_channel(hand, key):
    with pytest.raises(ProfileError, match="no force channel has an element 'tpi'; did you mean 'tip'"):
        hand(**{key: {'tpi': 4.0}})
