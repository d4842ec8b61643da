"""The short way of a command that nothing alters is held to the rules: a gate without it decides the same."""

import numpy as np
import pytest

from transfer_audit.bench.gate import fuzzer
from transfer_audit.bench.gate.hands import GATES, hand
from transfer_audit.core.gate import Gate
from transfer_audit.core.gate.corridor import Corridor
from transfer_audit.core.gate.motion import Motion
from transfer_audit.core.profile.schema import GateSpec


class Blind(Corridor):
    """Never sure."""

    __slots__ = ()

    def admits(self, *_):
        return False


class Twins:
    """A gate and one without the short way: both are told the same and must say the same."""

    def __init__(self, binding, latch):
        self._gate, self._plain = Gate(binding, latch), Gate(binding, fuzzer.Memory())
        self._plain._parts.stop.why = self._gate._parts.stop.why
        self._plain._corridor = Blind(0, 0)
        self._draw = np.random.default_rng(0)

    def __getattr__(self, name):
        def both(*arguments):
            found = getattr(self._gate, name)(*arguments)
            if name == 'command' and self._draw.random() < 0.5:
                self._gate.settle()
            same(found, getattr(self._plain, name)(*arguments))
            return found

        return both


def same(found, plain):
    if hasattr(found, 'values'):
        np.testing.assert_array_equal(found.values, plain.values)
        assert found[1:] == plain[1:]
    else:
        assert found == plain


def gently(thrown, draw):
    """A command that most often passes as it is."""
    thrown.world.steady_ns += int(draw.integers(0, 8 * fuzzer.MS))
    now_ns, last = thrown._now, thrown.referee.last
    values = last + draw.choice([0.0, 1e-5, 1e-3]) * draw.standard_normal(len(last))
    decision = thrown.gate.command(values, now_ns, now_ns, thrown.world.steady_ns)
    thrown.world.policy_ns = thrown.world.steady_ns
    thrown._judge(decision, values, '')


@pytest.mark.parametrize('name', GATES)
@pytest.mark.parametrize('seed', [1, 2])
def test_a_gate_without_the_short_way_decides_the_same(tmp_path, monkeypatch, name, seed):
    monkeypatch.setattr(fuzzer, 'Gate', Twins)
    taken = []
    admits = Corridor.admits
    monkeypatch.setattr(Corridor, 'admits', lambda *given: taken.append(admits(*given)) or taken[-1])
    thrown = fuzzer.Fuzzer(hand(tmp_path, name), seed)
    draw = np.random.default_rng(seed)
    while thrown.messages < 12_000:
        thrown.step()
        if thrown.referee.last is not None and draw.random() < 0.7:
            gently(thrown, draw)
        same(thrown.gate._gate.status(), thrown.gate._plain.status())
    assert sum(taken) > 100 and thrown.actions['passed'] > 100


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, 1e9, -1.001])
def test_what_is_no_number_or_out_of_range_is_forbidden(value):
    class Servos:
        least, most = np.array([-1.0, -np.inf, -2.0]), np.array([1.0, np.inf, 2.0])
        low, high = np.array([-0.5, -np.inf, -2.0]), np.array([1.0, np.inf, 1.5])

    motion = Motion('abc', Servos, GateSpec())
    assert motion.forbidden(np.array([value, 0.0, 0.0])) == 'a'
    assert not motion.forbidden(np.array([0.0, 1e300, 0.0]))
