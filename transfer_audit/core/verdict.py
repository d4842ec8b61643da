"""What an audit says: the sentence of a round and the JSON of a bag."""

from __future__ import annotations

from typing import Any

import numpy as np

from transfer_audit.core.divergence import Finding
from transfer_audit.core.divergence.onset import LEVEL
from transfer_audit.core.types import NS

SCHEMA = 1
EXIT_CODES = {'agreed': 0, 'diverged': 1, 'unauditable': 2}


def reason_of(
    first: Finding | None, ties: list[Finding], channels: dict[str, dict[str, Any]], problem: str, start_ns: int
) -> tuple[str, str]:  # fmt: skip
    """Verdict of a round and its reason in one sentence."""
    if problem:
        return 'unauditable', problem
    if first is not None:
        tied = f'; a tie with {listed([f"{tie.kind} at {tie.element}" for tie in ties])}' if ties else ''
        return 'diverged', sentence(first, start_ns) + tied
    elements = [element for channel in channels.values() for element in channel.values()]
    agreed = sum(element['verdict'] == 'agreed' for element in elements)
    unaudited = [element['why'] for element in elements if element['verdict'] == 'unaudited']
    if not agreed:
        return 'unauditable', 'nothing moved or touched by more than its tolerance, so nothing could be seen'
    whys = listed([f'{unaudited.count(why)} {why}' for why in sorted(set(unaudited))], most=9)
    quiet = f'; {len(unaudited)} stay unaudited: {whys}' if unaudited else ''
    return 'agreed', f'{agreed} of {len(elements)} elements stayed within the family{quiet}'


def sentence(finding: Finding, start_ns: int) -> str:
    """`force at tip_index (tips), 1.23 s, making contact: real 2.2 N, family 0.9 to 1.3 N`."""
    low, high = finding.shadow
    at = finding.element if finding.element == finding.channel else f'{finding.element} ({finding.channel})'
    when = ', '.join(word for word in (finding.phase, finding.motion) if word)
    said = f'{finding.kind} at {at}, {(finding.onset_ns - start_ns) / NS:.2f} s{", " + when if when else ""}: '
    if finding.kind == 'timing':
        scale, unit = (1e3, 'ms') if finding.unit == 's' and high < 1.0 else (1.0, finding.unit)
        allowed = f' (allowed: {scale * low:.3g} to {scale * high:.3g} {unit})' if high > 0 else ''
        return said + finding.explanation + allowed
    values = f'real {finding.real:.4g} {finding.unit}, family {low:.4g} to {high:.4g} {finding.unit}'
    return said + values + (f'; {finding.explanation}' if finding.explanation else '')


def listed(words: list[str], most: int = 3) -> str:
    """`a, b and 4 more`."""
    more = f' and {len(words) - most} more' if len(words) > most else ''
    return ', '.join(words[:most]) + more


def say(finding: Finding, ties: list[Finding], start_ns: int) -> dict[str, Any]:
    """A finding as it stands in the verdict JSON, times in seconds since the round's start."""
    return {
        'channel': finding.channel,
        'kind': finding.kind,
        'element': finding.element,
        'onset_s': (finding.onset_ns - start_ns) / NS,
        'onset_interval_s': [(finding.earliest_ns - start_ns) / NS, (finding.latest_ns - start_ns) / NS],
        'onset_interval_level': LEVEL,
        'flagged_s': (finding.flagged_ns - start_ns) / NS,
        'score': finding.score,
        'real': finding.real,
        'shadow': list(finding.shadow),
        'unit': finding.unit,
        'phase': finding.phase,
        'motion': finding.motion,
        'explanation': finding.explanation,
        'ties': [{'channel': tie.channel, 'kind': tie.kind, 'element': tie.element} for tie in ties],
    }


def document(profile: str, bag: str, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The verdict of one bag."""
    return {'schema': SCHEMA, 'profile': profile, 'bag': bag, 'rounds': rounds}


def exit_code(rounds: list[dict[str, Any]]) -> int:
    """0 if every round agreed, 1 if one diverged, 2 if there was none or one could not be audited."""
    verdicts = {round_['verdict'] for round_ in rounds}
    if 'diverged' in verdicts:
        return EXIT_CODES['diverged']
    return EXIT_CODES['agreed'] if verdicts == {'agreed'} else EXIT_CODES['unauditable']


def as_json(value: Any) -> Any:
    """Numbers as JSON wants them: plain floats and ints, null where unknown, never NaN."""
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, np.ndarray):
        return as_json(value.tolist())
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return round(float(value), 9) if np.isfinite(value) else None
    return value
