"""Outcomes -> figures: per fault and size, over everything well above visible, and against the peers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from transfer_audit.bench.divergence.score import Outcome

BINS = (1.0, 1.5, 3.0, 6.0, 12.0)
"""Lower ends of the bins of size, in multiples of the smallest visible."""
PLAIN = 3.0
"""From this multiple on the bounds hold."""
BOUNDS = {'misses': 0.01, 'kind': 0.95, 'element': 0.95, 'onset_median': 1.0, 'onset_p95': 5.0}


@dataclass(frozen=True)
class Group:
    """What a method did with one group of rounds in which there was something to see; shares of 1, rows; None if empty.

    :param runs: rounds with a truth
    :param onset_median: of the absolute onset error, `onset_signed` the median of the signed one
    :param coverage: share of true onsets inside of the stated interval, which claims 90 %
    """

    runs: int
    misses: float | None
    abstained: float | None
    onset_median: float | None
    onset_p95: float | None
    onset_signed: float | None
    delay_median: float | None
    kind: float | None
    element: float | None
    ties: float | None
    coverage: float | None
    early: float | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def group(found: Iterable[Outcome]) -> Group:
    """Figures of the rounds that had something to see."""
    runs = [one for one in found if one.multiple is not None]
    called = [one for one in runs if one.alarmed]
    errors = np.array([one.onset_error for one in called if one.onset_error is not None])
    silent = [not one.alarmed and not one.abstained for one in runs]
    covered = [one.covered for one in called if one.covered is not None]
    return Group(
        runs=len(runs),
        misses=_mean(silent),
        abstained=_mean(one.abstained for one in runs),
        onset_median=_at(np.abs(errors), 50),
        onset_p95=_at(np.abs(errors), 95),
        onset_signed=_at(errors, 50),
        delay_median=_at(np.array([one.delay for one in called if one.delay is not None]), 50),
        kind=_mean(one.kind for one in called if one.kind is not None),
        element=_mean(one.element for one in called if one.element is not None),
        ties=_mean(one.ties > 0 for one in called),
        coverage=_mean(covered),
        early=_mean(one.early for one in called),
    )


def _mean(values: Iterable[float | bool | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _at(values: np.ndarray[Any, np.dtype[np.float64]], share: float) -> float | None:
    return float(np.percentile(values, share)) if len(values) else None


def by(found: Sequence[Outcome], key: Callable[[Outcome], Any]) -> dict[Any, list[Outcome]]:
    """Outcomes in groups, in order of first appearance."""
    groups: dict[Any, list[Outcome]] = {}
    for one in found:
        groups.setdefault(key(one), []).append(one)
    return groups


def bin_of(multiple: float) -> int:
    """Which bin of BINS a size falls into; what is barely visible by rounding counts as visible."""
    return max(0, int(np.searchsorted(BINS, multiple + 1e-9, side='right')) - 1)


def binned(found: Iterable[Outcome]) -> dict[float, list[Outcome]]:
    """Rounds with something to see, by the lower end of their bin."""
    bins: dict[float, list[Outcome]] = {low: [] for low in BINS}
    for one in found:
        if one.multiple is not None:
            bins[BINS[bin_of(one.multiple)]].append(one)
    return bins


def plain(found: Iterable[Outcome]) -> list[Outcome]:
    """Rounds whose fault is at least PLAIN times the smallest visible."""
    return [one for one in found if one.multiple is not None and one.multiple >= PLAIN - 1e-9]


def loud(found: Iterable[Outcome]) -> float | None:
    """Share of the rounds with nothing to see that were called, and not for a departure that is just too small."""
    return _mean(one.alarmed and one.onset_error is None for one in found if one.multiple is None)


def smallest(found: Sequence[Outcome]) -> float | None:
    """Median over the rounds of the smallest visible size of a fault, in its own unit."""
    values = [one.smallest for one in found if one.smallest is not None]
    return float(np.median(values)) if values else None


def misjudged(figures: Group) -> list[str]:
    """Which bounds these figures break."""
    broken = []
    for name, bound in BOUNDS.items():
        value = getattr(figures, name)
        least = name in ('kind', 'element')
        if value is None or (value < bound if least else value > bound):
            broken.append(name)
    return broken


def ahead(mine: Group, theirs: Group) -> str:
    """Who is nearer to the true onset at equal false alarms, and why if it is the peer."""
    if mine.onset_median is None or theirs.onset_median is None:
        return 'detector: the peer stays silent' if mine.onset_median is not None else 'no one calls it'
    gap = theirs.onset_median - mine.onset_median
    if gap > 0.5:
        return 'detector'
    if gap >= -0.5:
        return 'even'
    signed = mine.onset_signed or 0.0
    if mine.misses is not None and theirs.misses is not None and theirs.misses > mine.misses + 0.05:
        return 'peer: it answers the plain rounds only'
    return f'peer: the detector is {abs(signed):.0f} rows {"late" if signed > 0 else "early"}'
