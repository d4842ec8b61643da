"""`transfer-audit demo`: a whole pilot over real DDS in one command."""

import json
import os
import subprocess
import sys

import pytest

from transfer_audit.ledger.store import Ledger


@pytest.fixture
def demo(domain, tmp_path):
    """Run the demo as a process of its own; its exit code, what it said, and where its files are."""
    pytest.importorskip('rclpy', reason='the demo needs ROS 2: rclpy is not installed')

    def run(*words, name='pilot', **environment):
        out = tmp_path / name
        done = subprocess.run(
            [sys.executable, '-m', 'transfer_audit.cli.main', 'demo', '--out', str(out), *words],
            capture_output=True, text=True, timeout=180, env={**os.environ, 'PYTHONSAFEPATH': '1', **environment},
        )  # fmt: skip
        assert 'Traceback' not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr, out

    return run


def starved(out):
    """Whether other work kept the emulated hand from its clock, which is a fault that an audit must find."""
    with Ledger.open(out / 'ledger.db', read_only=True) as ledger:
        (round_,) = ledger.rounds()
    gaps_ms = [timing['longest_gap_ms'] for timing in round_.record.document['timing'].values()]
    return max(gaps_ms) > 100 or 'commands came more than hold_back_s' in round_.record.reason


def test_a_hand_that_is_as_declared_agrees(demo, call):
    code, said, complaint, out = demo('--rounds', '1')
    if starved(out):
        assert code in (1, 2)
        code, said, complaint, out = demo('--rounds', '1', name='again')
    assert (code, complaint) == (0, ''), said
    with Ledger.open(out / 'ledger.db', read_only=True) as ledger:
        (round_,) = ledger.rounds()
        assert ledger.verify().ok
    record = round_.record
    assert (round_.state, record.verdict, record.real_success) == ('closed', 'agreed', True)
    assert (record.hand, record.policy, record.bag) == ('emulated_hand', 'scripted_policy', str(out / 'bag'))
    assert set(record.family) >= {'tip_friction', 'actuator_delay', 'tip_compliance', 'tactile_noise'}
    assert record.document['gate']['trips'] == 0 and record.budgets_after.failures == 3
    live, offline = (line for line in said.splitlines() if ' live ' in line or ' offline ' in line)
    assert live.split()[3] == offline.split()[1] == 'agreed:'
    assert (out / 'report.html').read_text().startswith('<!')
    assert not [log.name for log in out.glob('*.log') if 'Traceback' in log.read_text()]
    code, again, _ = call('audit', out / 'bag', '--profile', record.profile, '--json', '-')
    (audited,) = json.loads(again)['rounds']
    assert (code, audited['verdict'], audited['start_ns']) == (0, 'agreed', record.start_ns)


def test_a_node_that_cannot_run_ends_the_demo_with_its_last_words(demo):
    code, _, complaint, out = demo('--rounds', '1', ROS_DOMAIN_ID='4711')
    assert code == 2 and complaint.count('\n') == 1
    assert 'ended early: ' in complaint and f'(log: {out}' in complaint


def test_mistakes_are_sentences(refuses, tmp_path):
    assert '--rounds must be 1 or more' in refuses('demo', '--rounds', 0)
    assert "did you mean 'actuator_delay'?" in refuses('demo', '--mismatch', 'actuator_dealy=0.1')
    assert 'expected NAME=NUMBER' in refuses('demo', '--mismatch', 'much')
    assert 'exists already' in refuses('demo', '--out', tmp_path)
    (tmp_path / 'file').write_text('')
    assert 'cannot be made' in refuses('demo', '--out', tmp_path / 'file' / 'out')


def test_without_ros_it_says_what_to_install(refuses, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'rclpy', None)
    assert "pip install 'transfer_audit[ros]'" in refuses('demo', '--out', tmp_path / 'new')
