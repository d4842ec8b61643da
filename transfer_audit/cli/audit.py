"""`transfer-audit audit`: bags -> verdicts."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn

from transfer_audit.cli.manners import next_step
from transfer_audit.cli.output import write_json
from transfer_audit.core.divergence import Law
from transfer_audit.core.errors import AuditError
from transfer_audit.core.verdict import exit_code

NAME = 'audit'
HELP = 'audit rosbag2 recordings of a real hand against its simulation'
EXAMPLES = """examples:
  transfer-audit audit my_bag --profile config/my_hand/profile.yaml
  transfer-audit audit bags/* --profile P --json verdicts.json --ledger ledger.db --jobs 2
  transfer-audit audit real_bag --profile P --sim-bag simulated_bag
  transfer-audit audit my_bag --profile P --evidence evidence.mcap     # for PlotJuggler, Foxglove, Rerun"""

Outcome = dict[str, Any] | str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument('bags', metavar='BAG', nargs='+', type=Path, help='bag folder, .mcap or .db3 file')
    parser.add_argument('--profile', required=True, type=Path, help="the hand's profile.yaml")
    parser.add_argument('--model', type=Path, help='MJCF or URDF that replaces the model of the profile')
    parser.add_argument('--sim-bag', type=Path, help='a recorded simulation instead of the family of the profile')
    parser.add_argument(
        '--agreeing', metavar='GOOD', nargs='+', type=Path, default=[],
        help='recordings known to agree: alarm levels are raised to what they demand',
    )  # fmt: skip
    parser.add_argument('--ledger', metavar='L', help='record every round in this ledger, a file or a URL')
    parser.add_argument('--report', type=Path, help='write a report of the (single) bag as HTML')
    parser.add_argument(
        '--evidence', metavar='OUT', type=Path,
        help='write both sides, residuals, scores and events: one .mcap file or a new bag folder; for many bags a '
        'folder with a bag for each',
    )  # fmt: skip
    parser.add_argument('--json', metavar='OUT', help='write the verdicts as JSON to a file, or - for stdout alone')
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1, help='threads for one bag, processes for many')
    parser.add_argument('--quiet', action='store_true', help='print nothing but errors')


def run(arguments: argparse.Namespace) -> int:
    """Audit, print, record; 2 if any bag could not be audited, else 1 if any round diverged."""
    if arguments.report is not None and len(arguments.bags) > 1:
        raise AuditError('--report takes one bag; give each bag its own report')
    if arguments.jobs < 1:
        raise AuditError(f'--jobs must be 1 or more, found {arguments.jobs}')
    for target in (arguments.report, arguments.json and Path(arguments.json)):
        if target and str(target) != '-' and not os.access(target.resolve().parent, os.W_OK):
            raise AuditError(f'{target}: cannot be written: no folder {target.resolve().parent} to write in')
    if arguments.evidence is not None:
        from transfer_audit.report.evidence import evidence_path

        for bag in arguments.bags:
            evidence_path(arguments.evidence, bag, arguments.bags)
    documents, failed = [], False
    talk = not arguments.quiet and arguments.json != '-'
    for bag, outcome in zip(arguments.bags, _outcomes(arguments, _law(arguments)), strict=True):
        if isinstance(outcome, str):
            failed = True
            print(f'transfer-audit: {outcome}', file=sys.stderr)
            continue
        documents.append(outcome)
        if talk:
            for round_ in outcome['rounds']:
                print(f'{bag.name}  round {round_["round"]}  {round_["verdict"]}: {round_["reason"]}')
    write_json(arguments.json, documents[0] if len(arguments.bags) == 1 and documents else documents)
    if arguments.ledger is not None:
        _record(arguments, documents)
    codes = [exit_code(document['rounds']) for document in documents]
    return 2 if failed or 2 in codes else max(codes, default=2)


def _law(arguments: argparse.Namespace) -> Law | None:
    """The alarm levels that `--agreeing` demands."""
    from transfer_audit.bags.audit import agreeing_law
    from transfer_audit.core.binding import open_hand

    if not arguments.agreeing:
        return None
    return agreeing_law(arguments.agreeing, open_hand(arguments.profile, arguments.model), arguments.jobs)


def _outcomes(arguments: argparse.Namespace, law: Law | None) -> Iterator[Outcome]:
    """A document or an error sentence for each bag, in order."""
    with Progress(*Progress.get_default_columns()[:-1], TimeRemainingColumn(), console=Console(stderr=True),
                  transient=True, disable=arguments.quiet or not sys.stderr.isatty()) as bar:  # fmt: skip
        bags = arguments.bags
        task = bar.add_task('auditing', total=float(len(bags)))
        if len(bags) == 1 or arguments.jobs == 1:
            for index, bag in enumerate(bags):
                yield _attempt(
                    arguments, bag, law, arguments.jobs, lambda done, i=index: bar.update(task, completed=i + done)
                )
            return
        with ProcessPoolExecutor(min(arguments.jobs, len(bags))) as pool:
            for outcome in pool.map(_attempt, [arguments] * len(bags), bags, [law] * len(bags)):
                bar.advance(task)
                yield outcome


def _attempt(
    arguments: argparse.Namespace, bag: Path, law: Law | None, threads: int = 1, progress: Any = None
) -> Outcome:
    """One bag; a bag that cannot be audited is a sentence, so that it does not stop the others."""
    from transfer_audit.bags.audit import audit_recording
    from transfer_audit.core.binding import open_hand

    try:
        binding = open_hand(arguments.profile, arguments.model)
        with ExitStack() as writers:
            shown, conclude = _lookers(arguments, bag, binding, writers)

            def watch(scored: Any) -> None:
                for each in shown:
                    each(scored)

            document = audit_recording(bag, binding, arguments.sim_bag, threads, progress, watch, law)
            for each in conclude:
                each(document)
        return document
    except AuditError as error:
        return f'{error}{next_step(error)}'


def _lookers(arguments: argparse.Namespace, bag: Path, binding: Any, writers: ExitStack) -> tuple[Any, Any]:
    """What is shown every row, and what is told the verdicts: the report and the evidence that were asked for."""
    shown, conclude = [], []
    if arguments.report is not None:
        from transfer_audit.report.collect import Collector
        from transfer_audit.report.html import write_report

        collector = Collector(binding)
        shown.append(collector.watch)
        conclude.append(lambda document: write_report(arguments.report, document, collector))
    if arguments.evidence is not None:
        from transfer_audit.report.evidence import evidence_path, open_evidence

        out = evidence_path(arguments.evidence, bag, arguments.bags)
        evidence = writers.enter_context(open_evidence(out, binding))
        shown.append(evidence.watch)
        conclude.append(evidence.conclude)
    return shown, conclude


def _record(arguments: argparse.Namespace, documents: list[dict[str, Any]]) -> None:
    from transfer_audit.core.binding import open_hand
    from transfer_audit.ledger.document import record_document

    binding = open_hand(arguments.profile, arguments.model)
    for document in documents:
        record_document(arguments.ledger, binding, document)
