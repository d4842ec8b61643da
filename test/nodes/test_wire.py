"""Numbers in serialized messages: the fast way says what the plain one says, or steps aside."""

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='live tests need ROS 2: rclpy is not installed')

from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from transfer_audit.core.errors import FieldError
from transfer_audit.core.fields import Selector
from transfer_audit.nodes.wire import Wire

NOW = 7_000_000_123


def joints(names, positions, frame='palm'):
    message = JointState(name=list(names), position=list(positions), velocity=[1.0], effort=[2.0])
    message.header.stamp.sec, message.header.stamp.nanosec, message.header.frame_id = 5, 6, frame
    return message


def trajectory(names, positions):
    message = JointTrajectory(joint_names=list(names), points=[JointTrajectoryPoint(positions=list(positions))])
    message.header.stamp.sec = 5
    return message


CASES = {
    'joints': ('sensor_msgs/msg/JointState', Selector('position', 'header', ('c', 'a')), lambda v: joints('abc', v)),
    'array': ('std_msgs/msg/Float64MultiArray', Selector('data', 'receive', (0, 2)),
              lambda v: Float64MultiArray(data=list(v))),
    'trajectory': ('trajectory_msgs/msg/JointTrajectory', Selector('points[0].positions', 'header', ('b', 'a')),
                   lambda v: trajectory('abc', v)),
}  # fmt: skip


def plain(msgtype, selector, raw):
    wire = Wire(msgtype, selector)
    wire._typestore = None
    return wire


@pytest.mark.parametrize('case', CASES)
def test_it_reads_and_writes_what_the_middleware_reads_and_writes(case):
    msgtype, selector, make = CASES[case]
    wire, draw = Wire(msgtype, selector), np.random.default_rng(0)
    for _ in range(50):
        message = make(draw.choice([0.0, -1.5, np.nan, np.inf, 1e-300], 3) + draw.normal(size=3))
        raw = bytes(serialize_message(message))
        values, stamp_ns = wire.read(raw, NOW)
        slow = plain(msgtype, selector, raw)
        assert np.array_equal(values, slow.read(raw, NOW)[0], equal_nan=True)
        assert stamp_ns == slow.read(raw, NOW)[1]
        for now_ns in (None, 9_000_000_010):
            new = draw.normal(size=2)
            fast, told = (deserialize_message(w.written(raw, new, now_ns), type(message)) for w in (wire, slow))
            assert serialize_message(fast) == serialize_message(told) or repr(fast) == repr(told)
    assert wire._layouts


@pytest.mark.parametrize('names', ['acb', 'abd', 'aab'])
def test_a_message_of_the_same_size_with_other_names_is_not_read_by_place(names):
    msgtype, selector, _ = CASES['joints']
    wire = Wire(msgtype, selector)
    wire.read(bytes(serialize_message(joints('abc', [1.0, 2.0, 3.0]))), NOW)
    raw = bytes(serialize_message(joints(names, [1.0, 2.0, 3.0])))
    if names == 'aab':
        with pytest.raises(FieldError, match='more than once'):
            wire.read(raw, NOW)
        return
    expected = [names.find('c') + 1.0 or np.nan, names.find('a') + 1.0]
    assert np.array_equal(wire.read(raw, NOW)[0][:, 0], expected, equal_nan=True)


def test_padding_does_not_matter():
    msgtype, selector, _ = CASES['joints']
    wire, raw = Wire(msgtype, selector), bytearray(serialize_message(joints('abc', [1.0, 2.0, 3.0], frame='x')))
    wire.read(bytes(raw), NOW)
    at = raw.index(b'x\0') + 2
    for byte in range(256):
        raw[at] = byte
        assert wire._layout(bytes(raw)) is not None
        assert wire.read(bytes(raw), NOW)[0][:, 0].tolist() == [3.0, 1.0]


def test_garbage_is_a_sentence_or_numbers_but_never_a_crash():
    """Bytes changed, cut and added at random: what is read is what the middleware reads."""
    msgtype, selector, _ = CASES['joints']
    wire, draw = Wire(msgtype, selector), np.random.default_rng(0)
    good = bytes(serialize_message(joints('abc', [1.0, 2.0, 3.0])))
    wire.read(good, NOW)
    refused = 0
    for _ in range(400):
        raw = bytearray(good[: draw.integers(0, len(good) + 1)] if draw.random() < 0.3 else good)
        for at in draw.integers(0, max(len(raw), 1), draw.integers(0, 4)):
            if len(raw):
                raw[at] = draw.integers(256)
        slow = plain(msgtype, selector, raw)
        try:
            found = wire.read(bytes(raw), NOW)
        except FieldError:
            refused += 1
            with pytest.raises(FieldError):
                slow.read(bytes(raw), NOW)
            continue
        told = slow.read(bytes(raw), NOW)
        assert np.array_equal(found[0], told[0], equal_nan=True) and found[1] == told[1]
    assert refused > 50
