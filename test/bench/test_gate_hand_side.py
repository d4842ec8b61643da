"""What judges the gate at the hand: it accuses no good gate, however starved, and finds what must not be."""

from types import SimpleNamespace

import numpy as np
import pytest

from transfer_audit.bench.gate.graph import BUDGETS
from transfer_audit.bench.gate.hand_side import TIP, HandSide, Promise
from transfer_audit.bench.gate.policy import wave
from transfer_audit.bench.gate.sides import JOINTS, hand
from transfer_audit.bench.gate.world import GATE
from transfer_audit.core.binding import open_hand
from transfer_audit.core.gate import Gate

MS, PERIOD_NS, BEGIN_NS = 10**6, 20 * 10**6, 10**15
NO_LATCH = SimpleNamespace(read=lambda: None, set=lambda why: None, clear=lambda: None)


class Stream:
    """Commands on their way to the hand, as the middleware would tell of them."""

    def __init__(self, **changes):
        self.side = HandSide(Promise.of({**GATE, **changes}))
        self.number, self.gate = 0, b'a'

    def new_gate(self, name):
        self.number, self.gate = 0, name

    def send(self, values, made_ns, written_ns, asked=None):
        self.number += 1
        self.side.asked(made_ns, np.asarray(values if asked is None else asked))
        stamp = SimpleNamespace(sec=made_ns // 10**9, nanosec=made_ns % 10**9)
        message = SimpleNamespace(position=values, header=SimpleNamespace(stamp=stamp))
        gid = {'data': self.gate}
        self.side.take(
            message, {'source_timestamp': written_ns, 'publication_sequence_number': self.number, 'publisher_gid': gid}
        )

    def after(self, *milliseconds_and_values):
        """Commands of all joints alike, each written a millisecond after it was made."""
        for ms, value in milliseconds_and_values:
            at_ns = BEGIN_NS + round(ms * MS)
            self.send(np.full(JOINTS, value), at_ns, at_ns + MS)
        return self.side.broken


@pytest.mark.parametrize('gate', [GATE, BUDGETS, {**GATE, 'ease_in_s': 0.0}], ids=['eased', 'accelerated', 'plain'])
@pytest.mark.parametrize('starved_ms', [1.0, 9.0])
def test_a_good_gate_is_never_accused_however_starved_it_is(tmp_path, gate, starved_ms):
    """Twenty seconds of commands, some too fast, some not to be passed; delays around each decision, up to a queue."""
    gate = {**gate, 'age_limits': {}}
    binding, rng = open_hand(hand(tmp_path, gate=gate)), np.random.default_rng(7)
    stream, core = Stream(**gate), Gate(binding, NO_LATCH)
    core.recording(True)
    free_ns = held_until = 0
    for k in range(1000):
        made_ns = BEGIN_NS + k * PERIOD_NS
        late = rng.exponential(starved_ms, 2) * MS
        decided_ns = max(free_ns, made_ns + int(late[0]))
        free_ns = written_ns = decided_ns + int(late[1])
        joints = stream.side.joints
        stream.side.measured(decided_ns, joints)
        core.measured('joints', joints, decided_ns, decided_ns, decided_ns)
        core.measured('tips', np.zeros(1), decided_ns, decided_ns, decided_ns)
        asked = wave(made_ns)
        asked[3] += rng.choice([0.0, 0.8], p=[0.9, 0.1])
        if k > 100 and held_until < k and rng.random() < 0.01:
            held_until = k + int(rng.integers(1, 20))
            stream.side.hold(written_ns, 'NaN')
        if k < held_until:
            asked[0] = np.nan
        elif k == held_until:
            stream.side.release(made_ns)
        decision = core.command(asked, made_ns, decided_ns, decided_ns)
        if decision.action != 'held':
            stream.send(decision.values, made_ns, written_ns, asked)
    assert stream.side.count > 500
    assert not stream.side.broken


def test_a_step_is_granted_by_time_and_a_pause_buys_no_more_than_a_tenth_of_a_second():
    assert not Stream(ease_in_s=0.0).after((0, 0.0), (20, 0.12), (1000, 0.7))
    assert 'rad in' in Stream(ease_in_s=0.0).after((0, 0.0), (20, 0.13))[0]
    assert 'rad in 0.1 s' in Stream(ease_in_s=0.0).after((0, 0.0), (1000, 0.61))[0]


def test_many_small_steps_are_no_way_around_the_speed():
    """Each might be late by its own millisecond; all together are not."""
    steps = [(20 * k, 0.123 * k) for k in range(10)]
    assert not Stream(ease_in_s=0.0).after(*steps[:2])
    assert Stream(ease_in_s=0.0).after(*steps)


def test_speed_that_builds_up_at_once_is_found():
    broken = Stream(ease_in_s=0.0, acceleration_budget=30.0).after((0, 0.0), (20, 0.0), (40, 0.0), (60, 0.1))
    assert 'too suddenly' in broken[0]


def test_a_hold_that_moves_and_a_release_that_jumps_are_found():
    stream = Stream()
    stream.after((0, 0.0), (300, 0.0))
    stream.side.hold(BEGIN_NS + 310 * MS, 'NaN')
    assert not stream.after((320, 0.0))
    assert 'moved while held: NaN' in stream.after((340, 0.01))[0]
    stream = Stream()
    stream.after((0, 0.0), (300, 0.0))
    stream.side.hold(BEGIN_NS + 310 * MS, 'NaN')
    stream.side.release(BEGIN_NS + 390 * MS)
    assert not stream.side.broken
    assert 'jump of 0.05' in stream.after((400, 0.05))[0]


def test_a_hold_is_judged_also_by_what_arrived_before_its_word():
    stream = Stream()
    stream.after((0, 0.0), (300, 0.0), (320, 0.01))
    stream.side.hold(BEGIN_NS + 310 * MS, 'NaN')
    assert stream.side.broken == ['moved while held: NaN']


def test_a_new_gate_begins_at_the_measured_joints():
    stream = Stream()
    stream.after((0, 0.0), (300, 0.0))
    stream.new_gate(b'b')
    stream.side.measured(BEGIN_NS + 900 * MS, np.zeros(JOINTS))
    assert not stream.after((1000, 0.0))
    stream.new_gate(b'c')
    assert 'away from the measured joints' in stream.after((1020, 0.2))[0]


def test_closing_is_found_while_a_reading_is_over_its_budget_and_opening_passes():
    stream = Stream()
    stream.after((0, 0.0))
    stream.side.felt(BEGIN_NS + 100 * MS, 4.5)
    values = np.zeros(JOINTS)
    for ms, tip in ((140, 0.01), (160, 0.0), (180, -0.01), (200, 0.0)):
        values[TIP] = tip
        stream.send(values.copy(), BEGIN_NS + ms * MS, BEGIN_NS + (ms + 1) * MS)
    assert stream.side.broken == ['closed by 0.01 rad while a force was over its budget']


@pytest.mark.parametrize('value', [np.nan, np.inf, 1.6])
def test_what_is_no_command_for_this_hand_is_found(value):
    assert 'no command for this hand' in Stream().after((0, value))[0]


def test_lost_commands_are_counted_and_accuse_nobody():
    """The first commands of a gate may have been written before anyone here was connected."""
    stream = Stream()
    stream.number = 4
    stream.after((0, 0.3), (20, 0.35))
    stream.number += 6
    assert not stream.after((160, 1.1)) and stream.side.unseen == 10
    stream.number += 6
    assert stream.after((300, 2.0))
