"""What stands around the gate over DDS: who else publishes, a second gate, a pause, parameters, clocks."""

import os
import signal

import pytest

pytest.importorskip('rclpy', reason='live tests need ROS 2: rclpy is not installed')


def test_a_second_publisher_on_the_topic_of_the_hand_is_named(bench, ros):
    bench = bench().ready()
    bench.passes(0.0, 0.0)
    intruder = bench.stage.node.create_publisher(ros.JointState, 'hand_command', 10)
    status = bench.status('sees it', lambda status: 'room for no publisher' in status.message)
    assert '/hand_command' in status.message and '/stage' in status.message
    bench.holds('found: /stage', 0.0, 0.0)
    bench.stage.node.destroy_publisher(intruder)
    bench.status('is alone', lambda status: 'room' not in status.message)
    bench.passes(0.0, 0.0)


def test_two_policies_are_refused_and_one_of_another_type_is_named(bench, ros):
    bench = bench().ready()
    second = bench.stage.node.create_publisher(ros.JointState, 'policy_command', 10)
    bench.status('sees two', lambda status: 'found: /stage, /stage' in status.message)
    bench.holds('/policy_command has room for 1 publisher', 0.0, 0.0)
    bench.stage.node.destroy_publisher(second)
    bench.status('sees one', lambda status: 'room' not in status.message)
    bench.passes(0.0, 0.0)
    bench.stage.node.destroy_publisher(bench.policy)
    bench.stage.node.create_publisher(ros.String, 'policy_command', 10)
    bench.status('names the type', lambda s: '/stage publishes std_msgs/msg/String on /policy_command' in s.message)


def test_a_second_gate_does_not_come_up(bench, tmp_path):
    """With the same ledger, and with another one on the same topic; a dead gate leaves the place free at once."""
    bench = bench().ready()
    others = [bench.ledger, tmp_path / 'other.db']
    for ledger in others:
        second = bench.stage.run(bench.stage.command('safety_gate', profile=bench.path, ledger=ledger), 'second')
        assert second.ends() == 2
        assert 'another gate already guards /hand_command' in second.text and 'Traceback' not in second.text
    bench.ready()
    bench.passes(0.0, 0.0)
    bench.gate.send(signal.SIGKILL)
    bench.gate.ends()
    bench.said.clear()
    bench.start()
    bench.status('is alone', lambda status: 'room' not in status.message)


def test_of_two_gates_that_start_at_once_exactly_one_comes_up(stage, fingers):
    command = stage.command('safety_gate', profile=fingers.path, ledger=fingers.folder / 'ledger.db')
    both = [stage.run(command, 'gate') for _ in range(2)]
    for process in both:
        process.ending = True
    stage.wait_for(lambda: any(process.popen.poll() is not None for process in both), 'one to give up')
    stage.wait_for(lambda: 'safety_gate' in stage.diagnostics, 'the other to report')
    assert sorted(str(process.popen.poll()) for process in both) == ['2', 'None']


def test_a_paused_gate_passes_nothing_even_after_a_restart(bench):
    from std_srvs.srv import Trigger

    bench = bench().ready()
    bench.passes(0.0, 0.0)
    assert bench.stage.call(Trigger, 'gate/pause').success
    bench.holds('paused until gate/resume', 0.0, 0.0)
    bench.gate.send(signal.SIGKILL)
    bench.gate.ends()
    bench.gate = bench.start()
    bench.status('remembers', lambda status: 'paused until gate/resume' in status.message)
    bench.hears_again()
    assert bench.stage.call(Trigger, 'gate/resume').success
    bench.status('is open', lambda status: 'holding' not in status.message and 'silent' not in status.message)
    bench.passes(0.0, 0.0)


def set_parameter(bench, name, value):
    from rcl_interfaces.srv import SetParameters
    from rclpy.parameter import Parameter

    request = [Parameter(name, value=value).to_parameter_msg()]
    return bench.stage.call(SetParameters, 'safety_gate/set_parameters', parameters=request).results[0]


def test_budgets_may_be_set_lower_but_not_higher_until_rearmed(bench, told):
    bench = bench().ready()
    assert set_parameter(bench, 'gate.speed_budget', 2.0).successful
    assert set_parameter(bench, 'gate.force_budget.tip_a', 1.0).successful
    status = bench.status('shows it', lambda status: told(status)['speed_budget'] == 2.0)
    assert told(status)['force_budget'] == {'tip_a': 1.0}
    for name, value in (('gate.speed_budget', 3.0), ('gate.speed_budget.act_a', 2.5), ('gate.force_budget.tip_a', 3.0)):
        refused = set_parameter(bench, name, value)
        assert not refused.successful and 'only rearm gives more' in refused.reason
    assert not set_parameter(bench, 'gate.speed_budget', -1.0).successful
    assert not set_parameter(bench, 'gate.speed_budget', 'fast').successful
    assert not set_parameter(bench, 'gate.failure_budget', 0.5).successful
    bench.rearmed()
    bench.status('is itself again', lambda status: told(status)['speed_budget'] == 6.0)


def test_the_latch_has_one_place_whatever_the_folder_of_the_process(bench, fingers, told, monkeypatch):
    monkeypatch.chdir(fingers.folder)
    bench = bench()
    bench.gate.send(signal.SIGKILL)
    bench.gate.ends()
    bench.ledger = 'relative.db'
    bench.start()
    place = fingers.folder / 'relative.db.stop'
    bench.status('says where', lambda status: told(status)['latch'] == str(place))


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write everywhere')
def test_a_stop_that_cannot_be_remembered_is_said(bench, fingers):
    from std_srvs.srv import Trigger

    bench = bench().ready()
    fingers.folder.chmod(0o500)
    answer = bench.stage.call(Trigger, 'gate/stop')
    fingers.folder.chmod(0o700)
    assert not answer.success and 'a restart would forget it' in answer.message


def test_the_watchdogs_run_on_while_the_time_of_ros_jumps_back_or_stands(bench, ros):
    """/clock of a simulation that is reset, then stopped: each holds by its own name, and neither for ever."""
    from rosgraph_msgs.msg import Clock

    bench = bench()
    stage = bench.stage
    bench.gate.send(signal.SIGINT)
    bench.gate.ends()
    clock, state = stage.node.create_publisher(Clock, '/clock', 10), {'ns': 50 * 10**9, 'run': True}

    def tell():
        state['ns'] += 10_000_000 * state['run']
        clock.publish(Clock(clock=ros.time(state['ns'])))

    bench.now_ns = lambda: state['ns']
    stage.node.create_timer(0.01, tell)
    bench.said.clear()
    bench.gate = stage.start('safety_gate', profile=bench.path, ledger=bench.ledger, use_sim_time=True)
    bench.status('only lacks commands', lambda status: 'command' in status.message)
    state['ns'] -= 20 * 10**9
    bench.status('sees the jump', lambda status: 'ROS time stepped by -20 s' in status.message)
    bench.status('is over it', lambda status: 'ROS time' not in status.message and 'silent' not in status.message)
    state['run'] = False
    bench.status('sees it stand', lambda status: 'ROS time has stood still' in status.message)
    state['run'] = True
    bench.status('goes on', lambda status: 'ROS time' not in status.message)
