"""Which way closes, while a force budget is spent: told from what presses, never from a joint that is only late."""

import numpy as np
import pytest

LATE = 0.02
"""How far the joint of a moving finger stays behind its command, rad."""


@pytest.fixture
def bench(hand, bench_of):
    """A spell of foretold force lasts 0.35 s at least; the budget of the tip is 4 N."""
    return bench_of(hand(latency_s=0.35)).sense(0.0, 0.0)


def travel(bench, start, end, force=0.0):
    """Finger a moves at 1 rad/s, its joint late, one command each 10 ms."""
    way = np.sign(end - start)
    for target in np.arange(start, end, 0.01 * way):
        decision = bench.wait(10).sense(target - LATE * way, 0.0, force=force).ask(target, 0.0)
    return decision


def test_a_reading_while_the_finger_was_free_does_not_say_which_way_closes_at_the_wall(bench):
    """A reading of 9 N while the finger opens, and more of them while it closes on a wall at 0.2 rad."""
    bench.walk((0.3, 0.0))
    sent = travel(bench, 0.3, 0.1).values[0]
    joint, judged = sent + LATE, 0
    for step in range(120):
        joint = min(joint + 0.2 * (sent - joint), 0.2)
        force = 9.0 if step % 10 == 0 else 30 * max(0.0, sent - 0.2) * (joint > 0.19)
        decision = bench.wait(10).sense(joint, 0.0, force=force).ask(min(0.11 + 0.01 * step, 0.5), 0.0)
        before, sent = sent, sent if decision.values is None else decision.values[0]
        assert sent <= before or before < 0.2 or force < 4.0, (step, sent)
        judged += force >= 4.0
    assert judged > 10


def test_where_nothing_is_known_the_way_back_ends_where_the_hand_was_free(hand, bench_of, held):
    """It touched with its command 0.02 rad ahead, went on by 0.03 and is asked to let go of the wall it came to."""
    bench = bench_of(hand())
    free = travel(bench, 0.0, 0.1).values[0] - LATE
    sent = travel(bench, 0.1, 0.13, force=0.4).values[0]
    bench.wait(10).sense(0.09, 0.0, force=9.0)
    while sent > free + 1e-9:
        before, sent = sent, bench.wait(10).sense(0.09, 0.0, force=9.0).ask(sent - 0.02, 0.0).values[0]
        assert sent == pytest.approx(max(before - 0.02, free))
    held(bench.wait(10).sense(0.09, 0.0, force=9.0).ask(sent - 0.01, 0.0), 'closing held')


def test_a_new_contact_in_an_old_spell_is_looked_at_anew(bench, held):
    """The spell began with finger a pressing downwards; it let go, was free, and presses upwards before it ended."""
    bench.walk((-0.3, 0.0), joints=(-0.1, 0.0), force=3.0)
    held(bench.wait(10).sense(-0.1, 0.0, force=5.0).ask(-0.31, 0.0), 'closing held')
    for target in np.arange(-0.29, 0.0, 0.015):
        assert bench.wait(10).sense(target - LATE, 0.0, force=0.0).ask(target, 0.0).action == 'passed'
    sent = bench.gate.sent[0]
    bench.wait(10).sense(sent - LATE, 0.0, force=0.5)
    assert 'only opening' in bench.gate.status().message
    held(bench.ask(sent + 0.01, 0.0), 'closing held')


def test_a_finger_in_free_motion_presses_nowhere_yet(bench, held):
    """Its lag is no press: which way it would close is not known. It may go back to where it came from, not on."""
    bench.walk((0.3, 0.0))
    sent = travel(bench, 0.3, 0.1).values[0]
    bench.wait(10).sense(sent + LATE, 0.0, force=9.0)
    held(bench.ask(sent - 0.01, 0.0), 'closing held')
    assert bench.ask(sent + 0.01, 0.0).action == 'passed'
    assert bench.wait(100).sense(sent + LATE, 0.0, force=9.0).ask(0.2, 0.0).values[0] <= sent + LATE + 1e-9


def test_a_spell_that_begins_while_the_hand_opens_does_not_turn_it_around(hand, bench_of, held):
    """Closed by 0.2 rad since it touched, it opens, its joint late, when a budget is crossed."""
    bench = bench_of(hand())
    travel(bench, 0.0, 0.1)
    travel(bench, 0.1, 0.3, force=2.0)
    sent = travel(bench, 0.3, 0.2, force=2.0).values[0]
    held(bench.wait(10).sense(sent + LATE, 0.0, force=9.0).ask(sent + 0.01, 0.0), 'closing held')
    assert bench.ask(sent - 0.01, 0.0).action == 'passed'


def test_only_a_joint_that_does_not_follow_presses(hand, bench_of, held):
    """Told to go 0.3 rad further, at a gate that never saw the hand free: one joint comes nearer, one does not."""
    bench = bench_of(hand(latency_s=0.35))
    bench.walk((0.4, 0.4), joints=(0.1, 0.1), force=3.0)
    for step in range(60):
        joints = (0.1, 0.1 + 0.001 * step)
        bench.wait(10).sense(*joints, force=3.0)
    bench.sense(*joints, force=5.0)
    assert bench.ask(0.39, 0.4).action == 'passed'
    held(bench.wait(10).ask(0.39, 0.39), 'closing held')


def test_a_touch_right_after_the_first_command_can_be_let_go_of(hand, bench_of, held):
    """No reading says that the hand was free since it was sent anything; where it was before that is known."""
    bench = bench_of(hand()).sense(0.0, 0.0)
    sent = bench.wait(10).ask(0.5, 0.0).values[0]
    assert sent > 0.0
    bench.wait(10).sense(0.0, 0.0, force=9.0)
    held(bench.ask(sent + 0.01, 0.0), 'closing held')
    left = bench.wait(10).sense(0.0, 0.0, force=9.0).ask(-0.1, 0.0).values[0]
    assert 0.0 <= left < sent
