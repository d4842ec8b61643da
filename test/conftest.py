"""What all tests share: nothing of them is heard outside of this machine. Live ones have a DDS domain of their own, a
small hand, and a stage on which nodes run as processes. A PostgreSQL server runs as long as tests need it."""

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from copy import deepcopy
from itertools import count
from pathlib import Path

import pytest
import yaml

from transfer_audit.core.binding import open_hand

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')

PATIENCE_S = 30.0
LAST_DOMAIN = 49
"""`transfer-audit demo` picks its domain above this."""

FINGERS = """
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <option timestep="0.002" integrator="implicitfast" gravity="0 0 0"/>
  <default>
    <joint axis="0 -1 0" range="-1.5 1.5" damping="0.02" armature="0.002"/>
    <default class="rod">
      <geom type="capsule" fromto="0 0 0 0.1 0 0" size="0.01" mass="0.02" contype="0" conaffinity="0"/>
    </default>
    <position kp="1" kv="0.05" ctrlrange="-1.5 1.5"/>
  </default>
  <worldbody>
    <geom name="wall" type="box" pos="0.08 0 0.08" size="0.03 0.03 0.01"/>
    <body name="finger_a"><joint name="a"/><geom class="rod"/>
      <geom name="tip_a" type="sphere" pos="0.1 0 0" size="0.012" mass="0.002"/>
      <site name="tip_a" pos="0.1 0 0" size="0.014"/></body>
    <body name="finger_b" pos="0 0.2 0"><joint name="b"/><geom class="rod"/></body>
  </worldbody>
  <actuator><position name="act_a" joint="a"/><position name="act_b" joint="b"/></actuator>
  <sensor><touch name="tip_a" site="tip_a"/></sensor>
</mujoco>
"""
PROFILE = {
    'hand': 'fingers',
    'model': 'fingers.xml',
    'clock': {'rate_hz': 100, 'hold_back_s': 0.05, 'max_gap_s': 0.1},
    'command': {
        'topic': 'hand_command', 'type': 'sensor_msgs/msg/JointState', 'field': 'position', 'stamp': 'header',
        'elements': {'a': 'act_a', 'b': 'act_b'},
    },
    'channels': {
        'joints': {
            'kind': 'pose', 'topic': 'joint_states', 'type': 'sensor_msgs/msg/JointState', 'field': 'position',
            'stamp': 'header', 'elements': {'a': 'a', 'b': 'b'}, 'unit': 'rad', 'noise': 0.001, 'tolerance': 0.01,
        },
        'tips': {
            'kind': 'force', 'topic': 'fingertip_force', 'type': 'std_msgs/msg/Float64MultiArray', 'field': 'data',
            'stamp': 'receive', 'elements': {0: 'tip_a'}, 'unit': 'N', 'noise': 0.05, 'tolerance': 0.3,
        },
    },
    'family': {
        'members': 4,
        'parameters': {
            'actuator_delay': {'field': 'actuator_delay', 'select': ['*'], 'range': [0.005, 0.040]},
            'tactile_noise': {'channel': 'tips', 'range': [0.02, 0.08]},
        },
    },
    'gate': {'force_budget': {'tip_a': 4.0}, 'speed_budget': 6.0, 'stale_s': 1.0, 'ease_in_s': 0.0},
}  # fmt: skip


def _merged(base, changes):
    out = deepcopy(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(out.get(key), dict) and key != 'elements'
        out[key] = _merged(out[key], value) if nested else value
    return out


class Fingers:
    """Two fingers of one joint each; finger a meets a wall at 0.62 rad, where its tip feels it."""

    def __init__(self, folder):
        self.folder = folder
        self.path = self.write()

    def write(self, name='profile.yaml', model=FINGERS, **changes):
        """A profile with nested changes beside its model; returns its path."""
        self.model = self.folder / 'fingers.xml'
        self.model.write_text(model)
        path = self.folder / name
        path.write_text(yaml.safe_dump(_merged(PROFILE, changes), sort_keys=False))
        return path

    def binding(self):
        return open_hand(self.path)


@pytest.fixture
def fingers(tmp_path):
    return Fingers(tmp_path)


@pytest.fixture
def domain(monkeypatch):
    """A ROS domain that no other test uses now, for this process and those it starts."""
    first = os.getpid() % LAST_DOMAIN
    for number in (1 + (first + k) % LAST_DOMAIN for k in range(LAST_DOMAIN)):
        try:
            handle = open(Path(tempfile.gettempdir(), f'transfer_audit_test_domain_{number}'), 'w')  # noqa: SIM115
        except OSError:
            continue
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            monkeypatch.setenv('ROS_DOMAIN_ID', str(number))
            yield number
            return
    pytest.fail(f'all {LAST_DOMAIN} domains for tests are in use')


class Process:
    """A node that runs by itself; `text` is what it said."""

    def __init__(self, command, log):
        self.log, self.ending = log, False
        with log.open('wb') as file:
            self.popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
                env={**os.environ, 'PYTHONSAFEPATH': '1'},
            )  # fmt: skip

    @property
    def text(self):
        return self.log.read_text(errors='replace')

    def send(self, number):
        self.ending = True
        self.popen.send_signal(number)

    def ends(self, timeout_s=PATIENCE_S):
        """Its exit code."""
        self.ending = True
        try:
            return self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            pytest.fail(f'{self.log.stem} did not end within {timeout_s:g} s; it said:\n{self.text}')


