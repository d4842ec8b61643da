"""`transfer-audit VERB …`: one file per verb. Known errors become one sentence and exit code 2."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from transfer_audit import __version__
from transfer_audit.cli.manners import hushed, next_step, with_examples, with_quiet
from transfer_audit.core.errors import AuditError

VERBS = ('audit', 'calibrate', 'demo', 'watch', 'profile', 'family', 'ledger', 'regress', 'lab', 'bench', 'completion')

ALOUD = ('ledger', 'watch', 'completion')
"""Verbs that do nothing but show: no `--quiet`."""
EXAMPLES = """examples:
  transfer-audit demo
  transfer-audit profile new --model hand.xml --bag my_bag
  transfer-audit audit my_bag --profile profile.yaml --report report.html
  transfer-audit VERB --help

Exit codes: 0 agreed, 1 diverged, 2 cannot audit."""
BROKEN_PIPE = 141
"""What shells call a writer whose reader went away."""


def parser(verbs: Sequence[str] = VERBS) -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog='transfer-audit',
        description='Name the first divergence between a real hand and its simulation.',
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument('--version', action='version', version=__version__)
    commands = top.add_subparsers(dest='verb', metavar='VERB', required=True)
    for verb in verbs:
        module = importlib.import_module(f'transfer_audit.cli.{verb}')
        sub = commands.add_parser(
            module.NAME,
            help=module.HELP,
            description=module.HELP,
            epilog=getattr(module, 'EXAMPLES', None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
        with_examples(sub, getattr(module, 'EXAMPLES', ''))
        if verb not in ALOUD:
            with_quiet(sub)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb; the process's exit code."""
    arguments = parser().parse_args(argv)
    try:
        with hushed(arguments):
            return int(arguments.run(arguments))
    except AuditError as error:
        print(f'transfer-audit: {error}{next_step(error)}', file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
