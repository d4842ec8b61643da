"""Parts of a verdict -> HTML tables."""

from __future__ import annotations

import platform
from collections.abc import Collection, Sequence
from datetime import datetime, timezone
from html import escape

import mujoco
import numpy as np

from transfer_audit import __version__
from transfer_audit.core.binding import Binding
from transfer_audit.core.profile import COMMAND
from transfer_audit.report.words import Verdict, percent, state_of, whole_channel

SIGNS = {'diverged': '▲ diverged', 'agreed': '● agreed', 'unauditable': '○ unauditable', 'unaudited': '○ unaudited'}
_ROUND = ('round', 'task', 'verdict')
_FIRST = ('channel', 'kind', 'element')
_WHEN = ('phase', 'onset s', 'interval s', 'flagged s', 'slip sim → real')
_REGULARITY = {'rate_hz': 'rate Hz', 'drops': 'drops', 'longest_gap_ms': 'longest gap ms', 'jitter_ms': 'jitter ms'}
_FAULTS = {'late': 'late', 'out_of_order': 'out of order', 'duplicates': 'duplicates'}
_MOST_STEPS = 3
"""Steps of a clock that are told one by one."""


def tag(verdict: str) -> str:
    """A verdict as a sign, a word and a colour."""
    return f'<span class="tag {escape(verdict)}">{escape(SIGNS.get(verdict, verdict))}</span>'


def number(value: float | None, form: str) -> str:
    """A number, or a dash where it is unknown."""
    return '–' if value is None else format(value, form)


def overview(rounds: Sequence[Verdict]) -> str:
    """One row per round: its verdict, what parted first, when and in which phase, the slip of both sides."""
    rows = []
    for verdict in rounds:
        first, metrics = verdict['first_divergence'], verdict['metrics']
        slip = [number(metrics[side]['slip_rate'], '.3f') for side in ('shadow', 'real')]
        rows.append(
            [
                f'<a href="#round-{verdict["round"]}">{verdict["round"]}</a>',
                escape(verdict['task']),
                tag(verdict['verdict']),
                *(_first(verdict, first) if first else '–' * 7),
                ' → '.join(slip) if set(slip) != {'–'} else '–',
            ]
        )
    levels = {verdict['first_divergence']['onset_interval_level'] for verdict in rounds if verdict['first_divergence']}
    when = [f'interval s ({percent(min(levels))})' if levels and head == 'interval s' else head for head in _WHEN]
    return known((*_ROUND, *_FIRST, *when), rows, range(7, 11))


def _first(verdict: Verdict, first: Verdict) -> list[str]:
    low, high = first['onset_interval_s']
    return [
        escape(first['channel']),
        escape(first['kind']),
        'all' if whole_channel(verdict, first) else escape(first['element']),
        state_of(first) or '–',
        f'{first["onset_s"]:.3f}',
        f'{low:.3f} to {high:.3f}',
        f'{first["flagged_s"]:.3f}',
    ]


def timing(verdict: Verdict) -> str:
    """One row per channel and one for the command: delays and drift with 90 % intervals, how regular messages were."""
    rows = []
    for channel, found in {COMMAND: {'delay_ms': {}, **verdict[COMMAND]}, **verdict['timing']}.items():
        delays = [
            f'<span class="fixed">{escape(name)} {_estimate(delay)}</span>' for name, delay in found['delay_ms'].items()
        ]
        counts = [number(found[key], 'd' if isinstance(found[key], int) else '.1f') for key in (*_REGULARITY, *_FAULTS)]
        clock = [_steps(found['clock_steps']), _estimate(found['clock_drift_ppm'])]
        rows.append([escape(channel), '<br>'.join(delays) or '–', *counts, *clock])
    heads = ('channel', 'delay ms', *_REGULARITY.values(), *_FAULTS.values(), 'clock steps', 'clock drift ppm')
    return table(heads, rows, range(2, 11))


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
    told = [row for row in rows if set(row[1:]) != {'–'}]
    return table(('', 'sim', 'real', 'real − sim'), told, range(1, 4)) if told else '<p>None known.</p>'


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


def _estimate(estimate: Sequence[float] | None) -> str:
    if estimate is None:
        return '–'
    middle, low, high = (f'{round(value, 1) + 0.0:.1f}' for value in estimate)
    return f'{middle} ({low} to {high})'


def _steps(steps: Sequence[Verdict]) -> str:
    told = [f'{step["step_s"]:+.3f} s at {step["at_s"]:.2f} s' for step in steps[:_MOST_STEPS]]
    more = [f'and {len(steps) - _MOST_STEPS} more'] if len(steps) > _MOST_STEPS else []
    return '<br>'.join(told + more) or '0'


def known(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[int]) -> str:
    """A table without the columns in which no row has anything to say."""
    kept = [index for index in range(len(heads)) if any(row[index] not in ('', '–') for row in rows)]
    flush = {position for position, index in enumerate(kept) if index in numbers}
    return table([heads[index] for index in kept], [[row[index] for index in kept] for row in rows], flush)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[int]) -> str:
    """A table of ready HTML; the columns `numbers` are set flush right."""
    flush = [' class="n"' if index in numbers else '' for index in range(len(heads))]
    lines = [''.join(f'<th scope="col"{kind}>{text}</th>' for kind, text in zip(flush, heads, strict=True))]
    lines += [''.join(f'<td{kind}>{cell}</td>' for kind, cell in zip(flush, row, strict=True)) for row in rows]
    return f'<div class="scroll"><table>{"".join(f"<tr>{cells}</tr>" for cells in lines)}</table></div>'
