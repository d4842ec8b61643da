"""`transfer-audit regress`: the cases of earlier rounds, audited with another profile."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from transfer_audit.cli.output import write_json
from transfer_audit.core.errors import AuditError

NAME = 'regress'
HELP = 'audit transfer cases again with another profile: what is covered now, what is not, what got worse'
EXAMPLES = """examples:
  transfer-audit ledger case 3 --ledger ledger.db --to cases/3
  transfer-audit regress cases/* --profile next.yaml
exit codes: 0 every case is covered, 1 one is not or got worse, 2 one cannot be audited"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument('cases', metavar='CASE', nargs='+', type=Path, help='folder that `ledger case` wrote')
    parser.add_argument('--profile', required=True, type=Path, help='the profile to be judged')
    parser.add_argument('--model', type=Path, help='MJCF or URDF that replaces the model of the profile')
    parser.add_argument('--json', metavar='OUT', help='write the findings as JSON to a file, or - for stdout alone')
    parser.add_argument('--jobs', type=int, default=1, help='threads (default: %(default)s)')


def run(arguments: argparse.Namespace) -> int:
    """Audit each case; 2 if one could not be audited, else 1 unless all are covered."""
    from transfer_audit.bags.case import judge_case
    from transfer_audit.core.binding import open_hand

    binding = open_hand(arguments.profile, arguments.model)
    findings, failed = [], False
    for case in arguments.cases:
        try:
            judgement, said = judge_case(case, binding, arguments.jobs)
        except AuditError as error:
            failed = True
            print(f'transfer-audit: {error}', file=sys.stderr)
            continue
        findings.append({'case': str(case), 'judgement': judgement, 'says': said})
        if arguments.json != '-':
            print(f'{case}  {judgement}: {said}')
    write_json(arguments.json, findings)
    if failed:
        return 2
    return 0 if all(finding['judgement'] == 'covered' for finding in findings) else 1
