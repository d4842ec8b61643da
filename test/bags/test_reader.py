"""What cannot be read is refused in one sentence that names file and fact."""

import sqlite3

import pytest

from transfer_audit.bags.reader import open_bag
from transfer_audit.bags.types import typestore_of
from transfer_audit.core.errors import BagError


def refusal(path):
    with pytest.raises(BagError) as caught:
        open_bag(path)
    sentence = str(caught.value)
    assert '\n' not in sentence
    return sentence


def read_all(path):
    with open_bag(path) as bag:
        return [stretch for stretch in bag.blocks(list(bag.topics), 0, 2**63 - 1, 10**9)]


def test_a_path_that_does_not_exist(tmp_path):
    assert refusal(tmp_path / 'nowhere') == f'{tmp_path / "nowhere"}: no such bag'


def test_a_folder_without_a_bag(tmp_path):
    assert 'neither metadata.yaml nor a .mcap or .db3 file' in refusal(tmp_path)


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / 'notes.txt').write_text('hello')
    assert '.mcap, .db3 or a bag folder was expected' in refusal(tmp_path / 'notes.txt')


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_a_bag_without_messages(write, storage):
    path = write(storage, rows=[])
    assert refusal(path) == f'{path}: the bag is empty, it holds not one message'


def test_a_listed_file_that_is_missing(write):
    path = write('mcap')
    (path / 'small.mcap').unlink()
    assert refusal(path) == f'{path / "small.mcap"}: listed in metadata.yaml, but not there'


@pytest.mark.parametrize('text', ['', '{', '- 1', 'rosbag2_bagfile_information: {version: 9}'])
def test_metadata_that_is_none(write, text):
    path = write('mcap')
    (path / 'metadata.yaml').write_text(text)
    assert refusal(path).startswith(f'{path / "metadata.yaml"}: ')


def test_an_unknown_storage(write):
    path = write('mcap')
    text = (path / 'metadata.yaml').read_text()
    (path / 'metadata.yaml').write_text(text.replace('storage_identifier: mcap', 'storage_identifier: tape'))
    assert "'tape'" in refusal(path)


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_a_folder_whose_metadata_was_never_written(write, storage):
    path = write(storage)
    (path / 'metadata.yaml').unlink()
    with open_bag(path) as bag:
        assert bag.topics['/joint_states'].count == 200


@pytest.mark.parametrize('share', [0.0, 0.001, 0.3, 0.9, 0.9999])
def test_an_mcap_file_that_ends_early(write, share):
    file = write('mcap') / 'small.mcap'
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    sentence = refusal(file.parent)
    assert sentence.startswith(f'{file}: ')
    if share > 0.001:
        assert 'ends early' in sentence and '`mcap recover` repairs it' in sentence


@pytest.mark.parametrize('name', ['garbage.mcap', 'garbage.db3'])
def test_garbage(tmp_path, name):
    (tmp_path / name).write_bytes(bytes(range(256)) * 100)
    assert str(tmp_path / name) in refusal(tmp_path / name)


def test_a_database_of_something_else(tmp_path):
    with sqlite3.connect(tmp_path / 'other.db3') as connection:
        connection.execute('CREATE TABLE birds (name TEXT)')
    assert 'the tables messages, topics were expected, it has birds' in refusal(tmp_path / 'other.db3')


def test_a_database_that_ends_early(write):
    file = write('sqlite3') / 'small.db3'
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BagError, match=r'small\.db3: .*malformed'):
        read_all(file.parent)


@pytest.mark.parametrize('seed', range(40))
def test_an_mcap_file_with_a_damaged_byte_is_read_or_refused(write, seed):
    file = write('mcap') / 'small.mcap'
    whole = bytearray(file.read_bytes())
    whole[seed * 7919 % len(whole)] ^= 0xFF
    file.write_bytes(whole)
    try:
        read_all(file)
    except BagError as error:
        assert str(file) in str(error)


def test_blocks_outlive_their_bag(write):
    with open_bag(write('mcap')) as bag:
        block = next(iter(bag.blocks(['/slip'], 0, 2**63 - 1, 10**12)))['/slip']
    assert len(bytes(block.message(99))) == block.sizes[99]


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_an_awkward_path(write, storage):
    path = write(storage)
    assert len(read_all(path.rename(path.parent / '50% of #1? yes'))) == 2


def test_an_old_database_without_definitions(write, ros):
    file = write('sqlite3') / 'small.db3'
    with sqlite3.connect(file) as connection:
        connection.execute('DROP TABLE message_definitions')
    with open_bag(file) as bag:
        assert not bag.topics['/slip'].definition
        store = typestore_of(bag)
    assert store.hash_rihs01('std_msgs/msg/String') == ros.store.hash_rihs01('std_msgs/msg/String')


def test_a_span_must_be_positive(write):
    with open_bag(write('mcap')) as bag, pytest.raises(ValueError, match='0 ns'):
        bag.blocks(['/slip'], 0, 1, 0)


@pytest.mark.parametrize(
    ('damage', 'sentence'),
    [
        ("UPDATE messages SET timestamp = 'noon'", 'a log time that is no number'),
        ("UPDATE messages SET data = 'text' WHERE id = 7", 'a message without bytes or time'),
        ("UPDATE topics SET type = x'ff' WHERE id = 1", 'a topic without name or type'),
    ],
)
def test_a_database_with_other_values_than_expected(write, damage, sentence):
    file = write('sqlite3') / 'small.db3'
    with sqlite3.connect(file) as connection:
        connection.execute(damage)
    with pytest.raises(BagError, match=sentence):
        read_all(file)
