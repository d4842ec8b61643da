"""What comes first is the cause: a joint before those it drags, a delay before what it moves, the commands' clock."""

import mujoco
import numpy as np
import pytest

from transfer_audit.core.audit import Audit
from transfer_audit.core.errors import ProfileError
from transfer_audit.core.types import Columns, Round

FINGER = """
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <option timestep="0.002" integrator="implicitfast" gravity="0 0 -9.81"/>
  <default><geom contype="0" conaffinity="0"/></default>
  <worldbody>
    <body name="proximal"><joint name="driver" type="hinge" axis="0 1 0" damping="0.02" armature="0.002"/>
      <geom type="capsule" fromto="0 0 0 0.05 0 0" size="0.008" mass="0.02"/>
      <body name="distal" pos="0.05 0 0"><joint name="dragged" type="hinge" axis="0 1 0" damping="0.002"/>
        <geom type="capsule" fromto="0 0 0 0.04 0 0" size="0.006" mass="0.01"/></body></body>
  </worldbody>
  <equality><joint joint1="dragged" joint2="driver" polycoef="0 1.2 0 0 0" solref="0.01 1"/></equality>
  <actuator><position name="act" joint="driver" kp="1" kv="0.05"/></actuator>
</mujoco>
"""
SECONDS, NOISE = 5.0, 0.001
SOURCE = {'type': 'sensor_msgs/msg/JointState', 'field': 'position', 'stamp': 'header'}
JOINTS = {
    **SOURCE, 'kind': 'pose', 'topic': 'joint_states', 'unit': 'rad', 'noise': NOISE,
    'elements': {'dragged': 'dragged', 'driver': 'driver'}, 'tolerance': {'dragged': 0.005, 'driver': 0.01},
}  # fmt: skip
TIP = {
    'kind': 'pose', 'topic': 'tip', 'type': 'geometry_msgs/msg/PoseStamped', 'field': 'pose', 'stamp': 'header',
    'elements': {'tip': 'body:distal'}, 'unit': 'm', 'noise': 0.00005, 'tolerance': 0.00005,
    'angle_noise': NOISE, 'angle_tolerance': 0.001,
}  # fmt: skip
DELAYS = {'delay': {'field': 'actuator_delay', 'select': ['act'], 'range': [0.006, 0.018]}}


def course(t):
    return 0.4 * np.sin(2 * np.pi * 0.7 * t)


def recorded(delay_s=lambda t: 0.012, change=lambda model, t: None, until_s=SECONDS):
    """Joints (dragged, driver) and pose of the distal body of a finger, every 10 ms; commands end at `until_s`."""
    model = mujoco.MjModel.from_xml_string(FINGER)
    data = mujoco.MjData(model)
    data.qpos[:] = [course(-1.0), 1.2 * course(-1.0)]
    stamps, joints, poses = [], [], []
    for step in range(-500, round(SECONDS * 500)):
        t = step * 0.002
        change(model, t)
        data.ctrl[0] = course(min(t - delay_s(t), until_s))
        if step % 5 == 0:
            mujoco.mj_kinematics(model, data)
            stamps.append(round(t * 1e9))
            joints.append(data.qpos[::-1].copy())
            poses.append(np.append(data.body('distal').xpos, data.body('distal').xquat))
        mujoco.mj_step(model, data)
    noise = np.random.default_rng(0)
    joints, poses = np.array(joints), np.array(poses)
    poses[:, :3] += noise.normal(0, 0.00005, (len(poses), 3))
    return stamps, joints + noise.normal(0, NOISE, joints.shape), poses


def audited(world, recording, with_tip=False, command_stamps=lambda ns: ns, until_s=SECONDS):
    """The verdict of a recording; `command_stamps`: true times of the commands, ns -> what their stamps say."""
    binding = world.hand(
        FINGER,
        command={'elements': {'driver': 'act'}},
        channels={'joints': JOINTS, **({'tip': TIP} if with_tip else {})},
        family={'members': 8, 'parameters': DELAYS},
    )
    sent_ns = world.times(until_s + 0.005, 200, -1.0)
    stamps, joints, poses = recording
    audit = Audit(binding)
    audit.add_round(Round(1, world.t0, world.t0 + round(SECONDS * 1e9)))
    audit.command(Columns(world.t0 + sent_ns, world.t0 + command_stamps(sent_ns), course(sent_ns / 1e9)[:, None]))
    audit.measured('joints', world.columns(stamps, joints))
    if with_tip:
        audit.measured('tip', world.columns(stamps, poses))
    (verdict,) = audit.advance(world.t0 + 10**12)
    return verdict


def stiffer_from(start_s):
    """Dry friction in the driving joint from a time on."""

    def change(model, t):
        model.dof_frictionloss[0] = 0.15 if t >= start_s else 0.0

    return change


def test_a_finger_that_moves_as_simulated_agrees(world):
    assert audited(world, recorded(), with_tip=True)['verdict'] == 'agreed'


@pytest.mark.parametrize('start_s', [1.3, 2.1, 3.4])
def test_the_driving_joint_comes_before_the_one_it_drags(world, start_s):
    verdict = audited(world, recorded(change=stiffer_from(start_s)))
    first = verdict['first_divergence']
    assert {name for name, one in verdict['channels']['joints'].items() if one['verdict'] == 'diverged'} == {
        'driver', 'dragged'
    }  # fmt: skip
    assert (first['kind'], first['element']) == ('pose', 'driver')
    assert [tie['element'] for tie in first['ties']] == ['dragged']


def test_a_delay_that_steps_is_dated_by_the_first_thing_it_moved(world):
    late = recorded(delay_s=lambda t: 0.012 if t < 2.0 else 0.07)
    alone, seen = audited(world, late), audited(world, late, with_tip=True)
    for verdict in (alone, seen):
        assert verdict['first_divergence']['kind'] == 'timing'
        assert verdict['first_divergence']['element'] == 'driver'
        assert verdict['first_divergence']['real'] == pytest.approx(0.07, abs=0.002)
    assert all(one['kind'] in ('timing', None) for one in seen['channels']['tip'].values())
    tip = min(one['onset_s'] for one in seen['channels']['tip'].values() if one['onset_s'] is not None)
    assert 2.0 <= seen['first_divergence']['onset_s'] == tip <= alone['first_divergence']['onset_s']


@pytest.mark.parametrize('step_s', [0.04, -0.04])
def test_a_step_of_the_commands_clock_is_the_clocks_and_not_the_hands(world, step_s):
    def stepped(ns):
        return np.where(ns < 2e9, ns, ns - round(step_s * 1e9))

    verdict = audited(world, recorded(), command_stamps=stepped)
    first = verdict['first_divergence']
    assert (first['kind'], first['channel'], first['unit']) == ('timing', 'command', 's')
    assert first['real'] == pytest.approx(-step_s, abs=0.001) and first['onset_s'] == pytest.approx(2.0, abs=0.02)
    assert len(verdict['command']['clock_steps']) == 1


def test_commands_that_end_are_the_policys_choice(world):
    verdict = audited(world, recorded(until_s=2.0), until_s=2.0)
    commands = verdict['command']
    assert verdict['verdict'] == 'agreed'
    assert commands['rate_hz'] == pytest.approx(200, rel=1e-3) and commands['drops'] == 0


def test_no_channel_can_be_called_as_the_command_is(world):
    with pytest.raises(ProfileError, match=r'channels\.command.*choose another name'):
        world.hand(channels={'command': JOINTS | {'elements': {'a': 'a'}, 'tolerance': 0.01}})
