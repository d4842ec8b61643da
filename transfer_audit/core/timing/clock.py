"""The clock of a source against the clock that receives it: steps and drift."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import stdtrit

from transfer_audit.core.timing.blocks import Blocks
from transfer_audit.core.timing.hinge import hinge
from transfer_audit.core.types import NS, Array, Columns, Stamps

SMALLEST_STEP_S = 0.010
"""A smaller step moves nothing by a row of the audit clock, and a route that has become slower looks the same."""
CLEAR = 6.0
"""A step stands out of the scatter from block to block by this many deviations."""
HELD_UP_S = 3.0
"""Messages that come later for at most this long and then as before were held up: no clock goes there and back."""
_PENDING = 1 << 18
"""At most this many arrivals wait to be told of which round they are."""
_CHUNKS = 256
_WINDOW = 5
_FEWEST_BESIDE_STEP = 3
_FEWEST_FOR_DRIFT = 10


@dataclass(frozen=True)
class ClockStep:
    """A lasting jump of the stamps against the time of receipt.

    :param at_ns: the last stamp before it, no later than the gap that it leaves
    :param until_ns: when the first message after it was stamped, on the clock as it was before
    :param size_ns: positive if the clock was put forward
    """

    at_ns: int
    until_ns: int
    size_ns: int


@dataclass(frozen=True)
class Drift:
    """How much faster the clock of a source runs than the one that receives it, ppm, with a 90 % interval.

    :param seconds: for how long it was watched
    """

    ppm: float
    low_ppm: float
    high_ppm: float
    seconds: float


@dataclass(frozen=True)
class Drifting:
    """Since when a clock drifts and by how much, ppm; 90 % of the beginnings lie in earliest..latest."""

    since_ns: int
    earliest_ns: int
    latest_ns: int
    ppm: float


class ClockWatch:
    """Watches one source's clock over a round. A message belongs to the round in which it was received."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Stamps, Stamps]] = []
        self.start(0)

    def start(self, start_ns: int) -> None:
        """Begin a round."""
        self._start_ns = start_ns
        self._blocks = Blocks(start_ns)
        self.forget(start_ns)

    def arrived(self, columns: Columns) -> None:
        """Note messages in order of arrival."""
        if len(columns):
            self._waiting.append((columns.receive_ns, columns.stamp_ns))
        if len(self._waiting) > _CHUNKS:
            receives, stamps = self._joined()
            self._waiting = [(receives[-_PENDING:], stamps[-_PENDING:])]

    def forget(self, before_ns: int) -> None:
        """Let go of messages that wait and were received before `before_ns`."""
        if self._waiting:
            receives, stamps = self._joined()
            self._keep(receives, stamps, receives >= before_ns)

    def advance(self, until_ns: int) -> None:
        """Account for the messages of the round received up to an instant."""
        if not self._waiting:
            return
        receives, stamps = self._joined()
        due = receives <= until_ns
        mine = due & (receives >= self._start_ns)
        if mine.any():
            self._blocks.add(receives[mine], stamps[mine])
        self._keep(receives, stamps, ~due)

    def _joined(self) -> tuple[Stamps, Stamps]:
        receives, stamps = (np.concatenate(side) for side in zip(*self._waiting, strict=True))
        return receives, stamps

    def _keep(self, receives: Stamps, stamps: Stamps, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        self._waiting = [(receives[rows], stamps[rows])] if rows.any() else []

    def steps(self) -> list[ClockStep]:
        """Lasting jumps of the round so far, in order."""
        times, levels = self._levels()
        found = []
        for place in self._places(times, levels):
            size = _size(times, levels, place)
            jump = self._blocks.jump(place, 1 if size > 0 else -1)
            until_ns = max(jump.before_ns, jump.after_ns - round(size * NS))
            found.append(ClockStep(jump.before_ns, until_ns, round(size * NS)))
        return found

    def drift(self) -> Drift | None:
        """The slope between the steps; None for a short round, or a source without a clock of its own."""
        times, levels = self._levels()
        if len(levels) < _FEWEST_FOR_DRIFT or not self._blocks.levels()[1].any():
            return None
        return _drift(times, levels, self._places(times, levels))

    def drifting(self) -> Drifting:
        """Where the stamps begin to leave the time of receipt; for a round that has a `drift`."""
        times, levels = self._blocks.means()
        found = hinge(times, levels, self._places(*self._levels()))
        origin_ns = self._start_ns + self._blocks.first_offset_ns + round(found.level_s * NS)

        def stamp(seconds: float) -> int:
            return self._start_ns if seconds <= times[0] else max(self._start_ns, origin_ns + round(seconds * NS))

        return Drifting(stamp(found.at_s), stamp(found.low_s), stamp(found.high_s), 1e6 * found.slope)

    def _places(self, times: Array, levels: Array) -> list[int]:
        """The blocks that begin a new level by a jump between two messages, which a drift lacks, in order."""
        found = []
        for place in _places(times, levels):
            size = _size(times, levels, place)
            if abs(self._blocks.jump(place, 1 if size > 0 else -1).size_ns) >= abs(size) * NS / 2:
                found.append(place)
        return _without_hold_ups(times, levels, found)

    def _levels(self) -> tuple[Array, Array]:
        """Receipt, and stamp minus receipt, of the promptest message of each block, s since the first, shape (B,)."""
        receives, offsets = self._blocks.levels()
        if len(offsets) == 0:
            return np.empty(0), np.empty(0)
        return (receives - receives[0]) / NS, (offsets - offsets[0]) / NS


def _places(times: Array, levels: Array) -> list[int]:
    """The blocks that seem to begin a new level, in order."""
    count = len(levels)
    if count < 2 * _FEWEST_BESIDE_STEP:
        return []
    flat = levels - _slope(times, levels) * times
    rises = np.diff(flat)
    scatter = 1.4826 * float(np.median(np.abs(rises - np.median(rises)))) / np.sqrt(2)
    score = _rise(flat)
    found: list[int] = []
    least = max(SMALLEST_STEP_S, CLEAR * scatter)
    while np.abs(score).max() >= 0.9 * least:
        best = int(np.abs(score).argmax())
        near = np.arange(max(1, best - _WINDOW // 2), min(count, best + _WINDOW // 2 + 1))
        place = int(near[(np.sign(score[best]) * rises[near - 1]).argmax()])
        if abs(_size(times, levels, place)) >= least:
            found.append(place)
        score[max(0, best - _WINDOW) : best + _WINDOW + 1] = 0.0
    return sorted(found)


def _without_hold_ups(times: Array, levels: Array, places: list[int]) -> list[int]:
    """Places at which a clock stepped: not where messages began to be held up, nor where that ended."""
    found: list[int] = []
    for place in places:
        back = found and times[place] - times[found[-1]] <= HELD_UP_S
        before = _size(times, levels, found[-1]) if back else 0.0
        if before < 0 and abs(before + _size(times, levels, place)) <= max(-before / 2, SMALLEST_STEP_S):
            found.pop()
        else:
            found.append(place)
    return found


def _rise(flat: Array) -> Array:
    """At each block, the median of the few from it on less that of the few before it; 0 at either end, shape (B,)."""
    count, few = len(flat), _FEWEST_BESIDE_STEP
    after, before = np.zeros(count), np.zeros(count)
    if count >= _WINDOW:
        medians = np.median(np.lib.stride_tricks.sliding_window_view(flat, _WINDOW), axis=1)
        after[: len(medians)] = medians
        before[_WINDOW:] = medians[: count - _WINDOW]
    for place in range(max(0, count - _WINDOW + 1), count):
        after[place] = np.median(flat[place:])
    for place in range(1, min(_WINDOW, count)):
        before[place] = np.median(flat[:place])
    rise = after - before
    rise[:few] = rise[count - few + 1 :] = 0.0
    return np.asarray(rise)


def _slope(times: Array, levels: Array) -> float:
    """The usual slope over a few blocks, which single steps do not move."""
    reach = max(1, min(_WINDOW, len(levels) // 4))
    return float(np.median((levels[reach:] - levels[:-reach]) / (times[reach:] - times[:-reach])))


def _size(times: Array, levels: Array, place: int) -> float:
    """How far the level before a block and the one from it on lie apart, s."""
    flat = levels - _slope(times, levels) * times
    return float(np.median(flat[place : place + _WINDOW]) - np.median(flat[max(0, place - _WINDOW) : place]))


def _drift(times: Array, levels: Array, places: list[int]) -> Drift:
    """Least squares with one slope and a level of its own between steps.

    Delays of a network are not white: the error allows for the correlation of neighbours, as of a process of first
    order.
    """
    t, y = times.copy(), levels.copy()
    for begin, end in pairwise([0, *places, len(times)]):
        t[begin:end] -= t[begin:end].mean()
        y[begin:end] -= y[begin:end].mean()
    slope = float(t @ y / (t @ t))
    rest = y - slope * t
    freedom = len(t) - len(places) - 2
    variance = float(rest @ rest)
    alike = float(np.clip(rest[1:] @ rest[:-1] / variance, 0.0, 0.9)) if variance > 0 else 0.0
    error = np.sqrt(variance / freedom / (t @ t) * (1 + alike) / (1 - alike))
    half = float(stdtrit(freedom, 0.95) * error)
    return Drift(1e6 * slope, 1e6 * (slope - half), 1e6 * (slope + half), float(times[-1] - times[0]))
