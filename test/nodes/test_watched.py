"""Watching real nodes over DDS: the gate, the comparison and the ledger of a running pilot."""

import math
import subprocess
import sys
import time

import pytest

pytest.importorskip('rclpy', reason='live tests need ROS 2: rclpy is not installed')

from transfer_audit.watch.bars import BLOCKS
from transfer_audit.watch.frame import frame
from transfer_audit.watch.live import Ears
from transfer_audit.watch.pilot import Pilot
from transfer_audit.watch.topics import wanted

PERIOD_NS = 10_000_000


class Hand:
    """Both sides of a hand, every 10 ms; once told to, the real finger b leaves its shadow."""

    def __init__(self, stage, ros):
        self._ros, self._next_ns, self.parts = ros, time.time_ns() // PERIOD_NS * PERIOD_NS, False
        made = {'joint_states': ros.JointState, 'fingertip_force': ros.Array}
        made |= {'shadow/joints': ros.Rows, 'shadow/tips': ros.Rows}
        self._out = {topic: stage.speak(kind, topic) for topic, kind in made.items()}
        stage.node.create_timer(0.01, self._drive)

    def _drive(self):
        while self._next_ns < time.time_ns():
            at_ns, self._next_ns = self._next_ns, self._next_ns + PERIOD_NS
            angle = 0.3 * math.sin(6 * (at_ns % 10**11) / 1e9)
            real = [angle, -angle + (0.05 if self.parts else 0.0)]
            self._out['joint_states'].publish(self._ros.joints(at_ns, real))
            self._out['fingertip_force'].publish(self._ros.array(1.5))
            self._out['shadow/joints'].publish(self._ros.rows(at_ns, ['a', 'b'], [angle, -angle], 0.001))
            self._out['shadow/tips'].publish(self._ros.rows(at_ns, ['tip_a'], [1.4], 0.25))


@pytest.fixture
def hand(stage, ros, fingers):
    """The hand, and the nodes that judge and guard it."""
    # A machine that is busy elsewhere must not make a message late, nor a pause of this process a gap.
    fingers.path = fingers.write(clock={'hold_back_s': 0.5, 'max_gap_s': 2.0})
    ledger = fingers.folder / 'ledger.db'
    stage.start_all(
        divergence={'profile': fingers.path}, ledger_writer={'profile': fingers.path, 'ledger': ledger},
        safety_gate={'profile': fingers.path, 'ledger': ledger},
    )  # fmt: skip
    return Hand(stage, ros)


def test_a_frame_shows_what_the_nodes_say(stage, ros, hand, fingers):
    from std_srvs.srv import Trigger

    binding = fingers.binding()
    pilot = Pilot(binding, 'live')
    said = stage.hear(ros.Status, 'divergence/first', ros.latched)
    with Ears(wanted(binding)) as ears:

        def heard(condition, what):
            stage.wait_for(lambda: ears.read(pilot) is not None and condition(), what)

        heard(lambda: pilot.gate is not None and pilot.round is not None, 'gate and ledger')
        assert 'no round runs' in frame(pilot, BLOCKS).plain
        assert stage.call(Trigger, 'round/start').success
        heard(lambda: pilot.running and pilot.scores['pose'].now == 0, 'scores of a round')
        hand.parts = True
        heard(lambda: pilot.scores['pose'].now >= 1 and pilot.scores['pose'].element, 'the alarm')
        heard(lambda: said[-1].level == ros.Status.ERROR and pilot.first.text == said[-1].message, 'what parted first')
        heard(lambda: len(pilot.nodes) == 3, 'three nodes')
        heard(lambda: pilot.gate.values['cut'] and pilot.shares['speed'] == 0.5, 'cut budgets')
        (tip,) = pilot.tips
        heard(lambda: (tip.real, tip.lower, tip.upper) == (1.5, 1.4 - 0.25, 1.4 + 0.25), 'both sides of the tip')
    lines = frame(pilot, BLOCKS).plain.splitlines()
    assert 'round 1 open' in lines[0]
    pose = next(line for line in lines if line.startswith('  pose'))
    assert 'ALARM' in pose and pose.split()[-1] == 'b'
    assert any(line.startswith('  tip_a') and f' {pilot.force_budget["tip_a"]:.1f}' in line for line in lines)
    assert any('speed 50% CUT' in line for line in lines)


def test_once_from_a_shell(stage, ros, fingers):
    stage.start('safety_gate', profile=fingers.path, ledger=fingers.folder / 'ledger.db')
    rounds = ros.round('idle')
    stage.node.create_publisher(ros.Status, 'round', ros.latched).publish(rounds)
    command = [sys.executable, '-m', 'transfer_audit.cli.main', 'watch', '--once']
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert 'fingers' in lines[0] and 'no round runs' in lines[0] and len(lines) <= 24
    assert any('no command yet' in line or 'holding' in line for line in lines if line.startswith(' gate'))


def test_no_pilot_is_one_sentence(domain, refuses_watch):
    assert 'no pilot heard' in refuses_watch and f'domain {domain}' in refuses_watch


def test_a_namespace_that_is_none_is_one_sentence(domain, capsys):
    from transfer_audit.cli.main import main

    assert main(['watch', '--once', '--namespace', 'no space']) == 2
    said = capsys.readouterr().err
    assert "--namespace 'no space' is none" in said and said.count('\n') == 1


@pytest.fixture
def refuses_watch(domain, monkeypatch, capsys):
    from transfer_audit.cli import watch
    from transfer_audit.cli.main import main

    monkeypatch.setattr(watch, 'HEAR_S', 0.5)
    assert main(['watch', '--once']) == 2
    return capsys.readouterr().err
