"""A verdict document and its curves -> one HTML file that needs nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from html import escape
from pathlib import Path

from transfer_audit.core.errors import AuditError
from transfer_audit.report import elements, tables
from transfer_audit.report.collect import Collector
from transfer_audit.report.figures import Figures
from transfer_audit.report.style import CSS, LEGEND
from transfer_audit.report.tables import tag
from transfer_audit.report.words import Verdict, opening, place, whole_channel

MOST_DRAWN = 40
"""Rounds with figures, diverged ones first, so that the file of a long session still opens."""
POLICY = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'">'


def write_report(path: Path | str, document: Verdict, collector: Collector) -> None:
    """Write the report of one bag.

    :raises AuditError: if the file cannot be written
    """
    text = page(document, collector, datetime.now(timezone.utc))
    try:
        Path(path).write_bytes(text.encode('utf-8', 'replace'))
    except OSError as error:
        raise AuditError(f'{path}: cannot write the report: {error.strerror}') from error


def page(document: Verdict, collector: Collector, written: datetime) -> str:
    """The whole HTML."""
    rounds, bag = document['rounds'], escape(Path(document['bag']).name)
    ranked = [v['round'] for v in sorted(rounds, key=lambda v: v['verdict'] != 'diverged')]
    sections = [_section(v, collector, v['round'] in ranked[:MOST_DRAWN], v['round'] == ranked[0]) for v in rounds]
    sentences = [
        f'<li>{tag(v["verdict"])} {_name(v)}: {escape(opening(v, interval=len(rounds) == 1))}</li>' for v in rounds
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{POLICY}'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{bag}: transfer audit</title><style>{CSS}</style></head><body><header>'
        f'<p class="soft">Transfer audit of {escape(collector.binding.profile.hand)} · {bag}</p>'
        f'<h1>{_headline(rounds)}</h1>{_firsts(rounds)}</header><main><ol>{"".join(sentences)}</ol>'
        f'<h2>Rounds</h2>{tables.overview(rounds)}<h2>Round by round</h2>{LEGEND}{"".join(sections)}'
        f'<h2>Provenance</h2>{tables.provenance(document, collector.binding, written)}</main></body></html>\n'
    )


def _headline(rounds: Sequence[Verdict]) -> str:
    if not rounds:
        return 'No round in this bag'
    counts = Counter(verdict['verdict'] for verdict in rounds)
    said = ', '.join(f'{counts[kind]} {kind}' for kind in ('diverged', 'agreed', 'unauditable') if counts[kind])
    return f'{len(rounds)} {"round" if len(rounds) == 1 else "rounds"}: {said}'


def _firsts(rounds: Sequence[Verdict]) -> str:
    """What parted first, and how often."""
    firsts = [(verdict, verdict['first_divergence']) for verdict in rounds if verdict['first_divergence']]
    counts = Counter(f'{first["kind"]} {place(verdict, first)}' for verdict, first in firsts)
    said = ', '.join(f'{what} in {count} of {len(rounds)}' for what, count in counts.most_common(5))
    return f'<p>First to part: {escape(said)}.</p>' if len(rounds) > 1 and said else ''


def _section(verdict: Verdict, collector: Collector, drawn: bool, opened: bool) -> str:
    figures = _figures(verdict, collector) if drawn else '<p>Not drawn: this report has figures of other rounds.</p>'
    return (
        f'<details{" open" if opened else ""}><summary>{tag(verdict["verdict"])} <b>{_name(verdict)}</b>: '
        f'{escape(verdict["reason"])}</summary><div id="round-{verdict["round"]}">{figures}<h3>Timing</h3>'
        f'{tables.timing(verdict)}<h3>Metrics</h3>{tables.metrics(verdict)}</div></details>'
    )


def _figures(verdict: Verdict, collector: Collector) -> str:
    """The first element to part, or the one nearest to its alarm level, large; the others small; a table of all."""
    states = [verdict['channels'][channel][element] for channel, element in collector.names]
    order = sorted(range(len(states)), key=lambda index: _urgency(states[index]))
    lead, title = _lead(verdict, collector, order)
    figures = Figures(collector, verdict)
    captions = [elements.told(state, unit) for state, unit in zip(states, collector.units, strict=True)]
    small = [
        f'<figure><figcaption><span>{_element(collector, index)}</span>{tag(states[index]["verdict"])}</figcaption>'
        f'{figures.small(index, states[index]["onset_s"])}<figcaption>{captions[index]}</figcaption></figure>'
        for index in order
        if index != lead
    ]
    others = f'<h3>All other elements, by onset, then by score</h3><div class="small">{"".join(small)}</div>'
    large = f'{figures.large(lead)}<figcaption>{captions[lead]}</figcaption>'
    listing = elements.listing([(*collector.names[index], collector.units[index], states[index]) for index in order])
    return (
        f'<h3>{title}</h3><figure class="large">{large}</figure>{_ties(verdict)}{others if small else ""}'
        f'<h3>Elements</h3>{listing}'
    )


def _lead(verdict: Verdict, collector: Collector, order: Sequence[int]) -> tuple[int, str]:
    """Which element to draw large, and why it is: a fault of a whole topic has no curve of its own."""
    first = verdict['first_divergence']
    if first is None:
        return order[0], f'Nearest to its alarm level: {_element(collector, order[0])}'
    theirs = [index for index in order if collector.names[index][0] == first['channel']] or order
    if whole_channel(verdict, first):
        said = f'{first["kind"]} {place(verdict, first)}'
        return theirs[0], f'First divergence: {escape(said)}, shown at {_element(collector, theirs[0])}'
    lead = next(index for index in theirs if collector.names[index][1] == first['element'])
    return lead, f'First divergence: {first["kind"]} at {_element(collector, lead)}'


def _element(collector: Collector, index: int) -> str:
    channel, element = collector.names[index]
    return f'{escape(element)} <span class="soft">({escape(channel)}, {escape(collector.units[index])})</span>'


def _ties(verdict: Verdict) -> str:
    ties = (verdict['first_divergence'] or {}).get('ties', [])
    said = ', '.join(f'{tie["kind"]} {place(verdict, tie)}' for tie in ties)
    return f'<p>Tied with it, as the onset intervals overlap: {escape(said)}.</p>' if said else ''


def _urgency(state: Verdict) -> tuple[float, float]:
    return (float('inf') if state['onset_s'] is None else state['onset_s'], -(state['score'] or 0.0))


def _name(verdict: Verdict) -> str:
    return f'round {verdict["round"]}' + (f' ({escape(verdict["task"])})' if verdict['task'] else '')
