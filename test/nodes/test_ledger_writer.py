"""What the ledger writer acknowledges is on the disk; what it cannot finish, it or its successor aborts."""

import json
import signal
import time

import pytest

from transfer_audit.ledger.files import sha256_of
from transfer_audit.ledger.store import Ledger

pytest.importorskip('rclpy', reason='live tests need ROS 2: rclpy is not installed')

FIRST = {'channel': 'joints', 'kind': 'pose', 'element': 'b', 'onset_s': 0.4, 'onset_interval_s': [0.39, 0.45]}


class Desk:
    """A ledger writer, and what it says on `round`."""

    def __init__(self, stage, ros, fingers, ledger=None, **parameters):
        self.stage, self.ros, self.fingers = stage, ros, fingers
        self.path = fingers.folder / 'ledger.db'
        self.ledger, self.parameters = ledger or self.path, parameters
        self.said = stage.hear(ros.Status, 'round', ros.latched_all)
        self.writer = self.start()

    def start(self, **parameters):
        given = {'profile': self.fingers.path, 'ledger': self.ledger, **self.parameters, **parameters}
        return self.stage.start('ledger_writer', **given)

    def begin(self):
        from std_srvs.srv import Trigger

        return self.stage.call(Trigger, 'round/start')

    def end(self, success):
        from std_srvs.srv import SetBool

        return self.stage.call(SetBool, 'round/end', data=success)

    def rounds(self):
        """State and reason of every round, as another process reads them."""
        with Ledger.open(self.path, read_only=True) as ledger:
            return ledger.rounds()

    def states(self):
        return [round_.state for round_ in self.rounds()]

    def wait(self, state):
        """The last status once it is of a state."""
        self.stage.wait_for(lambda: self.said and self.said[-1].message == state, f'a round that is {state}')
        return self.said[-1]


@pytest.fixture
def desk(stage, ros, fingers):
    return Desk(stage, ros, fingers)


def verdict_of(status):
    """What the divergence node would say of a round that ended."""
    side = {'slip_rate': 0.25, 'success': False}
    return {
        'round': status['id'], 'task': status['task'], 'start_ns': status['start_ns'], 'end_ns': status['end_ns'],
        'verdict': 'diverged', 'reason': 'pose at b', 'first_divergence': FIRST,
        'metrics': {'real': side, 'shadow': {'slip_rate': 0.125, 'success': None}},
    }  # fmt: skip


def test_a_round_is_durable_before_it_is_acknowledged_and_closed_by_its_verdict(desk, ros, told):
    assert desk.wait('idle').level == ros.Status.OK
    assert not desk.end(True).success
    verdicts = desk.stage.speak(ros.String, 'divergence/verdict', ros.latched)
    gate = desk.stage.speak(ros.Status, 'gate/status')
    budgets = ros.round('passing', force_budget={'tip_a': 4.0}, speed_budget=None, failures_left=3, trips=0, cut='')
    gate.publish(budgets)
    started = desk.begin()
    assert (started.success, started.message) == (True, '1')
    assert desk.states() == ['open']
    status = told(desk.wait('open'))
    refused = desk.begin()
    assert not refused.success and 'round 1 is open' in refused.message
    assert desk.states() == ['open']
    verdicts.publish(ros.String(data=json.dumps(verdict_of({**status, 'end_ns': status['start_ns'] + 1}))))
    ended = desk.end(False)
    assert ended.success
    (round_,) = desk.rounds()
    assert round_.state == 'open' and [event.kind for event in round_.events] == ['outcome']
    status = told(desk.wait('ended'))
    assert status['success'] is False and status['end_ns'] > status['start_ns']
    for number in (99, 1):
        verdicts.publish(ros.String(data=json.dumps({**verdict_of(status), 'round': number})))
    status = told(desk.wait('closed'))
    assert status['verdict'] == 'diverged'
    (round_,) = desk.rounds()
    record = round_.record
    assert round_.state == 'closed' and record.end_ns == status['end_ns']
    assert (record.first_divergence.element, record.real_success, record.slip_gap) == ('b', False, 0.125)
    assert record.budgets_before.force == {'tip_a': 4.0} and record.hand == 'fingers'
    with Ledger.open(desk.path, read_only=True) as ledger:
        assert ledger.verify().ok
    assert desk.begin().message == '2'


def test_what_a_kill_left_open_the_next_start_aborts(desk):
    assert desk.begin().success
    desk.writer.send(signal.SIGKILL)
    desk.writer.ends()
    assert desk.states() == ['open']
    again = desk.start(policy='second')
    assert desk.states() == ['aborted']
    assert 'rounds [1] were left open and are aborted now' in again.text
    (round_,) = desk.rounds()
    assert round_.reason == 'the ledger writer ended before the round did'


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_writer_that_is_stopped_aborts_its_round(desk, number):
    assert desk.begin().success
    if number == signal.SIGINT:
        assert desk.end(True).success
    desk.writer.send(number)
    assert desk.writer.ends() == 0
    (round_,) = desk.rounds()
    assert (round_.state, round_.reason) == ('aborted', 'the ledger writer was stopped')


