"""A path into a message -> numbers. The plain reading that every fast decoder is held to.

Works on any object whose fields are attributes: messages of rclpy and of rosbags alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from transfer_audit.core.errors import FieldError, choices
from transfer_audit.core.types import NS, Array

_SEGMENT = re.compile(r'^([A-Za-z_]\w*)(?:\[(\*|-?\d+)\])?$')
_NUMERIC = frozenset('bBhHiIlLqQfd')
NAME_FIELDS = ('name', 'joint_names', 'names')
Step = tuple[str, 'str | int | None']


@lru_cache(maxsize=256)
def parse_path(path: str) -> tuple[Step, ...]:
    """Split `sensors[*].forces[0].z` into (('sensors', '*'), ('forces', 0), ('z', None)).

    :raises FieldError: if it is not a path
    """
    steps: list[Step] = []
    for segment in path.split('.'):
        match = _SEGMENT.match(segment)
        if match is None:
            raise FieldError(f'{path!r} is no path into a message: at {segment!r} (like position, wrench.force, '
                             f'points[0].positions or sensors[*].forces[*].z)')  # fmt: skip
        name, index = match.groups()
        steps.append((name, index if index in (None, '*') else int(index)))
    return tuple(steps)


def field_names(message: Any) -> list[str]:
    """The fields of a message of rclpy or of rosbags."""
    if hasattr(message, 'get_fields_and_field_types'):
        return list(message.get_fields_and_field_types())
    return [name for name in getattr(message, '__dataclass_fields__', {}) if not name.startswith('__')]


def walk(message: Any, steps: Sequence[Step]) -> list[Any]:
    """The leaves a path leads to, in order.

    :raises FieldError: if a field does not exist or an index is out of range
    """
    nodes = [message]
    for name, index in steps:
        following: list[Any] = []
        for node in nodes:
            if not hasattr(node, name):
                raise FieldError(f'no field {name!r} in {type(node).__name__}{choices(name, field_names(node))}')
            child = getattr(node, name)
            if index is None:
                following.append(child)
            elif index == '*':
                following.extend(child)
            elif -len(child) <= int(index) < len(child):
                following.append(child[int(index)])
            else:
                raise FieldError(f'{name}[{index}] in {type(node).__name__}: only {len(child)} entries')
        nodes = following
    return nodes


def numbers(leaf: Any) -> list[float]:
    """All numbers of a message in order of its fields (Pose -> x y z qx qy qz qw).

    :raises FieldError: if there is something else than numbers in it
    """
    if isinstance(leaf, (int, float, np.number, np.bool_)):
        return [float(leaf)]
    fields = field_names(leaf)
    if not fields:
        raise FieldError(f'a number was expected, found {type(leaf).__name__}')
    return [value for name in fields for value in numbers(getattr(leaf, name))]


def entries(message: Any, steps: Sequence[Step]) -> Array:
    """What a path leads to as rows: shape (n, w), one row per entry, w numbers each (w = 1 for plain arrays).

    :raises FieldError: if the path does not lead to numbers
    """
    leaves = walk(message, steps)
    if len(leaves) == 1 and getattr(leaves[0], 'typecode', '') in _NUMERIC:
        return np.array(leaves[0], np.float64)[:, None]
    rows: list[list[float]] = []
    for leaf in leaves:
        if isinstance(leaf, (str, bytes)):
            raise FieldError('the path leads to text, numbers were expected')
        if isinstance(leaf, (list, tuple, np.ndarray)) or hasattr(leaf, 'typecode'):
            rows.extend(numbers(item) for item in leaf)
        else:
            rows.append(numbers(leaf))
    if not rows:
        return np.empty((0, 1))
    if len({len(row) for row in rows}) != 1:
        raise FieldError('the path leads to entries of different widths')
    return np.asarray(rows, np.float64)


def element_names(message: Any) -> list[str] | None:
    """The names a message gives to its entries (JointState.name, JointTrajectory.joint_names), or None."""
    for field in NAME_FIELDS:
        names = getattr(message, field, None)
        if isinstance(names, (list, tuple)):
            return [str(name) for name in names]
    return None


def time_ns(value: Any) -> int:
    """A time field as nanoseconds: a Time or Duration message, seconds as a float, or nanoseconds as an int.

    :raises FieldError: for anything else
    """
    if hasattr(value, 'sec') and hasattr(value, 'nanosec'):
        return int(value.sec) * NS + int(value.nanosec)
    if isinstance(value, (float, np.floating)):
        return round(float(value) * NS)
    if isinstance(value, (int, np.integer)):
        return int(value)
    raise FieldError(f'a time was expected, found {type(value).__name__}')


@lru_cache(maxsize=64)
def _places(
    keys: tuple[str | int, ...], names: tuple[str, ...] | None, count: int
) -> tuple[int | None, ...]:  # fmt: skip
    """See `Selector.indices`."""
    if names is not None and len(names) == count and len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise FieldError(f'the message names {", ".join(twice)} more than once')
    found: list[int | None] = []
    for key in keys:
        if isinstance(key, int):
            found.append(key if 0 <= key < count else None)
        elif names is not None and len(names) == count:
            found.append(names.index(key) if key in names else None)
        elif names is None and count == 1 and len(keys) == 1:
            found.append(0)
        elif count == 0:
            found.append(None)
        else:
            raise FieldError(
                f'element {key!r}: the message does not name its {count} entries; give positions 0..{count - 1} instead'
            )
    return tuple(found)


@dataclass(frozen=True)
class Selector:
    """What to take out of each message of one topic.

    :param field: path to the numbers
    :param stamp: `header`, `receive`, or a path to a time
    :param keys: the entries wanted, each by its name in the message or by its position
    """

    field: str
    stamp: str
    keys: tuple[str | int, ...]

    def stamp_ns(self, message: Any, receive_ns: int) -> int:
        """The time the message speaks of."""
        if self.stamp == 'receive':
            return receive_ns
        path = 'header.stamp' if self.stamp == 'header' else self.stamp
        return time_ns(walk(message, parse_path(path))[0])

    def indices(self, names: Sequence[str] | None, count: int) -> tuple[int | None, ...]:
        """Where each key stands among `count` entries with these names; None where it is missing.

        :raises FieldError: if names repeat, or keys are names and the message gives none
        """
        return _places(self.keys, None if names is None else tuple(names), count)

    def values(self, message: Any) -> Array:
        """The wanted entries, shape (len(keys), w); NaN rows where the message lacks one.

        :raises FieldError: if the path does not lead to numbers or a name repeats
        """
        rows = entries(message, parse_path(self.field))
        places = self.indices(element_names(message), len(rows))
        known = [place for place in places if place is not None]
        if len(known) == len(places):
            return rows[known]
        out = np.full((len(self.keys), rows.shape[1]), np.nan)
        for place, index in enumerate(places):
            if index is not None:
                out[place] = rows[index]
        return out

    def write(self, message: Any, values: Sequence[float]) -> None:
        """Put one number per key where `values` would read it; keys that the message lacks and NaN are left alone.

        :raises FieldError: if an entry holds more than one number, or the path leads through `[*]`
        """
        *path, (name, index) = steps = parse_path(self.field)
        (parent,) = [None] if any(at == '*' for _, at in steps) else walk(message, path)
        target: Any = getattr(parent, name, None)
        single = isinstance(target, (int, float))
        held = [target] if single else target if hasattr(target, '__setitem__') else [None]
        if not all(isinstance(number, (int, float, np.number)) for number in held):
            raise FieldError(f'{self.field!r} cannot be written: it must lead to a number or an array of numbers')
        if isinstance(index, int) and not -len(held) <= index < len(held):
            raise FieldError(f'{self.field!r} cannot be written: {name} has only {len(held)} entries')
        count = 1 if single or index is not None else len(held)
        for at, value in zip(self.indices(element_names(message), count), values, strict=True):
            if at is None or value != value:
                continue
            if single:
                setattr(parent, name, type(target)(value))
            else:
                target[int(index) if index is not None else at] = value
