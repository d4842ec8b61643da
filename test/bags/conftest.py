"""Small bags with known content, and the real traces where they are."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from transfer_audit.bags.blocks import RawBlock
from transfer_audit.bags.writer import BagWriter

START_NS = 1_700_000_000_000_000_000
STEP_NS = 10_000_000


class Messages:
    """Makes messages of the standard types."""

    def __init__(self):
        self.store = get_typestore(Stores.ROS2_JAZZY)

    def __getattr__(self, name):
        types = self.store.types
        found = [key for key in types if key.endswith(f'/msg/{name}') and not key.startswith('gps')]
        if not found:
            raise AttributeError(name)
        return types[found[0]]

    def header(self, stamp_ns, frame='hand'):
        return self.Header(self.Time(*divmod(stamp_ns, 10**9)), frame)

    def joints(self, stamp_ns, names, positions, frame='hand'):
        values = np.asarray(positions, np.float64)
        return self.JointState(self.header(stamp_ns, frame), list(names), values, values * 2, values * 3)

    def array(self, values):
        return self.Float64MultiArray(self.MultiArrayLayout([], 0), np.asarray(values, np.float64))

    def raw(self, message):
        return bytes(self.store.serialize_cdr(message, message.__msgtype__))

    def block(self, messages):
        stamps = [START_NS + STEP_NS * number for number in range(len(messages))]
        return RawBlock.of(stamps, [m if isinstance(m, bytes) else self.raw(m) for m in messages])


@pytest.fixture(scope='session')
def ros():
    return Messages()


def content(ros, number):
    """The messages of one instant of the small bag: topic -> message."""
    now = START_NS + number * STEP_NS
    found = {'/joint_states': ros.joints(now - 500, ['a', 'b'], [number, -number])}
    if number % 2 == 0:
        found['/slip'] = ros.array([number * 0.5])
    if number % 40 == 0:
        found['/trial'] = ros.String(f'trial {number}')
    return found


@pytest.fixture(scope='session')
def written(ros):
    """What the small bag holds: 200 instants of joints, slip at half the rate, a text now and then."""
    rows = [
        (START_NS + number * STEP_NS, topic, message)
        for number in range(200)
        for topic, message in content(ros, number).items()
    ]
    return SimpleNamespace(rows=rows, start_ns=START_NS, step_ns=STEP_NS, end_ns=rows[-1][0] + 1)


@pytest.fixture
def write(ros, written, tmp_path):
    """Write the small bag; gives its folder."""

    def make(storage, name='small', rows=None):
        path = tmp_path / name
        with BagWriter(path, storage) as writer:
            for topic, kind in (
                ('/joint_states', 'sensor_msgs/msg/JointState'),
                ('/slip', 'std_msgs/msg/Float64MultiArray'),
                ('/trial', 'std_msgs/msg/String'),
            ):
                writer.add_topic(topic, kind)
            for stamp_ns, topic, message in written.rows if rows is None else rows:
                writer.write(topic, stamp_ns, message)
        return path

    return make


@pytest.fixture(scope='session')
def traces():
    """The folder of real traces beside the repository."""
    for parent in Path(__file__).resolve().parents:
        if (parent.parent / 'shared' / 'data' / 'truth.json').exists():
            return parent.parent / 'shared' / 'data'
    pytest.skip('the real traces (../shared/data) are not here')
