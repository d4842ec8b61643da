"""Stamp minus time of receipt in blocks of arrivals: exact, and of bounded size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transfer_audit.core.types import Stamps

BLOCK_NS = 100_000_000
"""Of each block only the promptest arrival speaks of the clock: a queue can hold messages up, but not hurry them."""
MOST_BLOCKS = 4096
"""A round that has more is kept in blocks of twice the length, again and again."""
_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Jump:
    """Between two messages: `size_ns` of stamp minus receipt, and the stamp before it."""

    size_ns: int
    before_ns: int


class Blocks:
    """Per block of arrivals: the largest stamp minus receipt, and the largest jumps of it either way."""

    def __init__(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._block_ns = BLOCK_NS
        self._last: tuple[int, int] | None = None
        self._offsets = np.full(MOST_BLOCKS, _NEVER)
        self._receives = np.zeros(MOST_BLOCKS, np.int64)
        self._jumps = np.zeros((2, MOST_BLOCKS), np.int64)
        self._befores = np.zeros((2, MOST_BLOCKS), np.int64)

    def add(self, receives: Stamps, stamps: Stamps) -> None:
        """Take messages in order of arrival, none received before the start."""
        while (int(receives.max()) - self._start_ns) // self._block_ns >= MOST_BLOCKS:
            self._join()
        blocks = (receives - self._start_ns) // self._block_ns
        offsets = stamps - receives
        last_offset, last_stamp = (int(offsets[0]), int(stamps[0])) if self._last is None else self._last
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
                    self._jumps[way, block], self._befores[way, block] = sign * jumps[widest], befores[widest]

    def _join(self) -> None:
        """Make one block of every two."""
        self._block_ns *= 2
        later = self._offsets[1::2] > self._offsets[::2]
        self._receives = _halved(np.where(later, self._receives[1::2], self._receives[::2]), 0)
        self._offsets = _halved(np.where(later, self._offsets[1::2], self._offsets[::2]), _NEVER)
        later = self._jumps[:, 1::2] > self._jumps[:, ::2]
        self._befores = _halved(np.where(later, self._befores[:, 1::2], self._befores[:, ::2]), 0)
        self._jumps = _halved(np.where(later, self._jumps[:, 1::2], self._jumps[:, ::2]), 0)

    def levels(self) -> tuple[Stamps, Stamps]:
        """When the promptest message of each block with any was received, and its stamp minus that, shape (B,) each."""
        filled = self._offsets != _NEVER
        return self._receives[filled], self._offsets[filled]

    def jump(self, place: int, sign: int) -> Jump:
        """The largest jump one way (sign 1: forward, -1: back) where filled block `place` follows on the one before."""
        way = 0 if sign > 0 else 1
        filled = np.flatnonzero(self._offsets != _NEVER)
        either = filled[max(0, place - 1) : place + 1]
        block = int(either[self._jumps[way, either].argmax()])
        return Jump(sign * int(self._jumps[way, block]), int(self._befores[way, block]))


def _halved(values: npt.NDArray[np.int64], empty: int) -> npt.NDArray[np.int64]:
    return np.concatenate((values, np.full_like(values, empty)), axis=-1)
