"""The shadow does what a plain simulation of the same commands does, and starts where the hand is."""

from itertools import pairwise

import mujoco
import numpy as np
import pytest

from transfer_audit.core import family as families
from transfer_audit.core.shadow import Shadow
from transfer_audit.core.shadow.placement import pose_at
from transfer_audit.core.shadow.schedule import Schedule
from transfer_audit.core.timeline import Timeline
from transfer_audit.core.types import Columns

DELAY = {'field': 'actuator_delay', 'select': ['*'], 'range': [0.005, 0.030]}
FRICTION = {'field': 'dof_frictionloss', 'select': ['*'], 'range': [0.001, 0.01]}


def still(seconds=0.2, values=(0.0, 0.0), rate_hz=100):
    """A hand at rest before and at t0."""
    stamps = np.arange(-round(seconds * rate_hz), 1) * round(1e9 / rate_hz)
    return stamps, np.tile(values, (len(stamps), 1))


def sway(world, seconds, rate_hz=137, start_s=0.0):
    """A band-limited motion of two joints as commands: stamps, values."""
    stamps = world.times(seconds, rate_hz, start_s)
    t = stamps / 1e9
    return stamps, np.stack([0.4 * np.sin(5 * t) + 0.2 * np.sin(13 * t), 0.5 * np.sin(7 * t)], axis=1)


def due(shadow, watermark_ns):
    """Everything a shadow has to give up to a watermark."""
    return list(iter(lambda: shadow.advance(watermark_ns) or None, None))


def same(one, two):
    assert one.keys() == two.keys()
    for name in one:
        for part in ('row_ns', 'median', 'lower', 'upper'):
            assert np.array_equal(getattr(one[name], part), getattr(two[name], part), equal_nan=True), (name, part)


def transcription(model, command, seconds, period_steps, start=(0.0, 0.0)):
    """Joint positions at each row: one MjData, each command set in the first step that begins at or after its stamp."""
    data = mujoco.MjData(model)
    data.qpos[:], data.ctrl[:] = start, start
    stamps, values = command
    step_ns = round(model.opt.timestep * 1e9)
    pending, found = list(zip(stamps.tolist(), values, strict=True)), []
    for step in range(round(seconds / model.opt.timestep) + 1):
        while pending and pending[0][0] <= step * step_ns:
            data.ctrl[:] = pending.pop(0)[1]
        if step % period_steps == 0:
            found.append(data.qpos.copy())
        mujoco.mj_step(model, data)
    return np.array(found)


def test_a_family_of_one_is_a_plain_simulation_bit_for_bit(world):
    binding = world.hand()
    command = sway(world, 3.0)
    found = world.simulate(world.shadow(binding, command, {'joints': still()}), 3.0)['joints']
    assert np.array_equal(found.median, transcription(binding.model, command, 3.0, 5))
    assert np.array_equal(found.lower, found.median) and np.array_equal(found.upper, found.median)
    assert np.array_equal(found.row_ns, world.t0 + np.arange(301) * 10 * world.ms)
    assert np.ptp(found.median, axis=0).min() > 0.5


