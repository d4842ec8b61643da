"""Is the gap closing? Panels of one family after the other, and how each gap changed from one to the next."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from transfer_audit.ledger.intervals import Interval
from transfer_audit.ledger.panels import GROUPS, Panel, gaps
from transfer_audit.ledger.record import RoundRecord, difference
from transfer_audit.ledger.rounds import LedgerRound
from transfer_audit.ledger.simulated import SimOutcome

Course = Literal['closing', 'opening', 'no change seen', 'unknown']


@dataclass(frozen=True)
class Step:
    """One family's panel, and what its gaps are against those of the family before it.

    :param success_change: this success gap - the one before; `slip_change` likewise; None where one is unknown
    """

    panel: Panel
    success_change: float | None = None
    success_change_interval: Interval | None = None
    success_course: Course = 'unknown'
    slip_change: float | None = None
    slip_change_interval: Interval | None = None
    slip_course: Course = 'unknown'

    def as_json(self) -> dict[str, Any]:
        """The step as plain values."""
        own = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != 'panel'}
        return {**self.panel.as_json(), **own}


def trend(rounds: Iterable[LedgerRound | RoundRecord], simulated: Sequence[SimOutcome] = ()) -> list[Step]:
    """A step for each profile, in the order of their first rounds."""
    known = [r if isinstance(r, RoundRecord) else r.record for r in rounds]
    records = sorted((r for r in known if r is not None), key=lambda record: record.start_ns)
    order = list(dict.fromkeys(GROUPS['profile'](record) for record in records))
    panels = sorted(gaps(records, 'profile', simulated), key=lambda panel: order.index(str(panel.group)))
    return [_step(before, panel) for before, panel in zip([None, *panels], panels, strict=False)]


def _step(before: Panel | None, panel: Panel) -> Step:
    if before is None:
        return Step(panel)
    success, slip = (
        _change(before, panel, f'{name}_gap', f'{name}_gap_interval') for name in ('success', 'slip')
    )  # fmt: skip
    return Step(panel, *success, *slip)


def _change(before: Panel, after: Panel, name: str, interval: str) -> tuple[float | None, Interval | None, Course]:
    """The change of a gap, its interval from those of both (Zou, Donner 2008), and what it says of the gap's size."""
    old, new = getattr(before, name), getattr(after, name)
    change = difference(new, old)
    olds, news = getattr(before, interval), getattr(after, interval)
    if change is None or olds is None or news is None:
        return change, None, 'unknown'
    low = change - math.hypot(new - news[0], olds[1] - old)
    high = change + math.hypot(news[1] - new, old - olds[0])
    if low <= 0 <= high:
        return change, (low, high), 'no change seen'
    return change, (low, high), 'closing' if (change < 0) == (old > 0) else 'opening'
