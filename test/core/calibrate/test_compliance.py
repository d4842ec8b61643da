"""Fingertip compliance: presses of the emulated hand on a block, with a known stiffness; presses of a real finger."""

from pathlib import Path

import mujoco
import numpy as np
import pytest

from transfer_audit.bags.traces import traces_of
from transfer_audit.core.binding import load_spec, open_hand
from transfer_audit.core.calibrate import compliance
from transfer_audit.core.calibrate.compliance.contact import SAME, SimulatedPress, matching
from transfer_audit.core.calibrate.compliance.law import fit_press
from transfer_audit.core.calibrate.compliance.presses import presses_of
from transfer_audit.core.calibrate.compliance.reading import Dynamics, lagged, loading, unloading
from transfer_audit.core.calibrate.compliance.several import least, mean
from transfer_audit.core.calibrate.compliance.tips import PressWorld, tips_of
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.types import Columns, Round

CONFIG = Path(__file__).parents[3] / 'config'
SHARED = Path(__file__).parents[4] / 'shared' / 'data'
T0 = 1_700_000_000_000_000_000
START, REACH = np.array([0.0, 0.5, 0.5, 0.5]), np.array([0.0, 0.45, 0.3, 0.15])
IMPEDANCE = 0.9


@pytest.fixture(scope='module')
def hand():
    return open_hand(CONFIG / 'emulated_hand' / 'profile.yaml')


@pytest.fixture(scope='module')
def index(hand):
    return tips_of(hand)[0]


def stiffness_of(hand, timeconst):
    """What MuJoCo's contact at rest has with constant impedance and critical damping, N/m: see `compliance.contact`."""
    return 1.0 / (timeconst**2 * (1.0 - IMPEDANCE) * hand.model.body('index_distal').invweight0[0])


def before_a_block(hand, solref, solimp=(IMPEDANCE, IMPEDANCE, 0.001, 0.5, 2)):
    """The emulated hand without its cube, a block 3 mm from its index tip, and the tip's contact parameters."""
    spec = load_spec(hand.profile.model_path)
    for key in list(spec.keys):
        spec.delete(key)
    spec.delete(spec.body('cube'))
    tip = spec.geom('tip_index')
    tip.solref[:2], tip.solimp = solref, solimp
    tip.contype = tip.conaffinity = 3
    model = spec.compile()
    ahead = [tip_at(model, START + share * REACH) for share in (0.0, 0.1)]
    normal = (ahead[0] - ahead[1]) / np.linalg.norm(ahead[0] - ahead[1])
    turn = np.zeros(4)
    mujoco.mju_quatZ2Vec(turn, normal)
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.03, 0.03, 0.01], pos=ahead[0] - normal * (0.0085 + 0.003 + 0.01),
        quat=turn, contype=2, conaffinity=2,
    )  # fmt: skip
    return spec.compile()


def tip_at(model, joints):
    data = mujoco.MjData(model)
    data.qpos[[model.joint(f'index_{i}').qposadr[0] for i in range(4)]] = joints
    mujoco.mj_kinematics(model, data)
    return data.geom('tip_index').xpos.copy()


def pressing(hand, model, seed, count=6, joint_noise=0.002, force_noise=0.05, lag_s=0.0, closing_s=2.0):
    """Traces at 100 Hz in which the index closes slowly, holds and opens again, to a random depth each time."""
    rng = np.random.default_rng(seed)
    joints = [model.joint(f'index_{i}').qposadr[0] for i in range(4)]
    servos = [model.actuator(f'act_index_{i}').id for i in range(4)]
    data = mujoco.MjData(model)
    data.qpos[joints] = data.ctrl[servos] = START
    mujoco.mj_step(model, data, 400)
    step = model.opt.timestep
    times = np.arange(0.0, 2.5 + closing_s, step)
    way = np.interp(times, np.cumsum([0.5, closing_s, 0.7, 1.0]), [0, 1, 1, 0])
    traces = []
    for number in range(count):
        depth, poses, forces = rng.uniform(0.5, 1.0), [], []
        for share in way:
            data.ctrl[servos] = START + depth * share * REACH
            mujoco.mj_step(model, data)
            poses.append(data.qpos.copy())
            forces.append(data.sensor('tip_index').data[0])
        at = np.arange(0, len(times), round(0.01 / step))
        stamps = T0 + np.rint((times[at] + 20 * number) * 1e9).astype(np.int64)
        elements = [model.joint(e.target).qposadr[0] for e in hand.channel('joints').elements]
        measured = np.array(poses)[at][:, elements] + rng.normal(0, joint_noise, (len(at), len(elements)))
        tips = rng.normal(0, force_noise, (len(at), 4))
        tips[:, 0] += lagged(np.array(forces), lag_s, step)[at]
        channels = {
            'joints': Columns(stamps, stamps, measured), 'tips': Columns(stamps, stamps, tips),
            'cube': Columns.empty(7), 'slip': Columns.empty(4),
        }  # fmt: skip
        round_ = Round(number + 1, int(stamps[0]), int(stamps[-1]))
        traces.append(Trace('presses', T0, round_, Columns.empty(len(hand.command.actuators)), channels))
    return traces


