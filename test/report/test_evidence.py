"""Evidence bags: what stands in them is what the audit saw, by the reader of rosbags and by that of mcap."""

import json
from pathlib import Path

import numpy as np
import pytest
from rosbags.highlevel import AnyReader

from transfer_audit.bags.audit import audit_recording
from transfer_audit.bags.reader import open_bag
from transfer_audit.bags.writer import BagWriter
from transfer_audit.core.align import Rows
from transfer_audit.core.binding import open_hand
from transfer_audit.core.errors import AuditError
from transfer_audit.core.judge import Scored
from transfer_audit.core.types import Envelope
from transfer_audit.report.evidence import evidence_path, open_evidence
from transfer_audit.report.evidence.events import EventWriter
from transfer_audit.report.evidence.messages import NUMBER, STATUS, Messages

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parents[3] / 'shared' / 'data'
SERVO, FINGER = DATA / 'xl330', DATA / 'rh56'
START_NS = 1_700_000_000_000_000_000
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason='the recordings of real hands are not here')


def written(bag, binding, out):
    """The verdict document of a bag whose evidence was written, and the rows that were judged."""
    rows = []
    with open_evidence(out, binding) as evidence:

        def watch(scored):
            rows.append(scored)
            evidence.watch(scored)

        document = audit_recording(bag, binding, watch=watch)
        evidence.conclude(document)
    return document, rows


def read(path):
    """(log times, messages) of each topic, as `rosbags` reads them."""
    found = {}
    with AnyReader([path]) as reader:
        times = []
        for connection, time_ns, raw in reader.messages():
            times.append(time_ns)
            at, messages = found.setdefault(connection.topic, ([], []))
            at.append(time_ns)
            messages.append(reader.deserialize(raw, connection.msgtype))
    assert times == sorted(times)
    return found


def column(found, topic, name):
    """Times and numbers of one `channel/element`."""
    times, messages = found[topic]
    return np.array(times), np.array([message.position[message.name.index(name)] for message in messages])


def values(status):
    return {pair.key: pair.value for pair in status.values}


@pytest.fixture(scope='module')
def servo(tmp_path_factory):
    """A real servo that sticks where its model does not."""
    if not DATA.is_dir():
        pytest.skip('the recordings of real hands are not here')
    binding = open_hand(ROOT / 'config' / 'xl330_pendulum' / 'profile.yaml', SERVO / 'pendulum_kp400.xml')
    out = tmp_path_factory.mktemp('evidence') / 'servo.mcap'
    document, rows = written(SERVO / 'kp400_sin_sin', binding, out)
    return out, binding, document, rows


def test_every_row_stands_at_its_time_with_its_numbers(servo):
    out, _, _, rows = servo
    found = read(out)
    row_ns = np.concatenate([each.rows.row_ns for each in rows])
    sides = [each.rows.shadow['joints'] for each in rows]
    truth = {
        '/evidence/real': np.concatenate([each.rows.real['joints'] for each in rows]),
        '/evidence/median': np.concatenate([side.median for side in sides]),
        '/evidence/lower': np.concatenate([side.lower for side in sides]),
        '/evidence/upper': np.concatenate([side.upper for side in sides]),
        '/divergence/scores': np.concatenate([each.scores for each in rows]),
    }
    truth['/evidence/residual'] = truth['/evidence/real'] - truth['/evidence/median']
    for topic, expected in truth.items():
        times, numbers = column(found, topic, 'joints/servo')
        np.testing.assert_array_equal(times, row_ns)
        np.testing.assert_array_equal(numbers, expected[:, 0])
        stamps = [message.header.stamp.sec * 10**9 + message.header.stamp.nanosec for message in found[topic][1]]
        assert stamps == times.tolist()


def test_the_shadow_has_the_shape_that_a_pilot_publishes(servo):
    found = read(servo[0])
    rows = found['/shadow/joints'][1]
    assert rows[0].joint_names == ['servo'] and len(rows[0].points) == 3
    for side, topic in enumerate(('/evidence/median', '/evidence/lower', '/evidence/upper')):
        numbers = [message.points[side].positions[0] for message in rows]
        np.testing.assert_array_equal(numbers, column(found, topic, 'joints/servo')[1])


