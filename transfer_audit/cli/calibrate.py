"""`transfer-audit calibrate`: what ordinary recordings say of a hand, and a profile that says it."""

from __future__ import annotations

import argparse
import datetime
import functools
import os
import sys
from pathlib import Path
from typing import Any

import mujoco
import numpy
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from transfer_audit import __version__
from transfer_audit.cli.output import write_json
from transfer_audit.cli.progress import Eta
from transfer_audit.core.errors import AuditError
from transfer_audit.ledger.files import sha256_of

NAME = 'calibrate'
HELP = 'measure delay, noise, friction, compliance and speed of a hand from recordings'
EXAMPLES = """examples:
  transfer-audit calibrate bags/* --profile P
  transfer-audit calibrate bags/* --profile P --write measured.yaml
  transfer-audit calibrate my_bag --profile P --model hand.xml --json -"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument('bags', metavar='BAG', nargs='+', type=Path, help='bag folder, .mcap or .db3 file')
    parser.add_argument('--profile', required=True, type=Path, help="the hand's profile.yaml")
    parser.add_argument('--model', type=Path, help='MJCF or URDF that replaces the model of the profile')
    parser.add_argument('--write', metavar='P2', type=Path, help='write a profile with what was measured')
    parser.add_argument('--force', action='store_true', help='replace P2 if it exists')
    parser.add_argument('--no-fit', action='store_true', help='only measure: fit no models of joints and fingertips')
    parser.add_argument('--json', metavar='OUT', help='write all as JSON to a file, or - for stdout alone')
    parser.add_argument('--quiet', action='store_true', help='print nothing but errors')


def run(arguments: argparse.Namespace) -> int:
    """Calibrate, print, write."""
    from transfer_audit.core.binding import open_hand
    from transfer_audit.report.calibration import changed, document, tables

    _check(arguments)
    binding = open_hand(arguments.profile, arguments.model)
    found = _calibrated(arguments, binding)
    write_json(arguments.json, document(found, binding, arguments.bags))
    if not arguments.quiet and arguments.json != '-':
        console = Console(width=None if sys.stdout.isatty() else 160)
        for table in tables(found):
            console.print(table)
        console.print(changed(found, binding))
        for warning in found.warnings:
            console.print(f'warning: {warning}', markup=False, highlight=False)
    if arguments.write is not None:
        _write(arguments, binding, found)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """What can be seen to be wrong before the work begins."""
    target: Path | None = arguments.write
    if target is not None and target.resolve() == arguments.profile.resolve():
        raise AuditError(f'{target}: --write makes a new profile; give it another name than {arguments.profile}')
    if target is not None and target.exists() and not arguments.force:
        raise AuditError(f'{target}: exists; give another name, or --force to replace it')
    for out in (target, arguments.json and Path(arguments.json)):
        if out and str(out) != '-' and not os.access(out.resolve().parent, os.W_OK):
            raise AuditError(f'{out}: cannot be written: no folder {out.resolve().parent} to write in')
    if len({bag.resolve() for bag in arguments.bags}) < len(arguments.bags):
        raise AuditError('a bag is given more than once; it would count twice')


def _calibrated(arguments: argparse.Namespace, binding: Any) -> Any:
    from transfer_audit.bags.traces import recording_of, traces_of
    from transfer_audit.core.calibrate.calibration import calibrate

    columns = SpinnerColumn(), TextColumn('{task.description}'), TimeElapsedColumn()
    hidden = arguments.quiet or not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task('reading')
        traces, recordings = [], []
        for bag in arguments.bags:
            bar.update(task, description=f'reading {bag.name}')
            traces += traces_of(bag, binding)
            recordings.append(recording_of(bag, binding))
        say = functools.partial(bar.update, task)
        eta = Eta()

        def tell(what: str) -> None:
            say(description=f'{what}{eta.left(what)}')

        return calibrate(traces, binding, recordings, tell, not arguments.no_fit)


def _write(arguments: argparse.Namespace, binding: Any, found: Any) -> None:
    """Write the new profile and hold it against its model, so that no broken one is left unsaid."""
    from transfer_audit.cli.profile_edit import write_edited
    from transfer_audit.core.binding import open_hand
    from transfer_audit.core.calibrate.changes import apply

    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    provenance = _provenance(arguments, binding, found, today)

    def edit(profile: dict[str, Any]) -> None:
        apply(found, binding, profile)
        profile['provenance'] = provenance

    write_edited(arguments.profile, arguments.write, edit, arguments.model)
    open_hand(arguments.write)
    if not arguments.quiet and arguments.json != '-':
        print(f'{arguments.write}: written')


def _provenance(arguments: argparse.Namespace, binding: Any, found: Any, date: str) -> dict[str, Any]:
    """Where the numbers of a written profile are from."""
    from transfer_audit.core.calibrate.changes import family_changes, rounded, unchanged

    why = {f'family.parameters.{change.name}': change.why for change in family_changes(found, binding)}
    why |= {'.'.join(setting.at): setting.why for setting in found.settings}
    return {
        'calibrated': date,
        'from_profile': {'file': arguments.profile.name, 'sha256': binding.profile.digest},
        'model_sha256': binding.model_digest,
        'bags': {bag.name: digests(bag) for bag in arguments.bags},
        'versions': {'transfer_audit': __version__, 'mujoco': mujoco.__version__, 'numpy': numpy.__version__},
        'measured': why,
        'not_measured': list(unchanged(found, binding)),
        'residuals': {
            r.of: {'before': rounded(r.before), 'after': rounded(r.after), 'noise': rounded(r.noise), 'unit': r.unit}
            for r in found.residuals
        },
        'warnings': list(found.warnings),
    }


def digests(bag: Path) -> dict[str, str]:
    """SHA-256 of each file of a bag."""
    files = sorted(path for path in bag.rglob('*') if path.is_file()) if bag.is_dir() else [bag]
    return {path.name: sha256_of(path) for path in files}
