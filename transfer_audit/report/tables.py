"""Parts of a verdict -> HTML tables."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from html import escape
from typing import Any

import mujoco
import numpy as np

from transfer_audit import __version__
from transfer_audit.core.binding import Binding

Verdict = dict[str, Any]
SIGNS = {'diverged': '▲ diverged', 'agreed': '● agreed', 'unauditable': '○ unauditable', 'unaudited': '○ unaudited'}
_ROUND = ('round', 'task', 'verdict')
_FIRST = ('channel', 'kind', 'element')
_WHEN = ('onset s', 'interval s', 'flagged s', 'slip sim → real')
_REGULARITY = {'rate_hz': 'rate Hz', 'drops': 'drops', 'longest_gap_ms': 'longest gap ms', 'jitter_ms': 'jitter ms'}
_FAULTS = {'late': 'late', 'out_of_order': 'out of order', 'duplicates': 'duplicates'}


def tag(verdict: str) -> str:
    """A verdict as a sign, a word and a colour."""
    return f'<span class="tag {escape(verdict)}">{escape(SIGNS.get(verdict, verdict))}</span>'


def number(value: float | None, form: str) -> str:
    """A number, or a dash where it is unknown."""
    return '–' if value is None else format(value, form)


def overview(rounds: Sequence[Verdict]) -> str:
    """One row per round: its verdict, what parted first and when, the slip of both sides."""
    rows = []
    for verdict in rounds:
        first, metrics = verdict['first_divergence'] or {}, verdict['metrics']
        low, high = first.get('onset_interval_s', (None, None))
        slip = [number(metrics[side]['slip_rate'], '.3f') for side in ('shadow', 'real')]
        link = f'<a href="#round-{verdict["round"]}">{verdict["round"]}</a>'
        what = [escape(first.get(key, '–')) for key in _FIRST]
        when = [number(first.get('onset_s'), '.3f'), f'{number(low, ".3f")} to {number(high, ".3f")}' if first else '–']
        when.append(number(first.get('flagged_s'), '.3f'))
        rows.append(
            [
                link,
                escape(verdict['task']),
                tag(verdict['verdict']),
                *what,
                *when,
                ' → '.join(slip) if set(slip) != {'–'} else '–',
            ]
        )
    return _table((*_ROUND, *_FIRST, *_WHEN), rows, numbers=range(6, 10))


def timing(channels: Verdict) -> str:
    """One row per channel: delays with their 90 % intervals, and how regularly the messages came."""
    rows = []
    for channel, found in channels.items():
        delays = [f'{escape(name)} {_delay(delay)}' for name, delay in found['delay_ms'].items()]
        counts = [number(found[key], 'd' if isinstance(found[key], int) else '.1f') for key in (*_REGULARITY, *_FAULTS)]
        rows.append([escape(channel), '<br>'.join(delays) or '–', *counts, str(len(found['clock_steps']))])
    heads = ('channel', 'delay ms', *_REGULARITY.values(), *_FAULTS.values(), 'clock steps')
    return _table(heads, rows, numbers=range(2, 10))


def metrics(verdict: Verdict) -> str:
    """Slip, success and what the gate saw, as far as they are known."""
    shadow, real, gate = verdict['metrics']['shadow'], verdict['metrics']['real'], verdict['gate']
    gap = verdict['metrics']['gap']['slip']
    success = {True: 'yes', False: 'no', None: '–'}
    rows = [
        ['slip rate', number(shadow['slip_rate'], '.3f'), number(real['slip_rate'], '.3f'), number(gap, '+.3f')],
        ['success', success[shadow['success']], success[real['success']], '–'],
        *([f'peak force at {escape(at)}, N', '–', number(peak, '.3g'), '–'] for at, peak in gate['peak_force'].items()),
        ['peak commanded speed, model units per s', '–', number(gate['peak_speed'], '.3g'), '–'],
        *([f'gate: {key}', '–', number(gate[key], 'd'), '–'] for key in ('trips', 'clamped')),
    ]
    known = [row for row in rows if set(row[1:]) != {'–'}]
    return _table(('', 'sim', 'real', 'real − sim'), known, numbers=range(1, 4)) if known else '<p>None known.</p>'


def provenance(document: Verdict, binding: Binding, written: datetime) -> str:
    """What the verdict rests on: bag, profile, model, family, versions, dates."""
    profile, starts = binding.profile, [verdict['start_ns'] for verdict in document['rounds']]
    began = datetime.fromtimestamp(min(starts) // 10**9, timezone.utc) if starts else None
    family = [f'{v.name} {"× " if v.relative else ""}{v.low:g} to {v.high:g}' for v in binding.variations]
    members = f'{profile.family.members} members, seed {profile.family.seed}'
    facts = {
        'bag': document['bag'],
        'first round began': f'{began:%Y-%m-%d %H:%M:%S} UTC' if began else '–',
        'profile': document['profile'],
        'profile SHA-256': profile.digest,
        'model': str(profile.model_path),
        'model SHA-256': binding.model_digest,
        'family': f'{members}: {"; ".join(family) or "nothing varies"}',
        'audit clock': f'{profile.clock.rate_hz:g} Hz',
        'false alarms allowed': f'{profile.false_alarms_per_hour:g} per hour',
        'verdict': f'schema {document["schema"]}, transfer_audit {__version__}',
        'computed with': f'MuJoCo {mujoco.__version__}, NumPy {np.__version__}, Python {platform.python_version()}',
        'written': f'{written:%Y-%m-%d %H:%M:%S} UTC',
    }
    return f'<dl>{"".join(f"<dt>{key}</dt><dd>{escape(value)}</dd>" for key, value in facts.items())}</dl>'


def _delay(delay: Sequence[float] | None) -> str:
    if delay is None:
        return '–'
    middle, low, high = (f'{round(value, 1) + 0.0:.1f}' for value in delay)
    return f'{middle} ({low} to {high})'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: range) -> str:
    """A table of ready HTML; the columns `numbers` are set flush right."""
    flush = [' class="n"' if index in numbers else '' for index in range(len(heads))]
    lines = [''.join(f'<th scope="col"{kind}>{text}</th>' for kind, text in zip(flush, heads, strict=True))]
    lines += [''.join(f'<td{kind}>{cell}</td>' for kind, cell in zip(flush, row, strict=True)) for row in rows]
    return f'<div class="scroll"><table>{"".join(f"<tr>{cells}</tr>" for cells in lines)}</table></div>'
