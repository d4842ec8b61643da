"""`transfer-audit bench`: measure this tool on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

NAME = 'bench'
HELP = 'measure this tool on this machine; figures are ratios of what was measured in the same run'
EXAMPLES = """examples:
  transfer-audit bench offline
  transfer-audit bench offline --minutes 2 --members 4 --storage sqlite3
  transfer-audit bench live --minutes 10"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    verbs = parser.add_subparsers(dest='bench_verb', metavar='offline|live', required=True)
    offline = verbs.add_parser('offline', help='an audit against bulk decode + bare simulation steps')
    offline.add_argument('--minutes', type=float, default=10.0, help='length of the recording (10)')
    offline.add_argument('--members', type=int, default=16, help='members of the family (16)')
    offline.add_argument('--storage', choices=('mcap', 'sqlite3'), default='mcap')
    offline.set_defaults(measure=_offline)
    live = verbs.add_parser('live', help='a pilot on the emulated hand: lag of the shadow, late rows, memory')
    live.add_argument('--minutes', type=float, default=10.0, help='length of the pilot (10)')
    live.set_defaults(measure=_live)
    for verb in (offline, live):
        verb.add_argument('--json', action='store_true', help='print figures as JSON')


def run(arguments: argparse.Namespace) -> int:
    """0 if every figure is within its bound, else 1."""
    return int(arguments.measure(arguments))


def _say(text: str) -> None:
    print(f'… {text}', file=sys.stderr, flush=True)


def _offline(arguments: argparse.Namespace) -> int:
    from transfer_audit.bench.offline import PARALLEL, SEQUENTIAL, measure

    found = measure(arguments.minutes, arguments.members, arguments.storage, _say)
    if arguments.json:
        print(json.dumps({**asdict(found), 'sequential': found.sequential, 'parallel': found.parallel}, indent=1))
    else:
        print(f'{found.messages} messages, {found.members} members, {arguments.minutes:g} min; {found.verdict}')
        print(f'bulk decode {found.decode_s:.2f} s + bare steps {found.steps_s:.2f} s, one thread')
        print(f'audit, one thread   {found.one_thread_s:7.2f} s   ratio {found.sequential:.3f}   bound {SEQUENTIAL}')
        print(f'audit, two threads  {found.two_threads_s:7.2f} s   ratio {found.parallel:.3f}   bound {PARALLEL}')
        print(f'peak memory {found.peak_mib:.0f} MiB (with the recording made in the same process)')
    return 0 if found.sequential <= SEQUENTIAL and found.parallel <= PARALLEL else 1


def _live(arguments: argparse.Namespace) -> int:
    from transfer_audit.bench.live import measure

    found = measure(arguments.minutes, _say)
    print(json.dumps(asdict(found), indent=1) if arguments.json else found.table())
    return 0 if found.good else 1
