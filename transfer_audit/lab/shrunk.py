"""By how much a gap shrank, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from transfer_audit.ledger.panels import Interval, Panel


@dataclass(frozen=True)
class Difference:
    """A gap before minus the gap after, and its 95 % interval."""

    value: float
    interval: Interval

    @property
    def sure(self) -> bool:
        """Whether the gap shrank beyond doubt."""
        return self.interval[0] > 0


def closed(differences: Mapping[str, Difference]) -> bool:
    """Whether a gap shrank beyond doubt, and none grew."""
    found = differences.values()
    return any(one.sure for one in found) and all(one.value >= 0 for one in found)


def shrunk(before: Panel, after: Panel) -> dict[str, Difference]:
    """The differences of the gaps of success and slip, as far as both panels have them with an interval."""
    found = {}
    for name in ('success', 'slip'):
        sides = [(getattr(p, f'{name}_gap'), getattr(p, f'{name}_gap_interval')) for p in (before, after)]
        if all(gap is not None and interval is not None for gap, interval in sides):
            found[name] = difference(*sides[0], *sides[1])
    return found


def difference(gap: float, interval: Interval, later: float, later_interval: Interval) -> Difference:
    """The interval of a difference from the intervals of both sides, by square-and-add (Zou, Donner 2008).

    It takes both panels as independent. Where tasks are the same in both it is wider than it need be.
    """
    value = gap - later
    low = value - math.hypot(gap - interval[0], later_interval[1] - later)
    high = value + math.hypot(interval[1] - gap, later - later_interval[0])
    return Difference(value, (low, high))
