"""What an audit says: the sentence of a round and the JSON of a bag."""

from __future__ import annotations

from typing import Any

import numpy as np

from transfer_audit.core.divergence import Finding
from transfer_audit.core.types import NS

SCHEMA = 1
EXIT_CODES = {'agreed': 0, 'diverged': 1, 'unauditable': 2}


def reason_of(
    first: Finding | None, channels: dict[str, dict[str, Any]], problem: str, start_ns: int
) -> tuple[str, str]:
    """Verdict of a round and its reason in one sentence."""
    if problem:
        return 'unauditable', problem
    if first is not None:
        return 'diverged', sentence(first, start_ns)
    elements = [element['verdict'] for channel in channels.values() for element in channel.values()]
    agreed, unaudited = elements.count('agreed'), elements.count('unaudited')
    if not agreed:
        return 'unauditable', 'nothing moved or touched by more than its tolerance, so nothing could be seen'
    quiet = f'; {unaudited} were never excited and stay unaudited' if unaudited else ''
    return 'agreed', f'{agreed} of {len(elements)} elements stayed within the family{quiet}'


def sentence(finding: Finding, start_ns: int) -> str:
    """`force at tip_index, 1.23 s: real 2.2 N, family 0.9 to 1.3 N`."""
    low, high = finding.shadow
    return (
        f'{finding.kind} at {finding.element} ({finding.channel}), {(finding.onset_ns - start_ns) / NS:.2f} s: '
        f'real {finding.real:.4g} {finding.unit}, family {low:.4g} to {high:.4g} {finding.unit}'
    )


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
