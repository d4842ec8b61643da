"""Contact apart from free motion: which element's tips touched when, on either side."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from transfer_audit.core.align import Rows
from transfer_audit.core.phases.contacts import ContactMap, Mask
from transfer_audit.core.timeline import forward_filled
from transfer_audit.core.types import Array, Stamps, to_ns

Phase = Literal['free', 'making contact', 'in contact']
Counts = npt.NDArray[np.int64]

PHASES: tuple[Phase, ...] = ('free', 'making contact', 'in contact')
AROUND_S = 0.05
"""A row or an onset this close to the beginning of a contact is one of making contact."""
BOUNCE_S = 0.02
"""A contact that begins anew within this time is the same contact."""
KEPT = 1000
"""Contacts of a tip that are kept from either end of a round."""
_COUNT_ROWS = 256
_NEVER = np.iinfo(np.int64).min // 2


@dataclass
class _Contact:
    """One contact of a tip. `made`: its beginning was seen, it was not there already."""

    start_ns: int
    end_ns: int | None
    made: bool


@dataclass(frozen=True)
class _Taken:
    """Rows that wait to be counted, with which tips touch, shape (N, T), and the level of both sides, (N, 2 T).

    `firm`: where a tip has touched on both sides for AROUND_S.
    """

    rows: Rows
    touching: Mask
    firm: Mask
    level: Array


class Phases:
    """The contacts of a round, from aligned rows.

    A tip touches while |force| of either side is over its floor, and until it is at or below half of it. Where a side
    is unknown it stays as it was. What is found does not depend on how the rows were cut into calls.
    """

    def __init__(self, contacts: ContactMap) -> None:
        self.map = contacts
        self._upper = np.tile(contacts.floor, 2)
        self._lower = self._upper / 2
        channels = dict.fromkeys(name for name, _ in contacts.tips)
        self._columns = [(name, _columns([at for other, at in contacts.tips if other == name])) for name in channels]
        self._channels = list(dict.fromkeys(name for name, _ in contacts.names))
        self._tells = np.zeros((len(contacts.tips), len(contacts.names)), np.int64)
        for column, tips in enumerate(contacts.tips_of):
            self._tells[list(tips), column] = 1
        self._gated = np.flatnonzero(contacts.slips & self._tells.any(axis=0))
        self._around_ns, self._bounce_ns = to_ns(AROUND_S), to_ns(BOUNCE_S)
        self.start(0)

    def start(self, start_ns: int) -> None:
        """Begin a round."""
        tips = len(self.map.tips)
        self._level = np.full((1, 2 * tips), np.nan)
        self._touching: Mask = np.zeros((1, tips), bool)
        self._both_ns = np.full(tips, _NEVER)
        self._contacts: list[list[_Contact]] = [[] for _ in range(tips)]
        self._dropped = [False] * tips
        self._made: list[list[int]] = [[] for _ in range(tips)]
        self._waiting: list[_Taken] = []
        self._waiting_rows = 0
        self._latest: _Taken | None = None
        self._counted_ns = start_ns - 1
        self._counts: Counts = np.zeros((len(PHASES), len(self.map.names)), np.int64)

    def step(self, rows: Rows) -> None:
        """Take the next rows."""
        tips, count = len(self.map.tips), len(rows.row_ns)
        if not tips or not count:
            return
        level = self._levels(rows)
        up = level == 1.0
        touching = up[:, :tips] | up[:, tips:]
        firm = self._firm(rows.row_ns, up[:, :tips] & up[:, tips:])
        if (touching != self._touching).any():
            self._change(rows.row_ns, level, touching)
        self._level, self._touching = level[-1:], touching[-1:]
        self._latest = _Taken(rows, touching, firm, level)
        self._waiting.append(self._latest)
        self._waiting_rows += count
        if self._waiting_rows >= _COUNT_ROWS:
            self._settle(int(rows.row_ns[-1]) - self._around_ns)

    def _levels(self, rows: Rows) -> Array:
        """1 where a tip touches, 0 where it does not, NaN where that was never known, of both sides: shape (N, 2 T)."""
        sides = [rows.real[name][:, at] for name, at in self._columns]
        sides += [rows.shadow[name].median[:, at] for name, at in self._columns]
        force = np.abs(np.concatenate(sides, axis=1))
        level = np.where(force > self._upper, 1.0, np.where(force <= self._lower, 0.0, np.nan))
        level[0] = np.where(np.isnan(level[0]), self._level[0], level[0])
        return forward_filled(level)

    def _firm(self, row_ns: Stamps, both: Mask) -> Mask:
        """Where both sides have been in contact for AROUND_S, shape (N, T)."""
        if not both.any():
            self._both_ns[:] = row_ns[-1]
            return both
        begun = np.where(both, _NEVER, row_ns[:, None])
        last_apart = np.maximum.accumulate(np.vstack([self._both_ns, begun]), axis=0)
        self._both_ns = last_apart[-1]
        return both & (row_ns[:, None] - last_apart[1:] > self._around_ns)

    def _change(self, row_ns: Stamps, level: Array, touching: Mask) -> None:
        """Begin and end contacts where tips change from row to row."""
        sides = np.concatenate([self._level, level]).reshape(len(level) + 1, 2, -1)
        before = np.concatenate([self._touching, touching[:-1]])
        for row, tip in np.argwhere(touching != before):
            if touching[row, tip]:
                rose = (sides[row, :, tip] == 0.0) & (sides[row + 1, :, tip] == 1.0)
                self._begin(int(tip), int(row_ns[row]), bool(rose.any()))
            else:
                self._contacts[tip][-1].end_ns = int(row_ns[row])

    def _begin(self, tip: int, at_ns: int, made: bool) -> None:
        contacts = self._contacts[tip]
        if contacts and at_ns - (contacts[-1].end_ns or 0) < self._bounce_ns:
            contacts[-1].end_ns = None
            return
        contacts.append(_Contact(at_ns, None, made))
        if made:
            self._made[tip].append(at_ns)
        if len(contacts) > 2 * KEPT:
            del contacts[KEPT]
            self._dropped[tip] = True

    def phase(self, column: int, from_ns: int, until_ns: int) -> Phase | None:
        """What a compared element did while it parted.

        Ask when rows up to AROUND_S after the interval were taken, for an answer that does not change any more.

        :param column: its index in `Comparison.names`; `from_ns` to `until_ns` is the interval of the onset
        :returns: None where nothing tells of its contact, or no more
        """
        if self.touched(column) is None:
            return None
        states = [self._state(tip, from_ns, until_ns) for tip in self.map.tips_of[column]]
        found: tuple[Phase, ...] = ('making contact', 'in contact')
        return next((phase for phase in found if phase in states), None if None in states else 'free')

    def _state(self, tip: int, from_ns: int, until_ns: int) -> Phase | None:
        contacts, middle_ns = self._contacts[tip], (from_ns + until_ns) // 2
        low_ns, high_ns = from_ns - self._around_ns, until_ns + self._around_ns
        if self._dropped[tip] and low_ns < contacts[KEPT].start_ns and high_ns > (contacts[KEPT - 1].end_ns or 0):
            return None
        first = bisect_left(contacts, low_ns, key=lambda contact: contact.start_ns)
        past = bisect_left(contacts, high_ns + 1, key=lambda contact: contact.start_ns)
        if any(contact.made for contact in contacts[first:past]):
            return 'making contact'
        lasting = contacts[max(0, first - 1) : past]
        holds = any(c.start_ns <= middle_ns and (c.end_ns is None or middle_ns < c.end_ns) for c in lasting)
        return 'in contact' if holds else 'free'

    def touched(self, column: int) -> bool | None:
        """Whether any tip of a compared element was in contact in this round; None where that is not known."""
        tips = list(self.map.tips_of[column])
        if any(self._contacts[tip] for tip in tips):
            return True
        sides = self._level.reshape(2, -1)[:, tips]
        return None if np.isnan(sides).all() else False

    def mask(self, rows: Rows) -> Mask:
        """Which values of the rows taken last count, shape (N, C): slip only where its tip is in contact on both
        sides and not just making it, all else always.

        :raises ValueError: if these are not the rows taken last
        """
        out = np.ones((len(rows.row_ns), len(self.map.names)), bool)
        if len(self._gated) and len(out):
            if self._latest is None or self._latest.rows is not rows:
                raise ValueError('a mask is known only of the rows that were taken last')
            out[:, self._gated] = self._latest.firm @ self._tells[:, self._gated] > 0
        return out

    def counts(self) -> Counts:
        """Rows in which both sides of an element are known, by PHASES, shape (3, C); 0 where no contact is known."""
        return self._counts + self._counted(np.iinfo(np.int64).max)

    def _settle(self, until_ns: int) -> None:
        """Count the rows up to an instant for good, and let go of them."""
        self._counts = self._counts + self._counted(until_ns)
        self._counted_ns = max(self._counted_ns, until_ns)
        self._waiting = [taken for taken in self._waiting if taken.rows.row_ns[-1] > self._counted_ns]
        self._waiting_rows = sum(len(taken.rows.row_ns) for taken in self._waiting)
        self._made = [[at for at in made if at >= self._counted_ns - self._around_ns] for made in self._made]

    def _counted(self, until_ns: int) -> Counts:
        if not self._waiting:
            return np.zeros_like(self._counts)
        row_ns = np.concatenate([taken.rows.row_ns for taken in self._waiting])
        due = (row_ns > self._counted_ns) & (row_ns <= until_ns)
        near = np.stack([_near(row_ns, made, self._around_ns) for made in self._made], axis=1)
        touching = np.concatenate([taken.touching for taken in self._waiting])
        level = np.concatenate([taken.level for taken in self._waiting])
        known = ~np.isnan(level.reshape(len(row_ns), 2, -1)).all(axis=1)
        covered = np.concatenate([self._covered(name) for name in self._channels], axis=1)
        known, making, contact = (side[due] @ self._tells > 0 for side in (known, near, touching))
        judged = known & covered[due]
        kinds = (judged & ~making & ~contact, judged & making, judged & contact & ~making)
        return np.stack([kind.sum(axis=0) for kind in kinds])

    def _covered(self, channel: str) -> Mask:
        """Where both sides of a channel are known in the rows that wait, shape (N, C)."""
        real = np.concatenate([taken.rows.real[channel] for taken in self._waiting])
        median = np.concatenate([taken.rows.shadow[channel].median for taken in self._waiting])
        return ~np.isnan(real + median)


def _near(row_ns: Stamps, starts: Sequence[int], around_ns: int) -> Mask:
    """Which rows lie within `around_ns` of a start, shape (N,)."""
    at = np.asarray(starts, np.int64)
    return np.asarray(np.searchsorted(at, row_ns + around_ns, 'right') > np.searchsorted(at, row_ns - around_ns))


def _columns(at: list[int]) -> slice | list[int]:
    """Columns as a slice where they are neighbours: that is read without a copy."""
    return slice(at[0], at[-1] + 1) if at == list(range(at[0], at[-1] + 1)) else at
