"""Recordings of the two fingers, made by a plain simulation that shares nothing with the shadow but MuJoCo."""

import mujoco
import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from transfer_audit.bags.writer import BagWriter
from transfer_audit.cli.main import main

T0_NS = 1_700_000_000_000_000_000
PERIOD_NS = 10_000_000
TYPES = {
    'hand_command': 'sensor_msgs/msg/JointState',
    'joint_states': 'sensor_msgs/msg/JointState',
    'fingertip_force': 'std_msgs/msg/Float64MultiArray',
}


def motion(model_path, delay_s, seconds):
    """Commands, joint angles and tip force, every 10 ms, of fingers that do what they are told `delay_s` later."""
    model = mujoco.MjModel.from_xml_path(str(model_path))
    data = mujoco.MjData(model)
    late = round(delay_s / model.opt.timestep)
    steps = np.arange(round(seconds * 500)) // 5
    commands = np.stack([0.8 * np.sin(0.04 * steps), -0.6 * np.sin(0.04 * steps)], axis=1)
    rows = []
    for step in range(len(steps)):
        mujoco.mj_forward(model, data)
        if step % 5 == 0:
            rows.append((commands[step], data.qpos.copy(), data.sensor('tip_a').data.copy()))
        data.ctrl = commands[step - late] if step >= late else 0.0
        mujoco.mj_step(model, data)
    return rows


class Recorder:
    """Writes recordings to a folder."""

    def __init__(self, folder, fingers):
        self.folder, self.fingers = folder, fingers
        self.store = get_typestore(Stores.ROS2_JAZZY)

    def joint_state(self, stamp_ns, names, values):
        types = self.store.types
        stamp = types['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 10**9))
        header = types['std_msgs/msg/Header'](stamp, 'palm')
        values = np.asarray(values, np.float64)
        return types[TYPES['joint_states']](header, list(names), values, values * 0, values * 0)

    def array(self, values):
        types = self.store.types
        return types[TYPES['fingertip_force']](types['std_msgs/msg/MultiArrayLayout']([], 0), np.asarray(values))

    def messages(self, delay_s=0.02, seconds=2.0, names=('a', 'b'), nan_at=None):
        """(receive time, topic, message) of a recording."""
        for k, (command, angles, force) in enumerate(motion(self.fingers.model, delay_s, seconds)):
            at_ns = T0_NS + k * PERIOD_NS
            if k == nan_at:
                angles = angles * np.nan
            yield at_ns, 'hand_command', self.joint_state(at_ns, ('a', 'b'), command)
            yield at_ns, 'joint_states', self.joint_state(at_ns, names, angles)
            yield at_ns, 'fingertip_force', self.array(force)

    def bag(self, name='bag', storage='mcap', without=(), types=None, **changes):
        """A recording; returns its folder."""
        path = self.folder / name
        types = {**TYPES, **(types or {})}
        with BagWriter(path, storage) as writer:
            for topic, msgtype in types.items():
                if topic not in without:
                    writer.add_topic('/' + topic, msgtype)
            for at_ns, topic, message in self.messages(**changes):
                if topic not in without and types[topic] == TYPES[topic]:
                    writer.write('/' + topic, at_ns, message)
        return path


@pytest.fixture
def recorder(tmp_path, fingers):
    return Recorder(tmp_path, fingers)


@pytest.fixture
def call(capsys):
    """Run the command line: exit code, what it printed, what it complained of."""

    def run(*words):
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def refuses(call):
    """Run the command line with a mistake: one sentence, exit code 2, nothing on stdout."""

    def run(*words):
        code, out, complaint = call(*words)
        assert (code, out) == (2, ''), complaint
        assert complaint.startswith('transfer-audit: ') and complaint.count('transfer-audit: ') == 1
        return complaint

    return run
