"""`transfer-audit watch`: a pilot in the terminal, live or from a bag."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.live import Live

from transfer_audit.core.errors import AuditError
from transfer_audit.core.types import NS, to_ns

NAME = 'watch'
HELP = 'draw a pilot in the terminal: scores, forces, budgets, rounds and the first divergence, live or from a bag'
EXAMPLES = """examples:
  transfer-audit watch --profile config/my_hand/profile.yaml
  transfer-audit watch --once                                          # one frame, for a script or a log
  transfer-audit watch --bag round_bag --profile P --speed 2           # a recorded pilot; else audited first"""

STEP_S = 0.2
LINE_S = 1.0
"""Where stdout is no terminal, a line is printed this often."""
HEAR_S, SETTLE_S = 8.0, 1.2
"""How long `--once` waits for the essential topics, and then for the others: nodes report once a second."""
ESSENTIAL = {'gate/status', 'round', '/diagnostics'}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument('--profile', type=Path, help="the hand's profile.yaml; without it there are no forces")
    parser.add_argument('--model', type=Path, help='MJCF or URDF that replaces the model of the profile')
    parser.add_argument('--namespace', default='', help='of the pilot')
    parser.add_argument('--bag', type=Path, help='play this bag instead of listening')
    parser.add_argument('--speed', type=float, default=1.0, help='seconds of the bag per second (1)')
    parser.add_argument('--once', action='store_true', help='print one frame, of a bag its last, and end')


def run(arguments: argparse.Namespace) -> int:
    """Draw until the bag ends or Ctrl-C; 2 if there is nothing to draw."""
    if not arguments.speed > 0:
        raise AuditError(f'--speed must be over 0, found {arguments.speed:g}')
    binding = None
    if arguments.profile is not None:
        from transfer_audit.core.binding import open_hand

        binding = open_hand(arguments.profile, arguments.model)
    return _play(arguments, binding) if arguments.bag is not None else _listen(arguments, binding)


def _listen(arguments: argparse.Namespace, binding: Any) -> int:
    """Follow a running pilot."""
    try:
        from transfer_audit.watch.live import Ears
    except ImportError as error:
        raise AuditError(
            f"watching a running pilot needs ROS 2: pip install 'transfer_audit[ros]', or give --bag ({error})"
        ) from error
    from transfer_audit.watch.pilot import Pilot
    from transfer_audit.watch.topics import wanted

    domain = os.environ.get('ROS_DOMAIN_ID') or '0'
    pilot = Pilot(binding, f'live, domain {domain}')
    with Ears(wanted(binding), arguments.namespace) as ears:
        if not arguments.once:
            _show(pilot, _ticks(lambda: ears.read(pilot)))
            return 0
        _hear(lambda: ears.read(pilot), lambda: pilot.heard_ns.keys() >= ESSENTIAL)
    if not pilot.heard_ns:
        raise AuditError(f'no pilot heard for {HEAR_S:g} s in ROS domain {domain}; is it running, in this namespace?')
    _print(pilot)
    return 0


def _hear(read: Callable[[], object], enough: Callable[[], bool]) -> None:
    """Listen until there is enough for a frame, and a little longer, or for HEAR_S."""
    end_s = time.monotonic() + HEAR_S
    heard = False
    while not heard and time.monotonic() < end_s:
        time.sleep(STEP_S)
        read()
        heard = enough()
    end_s = time.monotonic() + SETTLE_S
    while heard and time.monotonic() < end_s:
        time.sleep(STEP_S)
        read()


def _ticks(work: Callable[[], object]) -> Iterator[None]:
    """Work every STEP_S, for ever."""
    while True:
        work()
        yield
        time.sleep(STEP_S)