def end(writer):
    writer.send(signal.SIGTERM)
    assert writer.ends() == 0


def test_the_recording_of_an_earlier_round_is_hashed_at_the_next_start(desk, tmp_path):
    bag = tmp_path / 'bag'
    end(desk.writer)
    writer = desk.start(bag=bag)
    assert desk.begin().success
    end(writer)
    bag.mkdir()
    (bag / 'metadata.yaml').write_text('complete')
    desk.start()
    desk.stage.wait_for(lambda: desk.rounds()[0].start.bag_sha256 == sha256_of(bag), 'the hash of the recording')


def test_a_ledger_that_cannot_be_written_is_said_at_the_start(stage, ros, fingers):
    folder = fingers.folder / 'not_a_folder'
    folder.write_text('')
    asked = {'in a file': folder / 'ledger.db', 'no ledger': fingers.folder / 'noise.db'}
    asked['no ledger'].write_bytes(b'this is not a database, but long enough to be looked at' * 100)
    for ledger in asked.values():
        node = stage.run(stage.command('ledger_writer', profile=fingers.path, ledger=ledger), 'ledger_writer')
        assert node.ends() == 2, node.text
        assert str(ledger) in node.text and 'Traceback' not in node.text
        assert len(node.text.splitlines()) == 1


def test_a_ledger_that_breaks_on_the_way_is_told_to_the_gate(desk, ros):
    """While entries cannot be written no round starts; once they can, rounds are recorded again."""
    import sqlite3

    with sqlite3.connect(desk.path) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
    refused = desk.begin()
    assert not refused.success and str(desk.path) in refused.message and 'the disk is full' in refused.message
    status = desk.stage.wait_for(lambda: desk.said[-1].level == ros.Status.ERROR and desk.said[-1], 'an error level')
    assert status.message == refused.message and desk.states() == []
    with other:
        other.execute('DROP TRIGGER full')
    other.close()
    desk.stage.wait_for(lambda: desk.said[-1].level == ros.Status.OK, 'a ledger that is writable again')
    assert desk.begin().success and desk.states() == ['open']


def test_what_happens_while_the_disk_is_full_is_kept_when_it_no_longer_is(desk, ros, told):
    """The gate's trip and the verdict that closes the round wait for space."""
    import sqlite3

    verdicts = desk.stage.speak(ros.String, 'divergence/verdict', ros.latched)
    gate = desk.stage.speak(ros.Status, 'gate/status')
    assert desk.begin().success and desk.end(True).success
    status = told(desk.wait('ended'))
    with sqlite3.connect(desk.path) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
    budgets = {'force_budget': {'tip_a': 4.0}, 'speed_budget': None, 'failures_left': 3, 'cut': ''}
    for trips in (0, 1):
        gate.publish(ros.round('passing', trips=trips, **budgets))
    verdicts.publish(ros.String(data=json.dumps(verdict_of(status))))
    desk.stage.wait_for(lambda: desk.said[-1].level == ros.Status.ERROR, 'an error level')
    assert desk.states() == ['open']
    with other:
        other.execute('DROP TRIGGER full')
    other.close()
    desk.wait('closed')
    (round_,) = desk.rounds()
    assert [event.kind for event in round_.events] == ['outcome', 'gate_trip'] and round_.record.slip_gap == 0.125


def test_nonsense_on_the_verdict_topic_does_not_end_the_writer(desk, ros, told):
    assert desk.begin().success and desk.end(True).success
    status = desk.wait('ended')
    verdicts = desk.stage.speak(ros.String, 'divergence/verdict', ros.latched)
    wrong = {**verdict_of(told(status)), 'verdict': 'perhaps'}
    for text in ('', 'no JSON', '[]', '{"round": 1}', '{"verdict": "agreed"}', json.dumps(wrong)):
        verdicts.publish(ros.String(data=text))
    seen = len(desk.said)
    desk.stage.wait_for(lambda: len(desk.said) > seen + 2, 'a writer that goes on')
    assert desk.states() == ['open'] and desk.said[-1].message == status.message


