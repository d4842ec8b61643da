"""`transfer-audit bench`: measure this tool on this machine."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

from transfer_audit.cli.output import write_json
from transfer_audit.cli.progress import say
from transfer_audit.core.errors import AuditError, UnknownElement

NAME = 'bench'
HELP = 'measure this tool on this machine; figures are ratios of what was measured in the same run'
EXAMPLES = """examples:
  transfer-audit bench offline
  transfer-audit bench offline --minutes 2 --members 4 --storage sqlite3
  transfer-audit bench live --minutes 10
  transfer-audit bench divergence --quick
  transfer-audit bench divergence --jobs 2 --png curves --json divergence.json
  transfer-audit bench coverage --cases 100
  transfer-audit bench calibrate --traces xl330
  transfer-audit bench gate --replay rh56 --attack 1000000 --decision
  transfer-audit bench ledger --kills 1000 --edits 10000 --growth 100000 --commits 2000"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    verbs = parser.add_subparsers(
        dest='bench_verb', metavar='offline|live|divergence|coverage|calibrate|gate|ledger', required=True
    )
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
    _add_divergence(
        verbs.add_parser('divergence', help='faults of known kind, place, onset and size, and hours of none')
    )
    _add_coverage(verbs.add_parser('coverage', help='hands inside and outside of their family: is it said which?'))
    _add_calibrate(verbs.add_parser('calibrate', help='joint parameters against known truths and brute force'))
    _add_gate(verbs.add_parser('gate', help='the safety gate: real contacts replayed, attacked, timed'))
    _add_ledger(verbs.add_parser('ledger', help='the ledger: its writers killed, its file edited, grown, timed'))


def _add_divergence(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--quick', action='store_true', help='fewer scenes and sizes: within two minutes')
    parser.add_argument('--jobs', type=int, default=1, help='processes (1)')
    parser.add_argument('--scenes', type=int, help='motions (12, quick 4)')
    parser.add_argument('--faults', nargs='+', metavar='FAULT', default=(), help='only these (all)')
    parser.add_argument(
        '--traces', type=Path, metavar='FOLDER', help='real servo traces (xl330) to put faults into as well'
    )
    parser.add_argument('--json', type=Path, metavar='OUT', help='write figures and every outcome')
    parser.add_argument('--png', type=Path, metavar='FOLDER', help='draw the curves (needs matplotlib)')
    parser.set_defaults(measure=_divergence)


def _add_calibrate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--hands', type=int, default=10, help='emulated hands of random joints, 0: none (10)')
    parser.add_argument('--traces', type=Path, metavar='FOLDER', help='real servo traces (xl330), beside brute force')
    parser.add_argument('--json', type=Path, metavar='OUT', help='write every outcome')
    parser.set_defaults(measure=_calibrate)


def _add_coverage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--cases', type=int, default=100, help='hands outside, for each way to say how far (100)')
    parser.add_argument('--inside', type=int, default=50, help='hands inside (50)')
    parser.add_argument('--rounds', type=int, default=2, help='rounds of each hand (2)')
    parser.add_argument('--of', choices=('width', 'bound'), help='30 %% of what they lie outside (both)')
    parser.add_argument('--jobs', type=int, default=1, help='processes (1)')
    parser.add_argument('--json', type=Path, metavar='OUT', help='write every outcome')
    parser.set_defaults(measure=_coverage)


def run(arguments: argparse.Namespace) -> int:
    """0 if every figure is within its bound, else 1."""
    return int(arguments.measure(arguments))


def _offline(arguments: argparse.Namespace) -> int:
    from transfer_audit.bench.offline import PARALLEL, SEQUENTIAL, measure

    found = measure(arguments.minutes, arguments.members, arguments.storage, say)
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

    found = measure(arguments.minutes, say)
    print(json.dumps(asdict(found), indent=1) if arguments.json else found.table())
    return 0 if found.good else 1


def _calibrate(arguments: argparse.Namespace) -> int:
    from transfer_audit.bench.calibration.run import measure

    return measure(arguments.hands, arguments.traces, arguments.json, say)


def _divergence(arguments: argparse.Namespace) -> int:
    try:
        import matplotlib  # noqa: F401
        import river  # noqa: F401
    except ImportError as error:
        raise AuditError(f'{error.name} is missing; install it with: pip install "transfer_audit[bench]"') from error
    from transfer_audit.bench.divergence.curves import draw
    from transfer_audit.bench.divergence.faults import CATALOGUE
    from transfer_audit.bench.divergence.run import QUICK, Plan, measure
    from transfer_audit.bench.divergence.table import table

    known = [fault.name for fault in CATALOGUE]
    for name in arguments.faults:
        if name not in known:
            raise UnknownElement('--faults', 'fault', name, known)
    plan = replace(QUICK if arguments.quick else Plan(), faults=tuple(arguments.faults), traces=arguments.traces)
    plan = replace(plan, scenes=arguments.scenes) if arguments.scenes else plan
    found = measure(plan, arguments.jobs, say)
    print(table(found))
    write_json(arguments.json, found.as_dict())
    if arguments.png is not None:
        for path in draw(found, arguments.png):
            say(str(path))
    return 1 if found.broken else 0


def _coverage(arguments: argparse.Namespace) -> int:
    from transfer_audit.bench.coverage import measure

    found = measure(arguments.cases, arguments.inside, arguments.rounds, arguments.jobs, say, arguments.of)
    print(found.table())
    write_json(arguments.json, found.as_dict())
    return 0 if found.good else 1


def _add_gate(parser: argparse.ArgumentParser) -> None:
    from transfer_audit.bench.gate.cli import add_arguments as add

    add(parser)
    parser.set_defaults(measure=_gate)


def _gate(arguments: argparse.Namespace) -> int:
    from transfer_audit.bench.gate.cli import run as measure

    return measure(arguments, say)


def _add_ledger(parser: argparse.ArgumentParser) -> None:
    from transfer_audit.bench.ledger.cli import add_arguments as add

    add(parser)
    parser.set_defaults(measure=_ledger)


def _ledger(arguments: argparse.Namespace) -> int:
    from transfer_audit.bench.ledger.cli import run as measure

    return measure(arguments, say)
