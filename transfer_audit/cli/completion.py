"""`transfer-audit completion`: a script for the shell that completes verbs, options and files."""

from __future__ import annotations

import argparse

from transfer_audit.core.errors import AuditError

NAME = 'completion'
HELP = 'print a script that completes this command in your shell'
EXAMPLES = """examples:
  source <(transfer-audit completion bash)                   # this shell only
  transfer-audit completion bash > ~/.local/share/bash-completion/completions/transfer-audit
  transfer-audit completion zsh > ~/.zfunc/_transfer-audit   # with fpath+=~/.zfunc before compinit
  transfer-audit completion fish > ~/.config/fish/completions/transfer-audit.fish"""

SHELLS = ('bash', 'zsh', 'fish')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument('shell', choices=SHELLS, help='the shell')


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    from transfer_audit.cli.main import parser

    try:
        import shtab
    except ImportError as error:
        raise AuditError('completion needs shtab: pip install shtab') from error
    whole = parser()
    for each in _all(whole):
        for action in each._actions:
            if action.type is not None and getattr(action.type, '__name__', '') == 'Path':
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(whole, arguments.shell))
    return 0


def _all(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """A parser and those of its verbs."""
    found = [parser]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [inner for sub in dict.fromkeys(action.choices.values()) for inner in _all(sub)]
    return found
