"""`transfer-audit demo`: a live pilot without hardware, over real DDS, in one command."""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from transfer_audit.core.errors import AuditError
from transfer_audit.core.verdict import exit_code
from transfer_audit.resources import hand_profile

NAME = 'demo'
HELP = 'run a live pilot on an emulated hand: all nodes over DDS, a ledger, a recording and a report'
EXAMPLES = """examples:
  transfer-audit demo
  transfer-audit demo --rounds 5 --mismatch actuator_delay=0.06
  transfer-audit demo --mismatch tip_friction=0.15,joint_damping=3"""

NODES = ('hand_emulator', 'safety_gate', 'shadow_sim', 'divergence', 'ledger_writer', 'bag_recorder')
START_S = 30.0
ROUND_S = 15.0
STOP_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument('--rounds', type=int, default=3, help='rounds to play (3)')
    parser.add_argument('--mismatch', default='', help='true parameters of the hand, like actuator_delay=0.06')
    parser.add_argument('--out', type=Path, help='new folder for ledger, recording, logs and report (a temporary one)')


def run(arguments: argparse.Namespace) -> int:
    """Play the rounds, then show the ledger and the verdict of each round; the exit code is that of an audit."""
    from transfer_audit.core.binding import bind, parse_parameters, with_parameters
    from transfer_audit.core.profile import load_profile

    if arguments.rounds < 1:
        raise AuditError(f'--rounds must be 1 or more, found {arguments.rounds}')
    profile = hand_profile('emulated_hand')
    bind(with_parameters(load_profile(profile), parse_parameters(arguments.mismatch)))
    _needs_ros()
    out = _folder(arguments.out)
    print(f'A pilot of {arguments.rounds} rounds; mismatch: {arguments.mismatch or "none"}; files in {out}', flush=True)
    with Pilot(profile, arguments.mismatch, out) as pilot:
        pilot.play(arguments.rounds)
    return _show(profile, out)


def _show(profile: Path, out: Path) -> int:
    """The ledger, the live verdicts, and the offline audit of the same rounds from the recording."""
    from transfer_audit.bags.audit import audit_recording
    from transfer_audit.cli.ledger import print_rounds
    from transfer_audit.core.binding import open_hand
    from transfer_audit.ledger.recordings import keep_hashes
    from transfer_audit.ledger.store import Ledger
    from transfer_audit.report.collect import Collector
    from transfer_audit.report.html import write_report

    with Ledger.open(out / 'ledger.db') as ledger:
        keep_hashes(ledger)
        rounds = ledger.rounds()
    print_rounds(rounds)
    live = [round_.record.document for round_ in rounds if round_.record is not None]
    binding = open_hand(profile)
    collector = Collector(binding)
    document = audit_recording(out / 'bag', binding, threads=os.cpu_count() or 1, watch=collector.watch)
    write_report(out / 'report.html', document, collector)
    for verdict, offline in zip(live, document['rounds'], strict=False):
        print(f'round {verdict["round"]} live     {verdict["verdict"]}: {verdict["reason"]}')
        print(f'        offline  {offline["verdict"]}: {offline["reason"]}')
    print(f'report: {out / "report.html"}')
    return exit_code(live)


def _needs_ros() -> None:
    try:
        import rclpy  # noqa: F401
    except ImportError as error:
        raise AuditError(f"the demo runs real ROS nodes: pip install 'transfer_audit[ros]' ({error})") from error


def _folder(out: Path | None) -> Path:
    if out is None:
        return Path(tempfile.mkdtemp(prefix='transfer_audit_demo_'))
    try:
        out.mkdir(parents=True)
    except FileExistsError as error:
        raise AuditError(f'{out}: exists already; give a new folder') from error
    except OSError as error:
        raise AuditError(f'{out}: cannot be made: {error.strerror}') from error
    return out


class Pilot:
    """The nodes of a pilot as processes of this machine; all of them end with it."""

    def __init__(self, profile: Path, mismatch: str, out: Path) -> None:
        self._profile, self._out = profile, out
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._own = {
            'hand_emulator': {'mismatch': mismatch},
            'safety_gate': {'ledger': str(out / 'ledger.db')},
            'ledger_writer': {'ledger': str(out / 'ledger.db'), 'bag': str(out / 'bag'), 'policy': 'scripted_policy'},
            'bag_recorder': {'output': str(out / 'bag')},
        }
        self._environment = {
            **os.environ,
            'ROS_DOMAIN_ID': os.environ.get('ROS_DOMAIN_ID', str(random.randint(50, 100))),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': os.environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST'),
            'PYTHONSAFEPATH': '1',
        }

    def __enter__(self) -> Pilot:
        for name in NODES:
            self._start(name, self._own.get(name, {}))
        return self

    def _start(self, name: str, parameters: dict[str, str]) -> subprocess.Popen[bytes]:
        command = [sys.executable, '-m', f'transfer_audit.nodes.{name}', '--ros-args']
        for key, value in {'profile': str(self._profile), **parameters}.items():
            command += ['-p', f'{key}:={value}'] if value else []
        with (self._out / f'{name}.log').open('wb') as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment, start_new_session=True)
        self._processes[name] = process
        return process

    def memory_mib(self) -> dict[str, float]:
        """Resident memory of each node that runs."""
        found = {}
        for name, process in self._processes.items():
            try:
                pages = int(Path(f'/proc/{process.pid}/statm').read_text().split()[1])
            except (OSError, IndexError):
                continue
            found[name] = pages * os.sysconf('SC_PAGE_SIZE') / 2**20
        return found

    def play(self, rounds: int, each_second: Callable[[], None] = lambda: None) -> None:
        """Let the scripted policy play its rounds.

        :raises AuditError: if a node ends before that, or it takes far too long
        """
        policy = self._start('scripted_policy', {'rounds': str(rounds)})
        for _ in range(int(START_S + rounds * ROUND_S)):
            try:
                policy.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                self._check()
                each_second()
                continue
            if policy.returncode:
                raise AuditError(self._died('scripted_policy'))
            return
        raise AuditError(f'{rounds} rounds were not over after {START_S + rounds * ROUND_S:g} s; logs in {self._out}')

    def _check(self) -> None:
        for name, process in self._processes.items():
            if process.poll() is not None and name != 'scripted_policy':
                raise AuditError(self._died(name))

    def _died(self, name: str) -> str:
        log = self._out / f'{name}.log'
        lines = [line for line in log.read_text(errors='replace').splitlines() if line.strip()]
        return f'{name} ended early: {lines[-1] if lines else "it said nothing"} (log: {log})'

    def __exit__(self, *_: object) -> None:
        for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            running = [process for process in self._processes.values() if process.poll() is None]
            for process in running:
                process.send_signal(sent)
            for process in running:
                try:
                    process.wait(timeout=STOP_S)
                except subprocess.TimeoutExpired:
                    continue
