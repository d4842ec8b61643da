"""What divergences and failed rounds leave of the budgets."""

import pytest


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
