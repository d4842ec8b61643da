"""What every bag does, whichever way its files are read."""

import struct
import sys
from types import SimpleNamespace

import lz4.frame
import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer

from transfer_audit.bags.blocks import ChainedBag
from transfer_audit.bags.library import Rosbag2Reader, RosbagsReader, rosbag2_reader
from transfer_audit.bags.mcap import McapFile
from transfer_audit.bags.mcap_records import zstd
from transfer_audit.bags.reader import open_bag
from transfer_audit.bags.sqlite import SqliteFile
from transfer_audit.bags.types import typestore_of
from transfer_audit.core.errors import UnknownElement

MAGIC = b'\x89MCAP0\r\n'


def text(value):
    return struct.pack('<I', len(value)) + value.encode()


def record(op, *parts):
    body = b''.join(parts)
    return struct.pack('<BQ', op, len(body)) + body


class RawMcap:
    """An mcap file made by hand, with any compression and with or without its indexes."""

    def __init__(self, ros, rows, compression='', indexed=True, summary=True, chunked=True, split=64):
        self.compress = {'': bytes, 'lz4': lz4.frame.compress, 'zstd': zstd.compress}[compression]
        self.compression, self.indexed, self.chunked = compression, indexed, chunked
        self.out = bytearray(MAGIC + record(1, text('ros2'), text('test')))
        self.declarations = self._declare(ros, rows)
        self.out += b'' if chunked else self.declarations
        self.index = b''
        for at in range(0, len(rows), split):
            self._messages(ros, rows[at : at + split])
        self.out += record(15, struct.pack('<I', 0))
        start = len(self.out) if summary else 0
        self.out += self.declarations + self.index if summary else b''
        self.out += record(2, struct.pack('<QQI', start, 0, 0)) + MAGIC

    def _declare(self, ros, rows):
        self.channels = {}
        out = b''
        for _, topic, message in rows:
            if topic not in self.channels:
                number = self.channels[topic] = len(self.channels) + 1
                definition = ros.store.generate_msgdef(message.__msgtype__, ros_version=2)[0]
                names = text(message.__msgtype__), text('ros2msg'), text(definition)
                out += record(3, struct.pack('<H', number), *names)
                out += record(4, struct.pack('<HH', number, number), text(topic), text('cdr'), text(''))
        return out

    def _messages(self, ros, rows):
        content, index = bytearray(self.declarations if self.chunked else b''), {}
        for stamp_ns, topic, message in rows:
            index.setdefault(self.channels[topic], []).append((stamp_ns, len(content)))
            head = struct.pack('<HIQQ', self.channels[topic], 0, stamp_ns, stamp_ns)
            content += record(5, head, ros.raw(message))
        if not self.chunked:
            self.out += content
            return
        stamps = [row[0] for row in rows]
        times = struct.pack('<QQ', min(stamps), max(stamps))
        stored = self.compress(bytes(content))
        place = len(self.out)
        sizes = struct.pack('<QI', len(content), 0)
        self.out += record(6, times, sizes, text(self.compression), struct.pack('<Q', len(stored)), stored)
        length, offsets = len(self.out) - place, b''
        for channel, entries in index.items() if self.indexed else ():
            offsets += struct.pack('<HQ', channel, len(self.out))
            packed = b''.join(struct.pack('<QQ', *entry) for entry in entries)
            self.out += record(7, struct.pack('<HI', channel, len(packed)), packed)
        parts = times, struct.pack('<QQI', place, length, len(offsets)), offsets, struct.pack('<Q', 0)
        sizes = struct.pack('<QQ', len(stored), len(content))
        self.index += record(8, *parts, text(self.compression), sizes)