@pytest.mark.parametrize('period_ns, timestep', [(7_300_000, 0.002), (3_333_333, 0.001), (10_000_000, 0.0013)])
def test_a_command_period_that_is_no_multiple_of_the_step_does_not_drift(world, period_ns, timestep):
    binding = world.hand()
    schedule = Schedule(binding.command, timestep, 50 * world.ms)
    stamps = np.arange(round(60e9 / period_ns)) * period_ns
    number = np.arange(len(stamps), dtype=float)
    schedule.add(world.columns(stamps, np.stack([number, number], axis=1)))
    schedule.begin(world.t0, np.full(2, -1.0), 0)
    steps = round(60 / timestep)
    acting = np.concatenate([schedule.controls(first, 1000)[:, 0] for first in range(0, steps - 999, 1000)])
    step_ns = round(timestep * 1e9)
    first_step = {n: -(-(int(n) * period_ns) // step_ns) for n in number}
    for n, following in pairwise(number):
        if first_step[following] < len(acting):
            assert acting[first_step[following] - 1] == n
            assert acting[first_step[following]] == following


def test_rows_do_not_depend_on_how_events_and_watermarks_were_cut_nor_on_threads(world):
    binding = world.hand(family={'members': 8, 'parameters': {'delay': DELAY, 'friction': FRICTION}})
    command, joints = sway(world, 2.0, start_s=-0.5), sway(world, 2.0, 100, start_s=-0.5)
    whole = world.simulate(world.shadow(binding, command, {'joints': joints}), 2.0)
    same(whole, world.simulate(world.shadow(binding, command, {'joints': joints}, threads=2), 2.0))
    rng = np.random.default_rng(0)
    for step_s in (0.003, 0.0417, 0.5):
        shadow = Shadow(binding, 2)
        shadow.start(world.t0)
        parts, fed = [], [0, 0]
        for mark in np.append(np.arange(-0.5, 2.0, step_s), 2.0):
            for index, (stamps, values) in enumerate((command, joints)):
                end = np.searchsorted(stamps, mark * 1e9, side='right') + rng.integers(0, 3)
                new = world.columns(stamps[fed[index] : end], values[fed[index] : end])
                shadow.measured('joints', new) if index else shadow.command(new)
                fed[index] = max(fed[index], int(end))
            parts += due(shadow, world.t0 + round(mark * 1e9))
        joined = {
            name: type(whole[name])(
                *(np.concatenate([getattr(p[name], f) for p in parts]) for f in ('row_ns', 'median', 'lower', 'upper'))
            )
            for name in whole
        }
        same(whole, joined)


def test_members_spread_and_the_envelope_holds_every_one_of_them(world):
    binding = world.hand(family={'members': 5, 'parameters': {'delay': DELAY}})
    command = sway(world, 1.0)
    drawn = families.draw(binding)
    found = world.simulate(world.shadow(binding, command, {'joints': still()}), 1.0)['joints']
    alone = [families.Family(drawn.names, drawn.draws[[index]]) for index in range(5)]
    each = np.array([
        world.simulate(world.shadow(binding, command, {'joints': still()}, family=one), 1.0)['joints'].median
        for one in alone
    ])  # fmt: skip
    assert np.array_equal(found.lower, each.min(axis=0)) and np.array_equal(found.upper, each.max(axis=0))
    assert np.array_equal(found.median, np.median(each, axis=0))
    assert (found.upper - found.lower).max() > 0.01


def test_the_members_start_on_the_real_joints_with_their_velocity(world):
    binding = world.hand()
    stamps = np.arange(-20, 1) * 5 * world.ms
    moving = np.stack([0.3 + 2.0 * stamps / 1e9, -0.1 - 1.0 * stamps / 1e9], axis=1)
    found = world.simulate(world.shadow(binding, None, {'joints': (stamps, moving)}), 0.01)['joints']
    assert found.median[0] == pytest.approx([0.3, -0.1], abs=1e-12)
    data = mujoco.MjData(binding.model)
    data.qpos[:], data.qvel[:], data.ctrl[:] = [0.3, -0.1], [2.0, -1.0], [0.3, -0.1]
    mujoco.mj_step(binding.model, data, 5)
    assert found.median[1] == pytest.approx(data.qpos, abs=1e-9)


def test_the_velocity_is_that_of_the_last_50_ms_whatever_came_before(world):
    binding = world.hand()
    stamps = np.arange(-40, 1) * 5 * world.ms
    values = np.where(stamps < -50 * world.ms, 1.0, 0.3 + 2.0 * stamps / 1e9)
    shadow = world.shadow(binding, None, {'joints': (stamps, np.stack([values, 0 * values], axis=1))})
    found = world.simulate(shadow, 0.01)['joints'].median[:, 0]
    assert found[0] == pytest.approx(0.3, abs=1e-12)
    assert 0.3 + 0.01 < found[1] < 0.3 + 0.02


def test_a_hand_that_is_commanded_nothing_stays_where_it_is(world):
    binding = world.hand()
    found = world.simulate(world.shadow(binding, None, {'joints': still(values=(0.3, -0.2))}), 1.0)['joints']
    assert found.median == pytest.approx(np.tile([0.3, -0.2], (101, 1)), abs=1e-9)


def test_an_event_after_the_start_places_the_hand_where_none_was_before(world):
    binding = world.hand()
    shadow = world.shadow(binding, None, {'joints': (np.array([80, 90]) * world.ms, np.array([[0.2, 0.1]] * 2))})
    assert world.simulate(shadow, 0.2)['joints'].median[0].tolist() == [0.2, 0.1]


COUPLED = """
<mujoco>
  <option timestep="0.002" gravity="0 0 0"/>
  <default><geom contype="0" conaffinity="0"/></default>
  <worldbody>
    <body><joint name="a" axis="0 1 0"/><geom size="0.01"/>
      <body pos="0.1 0 0"><joint name="c" axis="0 1 0"/><geom size="0.01"/>
        <body pos="0.1 0 0"><joint name="d" axis="0 1 0"/><geom size="0.01"/></body></body></body>
    <body pos="0 0.2 0"><joint name="b" axis="0 1 0"/><geom size="0.01"/></body>
    <body name="cube" pos="0 0 1"><freejoint/><geom type="box" size="0.02 0.02 0.02"/></body>
  </worldbody>
  <equality>
    <joint joint1="d" joint2="c" polycoef="0 2 0 0 0"/>
    <joint joint1="c" joint2="a" polycoef="0.1 0.5 1 0 0"/>
  </equality>
  <actuator><position name="act_a" joint="a" kp="1"/><position name="act_b" joint="b" kp="1"/></actuator>
</mujoco>
"""


def test_joints_tied_to_a_measured_one_follow_it_through_a_chain_of_equalities(world):
    binding = world.hand(COUPLED)
    stamps = np.arange(-10, 1) * 5 * world.ms
    values = np.stack([0.4 + 1.0 * stamps / 1e9, 0 * stamps], axis=1)
    shadow = world.shadow(binding, None, {'joints': (stamps, values)})
    found = world.simulate(shadow, 0.0)
    names = [name for name, _ in binding.joints]
    assert names == ['a', 'c', 'd', 'b']
    c = 0.1 + 0.5 * 0.4 + 0.4**2
    assert found['/joints'].median[0] == pytest.approx([0.4, c, 2 * c, 0.0], abs=1e-9)
    assert shadow._batch.qvel[0, :4] == pytest.approx([1.0, 1.3, 2.6, 0.0], abs=0.05)


CUBE = {'kind': 'pose', 'topic': 'cube', 'type': 'geometry_msgs/msg/PoseStamped', 'field': 'pose',
        'elements': {'cube': 'body:cube'}, 'unit': 'm', 'noise': 0.001, 'tolerance': 0.01}  # fmt: skip


def test_a_free_body_is_placed_where_it_was_measured(world):
    binding = world.hand(COUPLED, channels={'cube': CUBE})
    half = np.sin(np.pi / 8), np.cos(np.pi / 8)
    pose = np.array([0.1, -0.2, 0.7, 0.0, 0.0, half[0], half[1]])
    measured = binding.channel('cube').measured(np.tile(pose, (5, 1, 1)))
    stamps = np.arange(-4, 1) * 10 * world.ms
    shadow = world.shadow(binding, None, {'joints': still(), 'cube': (stamps, measured)})
    found = world.simulate(shadow, 0.3)['cube'].median
    assert found[0] == pytest.approx([0.1, -0.2, 0.7, np.pi / 4], abs=1e-9)
    assert found[-1] == pytest.approx(found[0], abs=1e-9)


def test_a_body_measured_just_after_the_start_is_placed_however_events_were_cut(world):
    binding = world.hand(COUPLED, channels={'cube': CUBE})
    pose = binding.channel('cube').measured(np.tile([0.1, -0.2, 0.7, 0, 0, 0, 1.0], (3, 1, 1)))
    stamps = np.array([30, 40, 50]) * world.ms
    starts = []
    for marks in ([0.5], [0.01, 0.025, 0.04, 0.09, 0.2, 0.5]):
        shadow = world.shadow(binding, None, {'joints': still(1.0)})
        fed = 0
        rows = []
        for mark in marks:
            end = int(np.searchsorted(stamps, mark * 1e9, side='right'))
            shadow.measured('cube', world.columns(stamps[fed:end], pose[fed:end]))
            fed = end
            rows += due(shadow, world.t0 + round(mark * 1e9))
        starts.append(rows[0]['cube'].median[0].tolist())
    assert starts[0] == starts[1] == pytest.approx([0.1, -0.2, 0.7, 0.0])


def lag(late, early, period_s):
    """How much later one motion comes than the other, s: the peak of the cross-correlation, refined by a parabola."""
    size = 2 * len(late)
    spectrum = np.fft.rfft(late - late.mean(), size) * np.conj(np.fft.rfft(early - early.mean(), size))
    correlation = np.fft.irfft(spectrum, 64 * size)
    at = int(correlation.argmax())
    return (at if at < 32 * size else at - 64 * size) / 64 * period_s


def respond(world, delay_s, command, timestep=0.002, seconds=4.0):
    model = world.arms.replace('timestep="0.002"', f'timestep="{timestep}"')
    pinned = {'field': 'actuator_delay', 'select': ['*'], 'range': [delay_s, delay_s]}
    parameters = {'delay': pinned} if delay_s else {}
    binding = world.hand(model, clock={'rate_hz': 100}, family={'parameters': parameters})
    return world.simulate(world.shadow(binding, command, {'joints': still()}), seconds)['joints'].median


@pytest.mark.parametrize('delay_s, timestep', [(0.013, 0.002), (0.013, 0.001), (0.0137, 0.002), (0.035, 0.005)])
def test_a_delay_acts_that_much_later(world, delay_s, timestep):
    stamps = world.times(4.0, 200)
    t = stamps / 1e9
    pulse = np.sin(np.pi * np.clip((t - 0.5) / 2.5, 0, 1)) ** 2 * (np.sin(9 * t) + 0.5 * np.sin(17 * t))
    command = stamps, np.stack([0.3 * pulse, 0.2 * pulse], axis=1)
    delayed, prompt = (respond(world, value, command, timestep) for value in (delay_s, 0.0))
    for joint in (0, 1):
        assert lag(delayed[:, joint], prompt[:, joint], 0.01) == pytest.approx(delay_s, abs=0.2 * timestep)


def test_a_command_before_the_start_still_acts_after_its_delay(world):
    delay = {'field': 'actuator_delay', 'select': ['*'], 'range': [0.020, 0.020]}
    binding = world.hand(clock={'rate_hz': 500}, family={'parameters': {'delay': delay}})
    step = np.array([-10 * world.ms]), np.array([[0.5, 0.5]])
    found = world.simulate(world.shadow(binding, step, {'joints': still()}), 0.1)['joints'].median[:, 0]
    moved = np.flatnonzero(np.abs(found) > 1e-9)[0] * 2
    assert 10 < moved <= 14


SLOW = {'field': 'velocity', 'scale': 2.85}


def ramp(world, command, cuts=(), start=0.0, limit=None, scale=1.0, until_s=4.0):
    """Set points of the first actuator at each step of 2 ms for commands (s, position, speed)."""
    speed = {**SLOW, **({'limit': limit} if limit else {})}
    binding = world.hand(command={'speed': speed, 'scale': scale})
    schedule = Schedule(binding.command, 0.002, 50 * world.ms)
    table = np.array(command, float)
    values = np.stack([table[:, 1], table[:, 1], table[:, 2], table[:, 2]], axis=1)
    schedule.add(world.columns(np.rint(table[:, 0] * 1e9).astype(np.int64), values))
    schedule.begin(world.t0, np.full(2, start), 0)
    marks = [0, *cuts, round(until_s / 0.002)]
    return np.concatenate([schedule.controls(a, b - a) for a, b in pairwise(marks)])[:, 0]


def test_a_commanded_speed_reaches_its_target_at_the_right_time(world):
    found = ramp(world, [(0.1, 3.0, 0.5)])
    reach_s = 0.1 + 3.0 / (0.5 * 2.85)
    t = np.arange(len(found)) * 0.002
    assert found == pytest.approx(np.clip((t - 0.1) * 0.5 * 2.85, 0, 3.0), abs=1e-9)
    assert (np.flatnonzero(found == 3.0)[0] - 1) * 0.002 == pytest.approx(reach_s, abs=0.002)


def test_a_new_target_turns_the_set_point_around_where_it_is(world):
    found = ramp(world, [(0.1, 3.0, 0.5), (1.1, 0.0, 1.0)])
    t = np.arange(len(found)) * 0.002
    peak = 1.0 * 0.5 * 2.85
    expected = np.where(t < 1.1, np.clip((t - 0.1) * 0.5 * 2.85, 0, None), np.clip(peak - (t - 1.1) * 2.85, 0, None))
    assert found == pytest.approx(expected, abs=1e-9)


def test_set_points_do_not_depend_on_how_steps_were_cut(world):
    command = [(0.1, 3.0, 0.5), (0.7, 1.0, 0.3), (0.9, 1.0, 0.9), (1.5, -2.0, 0.7)]
    whole = ramp(world, command)
    for cuts in ([1], [50, 51, 52], list(range(7, 2000, 7)), [350, 450, 451, 749, 750, 751]):
        assert np.array_equal(whole, ramp(world, command, cuts))


def test_a_hand_gets_no_faster_than_its_limit_and_its_scale_counts_without_sign(world):
    found = ramp(world, [(0.0, -100.0, 7.0)], limit=2.0, scale=-0.01, until_s=0.5)
    assert found[100] == pytest.approx(0.2 * 2.0 * 2.85 * 0.01)


def test_a_hand_that_is_on_its_way_at_the_start_left_from_there_as_long_ago_as_its_delay(world):
    binding = world.hand(command={'speed': SLOW})
    schedule = Schedule(binding.command, 0.002, 50 * world.ms)
    schedule.add(world.columns([-1_000_000_000], [[3.0, 3.0, 1.0, 1.0]]))
    schedule.begin(world.t0, np.full(2, 0.5), 20)
    found = np.concatenate([schedule.controls(-20, 20), schedule.controls(0, 1), schedule.controls(0, 30)[1:]])[:, 0]
    assert found == pytest.approx(0.5 + 2.85 * 0.002 * np.arange(50), abs=1e-12)


def test_without_a_speed_in_the_message_the_target_acts_at_once(world):
    assert ramp(world, [(0.1, 3.0, np.nan)])[50:52].tolist() == [3.0, 3.0]


def test_what_a_command_does_not_name_stays_as_it_was(world):
    binding = world.hand()
    schedule = Schedule(binding.command, 0.002, 0)
    schedule.add(world.columns([0, 4_000_000], [[0.1, 0.2], [np.nan, 0.3]]))
    schedule.begin(world.t0, np.zeros(2), 0)
    assert schedule.controls(0, 3).tolist() == [[0.1, 0.2], [0.1, 0.2], [0.1, 0.3]]
    schedule.forget(world.t0 + 5_000_000)
    assert schedule.controls(3, 1).tolist() == [[0.1, 0.3]]


def test_each_member_has_the_sensor_noise_that_was_drawn_for_it(world):
    noise = {'noise': {'channel': 'joints', 'range': [0.01, 0.04]}}
    for seed in (1, 2):
        binding = world.hand(family={'members': 1, 'seed': seed, 'parameters': noise}, clock={'rate_hz': 500})
        sigma = families.draw(binding)['noise'][0]
        found = world.simulate(world.shadow(binding, None, {'joints': still()}), 20.0)['joints'].median
        assert found.std(axis=0) == pytest.approx([sigma] * 2, rel=0.03)
        assert abs(np.corrcoef(found.T)[0, 1]) < 0.05
        assert abs(np.corrcoef(found[1:, 0], found[:-1, 0])[0, 1]) < 0.05


def test_the_noise_of_a_round_is_its_own_and_comes_back(world):
    binding = world.hand(family={'members': 3, 'parameters': {'n': {'channel': 'joints', 'range': [0.01, 0.04]}}})
    found = []
    for number in (1, 2, 1):
        shadow = Shadow(binding)
        shadow.measured('joints', world.columns(*still()))
        shadow.start(world.t0, number)
        found.append(world.simulate(shadow, 0.1)['joints'].median)
    assert np.array_equal(found[0], found[2]) and not np.array_equal(found[0], found[1])


def test_no_pose_near_the_start_is_a_problem_and_no_row(world):
    shadow = world.shadow(world.hand(), sway(world, 1.0), {'joints': (np.array([-150 * world.ms]), np.zeros((1, 2)))})
    assert shadow.advance(world.t0 + 90 * world.ms) is None and shadow.problem == ''
    assert world.simulate(shadow, 1.0) == {}
    assert shadow.problem == 'no measurement of joints within 0.1 s of the start'
    shadow.measured('joints', world.columns(*still()))
    shadow.start(world.t0)
    assert shadow.problem == '' and len(world.simulate(shadow, 0.1)['joints']) == 11


BOOM = {'one': {'field': 'actuator_kp', 'select': ['*'], 'range': [1.0, 3e6], 'scale': 'relative'}}


def test_an_unstable_member_is_named_with_what_it_is_made_of(world):
    model = world.arms.replace('integrator="implicitfast"', 'integrator="Euler"')
    binding = world.hand(model, family={'members': 4, 'parameters': BOOM})
    problems, rows = [], []
    for step_s in (None, 0.011, 0.003):
        shadow = world.shadow(binding, sway(world, 1.0), {'joints': still()})
        found = world.simulate(shadow, 1.0, step_s=step_s)
        problems.append(shadow.problem)
        rows.append(found['joints'].median)
        assert np.isfinite(rows[-1]).all() and shadow.advance(world.t0 + 10**10) is None
    assert problems[0] == problems[1] == problems[2]
    assert np.array_equal(rows[0], rows[1]) and np.array_equal(rows[0], rows[2])
    assert 'the simulation became unstable in' in problems[0] and 'one=' in problems[0]
    shadow.start(world.t0)
    assert shadow.problem == '' and len(world.simulate(shadow, 0.0)['joints']) == 1


def test_at_every_horizon_the_shadow_is_put_back_on_the_real_joints(world):
    binding = world.hand(resync={'horizon_s': 0.5}, clock={'rate_hz': 100})
    stamps = np.arange(-20, 200) * 10 * world.ms
    drift = np.stack([0.05 * stamps / 1e9, np.sin(stamps / 1e9)], axis=1)
    rest = np.array([-100 * world.ms]), np.zeros((1, 2))
    found = world.simulate(world.shadow(binding, rest, {'joints': (stamps, drift)}), 1.9)['joints'].median
    for row in (0, 50, 100, 150):
        assert found[row] == pytest.approx(drift[20 + row], abs=2e-3)
    assert abs(found[49, 0]) < 0.005
    cut = world.simulate(world.shadow(binding, rest, {'joints': (stamps, drift)}), 1.9, step_s=0.037)['joints'].median
    assert np.array_equal(found, cut)


def test_a_horizon_without_a_measurement_runs_on(world):
    binding = world.hand(resync={'horizon_s': 0.5})
    shadow = world.shadow(binding, sway(world, 2.0), {'joints': still()})
    free = world.simulate(world.shadow(world.hand(), sway(world, 2.0), {'joints': still()}), 1.9)['joints']
    assert np.array_equal(world.simulate(shadow, 1.9)['joints'].median, free.median)
    assert shadow.problem == ''


def test_late_commands_do_not_act_and_are_counted(world):
    binding = world.hand()
    shadow = world.shadow(binding, None, {'joints': still()})
    shadow.command(world.columns([0], [[0.5, 0.5]], arrives_after=51 * world.ms))
    assert shadow.late == 1
    assert np.abs(world.simulate(shadow, 0.3)['joints'].median).max() == 0.0


def test_forgetting_between_rounds_changes_nothing(world):
    binding = world.hand(family={'members': 3, 'parameters': {'delay': DELAY}})
    command, joints = sway(world, 6.0), sway(world, 6.0, 100)
    found = []
    for forget in (False, True):
        shadow = world.shadow(binding, command, {'joints': joints})
        world.simulate(shadow, 2.0)
        if forget:
            shadow.forget(world.t0 + 4_000_000_000)
        shadow.start(world.t0 + 4_000_000_000, 2)
        found.append(world.simulate(shadow, 1.0, start_ns=world.t0 + 4_000_000_000))
    same(*found)


SLIDER = """
<mujoco>
  <option timestep="0.002" gravity="0 0 -10" cone="elliptic" integrator="implicitfast"/>
  <worldbody>
    <geom name="floor" type="plane" size="5 5 0.1" friction="0.02 0.005 0.0001"/>
    <body name="box" pos="0 0 0.05">
      <joint name="a" type="slide" axis="1 0 0" damping="0"/><joint name="z" type="slide" axis="0 0 1"/>
      <geom name="box" type="box" size="0.05 0.05 0.05" mass="0.3" friction="0.02 0.005 0.0001"/>
      <site name="pad" type="box" size="0.06 0.06 0.06"/>
    </body>
    <body name="scale" pos="2 0 0.3"><joint name="b" type="slide" axis="0 0 1"/>
      <geom name="pan" type="box" size="0.1 0.1 0.01" mass="0.1" contype="0" conaffinity="0"/></body>
  </worldbody>
  <actuator><velocity name="act_a" joint="a" kv="300"/><position name="act_b" joint="b" kp="100"/></actuator>
  <sensor><touch name="pad" site="pad"/><force name="wrist" site="pad"/></sensor>
</mujoco>
"""


def channel(kind, element, **more):
    units = {'force': 'N', 'slip': 'm/s'}
    return {'kind': kind, 'topic': kind, 'type': 'std_msgs/msg/Float64MultiArray', 'field': 'data', 'stamp': 'receive',
            'elements': {0: element}, 'unit': units[kind], 'noise': 0.01, 'tolerance': 0.01, **more}  # fmt: skip


def slide(world, speed, floor=0.05, element='box', friction=0.02):
    """What the channels of a box say that is pushed over a plane at a speed, after one second."""
    unit = {'unit': 'm', 'elements': {'a': 'a', 'b': 'b'}}
    model = SLIDER.replace('friction="0.02', f'friction="{friction}')
    binding = world.hand(model, channels={
        'joints': unit, 'slip': channel('slip', element, floor=floor), 'touch': channel('force', 'pad'),
        'contact': channel('force', 'body:box'), 'down': channel('force', 'geom:box', component='z'),
        'across': channel('force', 'box', component='x'), 'norm': channel('force', 'wrist'),
        'wrist_z': channel('force', 'wrist', component='z'),
    })  # fmt: skip
    command = np.array([0]), np.array([[speed, 0.0]])
    shadow = world.shadow(binding, command, {'joints': still()})
    found = world.simulate(shadow, 1.0)
    assert shadow.problem == ''
    return {name: rows.median[-1, 0] for name, rows in found.items()}


@pytest.mark.parametrize('speed', [0.02, 0.1, -0.15])
@pytest.mark.parametrize('element', ['box', 'geom:box', 'body:box'])
def test_a_box_that_slides_at_a_known_speed_slips_at_that_speed(world, speed, element):
    assert slide(world, speed, element=element)['slip'] == pytest.approx(abs(speed), rel=0.02)


def test_a_box_at_rest_does_not_slip(world):
    assert slide(world, 0.0)['slip'] == pytest.approx(0.0, abs=1e-4)


def test_below_the_force_floor_nothing_slips(world):
    assert slide(world, 0.1, floor=2.9)['slip'] == pytest.approx(0.1, rel=0.02)
    assert slide(world, 0.1, floor=3.1)['slip'] == 0.0


def test_touch_contact_and_its_component_weigh_a_resting_body(world):
    found = slide(world, 0.0)
    for name in ('touch', 'contact', 'down'):
        assert abs(found[name]) == pytest.approx(3.0, rel=0.01), name
    assert found['across'] == pytest.approx(0.0, abs=0.01)


def test_friction_shows_across_and_in_the_norm(world):
    found = slide(world, 0.01, friction=0.5)
    assert abs(found['across']) == pytest.approx(0.5 * 3.0, rel=0.03)
    assert found['contact'] == pytest.approx(3.0 * np.hypot(1, 0.5), rel=0.03)


def test_a_force_sensor_gives_its_norm_or_one_component(world):
    model = SLIDER.replace('<force name="wrist" site="pad"/>', '<force name="wrist" site="palm"/>').replace(
        '<joint name="b" type="slide" axis="0 0 1"/>',
        '<joint name="b" type="slide" axis="0 0 1"/><site name="palm" quat="0.7071068 0.7071068 0 0"/>')  # fmt: skip
    binding = world.hand(model, channels={
        'joints': {'unit': 'm', 'elements': {'a': 'a', 'b': 'b'}}, 'norm': channel('force', 'wrist'),
        'y': channel('force', 'wrist', component='y'), 'z': channel('force', 'wrist', component='z')})  # fmt: skip
    hold = np.array([0]), np.array([[0.0, 0.01]])
    found = world.simulate(world.shadow(binding, hold, {'joints': still()}), 0.5)
    weight = 0.1 * 10
    assert found['norm'].median[0, 0] == pytest.approx(weight, rel=1e-6)
    assert abs(found['y'].median[0, 0]) == pytest.approx(weight, rel=1e-6)
    assert found['z'].median[0, 0] == pytest.approx(0.0, abs=1e-6)


def test_measurements_go_through_scale_offset_and_component(world):
    binding = world.hand(channels={'joints': {'scale': {'a': 2.0, 'b': -1.0}, 'offset': {'a': 0.5, 'b': 0.0}}})
    assert binding.channel('joints').measured(np.array([[[1.0], [3.0]]])).tolist() == [[2.5, -3.0]]


def test_the_last_50_ms_decide_even_when_they_hold_a_gap(world):
    timeline = Timeline(1, 0)
    timeline.add(Columns(np.array([0, 10, 20]), np.array([0, 10, 20]), np.array([[1.0], [np.nan], [3.0]])))
    pose = pose_at(timeline, 20, 100)
    assert pose.values.tolist() == [3.0] and pose.rates.tolist() == [0.0]
    assert pose_at(timeline, 200, 100) is None and pose_at(timeline, -50, 100).values.tolist() == [1.0]
