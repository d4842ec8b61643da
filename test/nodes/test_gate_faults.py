"""Faults at the running gate, as the bench throws them: each is held for its own reason, the hand in budget."""

import os
import subprocess
import sys

import pytest

pytest.importorskip('rclpy', reason='live tests need ROS 2: rclpy is not installed')


def test_every_fault_is_named_and_nothing_bad_reaches_the_hand(domain):
    """One of each kind, kill -9 of the gate and of a stopped gate among them."""
    command = [sys.executable, '-m', 'transfer_audit.cli.main', 'bench', 'gate', '--faults', '25']
    environment = {**os.environ, 'PYTHONSAFEPATH': '1'}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'broken: 0' in done.stdout