@pytest.fixture(scope='module')
def soft(hand):
    """A tip of 747 N/m, measured with the noise of the profile."""
    traces = pressing(hand, before_a_block(hand, (0.05, 1.0)), seed=1)
    return compliance.fit(traces, hand)


def named(result, name):
    return next(one for one in result.quantities if one.name == name)


def test_tips_are_the_geoms_that_force_sensors_feel(hand):
    tips = tips_of(hand)
    assert [tip.select for tip in tips] == ['tip_index', 'tip_middle', 'tip_ring', 'tip_thumb']
    assert [hand.model.geom(tip.geoms[0]).name for tip in tips] == [tip.select for tip in tips]


def test_recovers_a_known_stiffness_within_its_interval(hand, soft):
    truth = stiffness_of(hand, 0.05)
    found = named(soft, 'stiffness')
    assert found.standing == 'measured' and found.unit == 'N/m' and found.of == 'tip_index'
    assert found.value == pytest.approx(truth, rel=0.05)
    assert found.low < truth < found.high < 1.2 * found.low  # with or without a lag of the sensor


def test_recovers_unloading_and_the_damping_of_the_contact(hand, soft):
    truth = stiffness_of(hand, 0.05)
    assert named(soft, 'unloading stiffness').value == pytest.approx(truth, rel=0.1)
    damping = named(soft, 'contact damping')  # critical: damping over stiffness is twice the time constant
    assert damping.low < 2 * 0.05 * truth < 1.3 * damping.high
    assert named(soft, 'force lag').value == 0.0


def test_a_tip_that_never_pressed_is_named_with_the_motion_that_would_help(soft):
    assert {one.of for one in soft.quantities} == {'tip_index'}
    assert 'tip_middle, tip_ring, tip_thumb' in soft.warnings[0] and 'press each tip' in soft.warnings[0]


def test_the_simulated_press_follows_the_measured_one(hand, soft):
    (tip,) = soft.tips
    assert tip.contact.error < SAME
    assert tip.after < 0.1 < tip.before  # N, on presses that the fit did not see; tip noise 0.05 N, forces up to 4 N


def test_a_servo_that_presses_with_the_found_parameters_gives_the_true_curve(hand, soft):
    """Forward simulation, not the inverse dynamics that the fit looked at."""
    (tip,) = soft.tips
    damping = np.mean([-one.high for one in tip.ranges if one.name == 'tip_contact_damping'])
    curves = []
    for solref, solimp in [
        ((0.05, 1.0), (IMPEDANCE, IMPEDANCE, 0.001, 0.5, 2)),
        ((-tip.contact.stiffness, -damping), tip.contact.solimp),
    ]:
        model = before_a_block(hand, solref, solimp)
        (trace,) = pressing(hand, model, seed=0, count=1, joint_noise=0.0, force_noise=0.0, closing_s=6.0)
        (press,) = presses_of(trace, hand, tips_of(hand)[0], PressWorld(hand, tips_of(hand)[0]))
        rows = slice(press.begin, press.held)
        first = int(np.argmax(press.force > 0.01))
        curves.append((press.travel[rows] - press.travel[first], press.force[rows]))
    deepest = min(depth.max() for depth, _ in curves)
    at = np.linspace(0.3, 0.95, 8) * deepest
    true, found = (np.interp(at, *(np.sort(part) for part in curve)) for curve in curves)
    assert np.abs(found - true).max() < 0.1 * true.max()


