"""`transfer-audit VERB …`: one file per verb. Known errors become one sentence and exit code 2."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from transfer_audit import __version__
from transfer_audit.core.errors import AuditError

VERBS = ('audit', 'calibrate', 'demo', 'watch', 'profile', 'family', 'ledger', 'regress', 'lab', 'bench')


def parser(verbs: Sequence[str] = VERBS) -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog='transfer-audit',
        description='Name the first divergence between a real hand and its simulation.',
        epilog='Exit codes: 0 agreed, 1 diverged, 2 cannot audit.',
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
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb; the process's exit code."""
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except AuditError as error:
        print(f'transfer-audit: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
