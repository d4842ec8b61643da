"""`watch --bag`: a recorded pilot, the evidence of an audit, and a bag of the hand alone."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from transfer_audit.bags.reader import open_bag
from transfer_audit.cli.main import main
from transfer_audit.core.binding import open_hand
from transfer_audit.watch.bars import BLOCKS
from transfer_audit.watch.frame import frame
from transfer_audit.watch.pilot import Pilot
from transfer_audit.watch.playback import found_in, frames, was_piloted
from transfer_audit.watch.topics import wanted

ROOT = Path(__file__).parents[2]
FINGER = Path(__file__).parents[3] / 'shared' / 'data' / 'rh56'
PROFILE, MODEL = ROOT / 'config' / 'inspire_rh56' / 'profile.yaml', FINGER / 'model' / 'inspire_right.xml'
STEP_NS = 200_000_000
ENTER, LEAVE = '\x1b[?1049h', '\x1b[?1049l'
"""To the other screen of a terminal and back."""


@pytest.fixture(scope='module')
def evidence(tmp_path_factory):
    """A real finger that touches what its model does not have, audited."""
    if not FINGER.is_dir():
        pytest.skip('the recordings of real hands are not here')
    out = tmp_path_factory.mktemp('watch') / 'finger.mcap'
    bag = FINGER / 'contact_speed500_force500'
    words = ['audit', bag, '--profile', PROFILE, '--model', MODEL, '--evidence', out, '--quiet']
    assert main([str(word) for word in words]) == 1
    return out


def test_every_step_shows_what_was_known_then(evidence):
    binding = open_hand(PROFILE, MODEL)
    with open_bag(evidence) as bag:
        topics = found_in(bag, wanted(binding))
        assert was_piloted(topics)
        pilot = Pilot(binding, 'bag')
        times, alarms, firsts = [], 0, 0
        for at_ns in frames(bag, topics, pilot, STEP_NS):
            times.append(at_ns)
            lines = frame(pilot, BLOCKS).plain.splitlines()
            assert len(lines) <= 24 and max(map(len, lines)) <= 80
            running = pilot.round is not None and pilot.round.values['state'] == 'open'
            alarms += running and 'ALARM' in '\n'.join(lines)
            firsts += running and pilot.first is not None and pilot.first.level == 'error'
        assert times == list(range(times[0], times[-1] + 1, STEP_NS)) and times[-1] >= bag.end_ns
    assert len(pilot.verdicts) == 20 and set(pilot.verdicts.values()) == {'diverged'}
    assert firsts > 20 and alarms > 20
    (tip,) = pilot.tips
    assert tip.name == 'index_intermediate' and tip.real == tip.real


def test_once_prints_the_last_frame(evidence, capsys):
    assert main(['watch', '--bag', str(evidence), '--profile', str(PROFILE), '--model', str(MODEL), '--once']) == 0
    said = capsys.readouterr().out
    assert 'inspire_rh56' in said and 'round 20 closed' in said and '20 diverged' in said


def test_without_a_terminal_there_are_lines(evidence, capsys):
    assert main(['watch', '--bag', str(evidence), '--speed', '500']) == 0
    said = capsys.readouterr().out.splitlines()
    assert said and all('\x1b' not in line for line in said) and 'force' in said[0]


def test_a_bag_of_the_hand_alone_is_audited_first(recorder, fingers, capsys):
    bag = recorder.bag(seconds=1.0)
    assert main(['watch', '--bag', str(bag), '--profile', str(fingers.path), '--once']) == 0
    said = capsys.readouterr()
    assert 'round 1 closed' in said.out and '1 agreed' in said.out and 'tip_a' in said.out
    assert 'audited first' in said.err
    assert main(['watch', '--bag', str(bag), '--once']) == 2
    assert 'give --profile' in capsys.readouterr().err


def test_a_speed_that_is_none_is_refused(capsys):
    assert main(['watch', '--bag', 'x', '--speed', '0']) == 2
    assert '--speed must be over 0' in capsys.readouterr().err


def test_without_ros_it_says_what_to_do(monkeypatch, refuses):
    monkeypatch.setitem(sys.modules, 'rclpy', None)
    monkeypatch.delitem(sys.modules, 'transfer_audit.watch.live', raising=False)
    assert "pip install 'transfer_audit[ros]'" in refuses('watch')


def test_a_signal_leaves_the_terminal_as_it_was_and_the_last_frame(recorder, fingers, tmp_path):
    evidence = tmp_path / 'e.mcap'
    main(['audit', str(recorder.bag()), '--profile', str(fingers.path), '--evidence', str(evidence), '--quiet'])
    command = [sys.executable, '-m', 'transfer_audit.cli.main', 'watch', '--bag', str(evidence), '--speed', '0.01']
    ours, theirs = os.openpty()
    environment = {**os.environ, 'TERM': 'xterm-256color', 'COLUMNS': '80', 'LINES': '24'}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        drawn = ''
        while 'nodes' not in drawn:
            drawn += os.read(ours, 65536).decode(errors='replace')
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):
            while more := os.read(ours, 65536):
                drawn += more.decode(errors='replace')
    os.close(ours)
    assert process.returncode == 0
    drawing, _, left = drawn.rpartition(LEAVE)
    assert ENTER in drawing and 'scores' in left and 'Traceback' not in drawn
