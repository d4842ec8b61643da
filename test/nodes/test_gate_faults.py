"""Faults at the running gate, as the bench throws them: each is held for its own reason, the hand in budget."""

import random
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='live tests need ROS 2: rclpy is not installed')

from transfer_audit.bench.gate import faults, replay
from transfer_audit.bench.gate.catalogue import AMONG, BESIDE, recorded
from transfer_audit.bench.gate.graph import Graph
from transfer_audit.bench.gate.stand_in import StandIn
from transfer_audit.bench.gate.world import GATE

DATA = Path(__file__).parents[3] / 'shared' / 'data'


def named(catalogue, *names):
    found = [fault for fault in catalogue if fault.name in names]
    assert len(found) == len(names)
    return found


def thrown(make, catalogue, count=None):
    found = faults.Faults()
    faults.throw(make, catalogue, len(catalogue) if count is None else count, random.Random(0), found, lambda _: None)
    return found


def test_every_fault_is_named_and_nothing_bad_reaches_the_hand(domain):
    """One of each kind, kill -9 of a stopped gate among them: its successor is stopped, and passes once rearmed."""
    kinds = [fault for fault in BESIDE if fault.name != 'kill -9 of the gate']
    found = thrown(lambda folder: StandIn(folder, promise={**GATE, 'stale_s': 0.3}), kinds)
    assert found.good and len(found.outcomes) == 25, (found.broken, found.outcomes)
    assert found.commands > 150


@pytest.mark.skipif(not (DATA / 'rh56').is_dir(), reason='the recordings of a real finger are not here')
def test_what_a_real_finger_felt_holds_what_closes(domain):
    rounds = replay.felt(DATA / 'rh56', GATE['force_budget']['tip'])
    assert len(rounds) > 100
    found = thrown(StandIn, [recorded(rounds[::45])], 3)
    assert found.good, (found.broken, found.outcomes)


def test_the_gate_notices_the_death_of_who_it_relies_on_and_goes_on_with_a_successor(domain):
    """A dead divergence is noticed within its limit of half a second, a dead policy makes room before 20 s."""
    found = thrown(Graph, named(AMONG, 'kill -9 of divergence', 'kill -9 of policy'))
    assert found.good, (found.broken, found.outcomes)
    assert max(found.outcomes['kill -9 of divergence'].took_ms) < 2000.0
    assert max(found.outcomes['kill -9 of policy'].again_ms) < 18_000.0


def patched(line):
    """A gate with a line of code changed."""
    return ('-c', f'{line}\nfrom transfer_audit.nodes.safety_gate import main\nmain()')


LAX = {
    'speed': ('too fast', {'speed_budget': 12.0}, {}, 'rad in'),
    'acceleration': ('NaN', {}, {'acceleration_budget': 5.0}, 'too suddenly'),
    'ease-in': ('NaN', {'ease_in_s': 0.0}, {}, 'began with a jump'),
    'force': ('force over budget', {'force_budget': {'tip': 400.0}}, {}, 'while a force was over its budget'),
}
"""A budget of the gate that is not the one promised, the fault at which that shows, and what is said of it."""


@pytest.mark.parametrize('rule', LAX)
def test_a_gate_with_one_budget_off_is_found_out_at_the_hand(domain, rule):
    fault, gate, promise, says = LAX[rule]

    def world(folder):
        made = StandIn(folder, promise={**GATE, **promise}, gate={**GATE, **gate})
        made.patience_s = 1.0
        return made

    found = thrown(world, named(BESIDE, fault))
    assert any(says in each for each in found.broken), found.broken


BROKEN = {
    'every stamp is good': (
        'stamp of the past',
        'from transfer_audit.core.gate.reading import Reading\nReading.age = lambda self, stamp_ns, now_ns: None',
        'a command 5 s old',
    ),
    'a pause buys a jump': (
        'policy silent',
        'from transfer_audit.core.gate.motion import Motion\nMotion.granted_ns = staticmethod(lambda ns: ns or 10**7)',
        'rad in 0.1 s',
    ),
    'a stop is forgotten': (
        'stop, then kill -9',
        'from transfer_audit.nodes.latch import FileLatch\nFileLatch.read = lambda self: None',
        'though held: stopped',
    ),
}


@pytest.mark.parametrize('rule', BROKEN)
def test_a_gate_with_a_broken_rule_is_found_out_at_the_hand(domain, rule):
    fault, line, says = BROKEN[rule]

    def world(folder):
        made = StandIn(folder, promise={**GATE, 'speed_budget': 1.0, 'ease_in_s': 0.0}, code=patched(line))
        made.patience_s = 1.0 if fault.startswith('stamp') else 8.0
        return made

    found = thrown(world, named(BESIDE, fault))
    assert any(says in each for each in found.broken), found.broken