class Contract:
    """Inherited by every way to read a bag; `open` gives a bag with the small content."""

    @pytest.fixture
    def bag(self, write, written, ros, tmp_path):
        with self.open(write, written, ros, tmp_path) as bag:
            yield bag

    def read(self, bag, topics, start_ns=0, end_ns=2**63 - 1, span_ns=10**12):
        found = {topic: [] for topic in topics}
        for stretch in bag.blocks(topics, start_ns, end_ns, span_ns):
            assert list(stretch) == list(topics)
            for topic, block in stretch.items():
                for number in range(len(block)):
                    found[topic].append((int(block.receive_ns[number]), bytes(block.message(number))))
        return found

    def expected(self, ros, written, topic):
        return [(stamp_ns, ros.raw(message)) for stamp_ns, name, message in written.rows if name == topic]

    def test_names_its_topics_and_its_time(self, bag, written):
        counts = {name: (topic.type, topic.count) for name, topic in bag.topics.items()}
        assert counts == {
            '/joint_states': ('sensor_msgs/msg/JointState', 200),
            '/slip': ('std_msgs/msg/Float64MultiArray', 100),
            '/trial': ('std_msgs/msg/String', 5),
        }
        assert (bag.start_ns, bag.end_ns) == (written.start_ns, written.end_ns)

    def test_gives_every_message_once_and_in_order(self, bag, ros, written):
        found = self.read(bag, list(bag.topics))
        for topic, messages in found.items():
            assert messages == self.expected(ros, written, topic)

    @pytest.mark.parametrize('span', [1, 3, 7, 64, 1000])
    def test_stretches_of_any_length_give_the_same(self, bag, ros, written, span):
        found = self.read(bag, ['/slip', '/trial'], span_ns=span * written.step_ns)
        assert found['/slip'] == self.expected(ros, written, '/slip')
        assert found['/trial'] == self.expected(ros, written, '/trial')

    def test_stretches_are_half_open(self, bag, written):
        first, last = written.start_ns + 10 * written.step_ns, written.start_ns + 20 * written.step_ns
        stamps = [stamp for stamp, _ in self.read(bag, ['/joint_states'], first, last)['/joint_states']]
        assert stamps == [written.start_ns + number * written.step_ns for number in range(10, 20)]

    def test_a_stretch_lasts_no_longer_than_asked(self, bag, written):
        span_ns = 3 * written.step_ns
        for number, stretch in enumerate(bag.blocks(['/joint_states'], written.start_ns, 2**63 - 1, span_ns)):
            begin = written.start_ns + number * span_ns
            block = stretch['/joint_states']
            assert len(block) and begin <= block.receive_ns[0] and block.receive_ns[-1] < begin + span_ns

    def test_two_readings_at_once_do_not_disturb_each_other(self, bag, ros, written):
        one, two = (bag.blocks([topic], 0, 2**63 - 1, 9 * written.step_ns) for topic in ('/slip', '/joint_states'))
        slip, joints = [], []
        for left, right in zip(one, two, strict=True):
            slip += [bytes(left['/slip'].message(i)) for i in range(len(left['/slip']))]
            joints += [bytes(right['/joint_states'].message(i)) for i in range(len(right['/joint_states']))]
        assert slip == [raw for _, raw in self.expected(ros, written, '/slip')]
        assert joints == [raw for _, raw in self.expected(ros, written, '/joint_states')]

    def test_an_unknown_topic_is_named_with_those_that_exist(self, bag):
        with pytest.raises(UnknownElement, match=r"no topic '/slipp'; did you mean '/slip'.*/joint_states"):
            bag.blocks(['/slipp'], 0, 1, 1)

    def test_its_own_definitions_make_its_types(self, bag, ros):
        store = typestore_of(bag)
        assert all(topic.definition for topic in bag.topics.values())
        assert store.hash_rihs01('sensor_msgs/msg/JointState') == ros.store.hash_rihs01('sensor_msgs/msg/JointState')


class TestSqlite(Contract):
    def open(self, write, written, ros, tmp_path):
        path = write('sqlite3')
        return ChainedBag(path, [SqliteFile(path / 'small.db3')])


class TestMcap(Contract):
    def open(self, write, written, ros, tmp_path):
        path = write('mcap')
        return ChainedBag(path, [McapFile(path / 'small.mcap')])


class TestRosbagsSqlite(Contract):
    def open(self, write, written, ros, tmp_path):
        path = write('sqlite3')
        return ChainedBag(path, [RosbagsReader(path)])


class TestRosbagsMcap(Contract):
    def open(self, write, written, ros, tmp_path):
        path = write('mcap')
        return ChainedBag(path, [RosbagsReader(path)])


ROSBAG2 = rosbag2_reader()


@pytest.mark.skipif(ROSBAG2 is None, reason='rosbag2_py is not installed')
@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
class TestRosbag2(Contract):
    @pytest.fixture
    def bag(self, write, storage):
        path = write(storage)
        with ChainedBag(path, [ROSBAG2(path)]) as bag:
            yield bag


