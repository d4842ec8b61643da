"""Whatever comes, nothing bad leaves; and a gate that is broken by hand is found out."""

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from transfer_audit.bench.gate.attack import throw
from transfer_audit.bench.gate.fuzzer import Fuzzer
from transfer_audit.bench.gate.hands import GATES, hand
from transfer_audit.core.gate import budgets, ease, forces, holding, motion, parts, pressing, reading, stops, watch
from transfer_audit.core.gate.words import Hold


@pytest.fixture(scope='module')
def hands(tmp_path_factory):
    folder = tmp_path_factory.mktemp('attacked')
    return {name: hand(folder, name) for name in GATES}


@pytest.mark.parametrize('name', GATES)
def test_nothing_bad_leaves(hands, name):
    found = throw(hands[name], name, 6_000, seed=1)
    assert not found.broken and found.faults > 10
    often = ('clamped', 'held') if name == 'every budget' else ('passed', 'clamped', 'held')
    assert all(found.actions[action] > 20 for action in often), found.actions


def _asked(self, asked, origin, time_ns, share):
    return asked.copy(), ''


def _numbers(self, values):
    return np.array(values, float) if np.shape(values) == (2,) else Hold('shape', '')


def _decided_once(self, forces, sent, joints, steady_ns, see=pressing.Pressing.see):
    self._untouched, self._stuck = False, lambda push, rest, steady_ns: True
    see(self, forces, sent, joints, steady_ns)


def _as_it_was_told(self, sent):
    told = self._free and self._free[0]
    free = sent if told is None else told
    return sent + np.where(self.direction == 0, np.sign(free - sent), -self.direction)


MUTATIONS = {
    'no clamp': ('plain', motion.Motion, 'clamp', _asked),
    'a pause buys a jump': ('plain', motion.Motion, 'granted_ns', staticmethod(lambda elapsed_ns: elapsed_ns or 10**9)),
    'speed builds up at once': ('every budget', motion.Motion, '_reach', lambda self, time_s, share: (
        -self.speed.now * share * time_s, self.speed.now * share * time_s)),
    'no ease-in': ('every budget', ease.Ease, 'hold', lambda self: setattr(self, 'active', False)),
    'no force is over': ('plain', forces.Forces, 'judge', lambda self, share, steady_ns: None),
    'NaN is a number': ('plain', reading.Reading, 'values', _numbers),
    'every stamp is good': ('plain', reading.Reading, 'age', lambda self, stamp_ns, now_ns: None),
    'silence is fine': ('plain', watch.Watch, 'silent', lambda self, steady_ns: ''),
    'a stop is forgotten': ('plain', stops.Stop, 'set', lambda self, why: True),
    'a cut is forgotten': ('every budget', budgets.Budgets, 'speed_share', 1.0),
    'a clock may step': ('plain', parts.Clock, 'fault', lambda self, steady_ns: ''),
    'a hold drives': ('torque and velocity', holding.Holding, 'values', lambda self, sent, steady_ns: sent),
    'a late joint presses whatever it touches next': ('a long latency', pressing.Pressing, 'see', _decided_once),
    'the way back has no end': ('a long latency', pressing.Pressing, 'away', _as_it_was_told),
    'every way is open': ('a long latency', pressing.Pressing, 'opened', lambda self, asked, sent: asked),
    'a hold closes': ('every budget', holding.BackOff, 'step', lambda self, sent, away, elapsed_ns, speed: (
        np.minimum(sent + 0.001, 1.0))),
}  # fmt: skip


@pytest.mark.parametrize('name', MUTATIONS)
def test_a_broken_gate_is_found_out(hands, monkeypatch, name):
    world, part, method, instead = MUTATIONS[name]
    monkeypatch.setattr(part, method, instead)
    assert any(throw(hands[world], world, 30_000, seed).broken for seed in range(3))


class Life(RuleBasedStateMachine):
    """Anything in any order: the fuzzer's faults, drawn and shrunk by hypothesis instead of thrown."""

    hands = None
    dice = st.floats(0, 1, exclude_max=True)

    @initialize(name=st.sampled_from(list(GATES)), seed=st.integers(0, 99))
    def start(self, name, seed):
        self.world = Fuzzer(self.hands[name], seed)

    @rule(ms=st.sampled_from([0.0, 0.001, 1.0, 5.0, 20.0, 90.0, 110.0, 5000.0]))
    def wait(self, ms):
        self.world.world.steady_ns += int(ms * 1e6)

    @rule(joints=dice, force=dice)
    def sense(self, joints, force):
        self.world._joints(joints)
        self.world._force(force)

    @rule(newtons=st.sampled_from([0.0, 0.5, 1.5, 3.0, 9.0]))
    def press(self, newtons):
        self.world._feel(newtons)

    @rule(goal=st.floats(-1.4, 1.4))
    def reach(self, goal):
        self.world._target[0] = goal

    @rule(dice=dice)
    def command(self, dice):
        self.world._command(dice)

    @rule(count=st.integers(1, 40))
    def live(self, count):
        for _ in range(count):
            self.world.step()

    @rule()
    def tick(self):
        self.world._tick()

    @rule(which=st.integers(0, 7))
    def other(self, which):
        self.world._other(which)

    @invariant()
    def the_status_can_be_told(self):
        if hasattr(self, 'world'):
            assert self.world.gate.status().message is not None
            assert all(0.0 <= share <= 1.0 for share in self.world.gate.budgets())


def test_no_life_breaks_it(hands):
    Life.hands = hands
    run_state_machine_as_test(Life, settings=settings(max_examples=40, stateful_step_count=40, deadline=None))