def test_the_score_alone_tells_when_it_was_flagged_and_dates_the_onset(servo):
    """The verdict dates the onset by a line through the departure; the score's own date is the row after its last zero
    (Page 1954), which the drift makes late where a departure grows slowly."""
    out, binding, document, _ = servo
    (verdict,) = document['rounds']
    first = verdict['first_divergence']
    times, scores = column(read(out), '/divergence/scores', f'{first["channel"]}/{first["element"]}')
    alarm = int((scores >= 1.0).argmax())
    onset = int(np.flatnonzero(scores[:alarm] == 0)[-1]) + 1
    seconds = (times - verdict['start_ns']) / 1e9
    assert seconds[alarm] == pytest.approx(first['flagged_s'], abs=1e-8)
    assert abs(seconds[onset] - first['onset_s']) <= 1.5 / binding.profile.clock.rate_hz


def test_events_are_those_of_the_verdict(servo):
    out, _, document, _ = servo
    found, (verdict,) = read(out), document['rounds']
    (quiet, said) = found['/divergence/first'][1]
    assert (quiet.level, said.level) == (0, 2)
    assert found['/divergence/first'][0][1] == verdict['start_ns'] + round(
        verdict['first_divergence']['flagged_s'] * 1e9
    )
    told = values(said)
    assert (told['channel'], told['element'], told['kind']) == ('joints', 'servo', 'pose')
    assert float(told['onset_s']) == verdict['first_divergence']['onset_s']
    assert json.loads(found['/divergence/verdict'][1][0].data) == verdict
    assert found['/round'][0] == [verdict['start_ns'], verdict['end_ns']]
    assert [values(each)['state'] for each in found['/round'][1]] == ['open', 'closed']


def test_the_reader_of_mcap_finds_the_same(servo):
    reader = pytest.importorskip('mcap.reader', reason='mcap is not installed')
    with servo[0].open('rb') as stream:
        opened = reader.make_reader(stream)
        summary = opened.get_summary()
        times = [message.log_time for _, _, message in opened.iter_messages()]
    assert times == sorted(times)
    counts = {summary.channels[number].topic: n for number, n in summary.statistics.channel_message_counts.items()}
    assert counts == {topic: len(found[0]) for topic, found in read(servo[0]).items()} | {'/divergence/timing': 0}
    assert {schema.encoding for schema in summary.schemas.values()} == {'ros2msg'}


@needs_data
def test_a_finger_that_touches_round_by_round(tmp_path):
    """The score of the first element that parts is over 1.0 from the row at which it was flagged, in every round."""
    binding = open_hand(ROOT / 'config' / 'inspire_rh56' / 'profile.yaml', FINGER / 'model' / 'inspire_right.xml')
    out = tmp_path / 'finger'
    document, _ = written(FINGER / 'contact_speed500_force500', binding, out)
    assert (out / 'metadata.yaml').is_file() and (out / 'finger.mcap').is_file()
    found = read(out)
    assert len(found['/round'][0]) == 2 * len(document['rounds']) == 40
    for verdict in document['rounds']:
        first = verdict['first_divergence']
        if first is None or first['kind'] == 'timing':
            continue
        times, scores = column(found, '/divergence/scores', f'{first["channel"]}/{first["element"]}')
        within = (times >= verdict['start_ns']) & (times < verdict['end_ns'])
        alarm_ns = times[within][int((scores[within] >= 1.0).argmax())]
        assert (alarm_ns - verdict['start_ns']) / 1e9 == pytest.approx(first['flagged_s'], abs=1e-8)


def test_middleware_reads_what_was_written(servo):
    serialization = pytest.importorskip('rclpy.serialization', reason='rclpy is not installed')
    from sensor_msgs.msg import JointState
    from trajectory_msgs.msg import JointTrajectory

    found = read(servo[0])
    with AnyReader([servo[0]]) as reader:
        for topic, kind in (('/evidence/real', JointState), ('/shadow/joints', JointTrajectory)):
            wanted = [each for each in reader.connections if each.topic == topic]
            _, _, raw = next(reader.messages(wanted))
            message, ours = serialization.deserialize_message(bytes(raw), kind), found[topic][1][0]
            if topic == '/evidence/real':
                assert message.name == ours.name and list(message.position) == ours.position.tolist()
            else:
                assert [list(p.positions) for p in message.points] == [p.positions.tolist() for p in ours.points]


