"""What a recording holds, before anybody knows what it means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transfer_audit.core.types import NS, Array, Stamps

GRID_HZ = 100.0
"""Streams are compared on this grid."""


@dataclass(frozen=True)
class Stream:
    """One field of numbers of one topic, in order of arrival.

    :param field: path to the numbers, as a profile gives it; `stamp` likewise
    :param names: what the messages call their entries, or None if they do not
    :param receive_ns: shape (N,); `stamp_ns` likewise
    :param values: shape (N, E, W): E entries of W numbers each, NaN where a message lacks one
    """

    topic: str
    type: str
    field: str
    stamp: str
    names: tuple[str, ...] | None
    receive_ns: Stamps
    stamp_ns: Stamps
    values: Array

    @property
    def count(self) -> int:
        """Entries of a message."""
        return self.values.shape[1]

    @property
    def width(self) -> int:
        """Numbers of an entry: 1, 3 of a vector, 7 of a pose."""
        return self.values.shape[2]

    @property
    def words(self) -> set[str]:
        """The words of topic, type and field, lower case."""
        return {*words(self.topic), *words(self.type.rpartition('/')[2]), *words(self.field)}

    @property
    def period_s(self) -> float:
        """The usual time between two messages; NaN for fewer than two."""
        gaps = np.diff(np.sort(self.stamp_ns))
        return float(np.median(gaps[gaps > 0])) / NS if (gaps > 0).any() else np.nan

    @property
    def late_s(self) -> float:
        """How long after its stamp a message arrives: 99 of 100 are faster."""
        return float(np.quantile(self.receive_ns - self.stamp_ns, 0.99)) / NS if len(self.receive_ns) else np.nan

    @property
    def keys(self) -> tuple[str | int, ...]:
        """The entries as a profile names them."""
        return tuple(range(self.count)) if self.names is None else self.names

    def said(self) -> str:
        """The stream in a few words."""
        return f'{self.topic} {self.field} ({self.count} {"entry" if self.count == 1 else "entries"})'


@dataclass(frozen=True)
class Mark:
    """A topic of texts: what it said, in order."""

    topic: str
    type: str
    field: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Recording:
    """All that a recording holds that a profile could speak of; `topics` are the names of all its topics."""

    name: str
    topics: tuple[str, ...]
    streams: tuple[Stream, ...]
    marks: tuple[Mark, ...] = ()


def words(text: str) -> list[str]:
    """`FingertipForce_2` as fingertip, force, 2."""
    return [word.lower() for word in re.findall(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+', text)]


def on_grid(streams: Sequence[Stream]) -> list[Array]:
    """The first number of each entry at the same instants, held from message to message: shape (T, E) each.

    Stamps of streams that do not say when they were taken are those of their arrival.
    """
    start = max(int(stream.stamp_ns.min()) for stream in streams)
    end = min(int(stream.stamp_ns.max()) for stream in streams)
    grid = np.arange(start, max(end, start) + 1, round(NS / GRID_HZ))
    return [_held(stream, grid) for stream in streams]


def _held(stream: Stream, grid: npt.NDArray[np.int64]) -> Array:
    order = stream.stamp_ns.argsort(kind='stable')
    values = stream.values[order, :, 0]
    at = np.maximum(np.searchsorted(stream.stamp_ns[order], grid, side='right') - 1, 0)
    return _filled(values)[at]


def _filled(values: Array) -> Array:
    """NaN as the number before it, at the beginning as the one after."""
    out = values.copy()
    for column in out.T:
        good = np.flatnonzero(column == column)
        if len(good) == 0:
            column[:] = 0.0
            continue
        column[:] = column[good[np.maximum(np.searchsorted(good, np.arange(len(column)), side='right') - 1, 0)]]
    return out
