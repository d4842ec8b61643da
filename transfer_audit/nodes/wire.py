"""Numbers of a serialized message, read and written where they stand in its bytes.

Messages of one publisher are laid out alike. A layout is taken from one message and holds for those that agree with it
in every byte that decides where something lies: lengths, names. All others are taken apart by the middleware, which is
what the fast way is held to. Padding is never compared.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from rclpy.serialization import deserialize_message, serialize_message
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_typestore

from transfer_audit.bags.layout import HEAD, LayoutError
from transfer_audit.bags.template import make_template
from transfer_audit.core.errors import FieldError
from transfer_audit.core.fields import Selector
from transfer_audit.core.types import NS, Array
from transfer_audit.nodes import convert

LARGEST = 1 << 14
"""Larger messages are left to the middleware: comparing them would cost as much."""
WIDEST = 8
"""Bytes of the largest number of a message."""
_SECONDS = struct.Struct('<iI')


class Layout:
    """Where the elements and the stamp of a message lie, E of them, all numbers of one format.

    :raises LayoutError: if they do not lie in one run of floating-point numbers, or the stamp is no Time
    """

    def __init__(self, raw: bytes, msgtype: str, typestore: Any, selector: Selector) -> None:
        template = make_template(memoryview(raw), msgtype, typestore, selector)
        if len(template.columns) != 1 or template.shape[1] != 1 or len(template.stamp) == 1:
            raise LayoutError('not one run of numbers, or no plain stamp')
        (run,) = template.columns
        at, to = (
            np.arange(1 << 16)[places] if isinstance(places, slice) else places for places in (run.picks, run.targets)
        )
        if sorted(to) != list(range(template.shape[0])) or run.dtype.kind != 'f':
            raise LayoutError('an element is missing, or holds no floating-point number')
        self._dtype, self._start, self._count = run.dtype, run.start, run.length // run.dtype.itemsize
        self._at = at[np.argsort(to)]
        self._as_it_is = run.dtype == np.float64 and self._at.tolist() == list(range(self._count))
        self._row = struct.Struct(f'<{self._count}d') if self._as_it_is else None
        self._stamp = template.stamp[0][0] if template.stamp else None
        self._mask, self._expected = self._fixed(template.patterns, len(raw), raw[:HEAD])
        self._alike = self._stretches(raw)
        if self._stamp is not None and template.stamp[1][0] != self._stamp + 4:
            raise LayoutError('the stamp is torn')

    @staticmethod
    def _fixed(patterns: Any, size: int, head: bytes) -> tuple[int, int]:
        """The bytes that decide, and what they must be, as one number each."""
        mask, expected = bytearray(size), bytearray(size)
        for pattern in patterns:
            for at, (bits, byte) in enumerate(zip(pattern.mask.tolist(), pattern.expected.tolist(), strict=True)):
                mask[pattern.start + at] |= bits
                expected[pattern.start + at] |= bits & byte
        mask[:HEAD], expected[:HEAD] = b'\xff' * HEAD, head
        return int.from_bytes(mask, 'little'), int.from_bytes(expected, 'little')

    def _stretches(self, raw: bytes) -> list[tuple[int, int, bytes]]:
        """Where the bytes that decide lie, and those between them if they are too few for a number: all but padding."""
        found: list[list[int]] = []
        for at in np.flatnonzero(np.frombuffer(self._mask.to_bytes(len(raw), 'little'), np.uint8)).tolist():
            if found and at - found[-1][1] < WIDEST:
                found[-1][1] = at + 1
            else:
                found.append([at, at + 1])
        return [(start, stop, raw[start:stop]) for start, stop in found]

    def fits(self, raw: bytes) -> bool:
        """Whether a message of the same size is laid out like this."""
        for start, stop, expected in self._alike:
            if raw[start:stop] != expected:
                break
        else:
            return True
        return int.from_bytes(raw, 'little') & self._mask == self._expected

    def values(self, raw: bytes) -> Array:
        """The elements, shape (E,)."""
        found = np.frombuffer(raw, self._dtype, self._count, self._start)
        return found if self._as_it_is else found[self._at].astype(np.float64)

    def row(self, raw: bytes) -> Sequence[float]:
        """The elements as Python's floats, length E."""
        return self.values(raw).tolist() if self._row is None else self._row.unpack_from(raw, self._start)

    def stamp_ns(self, raw: bytes, now_ns: int) -> int:
        """The time the message speaks of."""
        if self._stamp is None:
            return now_ns
        sec, nanosec = _SECONDS.unpack_from(raw, self._stamp)
        return int(sec) * NS + int(nanosec)

    def written(self, raw: bytes, values: Array) -> bytes:
        """The message with other elements, shape (E,)."""
        changed = bytearray(raw)
        np.frombuffer(changed, self._dtype, self._count, self._start)[self._at] = values
        return bytes(changed)

    def restamped(self, raw: bytes, now_ns: int) -> bytes:
        """The message with another stamp, where it has one."""
        if self._stamp is None:
            return raw
        changed = bytearray(raw)
        _SECONDS.pack_into(changed, self._stamp, *divmod(now_ns, NS))
        return bytes(changed)


