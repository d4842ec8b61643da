"""Rounds on the emulated hand: physics decides, and the audit of the recording says the same as the lab."""

import numpy as np
import pytest

from transfer_audit.bags.audit import audit_recording
from transfer_audit.bags.traces import traces_of
from transfer_audit.core.calibrate.traces import positions
from transfer_audit.lab.policy import controls_of
from transfer_audit.lab.transfer import real, simulated, transfer
from transfer_audit.ledger.store import Ledger

LIGHT = np.array([0.0, 0.0, 0.0, 0.0, 0.4, 1.2])
FIRM = np.array([0.06, 0.06, 0.06, 0.06, 0.4, 1.3])
"""Policies by hand: one that holds a cube of rubber, and one that holds a worn one."""


def controls(bench, policy):
    return np.array([controls_of(bench.hand, policy, task) for task in bench.tasks])


@pytest.mark.parametrize(
    ('friction', 'policy', 'held'), [(0.9, LIGHT, True), (0.4, LIGHT, False), (0.4, FIRM, True), (0.9, FIRM, True)]
)
def test_a_light_grip_holds_rubber_and_a_firm_one_a_worn_tip_too(bench, friction, policy, held):
    lab = bench(friction)
    _, outcome = real(lab, controls(lab, policy))
    assert outcome.success.tolist() == [held, held]
    assert (outcome.slip_rate < 0.05).all() if held else (outcome.slip_rate > 0.05).all()


def test_a_firm_grip_costs_effort(bench):
    lab = bench(0.9)
    efforts = [real(lab, controls(lab, policy))[1].effort_n.mean() for policy in (LIGHT, FIRM)]
    assert efforts[1] > 1.3 * efforts[0]


def test_the_recording_holds_what_was_commanded_and_the_ledger_what_was_judged(bench):
    lab = bench(0.4)
    found = transfer(lab.hand, lab, 1, LIGHT, lambda _: None)
    _, outcome = real(lab, controls(lab, LIGHT))
    (trace,) = traces_of(found.bags[0], lab.hand)
    assert positions(trace.command, lab.hand.command) == pytest.approx(controls(lab, LIGHT)[0, : len(trace.command)])
    (again,) = audit_recording(found.bags[0], lab.hand)['rounds']
    with Ledger.open(lab.folder / 'ledger.db', read_only=True) as ledger:
        kept = ledger.rounds()[0].record
        assert ledger.verify().ok and len(ledger.rounds()) == 2
    assert kept == found.records[0] and kept.document == again
    assert kept.real_success is False and kept.sim_success == 1.0
    assert kept.real_slip_rate == pytest.approx(outcome.slip_rate[0], abs=0.02)
    assert kept.verdict == 'diverged' and kept.first_divergence.channel in ('slip', 'cube')
    assert kept.bag == str(found.bags[0].resolve())


def test_a_hand_that_the_family_holds_agrees_and_shows_no_gap(bench):
    lab = bench(0.9)
    panel = transfer(lab.hand, lab, 1, FIRM, lambda _: None).panel
    assert panel.verdicts == {'agreed': 2} and panel.success_gap == 0.0
    assert abs(panel.slip_gap) < 0.02


def test_the_same_seed_gives_the_same_rounds(bench):
    lab = bench(0.4)
    (one, first), (other, second) = (real(lab, controls(lab, LIGHT)) for _ in range(2))
    assert all(np.array_equal(one[channel], other[channel]) for channel in one)
    assert np.array_equal(first.slip_rate, second.slip_rate)
    sides = [simulated(lab.hand, lab, controls(lab, LIGHT)) for _ in range(2)]
    assert np.array_equal(sides[0], sides[1])
