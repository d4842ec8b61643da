"""The messages of an evidence bag: standard types only, as a running pilot publishes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from transfer_audit.core.types import NS, Array
from transfer_audit.report.evidence.packed import Packed

JOINTS = 'sensor_msgs/msg/JointState'
ROWS = 'trajectory_msgs/msg/JointTrajectory'
NUMBER = 'std_msgs/msg/Float64'
TEXT = 'std_msgs/msg/String'
STATUS = 'diagnostic_msgs/msg/DiagnosticStatus'
LEVELS = {'ok': 0, 'warn': 1, 'error': 2, 'stale': 3}
_NOTHING = np.empty(0)


class Messages:
    """Makes messages of a rosbags typestore."""

    def __init__(self, store: Any) -> None:
        self.store, self._types = store, store.types

    def named(self, names: Sequence[str]) -> Packed:
        """JointStates: `position` holds a number per name."""
        make = self._types[JOINTS]
        header = self._header()
        return Packed(self.store, JOINTS, lambda v: make(header, list(names), v, _NOTHING, _NOTHING), [len(names)])

    def envelopes(self, names: Sequence[str]) -> Packed:
        """JointTrajectories: points = median, lower, upper."""
        make, point = self._types[ROWS], self._types['trajectory_msgs/msg/JointTrajectoryPoint']
        soon = self._types['builtin_interfaces/msg/Duration'](0, 0)
        header = self._header()

        def rows(*sides: Array) -> Any:
            return make(header, list(names), [point(side, _NOTHING, _NOTHING, _NOTHING, soon) for side in sides])

        return Packed(self.store, ROWS, rows, [len(names)] * 3)

    def numbers(self) -> Packed:
        """Float64s."""
        make = self._types[NUMBER]
        return Packed(self.store, NUMBER, lambda values: make(float(values[0])), [1], stamped=False)

    def number(self, value: float) -> Any:
        """One Float64."""
        return self._types[NUMBER](float(value))

    def text(self, value: Any) -> Any:
        """A String of JSON."""
        return self._types[TEXT](json.dumps(value, allow_nan=False))

    def status(self, name: str, level: str, text: str, values: Mapping[str, Any], hand: str) -> Any:
        """A DiagnosticStatus; values that are no text are written as JSON."""
        pair = self._types['diagnostic_msgs/msg/KeyValue']
        pairs = [pair(key, value if isinstance(value, str) else json.dumps(value)) for key, value in values.items()]
        return self._types[STATUS](LEVELS[level], name, text, hand, pairs)

    def _header(self, stamp_ns: int = 0) -> Any:
        stamp = self._types['builtin_interfaces/msg/Time'](*divmod(stamp_ns, NS))
        return self._types['std_msgs/msg/Header'](stamp, '')
