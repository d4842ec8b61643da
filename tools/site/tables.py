"""Small pieces of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

HEAD = '<!-- Made from the code by tools/site. -->\n\n'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; bars within cells are escaped."""
    lines = [heads, ['---'] * len(heads), *rows]
    return '\n'.join('| ' + ' | '.join(cell.replace('|', '\\|') for cell in line) + ' |' for line in lines) + '\n'


def fenced(text: str, language: str = 'text') -> str:
    """A block of code."""
    return f'```{language}\n{text.rstrip()}\n```\n'
