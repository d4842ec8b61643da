"""The verdict JSON: what each key means, and the verdict of a real run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tables

EXAMPLE = Path(__file__).parents[2] / 'docs' / 'verdict_example.json'
KEYS = {
    'schema': 'version of this format',
    'profile': 'the profile that judged',
    'bag': 'the recording',
    'rounds': 'one entry for each round',
    'rounds.round': 'its number',
    'rounds.task': 'the task instance, where the bag or the operator names one',
    'rounds.start_ns': 'on the clock of the stamps',
    'rounds.end_ns': 'likewise',
    'rounds.verdict': '`agreed`, `diverged` or `unauditable`',
    'rounds.reason': 'the same for people, in a sentence',
    'rounds.first_divergence': 'null if there is none',
    'rounds.first_divergence.channel': 'of the profile; the topic at fault is said in `element`',
    'rounds.first_divergence.kind': '`pose`, `force`, `slip` or `timing`',
    'rounds.first_divergence.element': "the hand's own name for it",
    'rounds.first_divergence.onset_s': 's since the start of the round',
    'rounds.first_divergence.onset_interval_s': 's; earliest and latest',
    'rounds.first_divergence.onset_interval_level': 'how often such an interval holds the truth',
    'rounds.first_divergence.flagged_s': 's; when it was noticed',
    'rounds.first_divergence.score': '1.0 is the alarm level',
    'rounds.first_divergence.real': 'the measurement at the onset, in `unit`',
    'rounds.first_divergence.shadow': "the family's lowest and highest there (of timing: what is allowed)",
    'rounds.first_divergence.unit': 'of the three above',
    'rounds.first_divergence.phase': '`free`, `making contact`, `in contact`; null where no force is measured',
    'rounds.first_divergence.motion': 'what the commanded motion did',
    'rounds.first_divergence.explanation': 'what it looks like, in words; may be empty',
    'rounds.first_divergence.ties': 'elements whose onset intervals overlap with its own',
    'rounds.first_divergence.ties.channel': '',
    'rounds.first_divergence.ties.kind': '',
    'rounds.first_divergence.ties.element': '',
    'rounds.channels': 'by channel and element',
    'rounds.channels.verdict': '`agreed`, `diverged` or `unaudited`',
    'rounds.channels.why': 'why it is unaudited; else empty',
    'rounds.channels.kind': 'of its own finding',
    'rounds.channels.onset_s': 's',
    'rounds.channels.phase': 'where its own finding began',
    'rounds.channels.rms': 'real less median of the family, in the unit of the channel',
    'rounds.channels.score': 'the highest of the round, 1.0 is the alarm level',
    'rounds.channels.coverage': 'share of the rows that have both sides',
    'rounds.channels.smallest_visible': 'the smallest lasting departure that would have been seen',
    'rounds.channels.rows': 'rows in each phase of contact; null where no force tells',
    'rounds.timing': 'by channel',
    'rounds.timing.delay_ms': 'of each joint: delay, lowest and highest of its interval; null where it cannot be told',
    'rounds.timing.rate_hz': 'of the messages',
    'rounds.timing.drops': 'messages that a regular stream would have had and that are missing',
    'rounds.timing.longest_gap_ms': '',
    'rounds.timing.jitter_ms': 'of the stamps',
    'rounds.timing.late': 'came later than `hold_back_s` after their stamps, and were not used',
    'rounds.timing.out_of_order': '',
    'rounds.timing.duplicates': '',
    'rounds.timing.clock_drift_ppm': 'of the stamps against the time of receipt, and its interval; null without stamps',
    'rounds.timing.clock_steps': 'steps of the clock of the stamps',
    'rounds.command': 'as `timing`, of the topic of the commands',
    'rounds.metrics': '',
    'rounds.metrics.real': 'slip rate (share of the contact time) and success on the hand',
    'rounds.metrics.shadow': 'the same in the simulation, by the same code',
    'rounds.metrics.gap': 'slip: real − sim; success: sim − real',
    'rounds.gate': 'trips, commands altered, and the largest force and speed of the round',
}
_OPEN = {'rounds.metrics.real', 'rounds.metrics.shadow', 'rounds.metrics.gap', 'rounds.gate', 'rounds.command'}
_OPEN |= {'rounds.channels.rows', 'rounds.timing.delay_ms', 'rounds.timing.clock_steps'}
"""What is within these is not listed."""
_NAMED = {'rounds.channels': 2, 'rounds.timing': 1}
"""Where so many levels are names of channels and elements."""


def page() -> str:
    """The whole page.

    :raises KeyError: if the example has a key that nothing is said of
    """
    example = json.loads(EXAMPLE.read_text(encoding='utf-8'))
    missing = sorted(set(keys(example)) - KEYS.keys())
    if missing:
        raise KeyError(f'nothing is said of {", ".join(missing)}')
    rows = [(f'`{key}`', said) for key, said in KEYS.items()]
    return (
        f'{tables.HEAD}# The verdict as JSON\n\n'
        '`transfer-audit audit BAG --profile P --json OUT`, or `--json -` for stdout alone; several bags make a list. '
        'Live, each round comes as `divergence/verdict`. Times are seconds since the start of the round unless they '
        'say otherwise; what is unknown is `null`, never NaN.\n\n'
        + tables.table(('key', 'meaning'), rows)
        + '\n## Example\n\nThe emulated hand with 120 ms of delay, one round, two elements of each channel:\n\n'
        + tables.fenced(json.dumps(example, indent=2, ensure_ascii=False), 'json')
    )


def keys(value: Any, at: str = '', named: int = 0) -> Iterator[str]:
    """The keys of a document as paths; the names of channels and elements are left out."""
    if isinstance(value, list):
        for item in value:
            yield from keys(item, at, named)
    elif isinstance(value, dict) and named:
        for item in value.values():
            yield from keys(item, at, named - 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            inner = f'{at}.{key}'.lstrip('.')
            yield inner
            if inner not in _OPEN:
                yield from keys(item, inner, _NAMED.get(inner, 0))
