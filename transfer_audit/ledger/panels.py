"""Rounds -> panels: success and slip of both sides, their gaps, and what parted first, group by group."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from transfer_audit.core.errors import LedgerError, choices
from transfer_audit.core.types import Array
from transfer_audit.ledger.record import DIGITS, RoundRecord, difference
from transfer_audit.ledger.rounds import LedgerRound

Interval = tuple[float, float]

CONFIDENCE = 0.95
POWER = 0.80
_Z = float(stats.norm.ppf(0.5 + CONFIDENCE / 2))
_Z_POWER = float(stats.norm.ppf(POWER))

GROUPS: dict[str, Callable[[RoundRecord], str]] = {
    'task': lambda record: record.task,
    'policy': lambda record: record.policy,
    'hand': lambda record: record.hand,
    'profile': lambda record: f'{record.profile} {record.profile_sha256[:12]}'.strip(),
}


@dataclass(frozen=True)
class Panel:
    """One group of rounds. Everything is None where no round of the group knows it; intervals are of 95 %.

    :param slip_gap: mean real slip rate - mean sim slip rate; `success_gap`: sim success - real success
    :param smallest_success_gap: see `smallest_visible_gap`
    :param divergences: kind -> number of rounds in which it parted first; `elements` likewise
    """

    group: str | None
    rounds: int
    verdicts: dict[str, int]
    sim_success: float | None
    sim_success_interval: Interval | None
    real_success: float | None
    real_success_interval: Interval | None
    success_gap: float | None
    success_gap_interval: Interval | None
    smallest_success_gap: float | None
    sim_slip_rate: float | None
    real_slip_rate: float | None
    slip_gap: float | None
    slip_gap_interval: Interval | None
    divergences: dict[str, int]
    elements: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """The panel as plain values."""
        return asdict(self)


def gaps(rounds: Iterable[LedgerRound | RoundRecord], by: str | None = None) -> list[Panel]:
    """A panel for each group of closed rounds, in the order of their names; `by` None makes one of all.

    :param by: task, policy, hand or profile
    :raises LedgerError: if rounds cannot be grouped by that
    """
    if by is not None and by not in GROUPS:
        raise LedgerError(f'rounds cannot be grouped by {by!r}{choices(by, GROUPS)}')
    records = [r if isinstance(r, RoundRecord) else r.record for r in rounds]
    groups: dict[str | None, list[RoundRecord]] = {}
    for record in records:
        if record is not None:
            groups.setdefault(GROUPS[by](record) if by else None, []).append(record)
    return [_panel(group, groups[group]) for group in sorted(groups, key=str)]


def _panel(group: str | None, records: Sequence[RoundRecord]) -> Panel:
    sim, real = _known(r.sim_success for r in records), _known(r.real_success for r in records)
    sim_slip, real_slip = _known(r.sim_slip_rate for r in records), _known(r.real_slip_rate for r in records)
    first = [r.first_divergence for r in records if r.first_divergence is not None]
    return Panel(
        group=group,
        rounds=len(records),
        verdicts=_histogram(r.verdict for r in records),
        sim_success=_mean(sim),
        sim_success_interval=wilson(float(sim.sum()), len(sim)),
        real_success=_mean(real),
        real_success_interval=wilson(float(real.sum()), len(real)),
        success_gap=difference(_mean(sim), _mean(real)),
        success_gap_interval=success_gap_interval(sim, real),
        smallest_success_gap=smallest_visible_gap(sim, real),
        sim_slip_rate=_mean(sim_slip),
        real_slip_rate=_mean(real_slip),
        slip_gap=difference(_mean(real_slip), _mean(sim_slip)),
        slip_gap_interval=_slip_gap_interval(records, sim_slip, real_slip),
        divergences=_histogram(f.kind for f in first),
        elements=_histogram(f.element for f in first),
    )


def _known(values: Iterable[float | None]) -> Array:
    return np.array([value for value in values if value is not None], np.float64)


def _mean(values: Array) -> float | None:
    return round(float(values.mean()), DIGITS) if len(values) else None


def _histogram(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def wilson(successes: float, rounds: int) -> Interval | None:
    """Wilson's score interval of a share (Wilson 1927); None without rounds."""
    if not rounds:
        return None
    share, weight = successes / rounds, _Z**2 / rounds
    centre = (share + weight / 2) / (1 + weight)
    half = _Z / (1 + weight) * math.sqrt(share * (1 - share) / rounds + weight / (4 * rounds))
    return max(0.0, centre - half), min(1.0, centre + half)


def success_gap_interval(sim: Array, real: Array) -> Interval | None:
    """Interval of sim - real success from the Wilson intervals of both (Newcombe 1998, method 10).

    :param sim: outcomes, shape (N,), shares in [0, 1]; `real` likewise, of any length
    """
    sides = [(_mean(side), wilson(float(side.sum()), len(side))) for side in (sim, real)]
    (p, p_interval), (q, q_interval) = sides
    if p is None or q is None or p_interval is None or q_interval is None:
        return None
    low = p - q - math.hypot(p - p_interval[0], q_interval[1] - q)
    high = p - q + math.hypot(p_interval[1] - p, q - q_interval[0])
    return max(-1.0, low), min(1.0, high)


def smallest_visible_gap(sim: Array, real: Array) -> float | None:
    """The smallest success gap that as many rounds would show, at 5 % two-sided error, with 80 % power.

    (z_0.975 + z_0.80) * sqrt(p (1 - p) / n + q (1 - q) / m), the normal approximation for n simulated and m real
    rounds. p and q are the shares of success with two successes and two failures added (Agresti, Coull 1998), so that
    a handful of successes does not promise certainty.
    """
    if not len(sim) or not len(real):
        return None
    variance = 0.0
    for side in (sim, real):
        share = (float(side.sum()) + 2) / (len(side) + 4)
        variance += share * (1 - share) / len(side)
    return min(1.0, (_Z + _Z_POWER) * math.sqrt(variance))


def _slip_gap_interval(records: Sequence[RoundRecord], sim: Array, real: Array) -> Interval | None:
    """Paired where every round that knows one side knows both, else of two independent samples."""
    paired = _known(r.slip_gap for r in records)
    if len(paired) == len(sim) == len(real):
        return t_interval(float(paired.mean()), paired) if len(paired) > 1 else None
    return t_interval(float(real.mean() - sim.mean()), real, sim) if min(len(sim), len(real)) > 1 else None


def t_interval(centre: float, *samples: Array) -> Interval:
    """Student's interval of a mean, or Welch's of a difference of means, within [-1, 1].

    :param samples: each of shape (N,), N > 1
    """
    errors = [float(sample.var(ddof=1)) / len(sample) for sample in samples]
    total = sum(errors)
    if total == 0:
        return centre, centre
    freedom = total**2 / sum(error**2 / (len(sample) - 1) for error, sample in zip(errors, samples, strict=True))
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * math.sqrt(total)
    return max(-1.0, centre - half), min(1.0, centre + half)
