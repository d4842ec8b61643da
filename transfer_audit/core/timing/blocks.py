"""Stamp minus time of receipt in blocks of arrivals: exact, and of bounded size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transfer_audit.core.types import Array, Stamps

BLOCK_NS = 100_000_000
"""Of each block only the promptest arrival speaks of the clock: a queue can hold messages up, but not hurry them."""
MOST_BLOCKS = 4096
"""A round that has more is kept in blocks of twice the length, again and again."""
_NEVER = np.iinfo(np.int64).min
_FARTHEST_US = 10**12
_US, _SECOND_US = 1000, 1e6


@dataclass(frozen=True)
class Jump:
    """Between two messages: `size_ns` of stamp minus receipt, and the stamps before and after it."""

    size_ns: int
    before_ns: int
    after_ns: int


class Blocks:
    """Per block of arrivals: the largest stamp minus receipt, its mean, and its largest jumps either way."""

    def __init__(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._block_ns = BLOCK_NS
        self._last: tuple[int, int] | None = None
        self.first_offset_ns = 0
        self._offsets = np.full(MOST_BLOCKS, _NEVER)
        self._receives = np.zeros(MOST_BLOCKS, np.int64)
        self._counts = np.zeros(MOST_BLOCKS, np.int64)
        self._sums_us = np.zeros((2, MOST_BLOCKS), np.int64)
        self._jumps = np.zeros((2, MOST_BLOCKS), np.int64)
        self._befores = np.zeros((2, MOST_BLOCKS), np.int64)
        self._afters = np.zeros((2, MOST_BLOCKS), np.int64)

    def add(self, receives: Stamps, stamps: Stamps) -> None:
        """Take messages in order of arrival, none received before the start."""
        while (int(receives.max()) - self._start_ns) // self._block_ns >= MOST_BLOCKS:
            self._join()
        blocks = (receives - self._start_ns) // self._block_ns
        offsets = stamps - receives
        if self._last is None:
            self._last, self.first_offset_ns = (int(offsets[0]), int(stamps[0])), int(offsets[0])
        self._sum(blocks, receives, offsets)
        last_offset, last_stamp = self._last
        self._last = int(offsets[-1]), int(stamps[-1])
        jumps = np.diff(offsets, prepend=last_offset)
        befores = np.concatenate(([last_stamp], stamps[:-1]))
        for block in np.unique(blocks).tolist():
            rows = np.flatnonzero(blocks == block)
            best = rows[offsets[rows].argmax()]
            if offsets[best] > self._offsets[block]:
                self._offsets[block], self._receives[block] = offsets[best], receives[best]
            for way, sign in enumerate((1, -1)):
                widest = rows[(sign * jumps[rows]).argmax()]
                if sign * jumps[widest] > self._jumps[way, block]:
                    self._jumps[way, block] = sign * jumps[widest]
                    self._befores[way, block], self._afters[way, block] = befores[widest], stamps[widest]

    def _sum(self, blocks: Stamps, receives: Stamps, offsets: Stamps) -> None:
        far = np.clip((offsets - self.first_offset_ns) // _US, -_FARTHEST_US, _FARTHEST_US)
        np.add.at(self._counts, blocks, 1)
        np.add.at(self._sums_us[0], blocks, (receives - self._start_ns) // _US)
        np.add.at(self._sums_us[1], blocks, far)

    def _join(self) -> None:
        """Make one block of every two."""
        self._block_ns *= 2
        later = self._offsets[1::2] > self._offsets[::2]
        self._receives = _halved(np.where(later, self._receives[1::2], self._receives[::2]), 0)
        self._offsets = _halved(np.where(later, self._offsets[1::2], self._offsets[::2]), _NEVER)
        self._counts = _halved(self._counts[::2] + self._counts[1::2], 0)
        self._sums_us = _halved(self._sums_us[:, ::2] + self._sums_us[:, 1::2], 0)
        later = self._jumps[:, 1::2] > self._jumps[:, ::2]
        self._befores = _halved(np.where(later, self._befores[:, 1::2], self._befores[:, ::2]), 0)
        self._afters = _halved(np.where(later, self._afters[:, 1::2], self._afters[:, ::2]), 0)
        self._jumps = _halved(np.where(later, self._jumps[:, 1::2], self._jumps[:, ::2]), 0)

    def levels(self) -> tuple[Stamps, Stamps]:
        """When the promptest message of each block with any was received, and its stamp minus that, shape (B,) each."""
        filled = self._offsets != _NEVER
        return self._receives[filled], self._offsets[filled]

    def means(self) -> tuple[Array, Array]:
        """Of each block with any message, its mean receipt since the start and mean stamp minus receipt, s, shape (B,).

        The latter is counted from `first_offset_ns`. Unlike the promptest message, the mean of a block does not favour
        its last message where the clock runs fast, nor its first where it runs slow.
        """
        filled = self._counts > 0
        receives, offsets = self._sums_us[:, filled] / self._counts[filled] / _SECOND_US
        return receives, offsets

    def jump(self, place: int, sign: int) -> Jump:
        """The largest jump one way (sign 1: forward, -1: back) where filled block `place` follows on the one before."""
        way = 0 if sign > 0 else 1
        filled = np.flatnonzero(self._offsets != _NEVER)
        either = filled[max(0, place - 1) : place + 1]
        block = int(either[self._jumps[way, either].argmax()])
        jump, before, after = (side[way, block] for side in (self._jumps, self._befores, self._afters))
        return Jump(sign * int(jump), int(before), int(after))


def _halved(values: npt.NDArray[np.int64], empty: int) -> npt.NDArray[np.int64]:
    return np.concatenate((values, np.full_like(values, empty)), axis=-1)