def test_rounds_may_follow_a_topic_of_the_hand(stage, ros, fingers, told):
    """A new value ends the running round and starts the next, an empty one only ends it."""
    fingers.path = fingers.write(round={'topic': 'trial'})
    desk = Desk(stage, ros, fingers)
    verdicts = stage.speak(ros.String, 'divergence/verdict', ros.latched)
    trials = stage.speak(ros.String, 'trial')
    for text in ('trial 1', 'trial 1', 'trial 2'):
        trials.publish(ros.String(data=text))
    first = told(desk.wait('ended'))
    assert (first['id'], first['task'], first['success']) == (1, 'trial 1', None)
    verdicts.publish(ros.String(data=json.dumps(verdict_of(first))))
    stage.wait_for(lambda: told(desk.said[-1])['id'] == 2, 'the second round')
    second = told(desk.wait('open'))
    assert second['task'] == 'trial 2' and second['start_ns'] >= first['end_ns']
    trials.publish(ros.String(data=''))
    desk.wait('ended')
    assert [round_.start.task for round_ in desk.rounds()] == ['trial 1', 'trial 2']
    assert desk.states() == ['closed', 'open']


@pytest.fixture
def remote(server, stage, ros, fingers, monkeypatch):
    """A writer whose ledger is on a server; `path` is its own book."""
    monkeypatch.setenv('ROS_HOME', str(fingers.folder))
    desk = Desk(stage, ros, fingers, server.database(), robot='arm')
    desk.path = fingers.folder / 'transfer_audit' / 'arm.db'
    return desk


def unsent(desk, told):
    """What its diagnostics say of the server: level, text, number of entries that wait."""
    desk.stage.diagnostics.pop('ledger_writer', None)
    status = desk.stage.wait_for(lambda: desk.stage.diagnostics.get('ledger_writer'), 'diagnostics')
    return status.level, status.message, told(status)['unsent']


def test_a_server_that_is_lost_changes_nothing_and_gets_what_it_missed(remote, server, ros, told):
    """Rounds are acknowledged from the robot's own book; diagnostics warn how many entries wait."""
    assert remote.begin().success and remote.end(True).success
    remote.stage.wait_for(lambda: unsent(remote, told) == (ros.Status.OK, 'ended', 0), 'what was written to be sent')
    with Ledger.open(remote.ledger, read_only=True) as ledger:
        assert [(one.robot, one.success) for one in ledger.rounds()] == [('arm', True)]
    server.stop()
    try:
        remote.writer.send(signal.SIGTERM)
        assert remote.writer.ends() == 0
        remote.writer = remote.start()
        assert remote.begin().message == '2' and remote.end(False).success
        remote.stage.wait_for(lambda: 'the server does not answer' in unsent(remote, told)[1], 'a warning')
        level, text, count = unsent(remote, told)
        assert level == ros.Status.WARN and count == 5 and 'up to 5 entries wait to be sent' in text
        assert remote.wait('ended').level == ros.Status.OK
    finally:
        server.start()
    remote.stage.wait_for(lambda: unsent(remote, told) == (ros.Status.OK, 'ended', 0), 'the server to get the rest')
    with Ledger.open(remote.ledger, read_only=True) as there, Ledger.open(remote.path, read_only=True) as here:
        assert there.verify(here.head).ok
        assert [one.state for one in there.rounds()] == [one.state for one in here.rounds()] == ['aborted', 'open']


def test_the_latch_of_the_gate_lies_beside_the_book_of_its_robot(stage, fingers, monkeypatch, told):
    monkeypatch.setenv('ROS_HOME', str(fingers.folder))
    stage.start('safety_gate', profile=fingers.path, ledger='postgresql://lab@nowhere/lab', robot='arm')
    found = told(stage.diagnostics['safety_gate'])['latch']
    assert found == str(fingers.folder / 'transfer_audit' / 'arm.db.stop')


def test_events_in_a_burst_are_all_kept_while_the_node_goes_on_answering(desk, ros):
    """400 trips and cuts within two seconds; a service is answered meanwhile."""
    gate = desk.stage.speak(ros.Status, 'gate/status', ros.latched_all)
    assert desk.begin().success
    budgets = {'force_budget': {'tip_a': 4.0}, 'speed_budget': None, 'failures_left': 3}
    begun = desk.stage.node.get_clock().now().nanoseconds
    for trips in range(201):
        gate.publish(ros.round('passing', trips=trips, cut='a fall' if trips % 2 else 'a slip', **budgets))
        desk.stage.spin_until(begun + 10**7 * trips)
    assert desk.end(True).success
    (round_,) = desk.rounds()
    kinds = [event.kind for event in round_.events]
    assert kinds.count('gate_trip') == 200 and kinds[-1] == 'outcome'
    with Ledger.open(desk.path, read_only=True) as ledger:
        assert ledger.verify().ok


def test_an_answer_does_not_wait_for_something_else_to_happen(desk):
    """Executors revisit a callback that awaits only with other work: a second apart in a quiet node."""
    assert desk.begin().success
    begun_s = time.monotonic()
    assert not any(desk.begin().success for _ in range(20))
    assert time.monotonic() - begun_s < 6
