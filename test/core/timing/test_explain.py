"""A servo that is late is told from one that moves in another way, on simulated hands and on real ones."""

import csv
from functools import cache
from pathlib import Path

import mujoco
import numpy as np
import pytest

from transfer_audit.core.timing import delay_between, explain

SERVO = """
<mujoco>
  <compiler angle="radian"/>
  <option timestep="0.002" integrator="implicitfast" gravity="0 0 -9.81"/>
  <default><geom contype="0" conaffinity="0"/></default>
  <worldbody>
    <body><joint name="a" type="hinge" axis="0 1 0" damping="0.02" armature="0.002" frictionloss="0.01"/>
      <geom type="capsule" fromto="0 0 0 0.1 0 0" size="0.01" mass="0.05"/></body>
  </worldbody>
  <actuator><position name="act" joint="a" kp="1" kv="0.05"/></actuator>
</mujoco>
"""
STEP_S, RATE, SECONDS, MEMBERS = 0.002, 100.0, 6.0, 16
NOISE, TOLERANCE, LEVEL = 0.001, 0.01, 17.0
MIDDLE_S = 0.0025
MOTIONS = ['sin', 'sin of time squared', 'step', 'minimum jerk']
STARTS_S = 0.5
LEVELS = np.array([0.0, 0.45, -0.3, 0.2, 0.55, -0.5, 0.1, -0.2, 0.4])


def course(motion, t):
    """Set point of a motion that begins at t = 0, rad."""
    t = np.maximum(t, 0.0)
    if motion == 'sin':
        return 0.5 * np.sin(2 * np.pi * 0.6 * t)
    if motion == 'sin of time squared':
        return 0.5 * np.sin(0.8 * t**2)
    stage = np.minimum(t.astype(int), len(LEVELS) - 2)
    share = np.clip((t - stage) / (0.7 if motion == 'minimum jerk' else 1e-9), 0.0, 1.0)
    share = share**3 * (10 - 15 * share + 6 * share**2)
    return LEVELS[stage] + (LEVELS[stage + 1] - LEVELS[stage]) * share * (t > 0)


def commanded(motion, t):
    """The set point as a driver sends it, at 100 Hz; the first 0.5 s at rest."""
    return course(motion, np.floor(t * RATE + 1e-6) / RATE - STARTS_S)


def simulated(motion, delay_s=0.0, friction=1.0, damping=1.0, gain=1.0, load=1.0, offset=0.0, backlash=0.0, stop=None):
    """Joint angle on the rows of the audit clock, shape (600,); `delay_s` is a number, or one for each physics step."""
    model = mujoco.MjModel.from_xml_string(SERVO)
    model.dof_frictionloss *= friction
    model.dof_damping *= damping
    model.actuator_gainprm[:, 0] *= gain
    model.actuator_biasprm[:, 1] *= gain
    model.body_mass *= load
    model.body_inertia *= load
    data = mujoco.MjData(model)
    controls = commanded(motion, np.arange(round(SECONDS / STEP_S)) * STEP_S - delay_s) + offset
    data.ctrl[0] = controls[0]
    mujoco.mj_step(model, data, nstep=1000)
    angles = np.empty(len(controls))
    for step, control in enumerate(controls):
        angles[step] = data.qpos[0]
        data.ctrl[0] = control
        mujoco.mj_step(model, data)
    if backlash:
        for step in range(1, len(angles)):
            angles[step] = np.clip(angles[step - 1], angles[step] - backlash, angles[step] + backlash)
    if stop is not None:
        angles = np.minimum(angles, stop)
    return angles[:: round(1 / RATE / STEP_S)]


