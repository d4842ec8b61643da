"""The fast reading is the plain reading, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from transfer_audit.bags import decode as decoding
from transfer_audit.bags.blocks import RawBlock
from transfer_audit.bags.decode import decode, decode_plainly
from transfer_audit.bags.reader import open_bag
from transfer_audit.bags.types import typestore_of
from transfer_audit.core.errors import BagError, FieldError
from transfer_audit.core.fields import Selector

RULE = '=' * 80
LAB = f"""bool[3] flags
uint8 padding
float64 t
int16[] small
float32[<=8] single
string label
int64 when
lab_msgs/Sensor[] sensors
uint8 last
{RULE}
MSG: lab_msgs/Sensor
uint8 id
lab_msgs/Force[] forces
lab_msgs/Force[2] pair
{RULE}
MSG: lab_msgs/Force
float32 x
float64 z
"""


@pytest.fixture(scope='module')
def lab():
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(LAB, 'lab_msgs/msg/Lab'))
    return store


def same(one, two):
    assert np.array_equal(one.receive_ns, two.receive_ns)
    assert np.array_equal(one.stamp_ns, two.stamp_ns)
    assert one.values.shape == two.values.shape
    assert np.array_equal(one.values, two.values, equal_nan=True)


def both(block, kind, store, selector):
    fast = decode(block, kind, store, selector, 'bag /topic')
    same(fast, decode_plainly(block, kind, store, selector, 'bag /topic'))
    return fast


@pytest.fixture
def never_plain(monkeypatch):
    """Allow the plain reading only for the messages templates are made of."""

    def refuse(*_):
        raise AssertionError('a message was not read by a template')

    monkeypatch.setattr(decoding, '_decode_one', refuse)


def joint_messages(ros, count=60, names=('a', 'b', 'c'), frame='hand'):
    rng = np.random.default_rng(count)
    return [ros.joints(10**18 + n * 1001, names, rng.normal(size=len(names)), frame) for n in range(count)]


JOINTS = 'sensor_msgs/msg/JointState'
SELECT = Selector('position', 'header', ('c', 'a'))


def test_joints_by_name(ros, never_plain):
    block = ros.block(joint_messages(ros))
    found = decode(block, JOINTS, ros.store, SELECT, 'bag')
    assert found.values.shape == (60, 2, 1)
    assert found.columns().values.shape == (60, 2)
    assert found.stamp_ns[3] == 10**18 + 3003


@pytest.mark.parametrize('field', ['position', 'velocity', 'effort'])
def test_frames_of_changing_length_and_content(ros, never_plain, field):
    messages = [m for frame in ('', 'a', 'ab', 'wrist', 'palms') for m in joint_messages(ros, 20, frame=frame)]
    selector = Selector(field, 'header', ('b', 'a'))
    found = decode(ros.block(messages), JOINTS, ros.store, selector, 'bag')
    assert found.values[:, 1, 0].tolist() == [getattr(m, field)[0] for m in messages]


def test_joints_that_change_their_order(ros):
    messages = joint_messages(ros, 30) + joint_messages(ros, 30, ('c', 'a', 'b')) + joint_messages(ros, 30)
    found = both(ros.block(messages), JOINTS, ros.store, SELECT)
    assert found.values[35].ravel().tolist() == [messages[35].position[0], messages[35].position[1]]


def test_arm_and_hand_in_messages_of_their_own(ros):
    messages = [ros.joints(n, ('elbow', 'wrist') if n % 3 else ('b', 'a'), [n, -n]) for n in range(40)]
    found = both(ros.block(messages), JOINTS, ros.store, SELECT)
    assert len(found) == 14
    assert np.isnan(found.values[:, 0]).all() and found.values[:, 1, 0].tolist() == [-n for n in range(0, 40, 3)]


def test_nothing_wanted_in_any_message(ros):
    found = both(ros.block(joint_messages(ros)), JOINTS, ros.store, Selector('position', 'header', ('x',)))
    assert found.values.shape == (0, 1, 1)


def test_a_measured_nan_is_kept(ros):
    found = both(ros.block([ros.joints(5, ['a'], [np.nan])]), JOINTS, ros.store, SELECT)
    assert len(found) == 1


def test_messages_without_velocities(ros):
    messages = joint_messages(ros, 9)
    for message in messages[3:]:
        message.velocity = np.empty(0)
    found = both(ros.block(messages), JOINTS, ros.store, Selector('velocity', 'header', ('a', 'b')))
    assert len(found) == 3


def test_no_messages(ros):
    found = both(RawBlock.empty(), 'geometry_msgs/msg/PoseStamped', ros.store, Selector('pose', 'header', ('cube',)))
    assert found.values.shape == (0, 1, 7)


@pytest.mark.parametrize(('field', 'width'), [('wrench.force', 3), ('wrench.torque.y', 1), ('wrench', 6)])
def test_wrenches(ros, never_plain, field, width):
    messages = [
        ros.WrenchStamped(ros.header(n), ros.Wrench(ros.Vector3(n, 1.0, 2.0), ros.Vector3(3.0, n * 0.1, 5.0)))
        for n in range(50)
    ]
    selector = Selector(field, 'header', ('tip',))
    block, kind = ros.block(messages), 'geometry_msgs/msg/WrenchStamped'
    found = decode(block, kind, ros.store, selector, 'bag')
    assert found.values.shape == (50, 1, width)
    assert [row.tolist() for row in found.values] == [selector.values(message).tolist() for message in messages]


def test_poses(ros):
    messages = [
        ros.PoseStamped(ros.header(n), ros.Pose(ros.Point(n, 1.0, 2.0), ros.Quaternion(0.0, 0.0, 0.0, 1.0)))
        for n in range(50)
    ]
    selector = Selector('pose', 'header', ('cube',))
    found = both(ros.block(messages), 'geometry_msgs/msg/PoseStamped', ros.store, selector)
    assert found.values[7, 0].tolist() == [7, 1, 2, 0, 0, 0, 1]


def test_arrays_by_position(ros):
    messages = [ros.array(np.arange(n % 4)) for n in range(40)]
    found = both(ros.block(messages), 'std_msgs/msg/Float64MultiArray', ros.store, Selector('data', 'receive', (2, 0)))
    assert len(found) == 30 and np.array_equal(found.stamp_ns, found.receive_ns)


def test_more_layouts_than_templates(ros):
    messages = [ros.array(np.arange(1.0 + n % 60)) for n in range(180)]
    selector = Selector('data', 'receive', (0, 59))
    found = both(ros.block(messages), 'std_msgs/msg/Float64MultiArray', ros.store, selector)
    assert np.count_nonzero(~np.isnan(found.values[:, 1])) == 3


def test_trajectories(ros):
    point = ros.JointTrajectoryPoint
    messages = [
        ros.JointTrajectory(
            ros.header(n),
            ['b', 'a'],
            [
                point(np.array([n, k + 0.5]), np.empty(0), np.empty(0), np.empty(0), ros.Duration(k, n))
                for k in range(1 + n % 3)
            ],
        )
        for n in range(40)
    ]
    block, kind = ros.block(messages), 'trajectory_msgs/msg/JointTrajectory'
    found = both(block, kind, ros.store, Selector('points[0].positions', 'header', ('a', 'b')))
    assert found.values[11].ravel().tolist() == [0.5, 11]
    both(block, kind, ros.store, Selector('points[-1].positions', 'points[0].time_from_start', ('a',)))
    with pytest.raises(FieldError, match=r'bag /topic: message 0 .*points\[1\]'):
        both(block, kind, ros.store, Selector('points[1].positions', 'header', ('a',)))


def lab_messages(lab, count, seed=0):
    rng = np.random.default_rng(seed)
    types, number = lab.types, rng.integers
    force, sensor = types['lab_msgs/msg/Force'], types['lab_msgs/msg/Sensor']

    def some(size):
        return [force(float(np.float32(rng.normal())), rng.normal()) for _ in range(size)]

    return [
        types['lab_msgs/msg/Lab'](
            np.array([True, False, True]), 7, n * 0.001, number(-9, 9, 4).astype(np.int16),
            rng.normal(size=3).astype(np.float32), 'abc'[: n // 20], 10**18 + n,
            [sensor(k, some(1 + k), some(2)) for k in range(2)], n % 256,
        )
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('field', 'keys'),
    [
        ('sensors[*].forces[*].z', (2, 0, 1)),
        ('sensors[*].forces[*]', (2, 0)),
        ('sensors[*].pair', (3, 9)),
        ('sensors[1].pair[-1].x', (0,)),
        ('small', (3, 1)),
        ('single', (2,)),
        ('last', (0,)),
        ('sensors[*].id', (1, 0)),
    ],
)
@pytest.mark.parametrize('stamp', ['t', 'when', 'receive', 'sensors[0].forces[0].x'])
def test_a_type_that_only_the_bag_knows(lab, field, keys, stamp):
    raws = [bytes(lab.serialize_cdr(message, 'lab_msgs/msg/Lab')) for message in lab_messages(lab, 60)]
    block = RawBlock.of(range(60), raws)
    found = both(block, 'lab_msgs/msg/Lab', lab, Selector(field, stamp, keys))
    assert len(found) == 60
    if stamp == 't':
        assert found.stamp_ns.tolist() == [n * 1_000_000 for n in range(60)]


def test_padding_and_foreign_text_do_not_matter(ros, never_plain):
    """rclpy leaves its padding uninitialised, and frames may differ."""
    messages = [bytearray(ros.raw(m)) for m in joint_messages(ros, 40, ('joint', 'b'), frame='x')]
    rng = np.random.default_rng(0)
    padded = []
    for raw in messages:
        raw[2:4] = rng.bytes(2)
        raw[16] = rng.integers(97, 122)
        raw[18:20] = rng.bytes(2)
        padded.append(bytes(raw))
    plain = [ros.store.deserialize_cdr(raw, JOINTS).position.tolist() for raw in padded]
    found = decode(ros.block(padded), JOINTS, ros.store, Selector('position', 'header', ('joint', 'b')), 'bag')
    assert found.values[:, :, 0].tolist() == plain


def test_names_of_equal_length_do_matter(ros):
    messages = joint_messages(ros, 9, ('a', 'b')) + joint_messages(ros, 9, ('b', 'a'))
    found = both(ros.block(messages), JOINTS, ros.store, Selector('position', 'header', ('a',)))
    assert found.values[12, 0, 0] == messages[12].position[1]


def test_the_other_byte_order(ros):
    messages = joint_messages(ros, 12)
    raws = [bytes(ros.store.serialize_cdr(m, JOINTS, little_endian=n % 2 == 0)) for n, m in enumerate(messages)]
    assert len(both(ros.block(raws), JOINTS, ros.store, SELECT)) == 12


def test_stray_bytes_behind_empty_arrays(ros):
    """Fast CDR appends up to 8 bytes for every empty float64[] when rclpy serializes a message."""
    messages = joint_messages(ros, 12)
    for message in messages:
        message.velocity = message.effort = np.empty(0)
    raws = [ros.raw(message) + b'stray678' for message in messages]
    assert len(both(ros.block(raws), JOINTS, ros.store, SELECT)) == 12


def test_messages_of_rclpy_itself(ros):
    serialization = pytest.importorskip('rclpy.serialization', reason='rclpy is not installed')
    from sensor_msgs.msg import JointState
    from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

    raws = [serialization.serialize_message(JointState(name=['a', 'c'], position=[1.0, n])) for n in range(20)]
    assert both(ros.block(raws), JOINTS, ros.store, SELECT).values[9, 0, 0] == 9
    raws = [
        serialization.serialize_message(
            JointTrajectory(joint_names=['a'], points=[JointTrajectoryPoint(positions=[0.5 * k])] * k)
        )
        for k in (1, 2, 3, 5)
    ]
    selector = Selector('points[0].positions', 'header', ('a',))
    found = both(ros.block(raws), 'trajectory_msgs/msg/JointTrajectory', ros.store, selector)
    assert found.values.ravel().tolist() == [0.5, 1.0, 1.5, 2.5]


@pytest.mark.parametrize('damage', [b'', b'\x00', b'\x00\x01\x00\x00', b'\x00\x01\x00\x00' + b'\xff' * 40, b'junk' * 9])
def test_a_message_that_is_none(ros, damage):
    raws = [ros.raw(message) for message in joint_messages(ros, 5)]
    raws[3] = damage
    for reading in (decode, decode_plainly):
        with pytest.raises(BagError, match=r'bag /topic: message 3 .*is no sensor_msgs/msg/JointState'):
            reading(ros.block(raws), JOINTS, ros.store, SELECT, 'bag /topic')


def test_a_message_with_too_much_behind_it(ros):
    raws = [ros.raw(message) + bytes(200) for message in joint_messages(ros, 5)]
    with pytest.raises(BagError, match=r'message 0 .*size mismatch'):
        decode(ros.block(raws), JOINTS, ros.store, SELECT, 'bag')


def test_a_stamp_that_is_no_time(lab):
    messages = lab_messages(lab, 20)
    messages[7].t = float('nan')
    block = RawBlock.of(range(20), [bytes(lab.serialize_cdr(m, 'lab_msgs/msg/Lab')) for m in messages])
    for reading in (decode, decode_plainly):
        with pytest.raises(FieldError, match=r"message 7 .*the stamp 't' is no time"):
            reading(block, 'lab_msgs/msg/Lab', lab, Selector('last', 't', (0,)), 'bag')


@pytest.mark.parametrize(
    ('selector', 'sentence'),
    [
        (Selector('position', 'stamp', ('a',)), "no field 'stamp'"),
        (Selector('position', 'name', ('a',)), 'a time was expected'),
        (Selector('pos', 'header', ('a',)), "no field 'pos'"),
    ],
)
def test_selectors_that_do_not_fit(ros, selector, sentence):
    with pytest.raises(FieldError, match=f'bag /topic.*{sentence}'):
        decode(ros.block(joint_messages(ros, 3)), JOINTS, ros.store, selector, 'bag /topic')


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_mixture_of_joint_messages(ros, data):
    names = st.lists(st.sampled_from(['a', 'b', 'c', 'dd', 'eee']), unique=True, max_size=4)
    kinds = data.draw(st.lists(st.tuples(names, st.text(max_size=3)), min_size=1, max_size=4))
    order = data.draw(st.lists(st.sampled_from(range(len(kinds))), max_size=30))
    messages = [ros.joints(n, kinds[k][0], np.arange(len(kinds[k][0])) + n, kinds[k][1]) for n, k in enumerate(order)]
    keys = tuple(data.draw(st.lists(st.sampled_from(['a', 'c', 'eee', 'x']), unique=True, min_size=1)))
    both(ros.block(messages), JOINTS, ros.store, Selector('position', 'header', keys))


@pytest.mark.parametrize(
    'name',
    ['xl330/kp100_up_and_down', 'xl330/kp400_sin_sin', 'rh56/contact_speed500_force500',
     'rh56/contact_speed100_force500'],
)  # fmt: skip
def test_real_traces(traces, name):
    with open_bag(traces / name) as bag:
        store = typestore_of(bag)
        stretch = next(iter(bag.blocks(list(bag.topics), bag.start_ns, bag.end_ns, bag.end_ns - bag.start_ns)))
        for topic, block in stretch.items():
            kind = bag.topics[topic].type
            if kind == 'std_msgs/msg/String':
                continue
            joints = kind == JOINTS
            key = store.deserialize_cdr(block.message(0), kind).name[0] if joints else 0
            selector = Selector('position', 'header', (key,)) if joints else Selector('data', 'receive', (0,))
            assert len(both(block, kind, store, selector)) == bag.topics[topic].count
