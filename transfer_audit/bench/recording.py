"""A recording of known size and truth to measure with: sixteen joints, five wrenches, slip, in the palm a cube."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from mujoco.batch import Batch
from rosbags.typesys import Stores, get_typestore

from transfer_audit.bags.writer import BagWriter
from transfer_audit.core import family as families
from transfer_audit.core.binding import Binding, open_hand
from transfer_audit.core.script import Script, script_of
from transfer_audit.core.shadow.placement import place, start_at_rest, state_of
from transfer_audit.core.types import NS, Array
from transfer_audit.resources import hand_profile

START_NS = 1_700_000_000 * NS
COMMAND_HZ, JOINT_HZ, WRENCH_HZ, SLIP_HZ = 100, 500, 200, 100
KEYS = ('home', 'grasp', 'turn_left', 'turn_right', 'grasp', 'home')
WRENCHES = {
    'index': 'tip_index',
    'middle': 'tip_middle',
    'ring': 'tip_ring',
    'thumb': 'tip_thumb',
    'palm': 'body:palm',
}


def bench_profile(folder: Path, members: int) -> Path:
    """The emulated hand with a wrench topic per finger and one for the palm."""
    source = hand_profile('emulated_hand')
    raw = yaml.safe_load(source.read_text(encoding='utf-8'))
    raw['model'] = str(source.parent / raw['model'])
    channels = raw['channels']
    tips = channels.pop('tips')
    del channels['cube'], raw['family']['parameters']['tactile_noise']
    for finger, target in WRENCHES.items():
        channels[f'{finger}_wrench'] = {
            **tips,
            'topic': f'{finger}/wrench',
            'type': 'geometry_msgs/msg/WrenchStamped',
            'field': 'wrench.force',
            'stamp': 'header',
            'elements': {0: target},
        }
    raw['gate'] = {}
    raw['family']['members'] = members
    path = folder / 'profile.yaml'
    path.write_text(yaml.safe_dump(raw, sort_keys=False), encoding='utf-8')
    return path


@dataclass(frozen=True)
class Truth:
    """What the hand did, at every physics step: joints (T, 16), forces (T, 5), slip (T, 4), commands (T, 16)."""

    joints: Array
    forces: Array
    slip: Array
    commands: Array


def simulate(binding: Binding, seconds: float) -> Truth:
    """The scripted motion, again and again, by a hand at the centre of the family."""
    rate = round(1.0 / binding.model.opt.timestep)
    steps = round(seconds * rate)
    script = script_of(binding, KEYS, 1.0)
    per_command = rate // COMMAND_HZ
    controls = np.repeat(_motion(script, np.arange(steps // per_command) / COMMAND_HZ), per_command, axis=0)
    hand = Batch(binding.model, 1, 1)
    families.apply(binding, families.nominal(binding), hand)
    data = place(binding, {})
    start_at_rest(binding, data)
    hand.state[:] = state_of(binding.model, data)
    sensed = hand.rollout(steps, controls[None], record=('sensordata',))['sensordata'][0]
    forces = [binding.channel(f'{finger}_wrench').simulated(sensed) for finger in WRENCHES]
    return Truth(
        binding.channel('joints').simulated(sensed),
        np.concatenate(forces, axis=1),
        binding.channel('slip').simulated(sensed),
        controls,
    )


def _motion(script: Script, times: Array) -> Array:
    period = script.duration_s
    return np.array([script.at(float(t)) for t in times % period])


def write_recording(folder: Path, binding: Binding, truth: Truth, storage: str = 'mcap', seed: int = 0) -> Path:
    """Write the truth with the noise of the profile as a bag; its messages stand in order of their stamps."""
    path = folder / f'recording_{storage}'
    rng = np.random.default_rng(seed)
    store = get_typestore(Stores.ROS2_JAZZY)
    with BagWriter(path, 'mcap' if storage == 'mcap' else 'sqlite3') as bag:
        streams = _streams(binding, truth, rng)
        for topic, msgtype, _, _ in streams:
            bag.add_topic(topic, msgtype)
        stamps = np.concatenate([stamp for _, _, stamp, _ in streams])
        owners = np.repeat(np.arange(len(streams)), [len(stamp) for _, _, stamp, _ in streams])
        order = np.argsort(stamps, kind='stable')
        sources: list[Iterator[bytes]] = [_messages(store, *stream[1:]) for stream in streams]
        for index in order.tolist():
            owner = int(owners[index])
            bag.write_raw(streams[owner][0], int(stamps[index]), next(sources[owner]))
    return path


Stream = tuple[str, str, 'np.ndarray[tuple[int], np.dtype[np.int64]]', Array]


def _streams(binding: Binding, truth: Truth, rng: np.random.Generator) -> list[Stream]:
    rate = round(1.0 / binding.model.opt.timestep)

    def stream(topic: str, msgtype: str, values: Array, hz: int, noise: float) -> Stream:
        every = np.arange(0, len(values) - 1e-9, rate / hz)
        stamps = START_NS + np.rint(every * (NS / rate)).astype(np.int64)
        taken = values[np.floor(every).astype(int)]
        return topic, msgtype, stamps, taken + noise * rng.standard_normal(taken.shape)

    joint, number = 'sensor_msgs/msg/JointState', 'std_msgs/msg/Float64MultiArray'
    noise = {plan.name: float(plan.noise[0]) for plan in binding.channels}
    streams = [
        stream('/hand/hand_command', joint, truth.commands, COMMAND_HZ, 0.0),
        stream('/hand/joint_states', joint, truth.joints, JOINT_HZ, noise['joints']),
        stream('/hand/slip', number, truth.slip, SLIP_HZ, noise['slip']),
    ]
    for index, finger in enumerate(WRENCHES):
        force = truth.forces[:, index : index + 1]
        name = f'{finger}_wrench'
        streams.append(
            stream(f'/hand/{finger}/wrench', 'geometry_msgs/msg/WrenchStamped', force, WRENCH_HZ, noise[name])
        )
    return streams


JOINTS = [f'{finger}_{joint}' for finger in ('index', 'middle', 'ring', 'thumb') for joint in range(4)]


def _messages(
    store: object, msgtype: str, stamps: np.ndarray[tuple[int], np.dtype[np.int64]], values: Array
) -> Iterator[bytes]:
    """Serialized messages of one topic. One is serialized by the library; the others differ in stamp and numbers."""
    template, stamp_at, number_at = _template(store, msgtype, values.shape[1])
    for stamp_ns, row in zip(stamps.tolist(), values, strict=True):
        message = bytearray(template)
        if stamp_at is not None:
            message[stamp_at : stamp_at + 8] = np.array([stamp_ns // NS, stamp_ns % NS], '<u4').tobytes()
        numbers = array('d', row.tobytes()).tobytes()
        message[number_at : number_at + len(numbers)] = numbers
        yield bytes(message)


def _template(store: object, msgtype: str, count: int) -> tuple[bytes, int | None, int]:
    types = store.types  # type: ignore[attr-defined]
    mark = 1.2345e67
    marks = np.full(count, mark)
    header = types['std_msgs/msg/Header'](types['builtin_interfaces/msg/Time'](0, 0), 'hand')
    if msgtype == 'sensor_msgs/msg/JointState':
        message = types[msgtype](header, JOINTS, marks, np.zeros(count), np.zeros(count))
    elif msgtype == 'std_msgs/msg/Float64MultiArray':
        message = types[msgtype](types['std_msgs/msg/MultiArrayLayout']([], 0), marks)
    else:
        vector = types['geometry_msgs/msg/Vector3']
        message = types[msgtype](
            header, types['geometry_msgs/msg/Wrench'](vector(mark, 0.0, 0.0), vector(0.0, 0.0, 0.0))
        )
    raw = bytes(store.serialize_cdr(message, msgtype))  # type: ignore[attr-defined]
    return raw, 4 if 'Array' not in msgtype else None, raw.index(np.array([mark]).tobytes())


def bench_hand(folder: Path, members: int) -> Binding:
    """The hand of the bench."""
    return open_hand(bench_profile(folder, members))
