"""Messages <-> core types: the only place that knows both."""

from __future__ import annotations

import importlib
import json
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.errors import AuditError
from transfer_audit.core.fields import Selector, parse_path, walk
from transfer_audit.core.profile import Command, Source
from transfer_audit.core.types import NS, Array, Columns, Envelope, Round


def message_class(name: str) -> Any:
    """The class of a message type such as `sensor_msgs/msg/JointState`.

    :raises AuditError: if its package is not installed
    """
    package, _, message = name.split('/')
    try:
        return getattr(importlib.import_module(f'{package}.msg'), message)
    except ImportError as error:
        raise AuditError(f'message type {name}: the package {package} is not installed ({error})') from error
    except AttributeError as error:
        raise AuditError(f'message type {name}: {package} has no message {message}') from error


def time_of(stamp_ns: int) -> Time:
    """Nanoseconds as a Time message."""
    return Time(sec=int(stamp_ns // NS), nanosec=int(stamp_ns % NS))


def ns_of(stamp: Time) -> int:
    """A Time message as nanoseconds."""
    return int(stamp.sec) * NS + int(stamp.nanosec)


def measured(message: Any, source: Source, plan: ChannelPlan, now_ns: int, turn_ns: int) -> Columns | None:
    """One message of a channel as a row of columns; None if it holds none of the channel's elements.

    :param now_ns: the time it is handled, its stamp where the source has none
    :param turn_ns: the time up to which events were already used, against which it may be late
    :raises FieldError: if the channel's paths do not fit the message
    """
    raw = source.selector.values(message)
    if np.isnan(raw).all():
        return None
    stamp_ns = source.selector.stamp_ns(message, now_ns)
    return Columns(np.array([turn_ns]), np.array([stamp_ns]), plan.measured(raw[None]))


def commanded(message: Any, command: Command, now_ns: int, turn_ns: int) -> Columns | None:
    """One command as a row of raw values (speeds after positions); None if it names no actuator of the profile.

    :raises FieldError: if the command's paths do not fit the message
    """
    values = command.selector.values(message)[:, 0]
    if np.isnan(values).all():
        return None
    if command.speed is not None:
        speeds = Selector(command.speed.field, command.stamp, command.keys).values(message)
        values = np.concatenate([values, speeds[:, 0]])
    stamp_ns = command.selector.stamp_ns(message, now_ns)
    return Columns(np.array([turn_ns]), np.array([stamp_ns]), values[None])


def restamp(message: Any, stamp: str, now_ns: int) -> None:
    """Give a message that is sent again a new stamp, where it has one."""
    if stamp != 'receive':
        *path, (name, _) = parse_path('header.stamp' if stamp == 'header' else stamp)
        (parent,) = walk(message, path)
        if isinstance(getattr(parent, name), Time):
            setattr(parent, name, time_of(now_ns))


def joint_state(names: Sequence[str], values: Array, stamp_ns: int, velocity: Array | None = None) -> JointState:
    """Named values. All arrays are filled: an empty last array is serialized with stray bytes by some releases."""
    message = JointState(name=list(names))
    message.header.stamp = time_of(stamp_ns)
    message.position = _doubles(values)
    message.velocity = _doubles(np.zeros(len(names)) if velocity is None else velocity)
    message.effort = _doubles(np.zeros(len(names)))
    return message


def rows_message(names: Sequence[str], rows: Envelope, index: int) -> JointTrajectory:
    """One row of an envelope: points = median, lower, upper."""
    message = JointTrajectory(joint_names=list(names))
    message.header.stamp = time_of(int(rows.row_ns[index]))
    sides = (rows.median, rows.lower, rows.upper)
    message.points = [JointTrajectoryPoint(positions=_doubles(side[index])) for side in sides]
    return message


def rows_of(message: JointTrajectory) -> Envelope:
    """The row of an envelope that `rows_message` made."""
    median, lower, upper = (np.array(point.positions, np.float64)[None] for point in message.points)
    return Envelope(np.array([ns_of(message.header.stamp)]), median, lower, upper)


def compose(msgtype: str, plan: ChannelPlan, keys: Sequence[str | int], values: Array, stamp_ns: int) -> Any:
    """What a hand driver would publish for a channel: raw numbers in the message type of the profile.

    :param values: shape (E, w), message units
    :raises AuditError: for types that the emulated driver does not speak
    """
    if msgtype == 'sensor_msgs/msg/JointState':
        return joint_state([str(key) for key in keys], values[:, 0], stamp_ns)
    if msgtype == 'std_msgs/msg/Float64MultiArray':
        return Float64MultiArray(data=_doubles(values[:, 0]))
    if msgtype == 'geometry_msgs/msg/PoseStamped' and len(keys) == 1:
        message = PoseStamped()
        message.header.stamp = time_of(stamp_ns)
        message.header.frame_id = 'world'
        x, y, z, qx, qy, qz, qw = (float(value) for value in values[0])
        message.pose.position.x, message.pose.position.y, message.pose.position.z = x, y, z
        orientation = message.pose.orientation
        orientation.x, orientation.y, orientation.z, orientation.w = qx, qy, qz, qw
        return message
    raise AuditError(f'channel {plan.name}: the emulated hand does not speak {msgtype}')


def _doubles(values: Array) -> array[float]:
    return array('d', np.ascontiguousarray(values, np.float64).tobytes())


LEVELS = {
    'ok': DiagnosticStatus.OK,
    'warn': DiagnosticStatus.WARN,
    'error': DiagnosticStatus.ERROR,
    'stale': DiagnosticStatus.STALE,
}


def status(name: str, level: str, text: str, values: Mapping[str, Any], hardware: str = '') -> DiagnosticStatus:
    """A DiagnosticStatus; values that are no text are written as JSON."""
    pairs = [KeyValue(key=key, value=v if isinstance(v, str) else json.dumps(v)) for key, v in values.items()]
    return DiagnosticStatus(level=LEVELS[level], name=name, message=text, hardware_id=hardware, values=pairs)


def values_of(message: DiagnosticStatus) -> dict[str, str]:
    """The values of a status by key."""
    return {pair.key: pair.value for pair in message.values}


def round_of(message: DiagnosticStatus) -> tuple[str, Round | None]:
    """State and round of a `round` status; None while there is none."""
    values = values_of(message)
    if not values.get('start_ns', '').isdigit():
        return values.get('state', 'idle'), None
    success = {'true': True, 'false': False}.get(values.get('success', ''))
    end_ns = int(values['end_ns']) if values.get('end_ns', '').isdigit() else None
    found = Round(int(values['id']), int(values['start_ns']), end_ns, values.get('task', ''), success)
    return values.get('state', 'idle'), found