@cache
def family(motion):
    """Median, lower and upper of members with another friction, damping, gain and delay, shape (600,) each.

    Each parameter is spread evenly about the truth, so that the median is late by about `MIDDLE_S`.
    """
    rng = np.random.default_rng(0)
    spread = [rng.permutation(np.geomspace(1 / most, most, MEMBERS)) for most in (1.43, 1.25, 1.05)]
    delays = rng.permutation(np.linspace(0.0, 2 * MIDDLE_S, MEMBERS))
    members = [simulated(motion, *member) for member in zip(delays, *spread, strict=True)]
    return np.median(members, axis=0), np.min(members, axis=0) - TOLERANCE, np.max(members, axis=0) + TOLERANCE


def beyond_the_median(motion, delay_s):
    """What a delay of the servo is relative to its family's median, s."""
    return delay_s - delay_between(family(motion)[0], simulated(motion), RATE, NOISE).delay_s


def alarm_at(noise):
    """A plain CUSUM: the onset of its first alarm, or None."""

    def alarm(real, lower, upper):
        statistic, zero = 0.0, 0
        outside = np.maximum(np.maximum(lower - real, real - upper), 0.0) / noise
        for row, excess in enumerate(np.nan_to_num(outside, nan=0.5)):
            statistic = max(0.0, statistic + min(excess, LEVEL / 2 + 0.5) - 0.5)
            zero = row + 1 if statistic == 0.0 else zero
            if statistic >= LEVEL:
                return zero
        return None

    return alarm


alarm = alarm_at(NOISE)


def judged(motion, gaps=(), seed=0, **fault):
    """The explanation of a servo with a fault (None if it alarms without one), and the row of the alarm's onset."""
    median, lower, upper = family(motion)
    real = simulated(motion, **fault) + np.random.default_rng(seed).normal(0, NOISE, len(median))
    for rows in gaps:
        real[rows] = np.nan
    onset = alarm(real, lower, upper)
    if onset is None:
        return None, None
    return explain(real, median, lower, upper, NOISE, RATE, onset, alarm), onset


@pytest.mark.parametrize('motion', MOTIONS)
@pytest.mark.parametrize('delay_ms', [20, 40, 80])
def test_an_extra_delay_of_the_command_is_a_delay_of_that_size(motion, delay_ms):
    found, _ = judged(motion, delay_s=delay_ms / 1e3)
    assert found is not None and found.cause == 'delay'
    assert (found.from_row, found.until_row) == (0, 600)
    true_s = beyond_the_median(motion, delay_ms / 1e3)
    half_s = (found.delay.high_s - found.delay.low_s) / 2
    assert abs(found.delay.delay_s - true_s) <= 0.0005 + half_s and half_s < 0.001
    assert found.delay.explained > 0.9


@pytest.mark.parametrize('motion', MOTIONS)
def test_a_small_delay_is_found_where_it_alarms(motion):
    found, onset = judged(motion, delay_s=0.014)
    assert onset is None or (found is not None and found.cause == 'delay')


@pytest.mark.parametrize('motion', MOTIONS)
def test_a_hand_that_is_early_has_a_negative_delay(motion):
    found, _ = judged(motion, delay_s=-0.03)
    assert found is not None and found.cause == 'delay'
    assert found.delay.delay_s == pytest.approx(beyond_the_median(motion, -0.03), abs=0.001)


@pytest.mark.parametrize('motion', MOTIONS)
@pytest.mark.parametrize(
    'fault',
    [
        {'friction': 0.3}, {'friction': 3.0}, {'friction': 5.0}, {'friction': 10.0}, {'damping': 3.0},
        {'damping': 10.0}, {'gain': 0.7}, {'gain': 1.4}, {'load': 2.0}, {'load': 4.0}, {'offset': 0.06},
        {'backlash': 0.02}, {'backlash': 0.04}, {'damping': 1.5}, {'damping': 2.0}, {'gain': 0.85}, {'gain': 1.3},
        {'friction': 2.0}, {'friction': 7.0},
    ],
    ids=lambda fault: '-'.join(f'{name}{value:g}' for name, value in fault.items()),
)  # fmt: skip
def test_another_motion_is_never_explained_in_time(motion, fault):
    found, _ = judged(motion, **fault)
    assert found is None


