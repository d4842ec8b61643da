"""A byte layout taken from one message, applied to all messages laid out alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from transfer_audit.bags.blocks import Bytes, RawBlock
from transfer_audit.bags.layout import locate, place
from transfer_audit.core.fields import Selector, parse_path, walk
from transfer_audit.core.types import NS, Array, Stamps

Rows = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]
Place = tuple[int, 'np.dtype[Any]']
_BRIDGE = 64
_CACHED = 1 << 18


@dataclass(frozen=True)
class Pattern:
    """Bytes that must be as in the template: (found XOR expected) AND mask is zero."""

    start: int
    expected: Bytes
    mask: Bytes

    def fits(self, data: Bytes, starts: Stamps) -> Flags:
        """Which of the messages at `starts` agree, shape (N,)."""
        wide: Any = np.uint64 if len(self.mask) % 8 == 0 else np.uint8
        found = gather(data, starts + self.start, len(self.mask)).view(wide)
        found ^= self.expected.view(wide)
        found &= self.mask.view(wide)
        return ~found.any(axis=1)


@dataclass(frozen=True)
class Columns:
    """Numbers of one format that lie close together.

    :param picks: which of the numbers between start and start + length are wanted
    :param targets: their columns in the result
    """

    dtype: np.dtype[Any]
    start: int
    length: int
    picks: slice | Rows
    targets: slice | Rows

    def copy(self, data: Bytes, starts: Stamps, out: Array) -> None:
        """Write the numbers of the messages at `starts` to `out`, shape (N, columns)."""
        found = gather(data, starts + self.start, self.length).view(self.dtype)
        out[:, self.targets] = found[:, self.picks]


@dataclass(frozen=True)
class Template:
    """How messages that are laid out alike are read.

    :param size: bytes of such a message
    :param stamp: () for the log time, one number (nanoseconds, or seconds as a float), or seconds and nanoseconds
    :param shape: (E, W)
    """

    size: int
    patterns: tuple[Pattern, ...]
    columns: tuple[Columns, ...]
    stamp: tuple[Place, ...]
    shape: tuple[int, int]

    def read(self, block: RawBlock, rows: Rows) -> tuple[Rows, Stamps, Array]:
        """What fits among these messages of a block: its rows, stamps and values, shape (N, E, W)."""
        step = max(64, _CACHED // self.size)
        fits = [self._fits(block, rows[at : at + step]) for at in range(0, len(rows), step)]
        rows = rows[np.concatenate(fits)] if fits else rows
        values = np.full((len(rows), self.shape[0] * self.shape[1]), np.nan)
        starts = block.starts[rows]
        for at in range(0, len(rows), step):
            for group in self.columns:
                group.copy(block.data, starts[at : at + step], values[at : at + step])
        return rows, self._stamps(block, rows), values.reshape(-1, *self.shape)

    def _fits(self, block: RawBlock, rows: Rows) -> Flags:
        starts = block.starts[rows]
        fits = np.ones(len(rows), np.bool_)
        for pattern in self.patterns:
            fits &= pattern.fits(block.data, starts)
        if len(self.stamp) == 1:
            fits &= self._is_time(block.data, starts)
        return fits

    def _is_time(self, data: Bytes, starts: Stamps) -> Flags:
        """Whether a stamp that is one number fits 64 bits of nanoseconds."""
        raw = _numbers(data, starts, self.stamp[0])
        if raw.dtype.kind == 'f':
            return np.abs(raw.astype(np.float64)) < 2**63 / NS
        return raw < np.uint64(2**63) if raw.dtype == np.uint64 else np.ones(len(raw), np.bool_)

    def _stamps(self, block: RawBlock, rows: Rows) -> Stamps:
        found = [_numbers(block.data, block.starts[rows], number) for number in self.stamp]
        if not found:
            return block.receive_ns[rows]
        if len(found) == 2:
            return found[0].astype(np.int64) * NS + found[1].astype(np.int64)
        if found[0].dtype.kind == 'f':
            return np.rint(found[0].astype(np.float64) * NS).astype(np.int64)
        return found[0].astype(np.int64)


def make_template(raw: memoryview, msgtype: str, typestore: Any, selector: Selector) -> Template:
    """The layout of this message, as far as the selector needs it.

    The selector reads a copy of the message whose numbers are their own places, so what it means is written once.

    :raises LayoutError: if the message cannot be taken apart
    :raises FieldError: if a path of the selector does not fit the message
    """
    layout = locate(raw, msgtype, typestore)
    places = selector.values(layout.message)
    wanted = [(column, place(code)) for column, code in enumerate(places.ravel()) if not np.isnan(code)]
    return Template(
        len(raw),
        tuple(_patterns(np.frombuffer(raw, np.uint8), layout.fixed)),
        tuple(_groups(wanted)),
        _stamp_places(layout.message, selector) if wanted else (),
        (places.shape[0], places.shape[1]),
    )


def gather(data: Bytes, places: Stamps, length: int) -> Bytes:
    """Bytes `place .. place + length` for each place, shape (N, length)."""
    windows = np.ndarray((max(0, len(data) - length + 1),), f'V{length}', buffer=data, strides=(1,))
    return windows[places].view(np.uint8).reshape(len(places), length)


def _numbers(data: Bytes, starts: Stamps, number: Place) -> npt.NDArray[Any]:
    offset, dtype = number
    return gather(data, starts + offset, dtype.itemsize).view(dtype)[:, 0]


def _stamp_places(message: Any, selector: Selector) -> tuple[Place, ...]:
    if selector.stamp == 'receive':
        return ()
    path = 'header.stamp' if selector.stamp == 'header' else selector.stamp
    leaf = walk(message, parse_path(path))[0]
    if hasattr(leaf, 'sec') and hasattr(leaf, 'nanosec'):
        return place(leaf.sec), place(leaf.nanosec)
    return (place(leaf),)


def _patterns(message: Bytes, fixed: Iterable[tuple[int, int]]) -> Iterable[Pattern]:
    for start, end, ranges in _bridged(sorted(fixed)):
        length = end - start + -(end - start) % 8
        if length <= len(message):
            start = min(start, len(message) - length)
        else:
            length = end - start
        mask = np.zeros(length, np.uint8)
        for first, last in ranges:
            mask[first - start : last - start] = 255
        yield Pattern(start, message[start : start + length].copy(), mask)


def _bridged(ranges: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int, list[tuple[int, int]]]]:
    """Ranges with small gaps between them as one: start, end, and the ranges inside."""
    run: list[tuple[int, int]] = []
    for start, end in ranges:
        if run and start - run[-1][1] > _BRIDGE:
            yield run[0][0], run[-1][1], run
            run = []
        run.append((start, end))
    if run:
        yield run[0][0], run[-1][1], run


def _groups(wanted: Sequence[tuple[int, Place]]) -> Iterable[Columns]:
    for dtype in {dtype: None for _, (_, dtype) in wanted}:
        columns = {offset: column for column, (offset, kind) in wanted if kind == dtype}
        size = dtype.itemsize
        for start, end, ranges in _bridged((offset, offset + size) for offset in sorted(columns)):
            picks = [(first - start) // size for first, _ in ranges]
            targets = [columns[first] for first, _ in ranges]
            yield Columns(dtype, start, end - start, _indices(picks), _indices(targets))


def _indices(numbers: list[int]) -> slice | Rows:
    """Consecutive indices as a slice, which numpy copies faster."""
    if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return slice(numbers[0], numbers[0] + len(numbers))
    return np.asarray(numbers, np.intp)
