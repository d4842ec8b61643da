"""A round on the emulated hand as the bag that a pilot would have recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transfer_audit.bags.writer import BagWriter
from transfer_audit.core.binding import Binding
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.types import NS, Array, Stamps, to_ns

EPOCH_NS = 1_700_000_000 * NS
EVERY_NS = 60 * NS
"""When the first round was, on the lab's own clock, and how long after it each other one."""
LEAD_S = 0.1
"""From the first message to the start of the round."""
LATENCY_S, JITTER_S = 0.0007, 0.0003
"""A message arrives this long after its stamp: a constant and the mean of an exponential."""
Message = tuple[int, str, Any]


@dataclass(frozen=True)
class Recorded:
    """One round as it was.

    :param controls: shape (T, A); `read` by channel, shape (T, `carried`): rows of the audit clock
    """

    number: int
    task: str
    success: bool
    controls: Array
    read: Mapping[str, Array]


def write_round(path: Path, binding: Binding, round_: Recorded, seed: int) -> None:
    """Write a round as a bag: commands, channels and the marks of the round.

    :raises BagError: if something exists at that path
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with BagWriter(path) as bag:
        types = bag.typestore.types
        command = binding.profile.command
        for source in (command, *binding.profile.channels.values()):
            bag.add_topic(f'/{source.topic}', source.type)
        bag.add_topic('/round', 'diagnostic_msgs/msg/DiagnosticStatus')
        rng = np.random.default_rng([seed, round_.number, 14])
        messages = [*_commands(binding, round_, types), *_marks(binding, round_, types)]
        for plan in binding.channels:
            messages += _measurements(binding, plan, round_, types, rng)
        for receive_ns, topic, message in sorted(messages, key=lambda one: one[0]):
            bag.write(topic, receive_ns, message)


def _row_ns(binding: Binding, round_: Recorded) -> Stamps:
    rows = np.arange(len(round_.controls))
    return EPOCH_NS + round_.number * EVERY_NS + rows * to_ns(1.0 / binding.profile.clock.rate_hz)


def _commands(binding: Binding, round_: Recorded, types: Any) -> Iterator[Message]:
    source, plan = binding.profile.command, binding.command
    values = (round_.controls - plan.offset) / plan.scale
    for stamp_ns, row in zip(_row_ns(binding, round_).tolist(), values, strict=True):
        yield stamp_ns + to_ns(LATENCY_S), f'/{source.topic}', _joints(types, stamp_ns, source.keys, row)


def _measurements(
    binding: Binding, plan: ChannelPlan, round_: Recorded, types: Any, rng: np.random.Generator
) -> Iterator[Message]:  # fmt: skip
    """Sensors are read before the last physics step of a row, as `Hands` reads them."""
    source = binding.profile.channels[plan.name]
    behind_ns = to_ns((binding.steps_per_row - 1) * binding.model.opt.timestep)
    stamps = _row_ns(binding, round_) + behind_ns
    arrives = stamps + np.rint((LATENCY_S + rng.exponential(JITTER_S, len(stamps))) * NS).astype(np.int64)
    for stamp_ns, receive_ns, row in zip(stamps.tolist(), arrives.tolist(), round_.read[plan.name], strict=True):
        if source.type == 'geometry_msgs/msg/PoseStamped':
            message = _pose(types, stamp_ns, row)
        elif source.type == 'sensor_msgs/msg/JointState':
            message = _joints(types, stamp_ns, source.keys, (row - plan.offset) / plan.scale)
        else:
            layout = types['std_msgs/msg/MultiArrayLayout']([], 0)
            message = types[source.type](layout, (row - plan.offset) / plan.scale)
        yield receive_ns, f'/{source.topic}', message


def _header(types: Any, stamp_ns: int) -> Any:
    return types['std_msgs/msg/Header'](types['builtin_interfaces/msg/Time'](stamp_ns // NS, stamp_ns % NS), 'palm')


def _joints(types: Any, stamp_ns: int, keys: tuple[str | int, ...], row: Array) -> Any:
    none = np.zeros(0)
    return types['sensor_msgs/msg/JointState'](_header(types, stamp_ns), list(map(str, keys)), row, none, none)


def _pose(types: Any, stamp_ns: int, row: Array) -> Any:
    x, y, z, qw, qx, qy, qz = row.tolist()
    point, turn = types['geometry_msgs/msg/Point'](x, y, z), types['geometry_msgs/msg/Quaternion'](qx, qy, qz, qw)
    pose = types['geometry_msgs/msg/Pose'](point, turn)
    return types['geometry_msgs/msg/PoseStamped'](_header(types, stamp_ns), pose)


def _marks(binding: Binding, round_: Recorded, types: Any) -> Iterator[Message]:
    """The round as the ledger of a pilot tells it: its start, then its end with the outcome."""
    rows = _row_ns(binding, round_)
    start_ns, end_ns = int(rows[0]) + to_ns(LEAD_S), int(rows[-1])
    told = {'id': str(round_.number), 'task': round_.task, 'start_ns': str(start_ns)}
    ended = {**told, 'state': 'closed', 'end_ns': str(end_ns), 'success': str(round_.success).lower()}
    pair = types['diagnostic_msgs/msg/KeyValue']
    for at_ns, values in ((start_ns, {**told, 'state': 'open'}), (end_ns, ended)):
        pairs = [pair(key, value) for key, value in values.items()]
        yield at_ns, '/round', types['diagnostic_msgs/msg/DiagnosticStatus'](0, 'round', '', '', pairs)
