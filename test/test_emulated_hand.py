"""The emulated hand is a model others rest on: its names, its rest states, and that it grasps like a hand."""

from itertools import pairwise
from pathlib import Path

import mujoco
import numpy as np
import pytest

HAND = Path(__file__).parents[1] / 'config' / 'emulated_hand' / 'hand.xml'
FINGERS = ('index', 'middle', 'ring', 'thumb')
JOINTS = [f'{finger}_{k}' for finger in FINGERS for k in range(4)]
KEYS = ('home', 'grasp', 'turn_left', 'turn_right')
ROUND = ('home', 'grasp', 'turn_left', 'turn_right', 'grasp', 'home')
CUBE = slice(16, 19)
PALM_TOP_M, HALF_EDGE_M = 0.15, 0.025


def hand(tip_friction=0.8, cube_friction=0.8, kp=1.0, delay_s=0.0):
    """The model with some of its truth changed; `kp` is relative."""
    spec = mujoco.MjSpec.from_file(str(HAND))
    for finger in FINGERS:
        spec.geom(f'tip_{finger}').friction[0] = tip_friction
    spec.geom('cube').friction[0] = cube_friction
    for actuator in spec.actuators if delay_s else ():
        actuator.delay, actuator.nsample = delay_s, 64
    model = spec.compile()
    model.actuator_gainprm[:, 0] *= kp
    model.actuator_biasprm[:, 1] *= kp
    return model


def at(model, key):
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, model.key(key).id)
    return data


def play(model, data, keys=ROUND, every=10):
    """Move through the keys, one second between each; yields `data` each `every` steps."""
    steps = round(1.0 / model.opt.timestep)
    for start, end in pairwise(keys):
        for k in range(1, steps + 1):
            s = k / steps
            data.ctrl = model.key(start).ctrl + (model.key(end).ctrl - model.key(start).ctrl) * s * s * (
                3 - 2 * s
            )
            mujoco.mj_step(model, data)
            if k % every == 0:
                yield data


def fastest_slip(model, data):
    """The largest tangential speed between a touching tip and the cube, m/s."""
    tips, cube = {model.geom(f'tip_{finger}').id for finger in FINGERS}, model.geom('cube').id
    speeds = [0.0]
    for contact in data.contact:
        pair = set(contact.geom.tolist())
        if cube in pair and pair & tips:
            jacobians = np.zeros((2, 3, model.nv))
            for jacobian, geom in zip(jacobians, contact.geom, strict=True):
                mujoco.mj_jac(model, data, jacobian, None, contact.pos, model.geom_bodyid[geom])
            velocity = (jacobians[1] - jacobians[0]) @ data.qvel
            speeds.append(float(np.linalg.norm(contact.frame.reshape(3, 3)[1:] @ velocity)))
    return max(speeds)


def test_the_names_are_the_interface():
    model = hand()
    assert [model.joint(k).name for k in range(16)] == JOINTS
    assert [model.actuator(k).name for k in range(model.nu)] == [f'act_{joint}' for joint in JOINTS]
    assert [model.sensor(k).name for k in range(model.nsensor)] == [f'tip_{finger}' for finger in FINGERS]
    assert [model.key(k).name for k in range(model.nkey)] == list(KEYS)
    for finger in FINGERS:
        distal = model.body(f'{finger}_distal').id
        assert model.geom(f'tip_{finger}').bodyid == distal == model.site(f'tip_{finger}').bodyid
    assert model.geom('cube').bodyid == model.body('cube').id
    assert model.joint('cube').qposadr == CUBE.start


def test_a_servo_reaches_exactly_its_joints_range_and_the_keys_lie_inside():
    model = hand()
    np.testing.assert_array_equal(model.actuator_trnid[:, 0], np.arange(16))
    np.testing.assert_array_equal(model.actuator_ctrlrange, model.jnt_range[:16])
    assert np.all(model.key_ctrl > model.actuator_ctrlrange[:, 0])
    assert np.all(model.key_ctrl < model.actuator_ctrlrange[:, 1])


