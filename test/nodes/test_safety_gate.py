"""The gate over DDS: what it lets out, what it keeps, and that it stays shut."""

import math
import signal

import pytest

pytest.importorskip('rclpy', reason='live tests need ROS 2: rclpy is not installed')


def test_it_passes_clamps_and_holds(bench, ros):
    """Nothing leaves before a command; then what is good leaves untouched, what is fast is slowed, nonsense is kept."""
    bench = bench(gate={'speed_budget': 2.0, 'keep_alive_hz': 0}).ready()
    assert not bench.sent
    asked, left = bench.passes(0.0, 0.0)
    assert left == asked and list(left.name) == ['z', 'b', 'a']
    asked, left = bench.passes(1.0, -1.0)
    z, b, a = left.position
    assert z == 9.0 and 0 < a <= 0.2 and -0.2 <= b < 0
    assert (left.header, left.name, left.effort, left.velocity) == (
        asked.header, asked.name, asked.effort, asked.velocity,
    )  # fmt: skip
    assert 'faster than 2 per second' in bench.reason(bench.status('clamped', lambda s: _clamped(s) == 1))
    bench.holds('a is missing or NaN', math.nan, 0.0)
    bench.holds('a is infinite', math.inf, 0.0)
    bench.holds('missing or NaN', 0.0, 0.0, name=['x', 'y', 'z'])
    bench.holds('does not name its 3 entries', 0.0, 0.0, name=['a', 'b'])
    bench.holds('stamped', 0.0, 0.0, header=ros.joints(bench.now_ns() - 3_000_000_000, [0, 0]).header)
    bench.holds('in the future', 0.0, 0.0, header=ros.joints(bench.now_ns() + 60_000_000_000, [0, 0]).header)
    before, (_, left) = len(bench.sent), bench.passes(a, b)
    assert bench.sent[before:] == [left]
    assert list(left.position) == pytest.approx([9.0, b, a])


def _clamped(status):
    return int(next(pair.value for pair in status.values if pair.key == 'clamped'))


def test_the_message_may_be_a_bare_array(bench, ros):
    command = {'type': 'std_msgs/msg/Float64MultiArray', 'field': 'data', 'stamp': 'receive',
               'elements': {0: 'act_a', 2: 'act_b'}, 'scale': -2.0}  # fmt: skip
    bench = bench(ros.Array, command=command, gate={'speed_budget': 2.0}).ready()
    for data, most in (([0.0, 7.0, 0.0], 0.0), ([-0.5, 7.0, 0.5], 0.1)):
        message = ros.array(*data)
        message.layout.data_offset = 3
        before = len(bench.sent)
        bench.policy.publish(message)
        bench.stage.wait_for(lambda before=before: len(bench.sent) > before, 'a command to leave the gate')
        left = bench.sent[before]
        assert left.layout == message.layout and left.data[1] == 7.0
        assert -most <= left.data[0] <= 0 <= left.data[2] <= most
    assert left.data[0] < 0 < left.data[2]
    for nonsense in ((0.0,), (), (math.nan, 0.0, 0.0)):
        bench.holds('is missing or NaN', message=ros.array(*nonsense))


def test_a_spent_force_budget_holds_what_closes_and_lets_open(bench):
    bench = bench(gate={'speed_budget': None}).ready()
    bench.joints = (0.6, 0.0)
    bench.passes(0.6, 0.0)
    bench.passes(0.9, 0.0)
    bench.force = 4.5
    bench.status('feels the force', lambda status: 'tip_a presses 4.5 N' in status.message)
    status = bench.holds('closing held', 1.0, 0.0)
    assert status.level == bench.ros.Status.ERROR
    _, left = bench.passes(0.8, 0.0)
    assert list(left.position) == [9.0, 0.0, 0.8]
    bench.stage.wait_for(lambda: bench.budgets['force'][-1].data == 0.0, 'an empty budget')
    bench.force = 0.0
    bench.status('lets go', lambda status: 'presses' not in status.message)
    _, left = bench.passes(1.0, 0.0)
    assert left.position[2] == 1.0