def test_the_faults_that_are_not_timing_do_alarm():
    for fault in (
        {'friction': 5.0},
        {'damping': 3.0},
        {'gain': 0.7},
        {'load': 4.0},
        {'offset': 0.06},
        {'backlash': 0.04},
    ):
        assert judged('sin', **fault)[1] is not None


@pytest.mark.parametrize('motion', MOTIONS)
def test_the_hand_the_family_was_made_for_does_not_alarm(motion):
    assert judged(motion) == (None, None)


@pytest.mark.parametrize('motion', MOTIONS)
@pytest.mark.parametrize('late_s', [0.5, 1.0, 3.0])
def test_a_late_start_is_one_with_its_delay(motion, late_s):
    found, onset = judged(motion, delay_s=late_s)
    assert found is not None and found.cause == 'late start' and found.until_row == 600
    assert found.delay.delay_s == pytest.approx(beyond_the_median(motion, late_s), abs=0.001)
    assert abs(found.from_row - onset) <= 10


def test_what_a_late_hand_then_touches_is_a_second_finding():
    """Late by 0.8 s, and stopped at 0.2 rad by what the model does not have."""
    found, _ = judged('minimum jerk', delay_s=0.8, stop=0.2)
    touches = int(np.argmax(simulated('minimum jerk', delay_s=0.8) > 0.2))
    assert found is not None and found.cause == 'late start'
    assert found.delay.delay_s == pytest.approx(0.8, abs=0.01)
    assert abs(found.until_row - touches) <= 5


def test_a_punctual_hand_that_touches_something_is_not_late():
    found, onset = judged('minimum jerk', stop=0.2)
    assert onset is not None and found is None


@pytest.mark.parametrize('motion', ['sin', 'sin of time squared', 'step'])
@pytest.mark.parametrize('extra_s', [0.03, 0.08])
def test_a_delay_that_steps_in_mid_round_is_told_with_its_row(motion, extra_s):
    times = np.arange(round(SECONDS / STEP_S)) * STEP_S
    found, _ = judged(motion, delay_s=np.where(times < 3.0, 0.0, extra_s))
    assert found is not None and found.cause == 'delay step'
    assert found.delay.delay_s == pytest.approx(beyond_the_median(motion, extra_s), abs=0.001)
    stood_since = 260 if motion == 'step' else 295
    assert stood_since <= found.from_row <= 360 and found.until_row == 600


@pytest.mark.parametrize('motion', ['sin', 'sin of time squared'])
def test_a_delay_that_steps_before_much_has_moved_is_a_delay(motion):
    times = np.arange(round(SECONDS / STEP_S)) * STEP_S
    found, _ = judged(motion, delay_s=np.where(times < STARTS_S + 0.2, 0.0, 0.08))
    assert found is not None and found.cause == 'delay'
    assert found.delay.delay_s == pytest.approx(beyond_the_median(motion, 0.08), abs=0.001)


def test_gaps_neither_hide_nor_make_an_explanation():
    gaps = [slice(120, 140), slice(333, 350)]
    found, _ = judged('sin', gaps, delay_s=0.04)
    assert found is not None and found.cause == 'delay'
    assert found.delay.delay_s == pytest.approx(beyond_the_median('sin', 0.04), abs=0.001)
    assert judged('sin', gaps, friction=5.0)[0] is None


def test_where_nothing_is_known_nothing_is_said():
    unknown = np.full(600, np.nan)
    median, lower, upper = family('sin')
    assert explain(unknown, median, lower, upper, NOISE, RATE, 0, alarm) is None
    assert explain(median, unknown, unknown, unknown, NOISE, RATE, 0, alarm) is None
    assert explain(median[:10], median[:10], lower[:10], upper[:10], NOISE, RATE, 3, alarm) is None