class StandIn:
    """The face of rosbag2_py's SequentialReader as documented, over rosbags: shows that the calls fit together."""

    def open(self, storage, form):
        self.reader = Reader(storage.uri)
        self.reader.open()
        self.topics, self.begin = None, 0

    def get_metadata(self):
        return SimpleNamespace(
            compression_mode='',
            message_count=self.reader.message_count,
            starting_time=SimpleNamespace(nanoseconds=self.reader.start_time),
            duration=SimpleNamespace(nanoseconds=self.reader.duration - 1),
            topics_with_message_count=[
                SimpleNamespace(topic_metadata=SimpleNamespace(name=c.topic), message_count=c.msgcount)
                for c in self.reader.connections
            ],
        )

    def get_all_topics_and_types(self):
        return [SimpleNamespace(name=c.topic, type=c.msgtype) for c in self.reader.connections]

    def get_all_message_definitions(self):
        return [
            SimpleNamespace(topic_type=c.msgtype, encoded_message_definition=c.msgdef.data)
            for c in self.reader.connections
        ]

    def set_filter(self, storage_filter):
        self.topics = storage_filter.topics

    def seek(self, begin):
        links = [c for c in self.reader.connections if c.topic in self.topics]
        self.left = [(c.topic, raw, stamp) for c, stamp, raw in self.reader.messages(links, begin)]

    def has_next(self):
        return bool(self.left)

    def read_next(self):
        return self.left.pop(0)


class TestRosbag2StandIn(Contract):
    @pytest.fixture
    def bag(self, write, monkeypatch):
        module = SimpleNamespace(
            SequentialReader=StandIn,
            StorageOptions=SimpleNamespace,
            ConverterOptions=SimpleNamespace,
            StorageFilter=SimpleNamespace,
        )
        monkeypatch.setitem(sys.modules, 'rosbag2_py', module)
        path = write('mcap')
        with ChainedBag(path, [Rosbag2Reader(path)]) as bag:
            yield bag


class TestOpened(Contract):
    """A folder with several files, of which the last came first in time."""

    def open(self, write, written, ros, tmp_path):
        rows = written.rows
        write('mcap', 'late', rows[150:])
        write('sqlite3', 'early', rows[:150])
        folder = tmp_path / 'split'
        folder.mkdir()
        (tmp_path / 'late' / 'late.mcap').rename(folder / 'split_0.mcap')
        (tmp_path / 'early' / 'early.db3').rename(folder / 'split_1.db3')
        return open_bag(folder)


class TestShuffled(Contract):
    """Messages that were written out of the order of their log times."""

    def open(self, write, written, ros, tmp_path):
        rows = written.rows
        return open_bag(write('sqlite3', rows=rows[100:] + rows[:40] + rows[40:100][::-1]))


class TestCompressed(Contract):
    """What rosbag2 compressed message by message."""

    mode = CompressionMode.MESSAGE

    def open(self, write, written, ros, tmp_path):
        writer = Writer(tmp_path / 'packed', version=9, storage_plugin=StoragePlugin.SQLITE3)
        writer.set_compression(self.mode, CompressionFormat.ZSTD)
        with writer:
            links = {}
            for stamp_ns, topic, message in written.rows:
                if topic not in links:
                    links[topic] = writer.add_connection(topic, message.__msgtype__, typestore=ros.store)
                writer.write(links[topic], stamp_ns, ros.raw(message))
        return open_bag(tmp_path / 'packed')


class TestCompressedFile(TestCompressed):
    mode = CompressionMode.FILE


FORMS = {
    'plain': {},
    'lz4': {'compression': 'lz4'},
    'zstd': {'compression': 'zstd'},
    'one chunk': {'compression': 'zstd', 'split': 10**6},
    'without message indexes': {'compression': 'lz4', 'indexed': False},
    'without summary': {'compression': 'zstd', 'summary': False},
    'without chunks': {'chunked': False},
    'without anything': {'chunked': False, 'summary': False},
}


@pytest.mark.parametrize('form', FORMS)
class TestHandmadeMcap(Contract):
    @pytest.fixture
    def bag(self, ros, written, tmp_path, form):
        path = tmp_path / 'made.mcap'
        path.write_bytes(RawMcap(ros, written.rows, **FORMS[form]).out)
        with open_bag(path) as bag:
            yield bag


class TestShuffledMcap(Contract):
    def open(self, write, written, ros, tmp_path):
        rows = written.rows
        path = tmp_path / 'made.mcap'
        made = RawMcap(ros, rows[100:] + rows[:40] + rows[40:100][::-1], compression='lz4')
        path.write_bytes(made.out)
        return open_bag(path)
