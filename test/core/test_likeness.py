"""A parted pose is called swapped, flipped, scaled or shifted where it is, and nothing where it is not."""

import math

import mujoco
import numpy as np
import pytest

from transfer_audit.core.audit import Audit
from transfer_audit.core.divergence import Comparison
from transfer_audit.core.likeness import likeness, settled, swapped
from transfer_audit.core.types import Round

MS = 1_000_000
NOISE = 0.001
DEGREES = 180 / math.pi
T = np.arange(0, 6, 0.01)


def sway(t):
    """Commands of two joints, shape (N, 2)."""
    return np.stack([0.4 * np.sin(4 * t) + 0.2 * np.sin(9 * t), 0.35 + 0.45 * np.sin(3 * t + 0.5)], axis=-1)


def measured(truth, seed=0):
    return truth + np.random.default_rng(seed).normal(0, NOISE, np.shape(truth))


def alarm(real, lower, upper, column):
    """A plain detector: the first of five rows in succession outside of the envelope."""
    with np.errstate(invalid='ignore'):
        outside = ((real > upper + 0.01) | (real < lower - 0.01)).astype(float)
    run = np.convolve(outside, np.ones(5), 'valid')
    return int(run.argmax()) if run.max() >= 5 else None


def held(real, motion, spread=0.01):
    return swapped(measured(real), motion - spread, motion + spread, alarm)


def motions(count, seed=1):
    """So many joints that each sway in a way of its own, shape (N, count)."""
    rng = np.random.default_rng(seed)
    hz, phase = rng.uniform(0.2, 1.0, count), rng.uniform(0, 6, count)
    return 0.5 * np.sin(2 * np.pi * hz * T[:, None] + phase)


