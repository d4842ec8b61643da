"""The elements of one round: what is said of each, in a table and under its picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from transfer_audit.core.divergence.comparison import SEEN_WITHIN_S
from transfer_audit.core.phases import PHASES
from transfer_audit.report.tables import Verdict, known, number, tag
from transfer_audit.report.words import amount

_HEADS = ('element', 'channel', 'verdict', 'onset s', 'phase', 'smallest visible', 'RMS', 'peak score', 'covered')
_NOTE = (
    f'Smallest visible: the smallest lasting mismatch that would have been seen within {SEEN_WITHIN_S:g} s. '
    'RMS: of the real hand against the median of the family.'
)


def listing(elements: Iterable[tuple[str, str, str, Verdict]]) -> str:
    """One row per element, without the columns that nothing is known of.

    :param elements: channel, element, unit and what the verdict says of it
    """
    rows = [
        [
            escape(element),
            escape(channel),
            _verdict(state),
            number(state['onset_s'], '.3f'),
            state['phase'] or '–',
            escape(amount(state['smallest_visible'], unit)),
            escape(amount(state['rms'], unit)),
            number(state['score'], '.3g'),
            number(state['coverage'], '.1%'),
            ' / '.join(str(state['rows'][phase]) for phase in PHASES) if state['rows'] else '–',
        ]
        for channel, element, unit, state in elements
    ]
    heads = (*_HEADS, f'rows {" / ".join(PHASES)}')
    return f'{known(heads, rows, {3, 5, 6, 7, 8, 9})}<p class="soft">{_NOTE}</p>'


def told(state: Verdict, unit: str) -> str:
    """The line under the picture of an element."""
    onset = '' if state['onset_s'] is None else f'{state["kind"]} from {state["onset_s"]:.3f} s on'
    score, seen = (
        f'peak score {number(state["score"], ".3g")}',
        f'smallest visible {amount(state["smallest_visible"], unit)}',
    )
    return escape(_joined([state['why'], onset, state['phase'] or '', score, seen]))


def _verdict(state: Verdict) -> str:
    more = state['why'] or state['kind'] or ''
    return tag(state['verdict']) + (f' {escape(more)}' if more else '')


def _joined(words: Sequence[str]) -> str:
    return ' · '.join(word for word in words if word)
