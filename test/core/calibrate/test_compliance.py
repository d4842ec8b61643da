"""Fingertip compliance: presses of the emulated hand on a block, with a known stiffness; presses of a real finger."""

from pathlib import Path

import numpy as np
import pytest

from transfer_audit.bags.traces import traces_of
from transfer_audit.bench.calibration.block import before_a_block, pressing, true_curve
from transfer_audit.core.binding import open_hand
from transfer_audit.core.calibrate import compliance
from transfer_audit.core.calibrate.compliance.contact import SAME, SimulatedPress, contact_of
from transfer_audit.core.calibrate.compliance.curves import Load
from transfer_audit.core.calibrate.compliance.law import lead_of, line
from transfer_audit.core.calibrate.compliance.presses import presses_of
from transfer_audit.core.calibrate.compliance.reading import Rows, loading, unloading
from transfer_audit.core.calibrate.compliance.several import least, mean, needed, students
from transfer_audit.core.calibrate.compliance.tips import PressWorld, tips_of

CONFIG = Path(__file__).parents[3] / 'config'
SHARED = Path(__file__).parents[4] / 'shared' / 'data'
IMPEDANCE = 0.9
STRAIGHT, OWN = (IMPEDANCE, IMPEDANCE, 0.001, 0.5, 2), (0.9, 0.95, 0.001, 0.5, 2)


@pytest.fixture(scope='module')
def hand():
    return open_hand(CONFIG / 'emulated_hand' / 'profile.yaml')


@pytest.fixture(scope='module')
def index(hand):
    return tips_of(hand)[0]


def stiffness_of(hand, timeconst):
    """What MuJoCo's contact at rest has with constant impedance and critical damping, N/m: see `compliance.contact`."""
    return 1.0 / (timeconst**2 * (1.0 - IMPEDANCE) * hand.model.body('index_distal').invweight0[0])


@pytest.fixture(scope='module')
def soft(hand):
    """A tip of 747 N/m, measured with the noise of the profile."""
    traces = pressing(hand, before_a_block(hand, (0.05, 1.0), STRAIGHT), seed=1)
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
    assert damping.low > 0 and damping.value == pytest.approx(2 * 0.05 * truth, rel=0.1)
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
        ((0.05, 1.0), STRAIGHT),
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
    traces = pressing(hand, before_a_block(hand, (0.05, 0.6), STRAIGHT), seed=3, count=5, force_noise=0.01, lag_s=0.2)
    found = compliance.fit(traces, hand)
    truth = stiffness_of(hand, 0.05) / 0.6**2
    net = 0.2 - 2 * 0.05 * 0.6**2  # less what the damping gains
    assert named(found, 'force lag').value == pytest.approx(net, abs=0.03)
    assert named(found, 'stiffness').value == pytest.approx(truth, rel=0.15)


@pytest.mark.parametrize(('solimp', 'seed'), [(OWN, 1), (OWN, 2), (STRAIGHT, 3)])
def test_the_stiffness_of_a_stiff_tip_is_not_flattened_by_noise(hand, solimp, seed):
    """Half a millimetre of indentation, known to a quarter of one: 4 kN/m and more."""
    model = before_a_block(hand, (0.022, 1.0), solimp)
    (tip,) = compliance.fit(pressing(hand, model, seed, count=12), hand).tips
    curve = true_curve(model)
    peak = tip.contact.deepest * tip.contact.secant
    truth = peak / float(curve.depth(np.array(peak)))
    assert truth > 3800 and tip.quantities[0].value == pytest.approx(truth, rel=0.1)
    assert tip.quantities[0].low < truth < tip.quantities[0].high
    depths = np.linspace(0, tip.contact.deepest, 20)
    off = np.abs(tip.contact.matched.curve.force(depths) - curve.force(depths)).max()
    assert tip.quantities[0].standing != 'measured' or off < SAME * float(curve.force(depths[-1:])[0])


def test_what_is_not_told_is_not_written(hand):
    traces = pressing(hand, before_a_block(hand, (0.016, 0.8), OWN), seed=5, count=5)
    (tip,) = compliance.fit(traces, hand).tips
    assert tip.quantities[0].standing == 'not identifiable' and tip.ranges == ()


def test_presses_that_noise_hides_are_not_identifiable(hand):
    traces = pressing(hand, before_a_block(hand, (0.01, 1.0), STRAIGHT), seed=4, count=4, joint_noise=0.01)
    found = named(compliance.fit(traces, hand), 'stiffness')
    assert found.standing == 'not identifiable' and 'press slowly' in found.why and 'times as deep' in found.why


class Known:
    """Rows of a press without noise."""

    def __init__(self, travel):
        self.travel, self.white, self.noise = travel, 1e-6, 1e-6

    def __len__(self):
        return len(self.travel)