def test_it_holds_while_nothing_is_recorded(bench, ros):
    """Before the ledger writer was heard, when it cannot write, and once it falls silent."""
    bench = bench()
    bench.recorder = None
    bench.status('misses the recorder', lambda status: 'the recorder has not been heard' in status.message)
    bench.holds('the recorder has not been heard', 0.0, 0.0)
    bench.recorder = ros.round('idle')
    bench.status('hears it', lambda status: 'recorder' not in status.message)
    bench.passes(0.0, 0.0)
    bench.recorder = ros.round('idle', level=ros.Status.ERROR)
    bench.recorder.message = 'the disk is full'
    bench.status('knows', lambda status: 'the disk is full' in status.message)
    bench.holds('the disk is full', 0.0, 0.0)
    bench.recorder = ros.round('idle')
    bench.status('hears it', lambda status: 'disk' not in status.message)
    bench.passes(0.0, 0.0)
    bench.recorder = None
    bench.status('misses it', lambda status: 'the ledger writer was not heard for 3 s' in status.message)
    bench.holds('the ledger writer was not heard for 3 s', 0.0, 0.0)


def test_it_holds_when_the_sensors_fall_silent(bench):
    bench = bench().ready()
    bench.passes(0.0, 0.0)
    bench.force = math.nan
    bench.status('misses the force', lambda status: 'tip_a of channel tips silent for' in status.message)
    bench.holds('tip_a of channel tips silent for', 0.0, 0.0)
    bench.stage.wait_for(lambda: bench.budgets['force'][-1].data == 0.0, 'an empty budget')


def test_a_stop_outlives_the_gate_until_it_is_rearmed(bench):
    from std_srvs.srv import Trigger

    bench = bench().ready()
    bench.passes(0.0, 0.0)
    assert bench.stage.call(Trigger, 'gate/stop').success
    bench.holds('stopped until rearmed: gate/stop was called', 0.0, 0.0)
    bench.gate.send(signal.SIGKILL)
    assert bench.gate.ends() == -signal.SIGKILL
    bench.start()
    bench.status('remembers', lambda status: 'stopped until rearmed: gate/stop was called' in status.message)
    bench.hears_again()
    assert len(bench.sent) == 1
    answer = bench.rearmed()
    assert 'gate/stop was called' in answer.message
    bench.status('is open', lambda status: 'stopped' not in status.message)
    bench.passes(0.0, 0.0)


def test_failures_and_divergences_spend_the_budgets(bench, ros, told):
    """Also of rounds that ended in quick succession while the machine let the gate wait."""
    bench = bench(gate={'speed_budget': 2.0, 'failure_budget': 2, 'cut': {'speed': 0.25}}).ready()
    first = bench.stage.speak(ros.Status, 'divergence/first', ros.latched)
    alarm = ros.round('', round=1, kind='force', element='tip_a')
    alarm.level, alarm.message = ros.Status.ERROR, 'force at tip_a'
    first.publish(alarm)
    status = bench.status('cuts', lambda status: told(status)['cut'])
    assert told(status)['speed_budget'] == 0.5 and 'force of tip_a diverged' in told(status)['cut']
    bench.recorder = None
    bench.gate.popen.send_signal(signal.SIGSTOP)
    for number in (1, 2):
        for state, more in (('open', {}), ('ended', {'success': False}), ('closed', {'success': False})):
            bench.ledger_says(ros.round(state, number, 10 * number, **more))
    bench.gate.popen.send_signal(signal.SIGCONT)
    bench.recorder = ros.round('idle')
    status = bench.status('is stopped', lambda status: told(status)['latched'])
    assert '2 rounds failed in a row, budget 2' in status.message
    bench.stage.wait_for(lambda: bench.budgets['failures'][-1].data == 0.0, 'an empty budget')


def test_it_keeps_the_hand_alive_but_never_starts_it(bench, ros):
    """With keep_alive_hz nothing leaves before a first command; after it, the last one is repeated with new stamps."""
    bench = bench(gate={'keep_alive_hz': 20}).ready()
    bench.status('waits', lambda status: status.message == 'no command yet')
    assert not bench.sent
    asked = bench.command(0.01, 0.0)
    bench.stage.wait_for(lambda: len(bench.sent) >= 5, 'the command again and again')
    stamps = [ros.ns(message.header) for message in bench.sent]
    assert stamps == sorted(set(stamps)) and stamps[0] == ros.ns(asked.header)
    assert all(message.position == asked.position and message.effort == asked.effort for message in bench.sent)
