"""Rounds -> panels: success and slip of both sides, their gaps, and what parted first, group by group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from transfer_audit.core.errors import LedgerError, choices
from transfer_audit.core.types import Array
from transfer_audit.ledger.intervals import (
    Interval,
    mcnemar,
    paired_interval,
    paired_success_interval,
    smallest_paired_gap,
    smallest_visible_gap,
    success_gap_interval,
    t_interval,
    wilson,
)
from transfer_audit.ledger.record import DIGITS, RoundRecord, difference
from transfer_audit.ledger.rounds import LedgerRound
from transfer_audit.ledger.simulated import SimOutcome, with_outcomes

GROUPS: dict[str, Callable[[RoundRecord], str]] = {
    'task': lambda record: record.task,
    'policy': lambda record: record.policy,
    'hand': lambda record: record.hand,
    'profile': lambda record: f'{record.profile} {record.profile_sha256[:12]}'.strip(),
    'kind': lambda record: record.first_divergence.kind if record.first_divergence else record.verdict,
}


@dataclass(frozen=True)
class Panel:
    """One group of rounds. Everything is None where no round of the group knows it; intervals are of 95 %.

    Where rounds know both sides of a metric, its figures are of these pairs alone, else of two independent samples.

    :param slip_gap: mean real slip rate - mean sim slip rate; `success_gap`: sim success - real success
    :param success_pairs: rounds that know both sides; `slip_pairs` likewise
    :param success_p: see `mcnemar`; of pairs of single trials only. A share of several trials counts as one trial.
    :param smallest_success_gap: the smallest these rounds could have shown; `smallest_slip_gap` likewise
    :param divergences: kind -> number of rounds in which it parted first; `elements` likewise
    :param failures: failure case -> number of rounds
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
    success_pairs: int
    success_p: float | None
    smallest_success_gap: float | None
    sim_slip_rate: float | None
    real_slip_rate: float | None
    slip_gap: float | None
    slip_gap_interval: Interval | None
    slip_pairs: int
    smallest_slip_gap: float | None
    divergences: dict[str, int]
    elements: dict[str, int]
    failures: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """The panel as plain values."""
        return asdict(self)


def gaps(
    rounds: Iterable[LedgerRound | RoundRecord], by: str | None = None, simulated: Sequence[SimOutcome] = ()
) -> list[Panel]:
    """A panel for each group of closed rounds, in the order of their names; `by` None makes one of all.

    :param by: task, policy, hand, profile or kind (of the first divergence, else the verdict)
    :param simulated: outcomes of the same task instances in a simulator; they replace what the rounds say of it
    :raises LedgerError: if rounds cannot be grouped by that
    """
    if by is not None and by not in GROUPS:
        raise LedgerError(f'rounds cannot be grouped by {by!r}{choices(by, GROUPS)}')
    known = [r if isinstance(r, RoundRecord) else r.record for r in rounds]
    records = with_outcomes([record for record in known if record is not None], simulated)
    groups: dict[str | None, list[RoundRecord]] = {}
    for record in records:
        groups.setdefault(GROUPS[by](record) if by else None, []).append(record)
    return [_panel(group, groups[group]) for group in sorted(groups, key=str)]


def _panel(group: str | None, records: Sequence[RoundRecord]) -> Panel:
    sim, real, pairs = _sides([(r.sim_success, r.real_success) for r in records])
    sim_slip, real_slip, slip_pairs = _sides([(r.sim_slip_rate, r.real_slip_rate) for r in records])
    single = bool(pairs) and bool(np.isin(sim, (0, 1)).all() and np.isin(real, (0, 1)).all())
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
        success_gap_interval=paired_success_interval(sim, real) if single else success_gap_interval(sim, real),
        success_pairs=pairs,
        success_p=mcnemar(sim, real) if single else None,
        smallest_success_gap=smallest_paired_gap(sim - real, True) if single else smallest_visible_gap(sim, real),
        sim_slip_rate=_mean(sim_slip),
        real_slip_rate=_mean(real_slip),
        slip_gap=difference(_mean(real_slip), _mean(sim_slip)),
        slip_gap_interval=_slip_interval(sim_slip, real_slip, bool(slip_pairs)),
        slip_pairs=slip_pairs,
        smallest_slip_gap=smallest_paired_gap(real_slip - sim_slip, False) if slip_pairs else None,
        divergences=_histogram(f.kind for f in first),
        elements=_histogram(f.element for f in first),
        failures=_histogram(r.failure_case for r in records if r.failure_case),
    )


def _sides(sides: Sequence[tuple[float | None, float | None]]) -> tuple[Array, Array, int]:
    """Sim and real, each of shape (N,), of the rounds that know both and how many; of all rounds if none does."""
    pairs = [side for side in sides if None not in side]
    chosen = pairs or sides
    return _known(sim for sim, _ in chosen), _known(real for _, real in chosen), len(pairs)


def _slip_interval(sim: Array, real: Array, paired: bool) -> Interval | None:
    if paired:
        return paired_interval(real - sim)
    return t_interval(float(real.mean() - sim.mean()), real, sim) if min(len(sim), len(real)) > 1 else None


def _known(values: Iterable[float | None]) -> Array:
    return np.array([value for value in values if value is not None], np.float64)


def _mean(values: Array) -> float | None:
    return round(float(values.mean()), DIGITS) if len(values) else None


def _histogram(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))
