"""Paths into messages: what they find, what they refuse."""

from dataclasses import make_dataclass

import numpy as np
import pytest

from transfer_audit.core.errors import FieldError
from transfer_audit.core.fields import Selector, parse_path, time_ns


def message(kind='Message', **fields):
    return make_dataclass(kind, fields)(**fields)


def stamp(sec, nanosec):
    return message('Time', sec=sec, nanosec=nanosec)


def joints(names, positions):
    header = message('Header', stamp=stamp(3, 5), frame_id='hand')
    return message('JointState', header=header, name=names, position=positions)


def skin():
    """Two sensors with two taxels each, as in xServTopic."""
    force = lambda x, z: message('Force', x=x, z=z)  # noqa: E731
    sensors = [message('Sensor', time=1.5, forces=[force(1.0, 2.0), force(3.0, 4.0)]),
               message('Sensor', time=2.5, forces=[force(5.0, 6.0), force(7.0, 8.0)])]  # fmt: skip
    return message('SensStream', sensors=sensors)


def read(text, found, keys=(0,), stamp='receive'):
    return Selector(text, stamp, keys).values(found).tolist()


def test_splits_a_path_into_names_and_indices():
    assert parse_path('sensors[*].forces[-1].z') == (('sensors', '*'), ('forces', -1), ('z', None))


@pytest.mark.parametrize('path', ['', 'a..b', '.a', 'a[', 'a[x]', 'a[*', 'a b', '3a', 'a.', 'a[1.0]', 'a[]', 'a-b'])
def test_refuses_what_is_no_path_and_shows_one(path):
    with pytest.raises(FieldError, match=r'is no path into a message.*sensors\[\*\]'):
        parse_path(path)


def test_a_star_walks_every_entry_in_order():
    assert read('sensors[*].forces[*].z', skin(), (0, 1, 2, 3)) == [[2], [4], [6], [8]]


def test_an_index_counts_from_either_end():
    assert read('sensors[1].forces[0].x', skin()) == [[5]]
    assert read('sensors[-1].forces[-2].x', skin()) == [[5]]


def test_an_index_out_of_range_is_named_with_what_exists():
    with pytest.raises(FieldError, match=r'sensors\[2\] in SensStream: only 2 entries'):
        read('sensors[2].forces[0].x', skin())


def test_an_unknown_field_is_named_with_the_nearest():
    with pytest.raises(FieldError, match=r"no field 'positon' in JointState; did you mean 'position'\?"):
        read('positon', joints(['a'], [1.0]))


def test_elements_are_found_by_name_whatever_their_order():
    assert read('position', joints(['c', 'a', 'b'], [3.0, 1.0, 2.0]), ('a', 'b', 'c')) == [[1], [2], [3]]


def test_an_element_that_a_message_lacks_is_nan_and_the_others_stay():
    found = read('position', joints(['b'], [2.0]), ('a', 'b'))
    assert np.isnan(found[0][0]) and found[1] == [2]


def test_a_position_beyond_the_end_is_nan():
    found = read('data', message(data=[1.0, 2.0]), (1, 2))
    assert found[0] == [2] and np.isnan(found[1][0])


def test_an_empty_array_is_nan_for_every_element():
    assert np.isnan(Selector('position', 'receive', ('a', 'b')).values(joints(['a', 'b'], []))).all()


def test_a_name_given_twice_is_refused():
    with pytest.raises(FieldError, match='names a more than once'):
        read('position', joints(['a', 'b', 'a'], [1.0, 2.0, 3.0]), ('b',))


def test_names_cannot_be_used_where_a_message_gives_none():
    with pytest.raises(FieldError, match=r"element 'a': the message does not name its 2 entries; give positions 0..1"):
        read('data', message(data=[1.0, 2.0]), ('a', 'b'))


def test_names_of_another_array_are_not_used():
    with pytest.raises(FieldError, match='does not name its 3 entries'):
        read('position', joints(['a', 'b'], [1.0, 2.0, 3.0]), ('a',))