def test_right_after_the_alarm_too_little_has_moved_to_say():
    median, lower, upper = family('minimum jerk')
    real = simulated('minimum jerk', delay_s=0.5) + np.random.default_rng(0).normal(0, NOISE, 600)
    onset = alarm(real, lower, upper)
    early = [side[: onset + 15] for side in (real, median, lower, upper)]
    assert explain(*early, NOISE, RATE, onset, alarm) is None


ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / 'shared' / 'data'
real_data = pytest.mark.skipif(not DATA.is_dir(), reason=f'the real traces are not at {DATA}')


def real_rounds(bag, profile, model, tolerance):
    """Real, median and widened envelope of the one joint of a bag, shape (N,) each, round by round."""
    from transfer_audit.bags.audit import audit_recording
    from transfer_audit.core.binding import open_hand

    scored = []
    found = audit_recording(
        DATA / bag, open_hand(ROOT / 'config' / profile / 'profile.yaml', DATA / model), watch=scored.append
    )
    times = np.concatenate([s.rows.row_ns for s in scored])
    envelopes = [s.rows.shadow['joints'] for s in scored]
    sides = [np.concatenate([s.rows.real['joints'][:, 0] for s in scored])]
    sides += [np.concatenate([getattr(e, side)[:, 0] for e in envelopes]) for side in ('median', 'lower', 'upper')]
    widened = [sides[0], sides[1], sides[2] - tolerance, sides[3] + tolerance]
    for round_ in found['rounds']:
        rows = (times >= round_['start_ns']) & (times < round_['end_ns'])
        yield round_['round'], [side[rows] for side in widened]


def explained(rows, noise, rate_hz):
    """The explanation of a round, and whether it alarmed."""
    alarm = alarm_at(noise)
    onset = alarm(rows[0], rows[2], rows[3])
    return (None, False) if onset is None else (explain(*rows, noise, rate_hz, onset, alarm), True)


def servo(bag, gain):
    ((_, rows),) = real_rounds(f'xl330/{bag}', 'xl330_pendulum', f'xl330/pendulum_kp{gain}.xml', 0.02)
    return explained(rows, 0.0015, 200.0)


@real_data
def test_a_real_command_stream_with_35_ms_more_delay_is_late_by_that():
    """The family is late by 2.5 ms at the median, and by half a physics step of 1 ms more than its parameter says."""
    found, _ = servo('twin_delay35ms_kp400_sinsin', 400)
    assert found is not None and found.cause == 'delay'
    assert found.delay.delay_s + 0.0025 + 0.0005 == pytest.approx(0.035, abs=0.0005)


@real_data
@pytest.mark.parametrize('gain', [100, 400])
@pytest.mark.parametrize('motion', ['sin_sin', 'sin_time_square', 'up_and_down'])
def test_a_real_servo_that_its_model_is_too_simple_for_is_not_late(motion, gain):
    assert servo(f'kp{gain}_{motion}', gain) == (None, True)


@real_data
@pytest.mark.parametrize('bag', ['contact_speed500_force100', 'contact_speed100_force100'])
def test_rounds_of_a_real_hand_that_began_late_are_told_from_those_that_touched(bag):
    """Late by more than 0.5 s after the command, where the family has 0.05 to 0.3; all touch what the model lacks."""
    with (DATA / 'rh56' / 'contact_onsets.csv').open() as file:
        began = {
            int(row['trial']): float(row['command_to_motion_s']) for row in csv.DictReader(file) if row['bag'] == bag
        }
    model = 'rh56/model/inspire_right.xml'
    for trial, rows in real_rounds(f'rh56/{bag}', 'inspire_rh56', model, 0.03):
        found, alarmed = explained(rows, 0.0015, 50.0)
        assert alarmed
        if began[trial] > 0.5:
            assert found is not None and found.cause == 'late start' and found.until_row < len(rows[0])
            assert found.delay.delay_s == pytest.approx(began[trial] - 0.175, abs=0.1)
        elif began[trial] < 0.3:
            assert found is None
    assert min(began.values()) < 0.3 and max(began.values()) > 0.5
