"""The pilot as `ros2 launch` starts it: everything comes up, a dead gate ends it, an interrupt ends it cleanly."""

import math
import os
import re
import signal
import sys
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='launch tests need ROS 2: rclpy is not installed')
pytest.importorskip('launch_ros', reason='launch tests need launch_ros, which is not installed')
launch_pytest = pytest.importorskip('launch_pytest', reason='launch tests need launch_pytest, which is not installed')

launch = pytest.importorskip('launch')

NODES = {'safety_gate', 'shadow_sim', 'divergence', 'ledger_writer', 'hand_emulator'}
LAUNCH = """
import sys
from launch import LaunchService
from launch.actions import IncludeLaunchDescription
arguments = [word.split(':=', 1) for word in sys.argv[2:]]
service = LaunchService(noninteractive=True)
service.include_launch_description(IncludeLaunchDescription(sys.argv[1], launch_arguments=arguments))
sys.exit(service.run())
"""


@pytest.fixture
def launch_file():
    """The installed launch file; launch looks for the executables beside it."""
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    try:
        return Path(get_package_share_directory('transfer_audit'), 'launch', 'pilot.launch.py')
    except PackageNotFoundError:
        pytest.skip('launch tests need the package in the ament index (AMENT_PREFIX_PATH): colcon build or pip install')


@pytest.fixture
def arguments(fingers, tmp_path):
    """A pilot with an emulated hand of two fingers."""
    fingers.path = fingers.write(clock={'hold_back_s': 0.3})
    return {'profile': fingers.path, 'emulate': 'true', 'namespace': 'left', 'ledger': tmp_path / 'ledger.db'}


@launch_pytest.fixture
def pilot(domain, launch_file, arguments):
    from launch_pytest.actions import ReadyToTest

    given = [(name, str(value)) for name, value in arguments.items()]
    included = launch.actions.IncludeLaunchDescription(str(launch_file), launch_arguments=given)
    return launch.LaunchDescription([included, ReadyToTest()])


@pytest.mark.launch(fixture=pilot)
def test_every_node_comes_up_in_its_namespace(pilot, stage):
    from diagnostic_msgs.msg import DiagnosticStatus

    said = stage.hear(DiagnosticStatus, '/left/gate/status')
    stage.wait_for(lambda: stage.diagnostics.keys() >= NODES, 'every node to report')
    assert {status.name for status in stage.diagnostics.values()} == {f'/left/{name}' for name in NODES}
    stage.wait_for(lambda: said and said[-1].message == 'no command yet', 'a gate that hears the hand and the ledger')


@pytest.fixture
def launched(stage, launch_file, arguments):
    """A pilot as a process of its own that is up; and the processes it started, by name."""

    def start(**more):
        given = [f'{name}:={value}' for name, value in {**arguments, **more}.items()]
        process = stage.run([sys.executable, '-c', LAUNCH, str(launch_file), *given], 'launch')
        stage.wait_for(lambda: stage.diagnostics.keys() >= NODES, 'every node to report')
        started = re.findall(r'\[(\w+)-\d+\]: process started with pid \[(\d+)\]', process.text)
        pids = {name: int(pid) for name, pid in started}
        assert pids.keys() >= NODES and all(map(_alive, pids.values()))
        return process, pids

    return start


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_dead_gate_ends_the_pilot(stage, launched):
    process, pids = launched()
    process.ending = True
    os.kill(pids['safety_gate'], signal.SIGKILL)
    process.ends()
    assert not any(map(_alive, pids.values()))
    assert process.text.count('process has finished cleanly') == len(pids) - 1
    assert 'Traceback' not in process.text


def test_a_recorded_round_audits_and_an_interrupt_ends_the_pilot(stage, launched, arguments, tmp_path):
    from std_srvs.srv import SetBool, Trigger

    from transfer_audit.bags.audit import audit_recording
    from transfer_audit.core.binding import open_hand
    from transfer_audit.ledger.store import Ledger

    process, pids = launched(record=tmp_path / 'bag')
    stage.wait_for(lambda: 'bag_recorder' in stage.diagnostics, 'the recorder')
    policy = Policy(stage)
    stage.wait_for(lambda: _ready(stage), 'shadow and divergence to hear every topic')
    assert stage.call(Trigger, '/left/round/start').success
    policy.moves = True
    stage.wait_for(lambda: policy.step > 150, 'a motion')
    assert stage.call(SetBool, '/left/round/end', data=True).success
    ledger = Ledger.open(arguments['ledger'], read_only=True)
    stage.wait_for(lambda: ledger.round(1).state == 'closed', 'the verdict')
    record = ledger.round(1).record
    ledger.disconnect()
    process.send(signal.SIGINT)
    assert process.ends() == 0, process.text
    assert not any(map(_alive, pids.values()))
    assert 'Traceback' not in process.text and 'escalating' not in process.text
    assert process.text.count('process has finished cleanly') == len(pids)
    (verdict,) = audit_recording(tmp_path / 'bag', open_hand(arguments['profile']))['rounds']
    assert (verdict['verdict'], verdict['start_ns']) == (record.verdict, record.start_ns)
    assert verdict['verdict'] == 'agreed', verdict['reason']


def _ready(stage):
    return all(stage.diagnostics[name].level == b'\0' for name in ('shadow_sim', 'divergence'))


class Policy:
    """Commands both fingers at 100 Hz: to rest, or, once it moves, to and fro."""

    def __init__(self, stage):
        from sensor_msgs.msg import JointState

        self.moves, self.step, self._message = False, 0, JointState
        self._clock = stage.node.get_clock()
        self._publisher = stage.speak(JointState, '/left/policy_command')
        stage.node.create_timer(0.01, self._command)

    def _command(self):
        self.step += self.moves
        angle = 0.4 * math.sin(0.05 * self.step)
        message = self._message(name=['a', 'b'], position=[angle, -angle], velocity=[0.0, 0.0], effort=[0.0, 0.0])
        message.header.stamp = self._clock.now().to_msg()
        self._publisher.publish(message)