@pytest.mark.parametrize('key', KEYS)
def test_a_key_is_at_rest(key):
    model = hand()
    data = at(model, key)
    for _ in range(500):
        mujoco.mj_step(model, data)
        assert np.abs(data.qpos - model.key(key).qpos)[:16].max() < 0.01
        assert np.linalg.norm((data.qpos - model.key(key).qpos)[CUBE]) < 0.002


@pytest.mark.parametrize('friction', [0.2, 1.1])
def test_a_tip_alone_decides_the_friction_of_its_contact(friction):
    model = hand(tip_friction=friction)
    data = at(model, 'grasp')
    mujoco.mj_forward(model, data)
    tips = [model.geom(f'tip_{finger}').id for finger in FINGERS]
    touching = np.isin(data.contact.geom, tips).any(axis=1)
    assert touching.sum() == 4
    assert np.all(data.contact.friction[touching, 0] == friction)


def test_every_tip_feels_the_grasp_and_none_the_open_hand():
    model = hand()
    for key, lower, upper in (('home', 0.0, 1e-6), ('grasp', 0.5, 5.0)):
        data = at(model, key)
        mujoco.mj_step(model, data, nstep=500)
        assert np.all((lower <= data.sensordata) & (data.sensordata <= upper))


@pytest.mark.parametrize(('friction', 'holds'), [(0.8, True), (0.1, False)])
def test_rubber_tips_hold_the_cube_palm_down_and_slick_ones_drop_it(friction, holds):
    model = hand(friction, friction)
    data = at(model, 'grasp')
    model.opt.gravity[2] *= -1
    mujoco.mj_step(model, data, nstep=1000)
    moved_m = np.linalg.norm((data.qpos - model.key('grasp').qpos)[CUBE])
    assert moved_m < 0.01 if holds else moved_m > 0.1


def test_the_cube_stays_in_the_hand_round_after_round():
    model = hand()
    data = at(model, 'home')
    for _ in range(5):
        centre = np.array([d.qpos[CUBE].copy() for d in play(model, data)])
        assert np.abs(centre[:, :2]).max() < 0.005
        assert centre[:, 2].min() > PALM_TOP_M + HALF_EDGE_M - 0.001
        assert centre[:, 2].max() > PALM_TOP_M + HALF_EDGE_M + 0.005, 'the turns lift it'


def test_tips_stick_at_rubber_friction_and_slip_at_a_quarter():
    lift = ('grasp', 'turn_left', 'turn_right')
    peak = {}
    for friction in (0.8, 0.25):
        model = hand(tip_friction=friction)
        peak[friction] = max(fastest_slip(model, d) for d in play(model, at(model, 'grasp'), lift, every=5))
    assert peak[0.8] < 0.003
    assert peak[0.25] > 0.01


@pytest.mark.parametrize('other', [{'tip_friction': 0.7}, {'tip_friction': 0.9}, {'kp': 0.95}, {'kp': 1.05}])
def test_a_slightly_different_hand_stays_near_over_a_round(other):
    one, two = hand(), hand(**other)
    pairs = zip(play(one, at(one, 'home')), play(two, at(two, 'home')), strict=True)
    apart = np.array(
        [
            (
                np.abs(a.qpos - b.qpos)[:16].max(),
                np.abs(a.sensordata - b.sensordata).max(),
                np.linalg.norm((a.qpos - b.qpos)[CUBE]),
            )
            for a, b in pairs
        ]
    )
    assert np.all(np.quantile(apart, 0.95, axis=0) < (0.01, 0.3, 0.003))


def test_a_delayed_command_moves_the_hand_later_and_without_overshoot():
    delay_s = 0.06
    model = hand(delay_s=delay_s)
    data = at(model, 'home')
    mujoco.mj_step(model, data, nstep=1000)
    start = data.qpos[:16].copy()
    step = np.tile([0.0, -0.2, -0.3, -0.3], 4)
    data.ctrl += step
    path = []
    for _ in range(500):
        mujoco.mj_step(model, data)
        path.append((data.qpos[:16] - start).copy())
    done = np.array(path)[:, step != 0] / step[step != 0]
    assert np.abs(done[: round(delay_s / model.opt.timestep) - 2]).max() < 0.01
    assert done[-1].min() > 0.9 and done.max() < 1.1
