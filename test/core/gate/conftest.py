"""A small hand, a gate with a clock that is turned by hand, and sensors that answer when told."""

from functools import partial

import numpy as np
import pytest
import yaml

from transfer_audit.core.binding import open_hand
from transfer_audit.core.gate import Gate
from transfer_audit.core.types import NS

MS = 1_000_000
ROS = 1_700_000_000 * NS
HAND = """
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <option timestep="0.002" gravity="0 0 0"/>
  <worldbody>
    <geom name="wall" type="box" pos="0.1 0.056 0" size="0.05 0.02 0.1"/>
    <body name="finger">
      <joint name="a" axis="0 0 1" damping="0.1"/>
      <geom name="tip" type="capsule" fromto="0 0 0 0.1 0 0" size="0.01" mass="0.05"/>
    </body>
    <body name="thumb" pos="0 -1 0">
      <joint name="b" axis="0 0 1" damping="0.1"/>
      <geom name="thumb" type="capsule" fromto="0 0 0 0.1 0 0" size="0.01" mass="0.05"/>
      <body pos="0.1 0 0">
        <joint name="c" axis="0 0 1" damping="0.1"/>
        <geom type="capsule" fromto="0 0 0 0.05 0 0" size="0.01" mass="0.02"/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <position name="act_a" joint="a" kp="2" ctrlrange="-1 1"/>
    <position name="act_b" joint="b" kp="2" ctrlrange="-1 1"/>
  </actuator>
</mujoco>
"""
JOINT_STATE = {'type': 'sensor_msgs/msg/JointState', 'field': 'position', 'topic': 'joint_states'}
ARRAY = {'type': 'std_msgs/msg/Float64MultiArray', 'field': 'data', 'stamp': 'receive'}
GATE = {
    'force_budget': {'tip': 4.0},
    'speed_budget': 2.0,
    'failure_budget': 3,
    'stale_s': 0.1,
    'ease_in_s': 0.0,
    'cut': {'force': 0.5, 'speed': 0.25, 'restore_after_rounds': 2},
}


def write(folder, mjcf=HAND, elements=('act_a', 'act_b'), joints=('a', 'b'), tips=('tip',), tip_channel=None, **gate):
    (folder / 'hand.xml').write_text(mjcf)
    joint_channel = {
        'kind': 'pose', 'elements': {j: j for j in joints}, 'unit': 'rad', 'noise': 0.002, 'tolerance': 0.02,
        **JOINT_STATE,
    }  # fmt: skip
    tips = {
        'kind': 'force',
        'topic': 'force',
        'elements': dict(enumerate(tips)),
        'unit': 'N',
        'noise': 0.05,
        'tolerance': 0.3,
        **ARRAY,
        **(tip_channel or {}),
    }
    profile = {
        'hand': 'small', 'model': 'hand.xml',
        'command': {**JOINT_STATE, 'topic': 'command', 'elements': {name: name for name in elements}},
        'channels': {'joints': joint_channel, 'tips': tips},
        'gate': {**GATE, **gate},
    }  # fmt: skip
    (folder / 'profile.yaml').write_text(yaml.safe_dump(profile, sort_keys=False))
    return open_hand(folder / 'profile.yaml')


class Memory:
    """A latch that outlives its gate."""

    def __init__(self, reason=None):
        self.reason = reason

    def read(self):
        return self.reason

    def set(self, reason):
        self.reason = reason

    def clear(self):
        self.reason = None


class Bench:
    """A gate, a clock that is turned by hand, and sensors that answer when told."""

    def __init__(self, binding, latch=None, recorded=True):
        self.latch = latch or Memory()
        self.gate = Gate(binding, self.latch)
        self.steady, self.ros = 5 * NS, ROS
        if recorded:
            self.gate.recording(True)

    @property
    def now(self):
        return self.ros + self.steady

    def wait(self, ms):
        self.steady += int(ms * MS)
        return self

    def joints(self, *angles, age_ms=0):
        self.gate.measured('joints', np.array(angles), self.now - int(age_ms * MS), self.now, self.steady)
        return self

    def force(self, newtons, age_ms=0):
        self.gate.measured('tips', np.array([newtons]), self.now - int(age_ms * MS), self.now, self.steady)
        return self

    def sense(self, *angles, force=0.0):
        return self.joints(*angles).force(force)

    def ask(self, *values, age_ms=0):
        return self.gate.command(np.array(values, float), self.now - int(age_ms * MS), self.now, self.steady)

    def walk(self, target, force=0.0, joints=None, steps=60):
        """Ask for one target until it is reached, every 20 ms."""
        for _ in range(steps):
            self.wait(20)
            self.sense(*(target if joints is None else joints), force=force)
            decision = self.ask(*target)
        return decision

    def pressing(self, push=0.3, force=3.0):
        """Finger a stands at 0.1 and is told to be `push` further: it presses."""
        self.walk((0.1 + push, 0.0), joints=(0.1, 0.0), force=force)
        return self.wait(20)


@pytest.fixture
def hand(tmp_path):
    """Makes the small hand: another model, other elements, other budgets."""
    return partial(write, tmp_path)


@pytest.fixture(scope='module')
def hands(tmp_path_factory):
    """Two hands for a whole module: one that is kept alive, with a budget for each actuator, and one that is not."""
    return {
        False: write(tmp_path_factory.mktemp('silent')),
        True: write(tmp_path_factory.mktemp('kept'), keep_alive_hz=50, speed_budget={'act_a': 2.0, 'act_b': 0.5}),
    }


@pytest.fixture(scope='session')
def mjcf():
    """The model of the small hand."""
    return HAND


@pytest.fixture(scope='session')
def bench_of():
    """Makes a bench around a gate."""
    return Bench


@pytest.fixture
def binding(hand):
    return hand()


@pytest.fixture
def bench(binding):
    return Bench(binding).sense(0.0, 0.0)


@pytest.fixture
def held():
    """Checks that nothing leaves, and why."""

    def check(decision, word):
        assert decision.action == 'held' and decision.values is None, decision
        assert word in decision.reason, decision.reason

    return check