class Stage:
    """Nodes as processes on a domain of their own, and one node of the test that hears and speaks to them."""

    def __init__(self, folder, domain):
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from rclpy.executors import SingleThreadedExecutor

        self.folder = folder
        self.processes = []
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node('stage', context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self.diagnostics = {}
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 50)

    def _on_diagnostics(self, message):
        self.diagnostics.update({status.name.rpartition('/')[2]: status for status in message.status})

    @staticmethod
    def command(name, **parameters):
        """How a node is started by hand."""
        given = [word for key, value in parameters.items() for word in ('-p', f'{key}:={value}')]
        return [sys.executable, '-m', f'transfer_audit.nodes.{name}', '--ros-args', *given]

    def run(self, command, name):
        """A process of any kind."""
        process = Process(command, self.folder / f'{name}_{len(self.processes)}.log')
        self.processes.append(process)
        return process

    def start(self, name, **parameters):
        """A node; returns once it has reported."""
        return self.start_all(**{name: parameters})[name]

    def start_all(self, **parameters):
        """Nodes by name; returns once all have reported."""
        for name in parameters:
            self.diagnostics.pop(name, None)
        started = {name: self.run(self.command(name, **given), name) for name, given in parameters.items()}
        self.wait_for(lambda: self.diagnostics.keys() >= started.keys(), f'{", ".join(started)} to report')
        return started

    def wait_for(self, condition, what, timeout_s=PATIENCE_S):
        """Spin until `condition()` is true; returns its value."""
        end = time.monotonic() + timeout_s
        while not (found := condition()):
            ended = [process for process in self.processes if not process.ending and process.popen.poll() is not None]
            if ended or time.monotonic() > end:
                why = f'{ended[0].log.stem} ended' if ended else f'nothing for {timeout_s:g} s'
                said = '\n'.join(f'{process.log.stem}: {process.text}' for process in self.processes)
                pytest.fail(f'waiting for {what}: {why}\n{said}')
            self._executor.spin_once(timeout_sec=0.01)
        return found

    def spin_until(self, time_ns):
        """Hear and speak until a time of the system clock: the pace of a driver, never a wait for someone else."""
        while (left_ns := time_ns - time.time_ns()) > 0:
            self._executor.spin_once(timeout_sec=min(0.01, left_ns / 1e9))

    def hear(self, msgtype, topic, qos=1000):
        """Everything that arrives on a topic from now on, in order."""
        heard = []
        self.node.create_subscription(msgtype, topic, heard.append, qos)
        return heard

    def speak(self, msgtype, topic, qos=100, listeners=1):
        """A publisher whose listeners are there."""
        publisher = self.node.create_publisher(msgtype, topic, qos)
        self.wait_for(lambda: publisher.get_subscription_count() >= listeners, f'{listeners} listeners on {topic}')
        return publisher

    def call(self, srvtype, name, **request):
        """What a service answers."""
        client = self.node.create_client(srvtype, name)
        self.wait_for(client.service_is_ready, f'the service {name}')
        future = client.call_async(srvtype.Request(**request))
        self.wait_for(future.done, f'an answer of {name}')
        self.node.destroy_client(client)
        return future.result()

    def close(self):
        for process in self.processes:
            if process.popen.poll() is None:
                process.popen.send_signal(signal.SIGKILL)
                process.popen.wait()
        self._executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def stage(tmp_path, domain):
    pytest.importorskip('rclpy', reason='live tests need ROS 2: rclpy is not installed')
    stage = Stage(tmp_path, domain)
    yield stage
    stage.close()


class Server:
    """PostgreSQL in a folder of its own, on a socket of its own, as durable as it comes."""

    def __init__(self, programs):
        self._programs, self._numbers = programs, count(1)
        # PostgreSQL refuses to run as root.
        self._user = next(u for u in ('postgres', 'nobody') if _known(u)) if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix='pg', dir='/tmp'))
        if self._user:
            shutil.chown(self.folder, self._user)
        self._run('initdb', '-A', 'trust', '-U', 'lab', '-E', 'UTF8', '--locale=C', '-N', '-D', self.folder / 'data')
        self.start()

    def start(self):
        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c max_connections=50"
        log = self.folder / 'log'
        self._run('pg_ctl', '-D', self.folder / 'data', '-w', '-l', log, '-o', options, 'start')

    def stop(self):
        """End it in the middle of everything, as kill -9 does."""
        self._run('pg_ctl', '-D', self.folder / 'data', '-w', '-m', 'immediate', 'stop')

    def database(self):
        """The URL of a new, empty database."""
        import psycopg

        name = f'lab_{next(self._numbers)}'
        with psycopg.connect(f'host={self.folder} user=lab dbname=postgres', autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE {name}')
        return f'postgresql+psycopg://lab@/{name}?host={self.folder}'

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)

    def _run(self, program, *arguments):
        who = {'user': self._user, 'group': pwd.getpwnam(self._user).pw_gid, 'extra_groups': []} if self._user else {}
        command = [self._programs / program, *map(str, arguments)]
        quiet = {'stdout': subprocess.DEVNULL, 'stderr': subprocess.STDOUT, 'stdin': subprocess.DEVNULL}
        subprocess.run(command, check=True, cwd='/', **quiet, **who)


def _known(user):
    return any(entry.pw_name == user for entry in pwd.getpwall())


@pytest.fixture(scope='session')
def server():
    """A PostgreSQL server."""
    pytest.importorskip('psycopg', reason='tests on a server need psycopg, which is not installed')
    found = [Path(p) for p in sorted(Path('/usr/lib/postgresql').glob('*/bin/initdb'))]
    found += [Path(p) for p in [shutil.which('initdb')] if p]
    if not found:
        pytest.skip('tests on a server need PostgreSQL, which is not installed')
    server = Server(found[-1].parent)
    yield server
    server.remove()
