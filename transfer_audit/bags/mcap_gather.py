"""Messages of an mcap file, found by their indexes and gathered with numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transfer_audit.bags.blocks import Bytes, RawBlock
from transfer_audit.bags.mcap_records import MESSAGE, MESSAGE_HEAD, DamagedError
from transfer_audit.core.types import Stamps

Index = npt.NDArray[np.void]


@dataclass(frozen=True)
class Located:
    """Where messages of one channel lie: log times and places of their records in `data`, shape (N,)."""

    log_ns: Stamps
    places: Stamps


def _heads(data: Bytes, places: Stamps) -> Index:
    """The fixed part of the message records at these places."""
    length = max(0, len(data) - MESSAGE_HEAD.itemsize + 1)
    return np.ndarray((length,), MESSAGE_HEAD, buffer=data, strides=(1,))[places]


def check_heads(data: Bytes, places: Stamps, end: int, channel: int, log_ns: Stamps) -> None:
    """:raises DamagedError: unless a message of this channel and time lies at each place, ending before `end`"""
    if not len(places):
        return
    heads = _heads(data, places)
    ends = places + 9 + heads['length'].astype(np.int64)
    good = (heads['op'] == MESSAGE) & (heads['channel'] == channel) & (heads['length'] >= 22)
    good &= (ends > places) & (ends <= end) & (heads['log_ns'] == log_ns.astype(np.uint64))
    if not good.all():
        raise DamagedError(f'an index promises a message that is not there ({np.count_nonzero(~good)} such)')


def located_block(data: Bytes, parts: Sequence[Located]) -> RawBlock:
    """Messages of one topic out of all its chunks and channels, in order of log time and then of the file."""
    if not sum(len(part.places) for part in parts):
        return RawBlock.empty()
    log_ns = np.concatenate([part.log_ns for part in parts])
    places = np.concatenate([part.places for part in parts])
    order = np.lexsort((places, log_ns))
    log_ns, places = log_ns[order], places[order]
    head = MESSAGE_HEAD.itemsize
    sizes = _heads(data, places)['length'].astype(np.int64) + 9 - head
    return RawBlock(log_ns, data, places + head, sizes)