@pytest.mark.parametrize('power', [1.0, 1.5, 2.0])
def test_contact_parameters_are_found_for_a_curve(hand, index, power):
    """From a spring to one that stiffens: the simulated press gives the curve within a tenth of its largest force."""
    (trace,) = pressing(hand, before_a_block(hand, (0.05, 1.0), STRAIGHT), seed=0, count=1, joint_noise=0.0)
    world = PressWorld(hand, index)
    (press,) = presses_of(trace, hand, index, world)
    simulated = SimulatedPress(world, press, 0.003)
    depths = np.linspace(0.0001, 0.003, 100)
    loads = [Load(Known(depths + onset), 3.0 * (depths / 0.003) ** power) for onset in (0.0, 0.001)]
    found = contact_of(simulated, loads, np.array(OWN))
    assert found.error < SAME / 2 and found.reshaped
    seen = np.maximum(loads[0].rows.travel - found.matched.onsets[0], 0.0)
    forces = simulated.with_parameters(found.stiffness, found.solimp).force(seen)
    assert forces == pytest.approx(loads[0].spring, abs=3.0 * SAME)


def test_loading_and_unloading_of_one_press(hand, index):
    model = before_a_block(hand, (0.05, 0.6), STRAIGHT)
    (trace,) = pressing(hand, model, seed=0, count=1, joint_noise=0.0, force_noise=0.001)
    (press,) = presses_of(trace, hand, index, PressWorld(hand, index))
    truth = stiffness_of(hand, 0.05) / 0.6**2
    lead, power = lead_of([Rows(press, slice(None))])
    assert lead == pytest.approx(2 * 0.05 * 0.6**2, abs=0.005) and power == 1.0
    for part in (loading(press), unloading(press)):
        rows = Rows(press, part)
        assert 1 / line(rows, rows.spring(lead)).slope == pytest.approx(truth, rel=0.03)


def test_an_interval_rests_on_presses_and_on_recordings_where_they_differ():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 0.1, 20)
    groups = ['a'] * 10 + ['b'] * 10
    alike = mean(values, groups)
    assert alike.low < alike.value < alike.high and not alike.differ
    apart = mean(values + np.repeat([0.0, 1.0], 10), groups)
    assert apart.differ and apart.half > 5 * alike.half


@pytest.mark.parametrize('spread', [0.0, 0.5])
def test_the_interval_of_a_mean_covers_it_in_nine_of_ten_cases(spread):
    """Presses known unequally well, alike or not alike among themselves."""
    rng = np.random.default_rng(1)
    errors = np.array([0.2, 0.3, 0.3, 0.5, 0.8, 1.0, 1.0, 1.2])
    found = [mean(rng.normal(0, np.hypot(errors, spread)), ['a'] * 8, errors) for _ in range(400)]
    assert 0.84 < np.mean([one.low < 0 < one.high for one in found]) < 0.94
    assert np.mean([one.spread for one in found]) == pytest.approx(spread, abs=0.15)


def test_how_many_presses_are_needed_follows_from_the_interval():
    half = 0.2
    count = needed(half, 6, 0.1)
    one = half * np.sqrt(6) / students(6)
    assert students(count) * one / np.sqrt(count) <= 0.1 < students(count - 1) * one / np.sqrt(count - 1)


def test_the_power_is_where_all_presses_together_cost_least():
    powers = np.array([1.0, 1.3, 1.6, 2.0, 2.5])
    truths = np.random.default_rng(2).normal(1.5, 0.1, 12)
    value, low, high = least(powers, (powers - truths[:, None]) ** 2)
    assert value == pytest.approx(truths.mean(), abs=1e-6) and low < value < high


@pytest.mark.skipif(not SHARED.is_dir(), reason='the real traces are not here')
def test_a_real_finger_presses_with_a_sensor_that_lags():
    rh56 = SHARED / 'rh56'
    hand = open_hand(CONFIG / 'inspire_rh56' / 'profile.yaml', rh56 / 'model' / 'inspire_right_fixture.xml')
    found = compliance.fit(traces_of(rh56 / 'contact_speed100_force250', hand)[:10], hand)
    (tip,) = found.tips
    stiffness, lag = named(found, 'stiffness'), named(found, 'force lag')
    assert stiffness.count >= 9 and 1000 < stiffness.low < stiffness.high < 1400
    assert 0.09 < lag.low < lag.high < 0.13
    assert tip.after < 0.2 < 100 < tip.before  # N, of 4.4 N: the model's own contact is a thousand times too stiff
    assert {one.columns for one in tip.ranges} >= {(0,), (1,)} and all(one.high < 0 for one in tip.ranges[:2])


@pytest.mark.skipif(not SHARED.is_dir(), reason='the real traces are not here')
def test_presses_faster_than_the_reading_follows_are_refused_with_what_would_do():
    rh56 = SHARED / 'rh56'
    hand = open_hand(CONFIG / 'inspire_rh56' / 'profile.yaml', rh56 / 'model' / 'inspire_right_fixture.xml')
    (tip,) = compliance.fit(traces_of(rh56 / 'contact_speed500_force100', hand)[:6], hand).tips
    assert tip.quantities[0].standing == 'not identifiable' and tip.contact is None and tip.ranges == ()
    assert 'the reading lags by' in tip.quantities[0].why and 's or more from touch' in tip.quantities[0].why