def test_a_lagging_sensor_is_told_from_a_soft_tip(hand, index):
    """The reading goes on rising while the joints stand still."""
    traces = pressing(hand, before_a_block(hand, (0.05, 0.6)), seed=3, count=4, lag_s=0.2)
    found = compliance.fit(traces, hand)
    truth = stiffness_of(hand, 0.05) / 0.6**2
    assert named(found, 'force lag').value == pytest.approx(0.2, abs=0.03)
    assert named(found, 'stiffness').value == pytest.approx(truth, rel=0.15)


def test_presses_that_noise_hides_are_not_identifiable(hand):
    traces = pressing(hand, before_a_block(hand, (0.01, 1.0)), seed=4, count=4, joint_noise=0.01)
    found = named(compliance.fit(traces, hand), 'stiffness')
    assert found.standing == 'not identifiable' and 'press slowly' in found.why


@pytest.mark.parametrize('power', [1.0, 1.5, 2.0])
def test_contact_parameters_are_found_for_a_curve(hand, index, power):
    """From a spring to one that stiffens: the simulated press gives the curve within a tenth of its largest force."""
    (trace,) = pressing(hand, before_a_block(hand, (0.05, 1.0)), seed=0, count=1, joint_noise=0.0)
    world = PressWorld(hand, index)
    (press,) = presses_of(trace, hand, index, world)
    simulated = SimulatedPress(world, press, 0.003)
    found = matching(simulated, lambda depth: 3.0 * (depth / 0.003) ** power, np.array([0.9, 0.95, 0.001, 0.5, 2]))
    assert found.error < SAME
    assert simulated.forces() == pytest.approx(3.0 * (simulated.depths / 0.003) ** power, abs=3.0 * SAME)


def test_loading_and_unloading_of_one_press(hand, index):
    (trace,) = pressing(hand, before_a_block(hand, (0.05, 0.6)), seed=0, count=1, joint_noise=0.0, force_noise=0.001)
    (press,) = presses_of(trace, hand, index, PressWorld(hand, index))
    truth = stiffness_of(hand, 0.05) / 0.6**2
    for rows in (loading(press), unloading(press)):
        assert fit_press(press, rows, Dynamics(2 * 0.05 * 0.6**2, 0.0)).stiffness == pytest.approx(truth, rel=0.03)


def test_an_interval_rests_on_presses_and_on_recordings_where_they_differ():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 0.1, 20)
    groups = ['a'] * 10 + ['b'] * 10
    middle, low, high, differ = mean(values, groups)
    assert low < middle < high and not differ
    _, wider_low, wider_high, differ = mean(values + np.repeat([0.0, 1.0], 10), groups)
    assert differ and wider_high - wider_low > 5 * (high - low)


def test_the_interval_of_a_mean_covers_it_in_nine_of_ten_cases():
    rng = np.random.default_rng(1)
    edges = [mean(rng.normal(0, 1, 6), ['a'] * 6)[1:3] for _ in range(400)]
    assert 0.86 < np.mean([low < 0 < high for low, high in edges]) < 0.94


def test_the_power_is_where_all_presses_together_cost_least():
    powers = np.array([1.0, 1.3, 1.6, 2.0, 2.5])
    truths = np.random.default_rng(2).normal(1.5, 0.1, 12)
    value, low, high = least(powers, (powers - truths[:, None]) ** 2)
    assert value == pytest.approx(truths.mean(), abs=1e-6) and low < value < high


@pytest.mark.skipif(not SHARED.is_dir(), reason='the real traces are not here')
def test_a_real_finger_presses_with_a_sensor_that_lags():
    rh56 = SHARED / 'rh56'
    hand = open_hand(CONFIG / 'inspire_rh56' / 'profile.yaml', rh56 / 'model' / 'inspire_right_fixture.xml')
    found = compliance.fit(traces_of(rh56 / 'contact_speed100_force250', hand)[:5], hand)
    (tip,) = found.tips
    stiffness, lag = named(found, 'stiffness'), named(found, 'force lag')
    assert stiffness.count == 5 and 1000 < stiffness.low < stiffness.high < 1400
    assert 0.11 < lag.low < lag.high < 0.15
    assert tip.after < 0.2 < 100 < tip.before  # N, of 4.4 N: the model's own contact is a thousand times too stiff
    assert {one.columns for one in tip.ranges} >= {(0,), (1,)} and all(one.high < 0 for one in tip.ranges[:2])