@pytest.mark.parametrize('count', [2, 4, 30])
def test_every_swapped_pair_is_named(count):
    motion = motions(count)
    reversed_order = [(i, count - 1 - i) for i in range(count // 2)]
    assert held(motion[:, ::-1], motion) == reversed_order


def test_a_pair_is_named_among_others_that_parted_for_reasons_of_their_own():
    motion = motions(6)
    real = motion[:, [0, 4, 2, 3, 1, 5]] + np.array([0.2, 0, 0, 0, 0, 0])
    real[:, 3] = 0.1
    assert held(real, motion) == [(1, 4)]


def test_who_fits_his_own_envelope_is_not_swapped():
    same = motions(2)[:, [0, 0]]
    assert held(same, same) == []


def test_a_circle_of_three_is_no_pair():
    motion = motions(3)
    assert held(motion[:, [1, 2, 0]], motion) == []


def test_joints_that_stand_still_are_not_said_to_be_swapped():
    still = np.zeros((len(T), 2)) + [0.1, 0.3]
    assert held(still[:, ::-1], still) == []


def test_a_joint_that_moves_in_place_of_one_that_stands_still_is_swapped_with_it():
    motion = motions(2)
    motion[:, 1] = 0.1
    assert held(motion[:, ::-1], motion) == [(0, 1)]


def test_which_of_two_alike_is_swapped_cannot_be_told():
    motion = motions(2)[:, [0, 1, 1]]
    real = motion[:, [1, 0, 0]]
    assert held(real, motion) == []


def test_unknown_rows_tell_nothing():
    motion = motions(2)
    real = motion[:, ::-1].copy()
    real[100:300] = np.nan
    assert held(real, motion) == [(0, 1)]
    assert held(np.full_like(motion, np.nan), motion) == []


MADE = {
    'sign flipped': (-1.0, 0.0), 'in degrees': (DEGREES, 0.0), 'in radians instead of degrees': (1 / DEGREES, 0.0),
    'scaled by 1.2': (1.2, 0.0), 'scaled by 0.8': (0.8, 0.0), 'scaled by -0.5': (-0.5, 0.0),
    'offset by +0.1': (1.0, 0.1), 'offset by -0.03': (1.0, -0.03),
    'sign flipped and offset by +0.7': (-1.0, 0.7), 'scaled by 2 and offset by -0.3': (2.0, -0.3),
}  # fmt: skip


@pytest.mark.parametrize('kind', MADE)
@pytest.mark.parametrize('column', [0, 1])
def test_what_was_made_of_a_motion_is_recognised(kind, column):
    a, b = MADE[kind]
    motion = sway(T)[:, column]
    found = likeness(measured(a * motion + b), motion, NOISE)
    assert found is not None and found.kind == kind and found.explained > 0.999
    assert found.a == pytest.approx(a, rel=0.01) and found.b == pytest.approx(b, abs=0.001 * max(1, abs(a)))


def test_gaps_do_not_matter():
    motion = sway(T)[:, 0]
    real, shadow = measured(-motion), motion.copy()
    real[100:200], shadow[300:350] = np.nan, np.nan
    assert likeness(real, shadow, NOISE).kind == 'sign flipped'
    assert likeness(np.full_like(real, np.nan), shadow, NOISE) is None


@pytest.mark.parametrize('real', [sway(T)[:, 0], sway(T)[:, 0] + 0.002, sway(T)[:, 0] * 1.004])
def test_a_difference_within_the_noise_is_like_nothing(real):
    assert likeness(measured(real), sway(T)[:, 0], NOISE) is None


@pytest.mark.parametrize('where', [-0.4, 0.0, 0.25, 2.0])
def test_a_joint_that_stands_still_while_it_should_move_is_like_nothing(where):
    assert likeness(measured(np.full(len(T), where)), sway(T)[:, 0], NOISE) is None
    assert likeness(measured(sway(T)[:, 0]), np.full(len(T), where), NOISE) is None


def test_a_joint_that_jams_half_way_is_like_nothing():
    motion = sway(T)[:, 0]
    real = np.where(T < 2.0, motion, motion[200])
    assert likeness(measured(real), motion, NOISE) is None


def test_an_offset_on_the_way_up_alone_is_none():
    motion = np.interp(T, [0, 3, 5.9, 5.95], [0, 1, 1, 0.97])
    behind = np.where(T < 5.9, motion - 0.05, 0.95)  # friction: it stays while the simulated one turns back
    assert likeness(measured(motion - 0.05), motion, NOISE).kind == 'offset by -0.05'
    assert likeness(measured(behind), motion, NOISE) is None


def test_a_gain_of_a_joint_that_trembles_at_rest_is_none():
    motion = np.interp(T, [0, 1, 2, 3], [0, 0.5, 0, 0])
    trembling = 1.2 * motion + 0.008 * (T > 2) * np.sign(np.sin(20 * T))
    assert likeness(measured(1.2 * motion), motion, NOISE).kind == 'scaled by 1.2'
    assert likeness(measured(trembling), motion, NOISE) is None


def test_what_begins_within_the_round_does_not_hold():
    motion = sway(T)[:, 0]
    assert likeness(measured(motion + 0.1 * (T > 3.0)), motion, NOISE) is None


SERVO = """
<mujoco>
  <compiler angle="radian"/>
  <option timestep="0.002" integrator="implicitfast"/>
  <worldbody><body><joint name="j" axis="0 1 0" damping="0.02" armature="0.002"/>
    <geom type="capsule" fromto="0 0 0 0.1 0 0" size="0.01" mass="0.02"/></body></worldbody>
  <actuator><position name="act" joint="j" kp="1" kv="0.05"/></actuator>
</mujoco>
"""


def servo(command, delay_s=0.0, damping=1.0, friction=0.0, kp=1.0, play=0.0):
    """Positions of a one-joint servo on the rows of T."""
    model = mujoco.MjModel.from_xml_string(SERVO)
    model.dof_damping *= damping
    model.dof_frictionloss[:] = friction
    model.actuator_gainprm[0, 0] *= kp
    model.actuator_biasprm[0, 1] *= kp
    data = mujoco.MjData(model)
    data.qpos[0] = command(-delay_s)
    seen, link = [], float(data.qpos[0])
    for step in range(5 * len(T)):
        if step % 5 == 0:
            link = float(np.clip(link, data.qpos[0] - play, data.qpos[0] + play))
            seen.append(link)
        data.ctrl[0] = command(data.time - delay_s)
        mujoco.mj_step(model, data)
    return np.array(seen)


COMMANDS = {
    'two sines': lambda t: float(sway(t)[0]),
    'one sine': lambda t: 0.5 * math.sin(2 * math.pi * 0.5 * t),
    'triangle': lambda t: 0.8 * abs((t % 3) / 3 - 0.5),
    'steps': lambda t: 0.4 * (int(t) % 3),
    'one way': lambda t: 0.3 * t,
    'one move': lambda t: min(max(t - 1.0, 0.0), 0.8),
}  # fmt: skip
OTHERS = {
    'later': {'delay_s': 0.06}, 'much later': {'delay_s': 0.2}, 'damped': {'damping': 6.0}, 'play': {'play': 0.05},
    'friction': {'friction': 0.05}, 'much friction': {'friction': 0.2}, 'stiction': {'friction': 0.12, 'kp': 0.7},
}  # fmt: skip


@pytest.mark.parametrize('other', OTHERS)
@pytest.mark.parametrize('command', COMMANDS)
def test_a_servo_that_is_late_damped_or_sticks_is_like_nothing(command, other):
    real, shadow = servo(COMMANDS[command], **OTHERS[other]), servo(COMMANDS[command])
    assert np.sqrt(np.mean((real - shadow) ** 2)) > 3 * NOISE
    assert likeness(measured(real), shadow, NOISE) is None


def test_settled_leaves_out_what_follows_each_placement():
    real = np.ones((300, 2))
    assert np.flatnonzero(np.isnan(settled(real, 100)[:, 1])).tolist() == list(range(50))
    every = np.isnan(settled(real[:, 0], 100, horizon_s=1.2, settle_s=0.1))
    assert np.flatnonzero(every).tolist() == [*range(10), *range(120, 130), *range(240, 250)]
    assert not np.isnan(real).any()


FAMILY = {
    'members': 8,
    'parameters': {
        'delay': {'field': 'actuator_delay', 'select': ['*'], 'range': [0.005, 0.020]},
        'damping': {'field': 'dof_damping', 'select': ['*'], 'range': [0.8, 1.25], 'scale': 'relative'},
    },
}
SECONDS = 4.0


class Arms:
    """What the audit saw of two arms that sway: both sides row by row, and what parted."""

    def __init__(self, world, misread=lambda q: q, crossed=False, delay_s=0.012, horizon_s=None):
        """`misread`: true joints, shape (2,), -> measured ones; `crossed`: commands drive the other joint."""
        binding = world.hand(family=FAMILY, resync={'horizon_s': horizon_s})
        command_ns = world.times(SECONDS, 200, -1.0)
        rows = []
        audit = Audit(binding, watch=lambda scored: rows.append(scored.rows))
        audit.add_round(Round(1, world.t0, world.t0 + round(SECONDS * 1e9)))
        audit.command(world.columns(command_ns, sway(command_ns / 1e9)))
        audit.measured('joints', world.columns(*self._measure(world, misread, crossed, delay_s)))
        (verdict,) = audit.advance(world.t0 + 10**12)
        self.real = settled(np.concatenate([r.real['joints'] for r in rows]), 100, horizon_s)
        self.raw = np.concatenate([r.real['joints'] for r in rows])
        self.median, self.lower, self.upper = (
            np.concatenate([getattr(r.shadow['joints'], side) for r in rows]) for side in ('median', 'lower', 'upper')
        )
        self.parted = [i for i, name in enumerate('ab') if verdict['channels']['joints'][name]['verdict'] == 'diverged']
        self._comparison = Comparison(binding.channels, 100, 1.0)

    @staticmethod
    def _measure(world, misread, crossed, delay_s):
        model = mujoco.MjModel.from_xml_string(world.arms)
        data = mujoco.MjData(model)
        data.qpos[:] = sway(-1.0)
        stamps, seen = [], []
        for step in range(-500, round(SECONDS * 500)):
            data.ctrl[:] = sway(step * 0.002 - delay_s)[:: -1 if crossed else 1]
            mujoco.mj_step(model, data)
            if step % 5 == 0:
                stamps.append((step + 1) * 2 * MS)
                seen.append(misread(data.qpos.copy()))
        return stamps, measured(np.array(seen))

    def swapped(self):
        def alarm(real, lower, upper, column):
            return self._comparison.alarm(column, real, lower, upper)

        return swapped(self.real, self.lower - 0.01, self.upper + 0.01, alarm)

    def likeness(self, column):
        return likeness(self.real[:, column], self.median[:, column], NOISE)


MISREAD = {
    'sign flipped': lambda q: q * [1, -1], 'in degrees': lambda q: q * [1, DEGREES],
    'in radians instead of degrees': lambda q: q * [1, 1 / DEGREES], 'offset by +0.1': lambda q: q + [0, 0.1],
    'scaled by 1.2': lambda q: q * [1, 1.2],
}  # fmt: skip


@pytest.mark.parametrize('horizon_s', [None, 1.5])
@pytest.mark.parametrize('kind', MISREAD)
def test_a_misread_joint_is_recognised_from_what_the_audit_saw(world, kind, horizon_s):
    arms = Arms(world, MISREAD[kind], horizon_s=horizon_s)
    assert arms.parted == [1] and arms.swapped() == []
    assert arms.likeness(1).kind == kind and arms.likeness(0) is None


@pytest.mark.parametrize('delay_s', [0.006, 0.019])
@pytest.mark.parametrize('kind', ['sign flipped', 'in degrees', 'offset by +0.1'])
def test_it_is_recognised_at_the_edges_of_the_family_as_well(world, kind, delay_s):
    assert Arms(world, MISREAD[kind], delay_s=delay_s).likeness(1).kind.startswith(kind[:9])


@pytest.mark.parametrize('delay_s', [0.006, 0.012, 0.019])
def test_swapped_joints_are_recognised_from_what_the_audit_saw(world, delay_s):
    arms = Arms(world, lambda q: q[::-1], delay_s=delay_s)
    assert arms.parted == [0, 1] and arms.swapped() == [(0, 1)]
    assert arms.likeness(0) is None and arms.likeness(1) is None


def test_commands_that_reach_the_wrong_joints_look_the_same(world):
    assert Arms(world, crossed=True).swapped() == [(0, 1)]


def test_an_agreeing_hand_looks_like_nothing(world):
    arms = Arms(world)
    assert arms.parted == [] and arms.swapped() == []
    assert arms.likeness(0) is None and arms.likeness(1) is None


def test_without_the_start_left_out_a_misread_placement_hides_what_it_is(world):
    arms = Arms(world, MISREAD['in degrees'])
    assert likeness(arms.raw[:, 1], arms.median[:, 1], NOISE) is None
