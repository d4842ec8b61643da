"""Many messages of one shape at once: serialized one time, then only their numbers change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from transfer_audit.core.types import NS, Array, Stamps

STAMP_AT = 4
"""A header comes first, behind the four bytes of encapsulation: seconds (int32), then nanoseconds (uint32)."""
_STAMP = np.dtype([('sec', '<i4'), ('nanosec', '<u4')])
Bytes = npt.NDArray[np.uint8]


class Packed:
    """A message of which every array of numbers has a fixed length, and every other field stays as it is.

    :param make: a message of a rosbags typestore with these arrays in its fields, one for each of `widths`
    :param widths: length of each array
    """

    def __init__(self, store: Any, msgtype: str, make: Any, widths: Sequence[int], stamped: bool = True) -> None:
        # No text of a message holds such numbers, so where they are found is where they stand.
        marks = [np.random.default_rng(index).random(width) for index, width in enumerate(widths)]
        raw = bytes(store.serialize_cdr(make(*marks), msgtype))
        self._raw = np.frombuffer(raw, np.uint8)
        self._places = [raw.index(mark.tobytes()) if len(mark) else 0 for mark in marks]
        self._stamped = stamped

    def rows(self, row_ns: Stamps, *arrays: Array) -> Bytes:
        """Serialized messages, shape (N, bytes), contiguous.

        :param row_ns: stamps, shape (N,)
        :param arrays: the numbers of each array, shape (N, width)
        """
        out: Bytes = np.repeat(self._raw[None], len(row_ns), axis=0)
        if self._stamped:
            stamps = np.empty(len(row_ns), _STAMP)
            stamps['sec'], stamps['nanosec'] = row_ns // NS, row_ns % NS
            out[:, STAMP_AT : STAMP_AT + _STAMP.itemsize] = stamps.view(np.uint8).reshape(len(row_ns), -1)
        for place, values in zip(self._places, arrays, strict=True):
            numbers = np.ascontiguousarray(values, '<f8').view(np.uint8)
            out[:, place : place + numbers.shape[1]] = numbers
        return out
