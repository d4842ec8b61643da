"""Marks -> rounds, and the metrics of a round that both sides share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from transfer_audit.core.align import Rows
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.types import Array, Round


def rounds_from_marks(marks: Iterable[tuple[int, str]], end_ns: int) -> list[Round]:
    """Rounds from a topic's values: a new non-empty value starts one, an empty or another value ends it.

    :param marks: (time, value) in order; `end_ns` ends a round that nothing else does
    """
    found: list[Round] = []
    current: Round | None = None
    for time_ns, value in marks:
        if current is not None and value == current.task:
            continue
        if current is not None:
            found.append(replace(current, end_ns=time_ns))
        current = Round(len(found) + 1, time_ns, None, value) if value else None
    if current is not None and end_ns > current.start_ns:
        found.append(replace(current, end_ns=end_ns))
    return found


def slip_rate(slipping: int, touching: int) -> float | None:
    """Share of the contact time in which a tip slips; None if it never touched."""
    return slipping / touching if touching else None


@dataclass(frozen=True)
class _Tip:
    """Where a tip's slip and force stand in their channels."""

    slip_channel: str
    slip: int
    force_channel: str
    force: int
    tolerance: float
    floor: float


class SlipMetric:
    """Counts contact and slip of every tip that has both a slip and a force element, the same way on both sides."""

    def __init__(self, plans: Sequence[ChannelPlan]) -> None:
        self._tips = [tip for slip in plans if slip.kind == 'slip' for tip in _tips(slip, plans)]
        self.start()

    def start(self) -> None:
        """Begin a round."""
        self._touching = {'real': 0, 'shadow': 0}
        self._slipping = {'real': 0, 'shadow': 0}

    def step(self, rows: Rows) -> None:
        """Count rows."""
        for tip in self._tips:
            pairs: dict[str, tuple[Array, Array]] = {
                'real': (rows.real[tip.slip_channel], rows.real[tip.force_channel]),
                'shadow': (rows.shadow[tip.slip_channel].median, rows.shadow[tip.force_channel].median),
            }
            for side, (slip, force) in pairs.items():
                with np.errstate(invalid='ignore'):
                    touching = (force[:, tip.force] > tip.floor) & ~np.isnan(slip[:, tip.slip])
                    slipping = touching & (slip[:, tip.slip] > tip.tolerance)
                self._touching[side] += int(touching.sum())
                self._slipping[side] += int(slipping.sum())

    def rate(self, side: str) -> float | None:
        """Slip rate of `real` or `shadow`."""
        return slip_rate(self._slipping[side], self._touching[side])


def _tips(slip: ChannelPlan, plans: Sequence[ChannelPlan]) -> list[_Tip]:
    found = []
    for index, element in enumerate(slip.elements):
        for force in plans:
            targets = [other.target for other in force.elements] if force.kind == 'force' else []
            if element.target in targets:
                at = targets.index(element.target)
                tolerance = float(slip.tolerance[index])
                found.append(_Tip(slip.name, index, force.name, at, tolerance, slip.floor))
                break
    return found