def pilot_bag(path, *namespaces):
    """What gates said, two words each."""
    with BagWriter(path) as writer:
        messages = Messages(writer.typestore)
        for namespace in namespaces:
            writer.add_topic(f'{namespace}/gate/status', STATUS)
            writer.add_topic(f'{namespace}/gate/budget/force', NUMBER)
            for at_ns, text in ((100, 'passing'), (200, 'stopped')):
                writer.write(f'{namespace}/gate/status', at_ns, messages.status('gate', 'ok', text, {}, 'hand'))
                writer.write(f'{namespace}/gate/budget/force', at_ns, messages.number(at_ns / 200))
    return path


def test_what_the_gate_said_comes_along_from_whatever_namespace(tmp_path):
    with BagWriter(tmp_path / 'out') as writer, open_bag(pilot_bag(tmp_path / 'bag', '/left')) as bag:
        EventWriter('hand', writer, Messages(writer.typestore)).copy_gate(bag)
    found = read(tmp_path / 'out')
    assert found['/gate/status'][0] == found['/gate/budget/force'][0] == [100, 200]
    assert [each.message for each in found['/gate/status'][1]] == ['passing', 'stopped']
    assert [each.data for each in found['/gate/budget/force'][1]] == [0.5, 1.0]


def test_of_two_gates_none_is_taken(tmp_path):
    with BagWriter(tmp_path / 'out') as writer, open_bag(pilot_bag(tmp_path / 'bag', '/left', '/right')) as bag:
        EventWriter('hand', writer, Messages(writer.typestore)).copy_gate(bag)
        writer.write('/round', 1, Messages(writer.typestore).status('round', 'ok', 'open', {}, 'hand'))
    assert read(tmp_path / 'out').keys() == {'/round'}


def test_a_gap_of_the_real_hand_is_nan(tmp_path, fingers):
    """Rows without a measurement: the shadow and the score go on, real and residual are not known."""
    binding = fingers.binding()
    row_ns = START_NS + np.arange(3) * 10_000_000
    known = {plan.name: np.ones((3, len(plan.columns))) for plan in binding.channels}
    real = {name: values * np.array([[1.0], [np.nan], [2.0]]) for name, values in known.items()}
    sides = {name: Envelope(row_ns, values, values - 1, values + 1) for name, values in known.items()}
    with open_evidence(tmp_path / 'gap', binding) as evidence:
        evidence.watch(Scored(Rows(row_ns, real, sides), np.zeros((3, 3))))
    found = read(tmp_path / 'gap')
    np.testing.assert_array_equal(column(found, '/evidence/residual', 'joints/b')[1], [0.0, np.nan, 1.0])
    np.testing.assert_array_equal(column(found, '/evidence/real', 'tips/tip_a')[1], [1.0, np.nan, 2.0])
    np.testing.assert_array_equal(column(found, '/evidence/lower', 'tips/tip_a')[1], [0.0, 0.0, 0.0])


def test_nothing_is_left_after_an_error(tmp_path, fingers):
    for name in ('broken', 'broken.mcap'):
        with pytest.raises(RuntimeError), open_evidence(tmp_path / 'out' / name, fingers.binding()):
            raise RuntimeError
    assert list((tmp_path / 'out').iterdir()) == []


def test_where_evidence_goes():
    bags = [Path('a/one'), Path('b/two')]
    assert evidence_path(Path('out.mcap'), bags[0], bags[:1]) == Path('out.mcap')
    assert evidence_path(Path('out'), bags[1], bags) == Path('out/two')
    with pytest.raises(AuditError, match='one file cannot hold the evidence of 2 bags'):
        evidence_path(Path('out.mcap'), bags[0], bags)
    with pytest.raises(AuditError, match='two bags are called one'):
        evidence_path(Path('out'), bags[0], [Path('a/one'), Path('b/one')])
    with pytest.raises(AuditError, match='exists already'):
        evidence_path(Path(__file__), bags[0], bags[:1])
