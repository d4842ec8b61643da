"""Adds the reference pages to the site while it is built; they are made from the code and kept nowhere."""

from __future__ import annotations

from pathlib import Path

import cli_page
import profile_page
import python_page
import topics_page
import verdict_page
from mkdocs.structure.files import File


def pages() -> dict[str, str]:
    """Every generated page: its place in the site and its Markdown."""
    return {
        'reference/profile.md': profile_page.page(),
        'reference/topics.md': topics_page.page(),
        'reference/verdict.md': verdict_page.page(),
        'reference/python.md': python_page.page(),
        **{f'reference/cli/{name}.md': text for name, text in cli_page.pages().items()},
    }


def on_files(files, config):
    """MkDocs: the pages that are not in the folder."""
    for place, text in pages().items():
        files.append(File.generated(config, place, content=text))
    return files


def on_config(config):
    """MkDocs: one entry of the menu for each verb; pages that it does not name stand at the end of `How it works`."""
    sections = {title: entries for section in config.nav for title, entries in section.items()}
    named = {place for entries in sections.values() for entry in entries for place in entry.values()}
    there = {path.name for path in Path(config.docs_dir).glob('*.md')}
    sections['How it works'] += sorted(there - named)
    for entry in sections['Reference']:
        if 'Command line' in entry:
            entry['Command line'] = [f'reference/cli/{name}.md' for name in cli_page.pages()]
    return config