def test_a_single_number_needs_no_name():
    assert read('force', message(force=2.5), ('tip',)) == [[2.5]]


def test_a_whole_pose_is_seven_numbers_in_the_order_of_its_fields():
    position = message('Point', x=1.0, y=2.0, z=3.0)
    orientation = message('Quaternion', x=4.0, y=5.0, z=6.0, w=7.0)
    pose = message('Pose', position=position, orientation=orientation)
    assert read('pose', message('PoseStamped', pose=pose), ('cube',)) == [[1, 2, 3, 4, 5, 6, 7]]


def test_arrays_of_other_widths_are_refused():
    mixed = [message('A', x=1.0), message('B', x=1.0, y=2.0)]
    with pytest.raises(FieldError, match='different widths'):
        read('items', message(items=mixed), (0, 1))


@pytest.mark.parametrize('value', ['text', b'bytes', None])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(FieldError, match='number'):
        read('data', message(data=value))


def test_numpy_arrays_and_lists_read_alike():
    assert read('data', message(data=np.array([1, 2], np.int16)), (0, 1)) == read('data', message(data=[1, 2]), (0, 1))


def test_stamps_from_header_receipt_or_a_path():
    found = joints(['a'], [1.0])
    assert Selector('position', 'header', ('a',)).stamp_ns(found, 42) == 3_000_000_005
    assert Selector('position', 'receive', ('a',)).stamp_ns(found, 42) == 42
    assert Selector('sensors[*].forces[*].z', 'sensors[1].time', (0,)).stamp_ns(skin(), 42) == 2_500_000_000


@pytest.mark.parametrize('value, expected', [(stamp(-1, 5), -999_999_995), (1.5, 1_500_000_000), (np.int64(7), 7)])
def test_a_time_is_a_message_seconds_or_nanoseconds(value, expected):
    assert time_ns(value) == expected


def test_a_stamp_that_is_no_time_is_refused():
    with pytest.raises(FieldError, match='a time was expected, found str'):
        time_ns('now')


def test_writes_where_it_reads_by_name():
    found = joints(['b', 'a'], [0.0, 0.0])
    selector = Selector('position', 'header', ('a', 'b'))
    selector.write(found, [1.5, 2.5])
    assert found.position == [2.5, 1.5]
    assert selector.values(found).tolist() == [[1.5], [2.5]]


def test_writing_leaves_what_is_nan_or_not_in_the_message_alone():
    found = joints(['b', 'a'], [7.0, 8.0])
    Selector('position', 'header', ('a', 'b', 'c')).write(found, [np.nan, 2.5, 3.5])
    assert found.position == [2.5, 8.0]


def test_writes_behind_an_index_and_into_a_single_number():
    trajectory = message(points=[message(positions=[0.0, 0.0]), message(positions=[0.0, 0.0])])
    Selector('points[-1].positions', 'receive', (1,)).write(trajectory, [4.0])
    assert [point.positions for point in trajectory.points] == [[0, 0], [0, 4]]
    single = message(data=0.0)
    Selector('data', 'receive', (0,)).write(single, [3.0])
    assert single.data == 3.0
    Selector('points[0].positions[1]', 'receive', (0,)).write(trajectory, [9.0])
    assert trajectory.points[0].positions == [0, 9]


@pytest.mark.parametrize('path', ['sensors[*].forces[*].z', 'sensors[*].time', 'sensors'])
def test_writing_through_a_star_or_into_no_number_is_refused(path):
    with pytest.raises(FieldError):
        Selector(path, 'receive', (0, 1)).write(skin(), [1.0, 2.0])


@pytest.mark.parametrize('path', ['points[2].positions', 'points[0].positions[2]', 'pionts'])
def test_writing_where_nothing_is_is_refused(path):
    trajectory = message(points=[message(positions=[0.0, 0.0])])
    with pytest.raises(FieldError):
        Selector(path, 'receive', (0,)).write(trajectory, [4.0])
