"""The last word of every measured element, and how old it is. What is not a fresh number counts as silence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.types import NS, Array

NEVER = -(1 << 62)
FOREVER = 1 << 62


@dataclass(frozen=True)
class Wanted:
    """One column of one channel that the gate looks at; `target` is its place in the model."""

    channel: str
    column: int
    label: str
    target: str
    noise: float
    tolerance: float


def wanted(
    binding: Binding, kind: str, targets: Iterable[str] | None = None, labels: Iterable[str] = ()
) -> list[Wanted]:
    """The columns of one kind of channel with one of these targets in the model, or called by one of these labels."""
    places, names = set(targets or ()), set(labels)
    return [
        Wanted(
            plan.name, column, element.name, element.target, float(plan.noise[column]), float(plan.tolerance[column])
        )
        for plan in binding.channels
        if plan.kind == kind and all(element.sense != 'pose' for element in plan.elements)
        for column, element in enumerate(plan.elements)
        if element.name in names or element.target in places
    ]


class Watch:
    """Holds E measured numbers.

    A NaN, a message of another shape, and a stamp further than `stale_ns` from the present do not refresh anything:
    a broken sensor, a silent one and one with a wrong clock look the same here.
    """

    def __init__(self, binding: Binding, columns: Sequence[Wanted], stale_ns: int) -> None:
        self.columns = tuple(columns)
        self.values: Array = np.full(len(columns), np.nan)
        self._stale_ns = stale_ns
        self._stamp_ns = np.full(len(columns), NEVER, np.int64)
        self._seen_ns = np.full(len(columns), NEVER, np.int64)
        self._fault = ''
        self._born_ns = np.full(len(columns), NEVER, np.int64)
        self._oldest_seen_ns = self._oldest_born_ns = NEVER
        self._routes = {
            plan.name: (rows, np.array([columns[row].column for row in rows]), plan.carried)
            for plan in binding.channels
            if len(rows := np.array([row for row, c in enumerate(columns) if c.channel == plan.name], np.intp))
        }

    @property
    def channels(self) -> frozenset[str]:
        """Where the numbers come from."""
        return frozenset(self._routes)

    @property
    def born_ns(self) -> np.ndarray:
        """When each number was measured, on the steady clock, shape (E,)."""
        return self._born_ns

    def __len__(self) -> int:
        return len(self.columns)

    def take(self, channel: str, values: Array, stamp_ns: int, now_ns: int, steady_ns: int) -> bool:
        """Note a message of a channel; whether any number was taken.

        :param values: what `ChannelPlan.measured` carries, one row, shape (M,)
        """
        if channel not in self._routes:
            return False
        rows, columns, carried = self._routes[channel]
        row = np.asarray(values, np.float64)
        if row.shape != (carried,):
            self._fault = f'channel {channel}: {carried} numbers expected, found shape {row.shape}'
            return False
        if not -self._stale_ns <= now_ns - stamp_ns <= self._stale_ns:
            self._fault = f'channel {channel}: stamps lie {(now_ns - stamp_ns) / NS:.3g} s in the past'
            return False
        self._fault = ''
        good = ~np.isnan(row[columns]) & ~self._overtaken(rows, stamp_ns)
        fresh = rows[good]
        self.values[fresh] = row[columns[good]]
        self._stamp_ns[fresh], self._seen_ns[fresh] = stamp_ns, steady_ns
        self._born_ns[fresh] = steady_ns - (now_ns - stamp_ns)
        self._oldest_seen_ns, self._oldest_born_ns = int(self._seen_ns.min()), int(self._born_ns.min())
        return bool(len(fresh))

    def restart(self) -> None:
        """ROS time stepped: the stamps of before say nothing about order."""
        self._stamp_ns[:] = NEVER

    def _overtaken(self, rows: np.ndarray, stamp_ns: int) -> np.ndarray:
        """Where a newer number is already here; a step further back than `stale_ns` is the clock's, not disorder."""
        ahead = self._stamp_ns[rows] - stamp_ns
        return np.asarray((ahead > 0) & (ahead <= self._stale_ns))

    def age_ns(self, steady_ns: int) -> int:
        """How long ago the oldest number was measured, by its stamp; steps of the clock since it came do not count."""
        return steady_ns - self._oldest_born_ns

    @property
    def good_until_ns(self) -> int:
        """Until when nothing is silent if no more is heard."""
        return self._oldest_seen_ns + self._stale_ns if self.columns else FOREVER

    def silent(self, steady_ns: int) -> str:
        """A sentence if any element was not heard for `stale_ns` on the steady clock; empty if all were."""
        if not self.columns or steady_ns - self._oldest_seen_ns <= self._stale_ns:
            return ''
        worst = self.columns[int(np.argmin(self._seen_ns))]
        silence_s = (steady_ns - self._oldest_seen_ns) / NS
        since = 'never heard' if self._oldest_seen_ns == NEVER else f'silent for {silence_s:.3g} s'
        return f'{worst.label} of channel {worst.channel} {since}' + (f' ({self._fault})' if self._fault else '')
