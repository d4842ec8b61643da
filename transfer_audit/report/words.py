"""A finding of the verdict -> a sentence for a person: the verdict's own numbers, rounded, with their units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from transfer_audit.core.profile import COMMAND

Verdict = dict[str, Any]
OVER_ROUND = ('of the messages', 'ppm')
"""Units of timing findings that only show over a whole round."""
_NEGLIGIBLE = 0.01
"""A lower bound below this share of the upper one is told as none."""


def opening(verdict: Verdict, interval: bool = True) -> str:
    """What parted first, when, in which phase, and what it looks like; the verdict's reason where nothing parted.

    `pose at hinge (joints) parts first, at 2.000 s (1.990 to 2.010 s, 90 %), in contact: real 1.2 rad, family …`
    """
    first = verdict['first_divergence']
    if first is None:
        return str(verdict['reason'])
    onset = f'at {first["onset_s"]:.3f} s{_interval(first) if interval else ""}'
    parts = f'{first["kind"]} {place(verdict, first)} parts first', onset, state_of(first)
    tied = ', '.join(f'{tie["kind"]} {place(verdict, tie)}' for tie in first['ties'])
    return f'{", ".join(part for part in parts if part)}: {_looks(first)}{f"; tied with {tied}" if tied else ""}'


def state_of(first: Verdict) -> str:
    """Phase of contact and of motion, as far as they are known: `free, moving`."""
    return ', '.join(word for word in (first['phase'], first['motion']) if word)


def whole_channel(verdict: Verdict, finding: Verdict) -> bool:
    """Whether a finding concerns a channel and none of its elements."""
    return finding['element'] not in verdict['channels'].get(finding['channel'], {})


def place(verdict: Verdict, finding: Verdict) -> str:
    """`at hinge (joints)`, `in all of joints`, or `in all commands`."""
    if finding['channel'] == COMMAND:
        return 'in all commands'
    if whole_channel(verdict, finding):
        return f'in all of {finding["channel"]}'
    return f'at {finding["element"]} ({finding["channel"]})'


def amount(value: float | None, unit: str) -> str:
    """Three digits and the unit; seconds below one as milliseconds, shares in percent; a dash where it is unknown."""
    return '–' if value is None else _amounts([value], unit)


def span(low: float | None, high: float | None, unit: str) -> str:
    """`0.587 to 0.615 rad`."""
    return '–' if low is None or high is None else _amounts([low, high], unit)


def _amounts(values: Sequence[float], unit: str) -> str:
    largest = max(abs(value) for value in values)
    if unit == 's' and largest < 1.0:
        values, largest, unit = [1e3 * value for value in values], 1e3 * largest, 'ms'
    elif unit == OVER_ROUND[0]:
        values, largest, unit = [100 * value for value in values], 100 * largest, f'% {unit}'
    decimals = 2 - math.floor(math.log10(largest)) if largest else 0
    return f'{" to ".join(f"{round(value, decimals) + 0.0:.10g}" for value in values)} {unit}'


def _interval(first: Verdict) -> str:
    low, high = first['onset_interval_s']
    return f' ({low:.3f} to {high:.3f} s, {percent(first["onset_interval_level"])})' if high > low else ''


def percent(level: float) -> str:
    """`90 %`."""
    return f'{100 * level:g} %'


def _looks(first: Verdict) -> str:
    (low, high), unit = first['shadow'], first['unit']
    if first['kind'] != 'timing':
        values = f'real {amount(first["real"], unit)}, family {span(low, high, unit)}'
        return '; '.join(said for said in (values, first['explanation']) if said)
    if not high:
        return str(first['explanation'])
    allowed = f'up to {amount(high, unit)}' if abs(low) < _NEGLIGIBLE * high else span(low, high, unit)
    return f'{first["explanation"]}; allowed: {allowed}'
