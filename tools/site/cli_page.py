"""The command line as pages, one for each verb, in the parser's own words."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial

import tables

from transfer_audit.cli.main import parser

_WIDTH = 92


def pages() -> dict[str, str]:
    """`index` and one page for each verb."""
    top = parser()
    verbs = dict(_verbs(top))
    rows = [(f'[`{name}`]({name}.md)', verb.description or '') for name, verb in verbs.items()]
    index = tables.HEAD + '# Command line\n\n' + tables.table(('verb', 'what it does'), rows)
    index += '\nExit codes: 0 agreed, 1 diverged, 2 cannot audit (bad input, said in one sentence).\n'
    return {'index': index, **{name: _page(name, verb) for name, verb in verbs.items()}}


def _page(name: str, verb: argparse.ArgumentParser) -> str:
    text = f'{tables.HEAD}# `transfer-audit {name}`\n\n{tables.fenced(_help(verb))}'
    for sub, inner in _verbs(verb):
        text += f'\n## `{name} {sub}`\n\n{tables.fenced(_help(inner))}'
    return text


def _help(verb: argparse.ArgumentParser) -> str:
    verb.formatter_class = partial(argparse.RawDescriptionHelpFormatter, width=_WIDTH)  # type: ignore[assignment]
    return verb.format_help()


def _verbs(verb: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in verb._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()
