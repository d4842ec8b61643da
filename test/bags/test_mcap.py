"""mcap files by other hands."""

import pytest

from transfer_audit.bags.reader import open_bag
from transfer_audit.core.errors import BagError

KIND = 'std_msgs/msg/Float64'


@pytest.fixture
def foreign(ros, tmp_path):
    """Write numbers with the reference library; two publishers share the topic."""
    library = pytest.importorskip('mcap.writer', reason='the mcap library is not installed')

    def make(compression='ZSTD', chunk_size=500, encoding='cdr', **options):
        path = tmp_path / 'foreign.mcap'
        with path.open('wb') as file:
            kind = library.CompressionType[compression]
            writer = library.Writer(file, compression=kind, chunk_size=chunk_size, **options)
            writer.start('')
            schema = writer.register_schema('std_msgs/Float64', 'ros2msg', b'float64 data\n')
            channels = [writer.register_channel('/x', encoding, schema) for _ in range(2)]
            for number in range(200):
                raw = ros.raw(ros.Float64(float(number)))
                writer.add_message(channels[number % 2], 1000 + number // 2, raw, 1000, number)
            writer.finish()
        return path

    return make


def numbers(path, ros, span_ns=30):
    with open_bag(path) as bag:
        assert (bag.topics['/x'].type, bag.topics['/x'].count) == (KIND, 200)
        assert (bag.start_ns, bag.end_ns) == (1000, 1100)
        blocks = [stretch['/x'] for stretch in bag.blocks(['/x'], 0, 2**63 - 1, span_ns)]
    return [ros.store.deserialize_cdr(b.message(i), KIND).data for b in blocks for i in range(len(b))]


@pytest.mark.parametrize('compression', ['NONE', 'LZ4', 'ZSTD'])
@pytest.mark.parametrize(
    'options',
    [
        {},
        {'chunk_size': 10**6},
        {'use_chunking': False},
        {'use_statistics': False},
        {'repeat_channels': False},
        {'use_summary_offsets': False},
    ],
    ids=str,
)
def test_every_option_of_the_reference_library(foreign, ros, compression, options):
    assert numbers(foreign(compression, **options), ros) == list(range(200))


def test_another_encoding_is_refused(foreign):
    bag = open_bag(foreign(encoding='json'))
    with pytest.raises(BagError, match="/x is encoded as 'json', cdr was expected"):
        next(iter(bag.blocks(['/x'], 0, 2**63 - 1, 10**9)))


def test_a_flipped_bit_fails_the_checksum(foreign):
    path = foreign('NONE')
    raw = bytearray(path.read_bytes())
    raw[raw.index(b'float64 data') + 200] ^= 1
    path.write_bytes(raw)
    bag = open_bag(path)
    with pytest.raises(BagError, match=r'foreign\.mcap: a damaged mcap file: the chunk at byte \d+ fails its checksum'):
        list(bag.blocks(['/x'], 0, 2**63 - 1, 10**9))