class Wire:
    """Reads and writes what a selector selects, in serialized messages of one type."""

    def __init__(self, msgtype: str, selector: Selector) -> None:
        self._msgtype, self._selector = msgtype, selector
        self.message_class = convert.message_class(msgtype)
        store = get_typestore(Stores.LATEST)
        self._typestore = store if msgtype in store.types else None
        self._layouts: dict[int, Layout] = {}
        self._misfits = 0

    def row(self, raw: bytes, now_ns: int) -> tuple[Sequence[float], int] | None:
        """The elements, E floats, and the stamp of a message of a layout that is known; of others None, see `read`."""
        layout = self._layouts.get(len(raw))
        if layout is None or not layout.fits(raw):
            return None
        return layout.row(raw), layout.stamp_ns(raw, now_ns)

    def read(self, raw: bytes, now_ns: int) -> tuple[Array, int]:
        """The elements, shape (E, w), NaN where the message lacks one, and its stamp in ns.

        :raises FieldError: if the message cannot be read, or the selector does not fit it
        """
        layout = self._layout(raw)
        if layout is not None:
            return layout.values(raw)[:, None], layout.stamp_ns(raw, now_ns)
        found = self._plain(raw, now_ns)
        self._misfits += 1
        if self._typestore is not None and self._misfits & (self._misfits - 1) == 0:
            self._learn(raw, *found)
        return found

    def written(self, raw: bytes, values: Array, now_ns: int | None = None) -> bytes:
        """The message with other elements, shape (E,); and, if `now_ns` is given, that stamp."""
        layout = self._layout(raw)
        if layout is not None:
            changed = layout.written(raw, values)
            return changed if now_ns is None else layout.restamped(changed, now_ns)
        message = self._message(raw)
        if now_ns is not None:
            convert.restamp(message, self._selector.stamp, now_ns)
        self._selector.write(message, values.tolist())
        return bytes(serialize_message(message))

    def _layout(self, raw: bytes) -> Layout | None:
        layout = self._layouts.get(len(raw))
        return layout if layout is not None and layout.fits(raw) else None

    def _message(self, raw: bytes) -> Any:
        try:
            return deserialize_message(raw, self.message_class)
        except (RuntimeError, ValueError) as error:  # the middleware's refusal; text that is none
            why = ' '.join(str(error).split())
            raise FieldError(f'{len(raw)} bytes that are no {self._msgtype} ({why})') from error

    def _plain(self, raw: bytes, now_ns: int) -> tuple[Array, int]:
        message = self._message(raw)
        return self._selector.values(message), self._selector.stamp_ns(message, now_ns)

    def _learn(self, raw: bytes, values: Array, stamp_ns: int) -> None:
        """Keep the layout of a message that was read the plain way, if it says the same. Every misfit would cost a
        millisecond, so only the 1st, 2nd, 4th, 8th … is tried."""
        if len(raw) > LARGEST:
            return
        try:
            layout = Layout(raw, self._msgtype, self._typestore, self._selector)
        except (LayoutError, FieldError, SerdeError):
            return
        same = layout.fits(raw) and np.array_equal(layout.values(raw)[:, None], values, equal_nan=True)
        if same and (self._selector.stamp == 'receive' or layout.stamp_ns(raw, -1) == stamp_ns):
            self._layouts[len(raw)] = layout
