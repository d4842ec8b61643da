"""What is written is read back, and nothing is written over."""

import pytest

from transfer_audit.bags.reader import open_bag
from transfer_audit.bags.types import typestore_of
from transfer_audit.bags.writer import BagWriter
from transfer_audit.core.errors import BagError, UnknownElement


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_a_type_of_ones_own(tmp_path, storage):
    with BagWriter(tmp_path / 'bag', storage) as writer:
        writer.add_topic('/tip', 'lab_msgs/msg/Tip', 'float64 force\n')
        writer.write_raw('/tip', 5, b'\x00\x01\x00\x00' + bytes(8))
    with open_bag(tmp_path / 'bag') as bag:
        assert bag.topics['/tip'].definition == 'float64 force\n'
        assert 'lab_msgs/msg/Tip' in typestore_of(bag).fielddefs
        assert (bag.start_ns, bag.end_ns) == (5, 6)


def test_an_existing_path_is_refused(tmp_path):
    with pytest.raises(BagError, match='exists already'):
        BagWriter(tmp_path)


def test_an_unknown_storage_is_refused(tmp_path):
    with pytest.raises(BagError, match="no storage 'mcapp'; did you mean 'mcap'"):
        BagWriter(tmp_path / 'bag', 'mcapp')


def test_unknown_types_and_topics_are_refused(tmp_path, ros):
    with BagWriter(tmp_path / 'bag') as writer:
        with pytest.raises(BagError, match='lab_msgs/msg/Tip of /tip is declared neither'):
            writer.add_topic('/tip', 'lab_msgs/msg/Tip')
        writer.add_topic('/slip', 'std_msgs/msg/Float64')
        with pytest.raises(BagError, match='/slip is declared already'):
            writer.add_topic('/slip', 'std_msgs/msg/Float64')
        for write in (writer.write, writer.write_raw):
            with pytest.raises(UnknownElement, match="no topic '/slop'; did you mean '/slip'"):
                write('/slop', 0, b'')


def test_an_error_leaves_no_finished_bag(tmp_path):
    with pytest.raises(ZeroDivisionError), BagWriter(tmp_path / 'bag'):
        raise ZeroDivisionError
    assert not (tmp_path / 'bag' / 'metadata.yaml').exists()