def _play(arguments: argparse.Namespace, binding: Any) -> int:
    """Play a bag; one without a word of a pilot is audited first."""
    from transfer_audit.bags.reader import open_bag
    from transfer_audit.watch.playback import found_in, was_piloted
    from transfer_audit.watch.topics import wanted

    with open_bag(arguments.bag) as bag:
        topics = found_in(bag, wanted(binding))
        if was_piloted(topics):
            _play_topics(arguments, binding, bag, topics)
            return 0
    if binding is None:
        raise AuditError(f'{arguments.bag}: no pilot was recorded here; give --profile, and it is audited first')
    with TemporaryDirectory(prefix='transfer_audit_watch_') as folder:
        evidence = Path(folder, 'evidence.mcap')
        _audit(arguments.bag, binding, evidence)
        with open_bag(evidence) as bag:
            _play_topics(arguments, binding, bag, found_in(bag, wanted(binding)))
    return 0


def _audit(path: Path, binding: Any, out: Path) -> None:
    from transfer_audit.bags.audit import audit_recording
    from transfer_audit.report.evidence import open_evidence

    print(f'{path}: no pilot was recorded here, so it is audited first', file=sys.stderr)
    with open_evidence(out, binding) as evidence:
        evidence.conclude(audit_recording(path, binding, threads=os.cpu_count() or 1, watch=evidence.watch))


def _play_topics(arguments: argparse.Namespace, binding: Any, bag: Any, topics: Any) -> None:
    from transfer_audit.watch.pilot import Pilot
    from transfer_audit.watch.playback import frames

    pilot = Pilot(binding, f'{arguments.bag.name}, speed {arguments.speed:g}')
    steps = frames(bag, topics, pilot, max(1, to_ns(STEP_S * arguments.speed)))
    if arguments.once:
        for _ in steps:
            pass
        _print(pilot)
    else:
        _show(pilot, _paced(steps, bag.start_ns, arguments.speed))


def _paced(steps: Iterator[int], start_ns: int, speed: float) -> Iterator[None]:
    """The steps of a bag, each when it is due."""
    began_s = time.monotonic()
    for at_ns in steps:
        time.sleep(max(0.0, began_s + (at_ns - start_ns) / NS / speed - time.monotonic()))
        yield


def _show(pilot: Any, steps: Iterator[object]) -> None:
    """Draw after every step until they end or Ctrl-C, and leave the last frame; a line every LINE_S if no terminal."""
    console = Console(highlight=False)
    with _until_asked(steps) as steps:
        if not console.is_terminal:
            _lines(pilot, steps)
            return
        _draw(pilot, steps, console)
    _print(pilot)


@contextmanager
def _until_asked(steps: Iterator[object]) -> Iterator[Iterator[object]]:
    """The steps until SIGINT or SIGTERM. A KeyboardInterrupt would arise in the middle of anything, and the middleware
    makes another error of it."""
    asked: list[int] = []
    before = {number: signal.signal(number, lambda n, _: asked.append(n)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield takewhile(lambda _: not asked, steps)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _lines(pilot: Any, steps: Iterator[object]) -> None:
    from transfer_audit.watch.frame import plain

    last_s = -LINE_S
    for _ in steps:
        if time.monotonic() - last_s >= LINE_S:
            last_s = time.monotonic()
            print(f'{time.strftime("%H:%M:%S", time.gmtime(pilot.now_ns / NS))}  {plain(pilot)}', flush=True)


def _draw(pilot: Any, steps: Iterator[object], console: Console) -> None:
    from transfer_audit.watch.bars import glyphs_for
    from transfer_audit.watch.frame import frame

    glyphs = glyphs_for(console.encoding)
    with Live(console=console, auto_refresh=False, screen=True) as live:
        for _ in steps:
            live.update(frame(pilot, glyphs, console.width, console.height), refresh=True)


def _print(pilot: Any) -> None:
    """One frame, as it stands."""
    from transfer_audit.watch.bars import glyphs_for
    from transfer_audit.watch.frame import frame

    console = Console(highlight=False)
    width = console.width if console.is_terminal else max(80, console.width)
    console.print(frame(pilot, glyphs_for(console.encoding), width), overflow='crop', no_wrap=True)
