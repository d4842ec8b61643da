"""The gate against everything that should not get through it."""

from types import SimpleNamespace

import mujoco
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer_audit.core.binding import open_hand
from transfer_audit.core.errors import UnknownElement
from transfer_audit.core.gate import Gate
from transfer_audit.core.gate.servos import Servos
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
    'cut': {'force': 0.5, 'speed': 0.25, 'restore_after_rounds': 2},
}


def hand(folder, mjcf=HAND, elements=('act_a', 'act_b'), joints=('a', 'b'), tips=('tip',), **gate):
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
    }
    profile = {
        'hand': 'small', 'model': 'hand.xml',
        'command': {**JOINT_STATE, 'topic': 'command', 'elements': {name: name for name in elements}},
        'channels': {'joints': joint_channel, 'tips': {**tips, **ARRAY}},
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
        self.steady = 5 * NS
        if recorded:
            self.gate.recording(True)

    @property
    def now(self):
        return ROS + self.steady

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


@pytest.fixture
def binding(tmp_path):
    return hand(tmp_path)


@pytest.fixture
def bench(binding):
    return Bench(binding).sense(0.0, 0.0)


def held(decision, word):
    assert decision.action == 'held' and decision.values is None, decision
    assert word in decision.reason, decision.reason


# what passes


def test_a_good_command_passes_as_it_came(bench):
    assert bench.ask(0.01, -0.01).action == 'passed'
    decision = bench.wait(10).sense(0.0, 0.0).ask(0.02, -0.02)
    assert decision.action == 'passed' and decision.reason == ''
    np.testing.assert_array_equal(decision.values, [0.02, -0.02])


def test_what_left_cannot_be_changed_from_outside(bench):
    asked = np.array([0.01, 0.0])
    decision = bench.gate.command(asked, bench.now, bench.now, bench.steady)
    asked[:] = 9.0
    assert decision.values[0] == 0.01
    with pytest.raises(ValueError):
        decision.values[0] = 9.0


# shape, names, numbers, age


@pytest.mark.parametrize(
    ('values', 'word'),
    [
        ([np.nan, 0.0], 'act_a is missing or NaN'),
        ([0.0, np.nan], 'act_b is missing or NaN'),
        ([np.nan, np.nan], 'missing'),
        ([0.0, np.inf], 'act_b is infinite'),
        ([-np.inf, 0.0], 'infinite'),
        ([0.0], '2 values expected'),
        ([0.0, 0.0, 0.0], '2 values expected'),
        ([], '2 values expected'),
        ([[0.0, 0.0]], '2 values expected'),
        (0.0, '2 values expected'),
        (None, '2 values expected'),
        ('home', 'not a row of numbers'),
        ([[0.0], [0.0, 1.0]], 'not a row of numbers'),
    ],
)
def test_nonsense_is_held(bench, values, word):
    held(bench.gate.command(values, bench.now, bench.now, bench.steady), word)
    assert bench.ask(0.0, 0.0).action == 'passed'


@pytest.mark.parametrize(('age_ms', 'word'), [(101, 'past'), (5000, 'past'), (-101, 'future'), (-1e9, 'future')])
def test_a_stamp_far_from_the_present_is_held(bench, age_ms, word):
    held(bench.ask(0.0, 0.0, age_ms=age_ms), word)


def test_an_unstamped_command_is_held(bench):
    held(bench.gate.command(np.zeros(2), 0, bench.now, bench.steady), 'past')


def test_a_stamp_that_is_no_number_is_held(bench):
    held(bench.gate.command(np.zeros(2), float('nan'), bench.now, bench.steady), 'stamped')


def test_an_overtaken_command_is_held(bench):
    assert bench.ask(0.01, 0.0).action == 'passed'
    held(bench.ask(0.0, 0.0, age_ms=20), 'overtaken')


def test_a_clock_that_steps_back_does_not_block_for_ever(bench):
    bench.ask(0.01, 0.0)
    earlier = bench.now - 3600 * NS
    bench.wait(10)
    bench.gate.measured('joints', np.zeros(2), earlier, earlier, bench.steady)
    bench.gate.measured('tips', np.zeros(1), earlier, earlier, bench.steady)
    assert bench.gate.command(np.array([0.02, 0.0]), earlier, earlier, bench.steady).action == 'passed'


def test_what_cannot_be_converted_is_held(bench):
    held(bench.gate.refuse('no joint act_c in this hand', bench.now, bench.steady), 'act_c')


# where the hand is


def test_nothing_moves_before_the_joints_are_known(binding):
    bench = Bench(binding).force(0.0)
    held(bench.ask(0.0, 0.0), 'never heard')
    held(bench.joints(0.0, np.nan).ask(0.0, 0.0), 'b of channel joints never heard')


def test_without_a_force_budget_the_first_command_still_needs_the_joints(tmp_path):
    bench = Bench(hand(tmp_path, force_budget={}))
    held(bench.ask(0.0, 0.0), 'where the hand stands is not known')
    assert bench.joints(0.0, 0.0).ask(0.0, 0.0).action == 'passed'
    assert bench.wait(3000).ask(0.05, 0.0).action == 'passed'


def test_an_actuator_whose_joint_nobody_measures_never_starts(tmp_path):
    held(Bench(hand(tmp_path, joints=('a',))).joints(0.0).force(0.0).ask(0.0, 0.0), 'act_b stands is not known')


def test_the_first_command_starts_at_the_measured_joints(binding):
    bench = Bench(binding).sense(0.5, -0.5)
    decision = bench.ask(-1.0, -0.5)
    assert decision.action == 'clamped'
    np.testing.assert_allclose(decision.values, [0.5 - 2.0 * 0.01, -0.5])


def test_a_hand_outside_its_range_starts_at_the_edge(binding):
    decision = Bench(binding).sense(1.3, 0.0).ask(0.0, 0.0)
    np.testing.assert_allclose(decision.values, [1.0 - 0.02, 0.0])


# range and speed


def test_the_range_of_the_actuators_is_kept(bench):
    bench.walk((1.0, 0.0))
    decision = bench.wait(20).sense(1.0, 0.0).ask(1.5, 0.0)
    assert decision.action == 'clamped' and 'act_a: 1.5 is outside -1 to 1' in decision.reason
    np.testing.assert_array_equal(decision.values, [1.0, 0.0])


def test_speed_is_measured_from_the_last_command_sent(bench):
    bench.ask(0.0, 0.0)
    decision = bench.wait(20).sense(0.9, 0.9).ask(1.0, 0.01)
    np.testing.assert_allclose(decision.values, [0.04, 0.01])
    assert decision.action == 'clamped' and 'act_a: faster than 2 per second' in decision.reason


@pytest.mark.parametrize('pause_ms', [100, 101, 1000, 3_600_000])
def test_a_pause_buys_no_jump(bench, pause_ms):
    bench.ask(0.0, 0.0)
    decision = bench.wait(pause_ms).sense(0.0, 0.0).ask(1.0, 0.0)
    assert decision.values[0] == pytest.approx(0.2)


def test_a_burst_buys_no_speed(bench):
    bench.ask(0.0, 0.0)
    bench.wait(20).sense(0.0, 0.0)
    for _ in range(50):
        decision = bench.ask(1.0, 0.0)
    assert decision.values[0] == pytest.approx(0.04)


def test_a_hold_buys_no_jump(bench):
    bench.ask(0.0, 0.0)
    for _ in range(50):
        bench.wait(20).sense(0.0, 0.0)
        held(bench.ask(np.nan, 0.0), 'NaN')
    assert bench.wait(20).sense(0.0, 0.0).ask(1.0, 0.0).values[0] == pytest.approx(0.2)


def test_a_steady_clock_that_goes_back_buys_nothing(bench):
    bench.ask(0.0, 0.0)
    decision = bench.gate.command(np.array([1.0, 0.0]), bench.now, bench.now, bench.steady - 50 * MS)
    assert decision.values[0] == 0.0


def test_speed_budgets_of_single_actuators(tmp_path):
    bench = Bench(hand(tmp_path, speed_budget={'act_b': 1.0})).sense(0.0, 0.0)
    np.testing.assert_allclose(bench.ask(1.0, 1.0).values, [1.0, 0.01])
    assert bench.gate.status().speed_budget == 1.0


# force


def pressing(bench, push=0.3, force=3.0):
    """Finger a stands at 0.1 and is told to be `push` further: it presses."""
    bench.walk((0.1 + push, 0.0), joints=(0.1, 0.0), force=force)
    return bench.wait(20)


def test_over_budget_closing_is_held_and_opening_passes(bench):
    pressing(bench).sense(0.1, 0.0, force=5.0)
    held(bench.ask(0.42, 0.0), 'tip presses 5 N, budget 4 N')
    decision = bench.wait(20).sense(0.1, 0.0, force=5.0).ask(0.37, 0.0)
    assert decision.action == 'passed' and decision.values[0] == 0.37
    assert bench.ask(0.37, 0.0).action == 'passed'
    assert bench.gate.status().trips == 1


def test_opening_passes_until_the_force_is_gone_though_the_joint_lags(bench):
    pressing(bench, push=0.1)
    for target in np.arange(0.2, -0.4, -0.03):
        decision = bench.wait(20).sense(0.1, 0.0, force=5.0).ask(target, 0.0)
        assert decision.action == 'passed' and decision.values[0] == target
    held(bench.wait(20).sense(0.1, 0.0, force=5.0).ask(target + 0.01, 0.0), 'closing held')


def test_what_opens_passes_while_another_actuator_is_held(bench):
    bench.walk((0.4, 0.3), joints=(0.1, 0.0), force=3.0)
    decision = bench.wait(20).sense(0.1, 0.0, force=5.0).ask(0.37, 0.33)
    assert decision.action == 'clamped' and 'only what opens' in decision.reason
    np.testing.assert_array_equal(decision.values, [0.37, 0.3])


def test_an_actuator_of_which_nothing_is_known_stands_still(bench):
    pressing(bench).sense(0.1, 0.0, force=5.0)
    for motion in (0.01, -0.01):
        held(bench.ask(0.4, motion), 'closing held')


def test_a_second_tip_over_budget_does_not_turn_the_first_finger_around(tmp_path):
    bench = Bench(hand(tmp_path, tips=('tip', 'thumb'), force_budget={'tip': 4.0, 'thumb': 4.0}))

    def feel(tip, thumb):
        bench.wait(20).joints(0.1, 0.0)
        bench.gate.measured('tips', np.array([tip, thumb]), bench.now, bench.now, bench.steady)
        return bench

    for target in np.linspace(0.1, 0.4, 20):
        feel(3.0, 0.0).ask(target, 0.0)
    for target in np.linspace(0.4, 0.0, 20):
        assert feel(5.0, 0.0).ask(target, 0.0).action == 'passed'
    assert feel(5.0, 4.5).ask(-0.03, 0.0).action == 'passed'
    held(bench.wait(20).ask(0.0, 0.0), 'tip presses 5 N, budget 4 N; thumb presses 4.5 N, budget 4 N: closing held')


def test_a_stiff_servo_opens_towards_where_it_was_free_of_contact(bench):
    bench.walk((0.1, 0.0), force=0.0)
    bench.walk((0.3, 0.0), force=3.0)
    bench.wait(20).sense(0.3, 0.0, force=5.0)
    held(bench.ask(0.31, 0.0), 'closing held')
    assert bench.ask(0.29, 0.0).action == 'passed'


@pytest.mark.parametrize('force', [4.0, 5.0, -5.0, np.inf, -np.inf])
def test_spent_budgets(bench, force):
    pressing(bench).sense(0.1, 0.0, force=force)
    held(bench.ask(0.42, 0.0), 'tip presses')
    assert bench.gate.budgets().force == 0.0


def test_noise_at_the_edge_of_the_budget_is_one_trip(bench):
    pressing(bench)
    for index in range(40):
        bench.wait(10).sense(0.1, 0.0, force=4.0 if index % 2 else 3.9)
        bench.ask(0.4 + 0.001 * index, 0.0)
    assert bench.gate.status().trips == 1
    assert bench.sense(0.1, 0.0, force=3.8).ask(0.4, 0.0).action == 'passed'


@pytest.mark.parametrize('silent', ['joints', 'tips'])
def test_silence_of_a_needed_channel_is_held(bench, silent):
    bench.ask(0.0, 0.0)
    for _ in range(11):
        bench.wait(10)
        bench.force(0.0) if silent == 'joints' else bench.joints(0.0, 0.0)
    held(bench.ask(0.0, 0.0), f'channel {silent} silent')
    assert bench.gate.status().level == 'stale'
    assert bench.sense(0.0, 0.0).ask(0.0, 0.0).action == 'passed'


@pytest.mark.parametrize(
    'broken',
    [
        lambda bench: bench.force(np.nan),
        lambda bench: bench.force(0.0, age_ms=150),
        lambda bench: bench.force(0.0, age_ms=-150),
        lambda bench: bench.gate.measured('tips', np.zeros(3), bench.now, bench.now, bench.steady),
        lambda bench: bench.gate.measured('tips', np.zeros(0), bench.now, bench.now, bench.steady),
    ],
    ids=['NaN', 'old', 'future', 'too many', 'none'],
)
def test_a_broken_force_counts_as_silence(bench, broken):
    bench.ask(0.0, 0.0)
    for _ in range(11):
        broken(bench.wait(10).joints(0.0, 0.0))
    held(bench.ask(0.0, 0.0), 'channel tips')
    assert bench.gate.budgets().force == 0.0


def test_a_nan_does_not_wipe_a_spent_budget_out(bench):
    pressing(bench).sense(0.1, 0.0, force=5.0)
    held(bench.force(np.nan).ask(0.42, 0.0), 'tip presses 5 N')


def test_a_channel_the_profile_does_not_have(bench):
    with pytest.raises(UnknownElement, match='joints'):
        bench.gate.measured('joint', np.zeros(2), bench.now, bench.now, bench.steady)


def test_against_a_wall_the_force_stays_near_its_budget(tmp_path):
    """A policy that only ever closes, a real servo, a wall; forces arrive 10 ms old."""

    def peak(budget):
        binding = hand(tmp_path, force_budget={'tip': budget})
        model, data = binding.model, mujoco.MjData(binding.model)
        plan, bench = binding.channel('tips'), Bench(binding)
        old, peaks = [0.0] * 6, []
        for step in range(1500):
            force = float(plan.simulated(data.sensordata)[0])
            old.append(force)
            peaks.append(force)
            bench.wait(2).joints(*data.qpos[:2]).force(old[-6], age_ms=10)
            if step % 10 == 0:
                decision = bench.ask(min(1.0, 1e-3 * step), 0.0)
                data.ctrl[:] = data.ctrl if decision.values is None else decision.values
            mujoco.mj_step(model, data)
        return max(peaks)

    assert peak(1000.0) > 8.0
    assert 2.0 < peak(4.0) < 4.0 * 1.15


# divergence and rounds


def test_a_divergence_cuts_and_agreeing_rounds_restore(bench):
    gate = bench.gate
    assert gate.budgets() == (1.0, 1.0, 1.0)
    gate.divergence('force', 'tip', '3 N where 1 was foretold')
    gate.divergence('pose', 'a', '')
    assert gate.status().force_budget == {'tip': 2.0} and gate.status().speed_budget == 0.5
    assert gate.budgets() == (0.5, 0.25, 1.0)
    assert 'force of tip diverged: 3 N' in gate.status().cut
    gate.round_ended(True, True)
    gate.divergence('pose', 'a', '')
    assert gate.status().force_budget == {'tip': 2.0}
    gate.round_ended(True, False)  # the divergence of this round counts though its end forgot it
    gate.round_ended(True, False)
    assert gate.status().cut
    gate.round_ended(True, False)
    assert not gate.status().cut and gate.budgets() == (1.0, 1.0, 1.0)


def test_a_cut_acts_on_the_next_command(bench):
    pressing(bench).sense(0.1, 0.0, force=3.0)
    assert bench.ask(0.41, 0.0).action == 'passed'
    bench.gate.divergence('force', 'tip', '')
    held(bench.wait(20).sense(0.1, 0.0, force=3.0).ask(0.42, 0.0), 'budget 2 N')
    bench.sense(0.1, 0.0, force=0.0)
    assert bench.ask(1.0, 0.0).values[0] == pytest.approx(0.41 + 2.0 * 0.25 * 0.02)


def test_a_cut_to_nothing_lets_nothing_close(tmp_path):
    bench = Bench(hand(tmp_path, cut={'force': 0.0, 'speed': 0.0})).sense(0.0, 0.0)
    bench.ask(0.0, 0.0)
    bench.gate.divergence('pose', 'a', '')
    bench.wait(20).sense(0.0, 0.0)
    for target in (0.1, -0.1):
        decision = bench.ask(target, 0.0)
        assert decision.values is None or not decision.values.any()


def test_failed_rounds_in_a_row_latch(bench):
    gate = bench.gate
    for success in (False, False, True, False, None, False):
        gate.round_ended(success, False)
    assert gate.status().failures_left == 1 and bench.ask(0.0, 0.0).action == 'passed'
    gate.round_ended(False, False)
    held(bench.ask(0.0, 0.0), '3 rounds failed in a row')
    assert bench.latch.reason and gate.budgets().failures == 0.0 and gate.status().trips == 1
    assert gate.rearm() == (True, 'rearmed after: 3 rounds failed in a row, budget 3')
    assert gate.status().failures_left == 3 and bench.ask(0.0, 0.0).action == 'passed'


# latch


def test_a_stop_survives_a_restart_and_only_rearm_opens_it(binding):
    first = Bench(binding).sense(0.0, 0.0)
    first.gate.stop('an operator said so')
    held(first.ask(0.0, 0.0), 'an operator said so')
    second = Bench(binding, latch=first.latch).sense(0.0, 0.0)
    second.gate.round_ended(True, False)
    held(second.ask(0.0, 0.0), 'an operator said so')
    assert second.gate.status().latched and second.gate.status().level == 'error'
    assert second.gate.rearm()[0] and second.latch.reason is None
    assert second.ask(0.0, 0.0).action == 'passed'
    assert not Bench(binding, latch=second.latch).gate.status().latched


def test_removing_the_latch_behind_its_back_does_not_open_the_gate(bench):
    bench.gate.stop('stop')
    bench.latch.clear()
    held(bench.ask(0.0, 0.0), 'stop')


def test_the_first_reason_is_kept(bench):
    bench.gate.stop('first')
    bench.gate.stop('second')
    assert bench.latch.reason == 'first' and bench.gate.status().trips == 1


def test_a_stop_that_cannot_be_written_stops_anyway(bench):
    def full(_reason):
        raise OSError('no space left')

    bench.latch.set = full
    bench.gate.stop('stop')
    held(bench.ask(0.0, 0.0), 'a restart would forget this: no space left')


def test_a_latch_that_cannot_be_cleared_stays(bench):
    def stuck():
        raise OSError('read-only')

    bench.latch.clear = stuck
    bench.gate.stop('stop')
    assert bench.gate.rearm() == (False, 'not rearmed: the latch cannot be cleared: read-only')
    held(bench.ask(0.0, 0.0), 'stop')


@pytest.mark.parametrize(
    ('cause', 'word'),
    [
        (lambda bench: bench.force(9.0), 'tip presses 9 N'),
        (lambda bench: bench.gate.recording(False, 'disk full'), 'disk full'),
        (lambda bench: bench.gate.tick(bench.wait(500).now, bench.steady), 'silent'),
    ],
)
def test_no_rearming_while_the_cause_persists(bench, cause, word):
    bench.gate.stop('stop')
    cause(bench)
    armed, why = bench.gate.rearm()
    assert not armed and word in why
    held(bench.ask(0.0, 0.0), 'stop')


# recording


def test_unrecorded_rounds_hold_and_so_does_a_recorder_not_heard(binding):
    bench = Bench(binding, recorded=False).sense(0.0, 0.0)
    held(bench.ask(0.0, 0.0), 'not been heard')
    bench.gate.recording(True)
    assert bench.ask(0.0, 0.0).action == 'passed'
    bench.gate.recording(False, 'disk full')
    held(bench.ask(0.0, 0.0), 'disk full')
    assert 'disk full' in bench.gate.status().message


def test_unrecorded_pass_does_not_wait_for_the_recorder(tmp_path):
    bench = Bench(hand(tmp_path, unrecorded='pass'), recorded=False).sense(0.0, 0.0)
    bench.gate.recording(False, 'disk full')
    assert bench.ask(0.0, 0.0).action == 'passed' and bench.gate.rearm()[0]


# time


def test_keep_alive_repeats_the_last_safe_command_and_nothing_else(tmp_path):
    bench = Bench(hand(tmp_path, keep_alive_hz=20)).sense(0.0, 0.0)
    assert bench.gate.tick(bench.now, bench.steady).values is None
    bench.ask(0.01, 0.0)
    assert bench.gate.tick(bench.wait(49).now, bench.steady) is None
    again = bench.gate.tick(bench.wait(1).now, bench.steady)
    assert again.action == 'held' and again.reason == 'keep alive'
    np.testing.assert_array_equal(again.values, [0.01, 0.0])
    assert bench.gate.tick(bench.wait(10).now, bench.steady) is None
    refused = bench.sense(0.0, 0.0).ask(np.nan, 0.0)
    assert refused.action == 'held'
    np.testing.assert_array_equal(refused.values, [0.01, 0.0])
    bench.gate.stop('stop')
    np.testing.assert_array_equal(bench.gate.tick(bench.wait(60).now, bench.steady).values, [0.01, 0.0])


def test_silence_of_commands_is_said_once(bench):
    bench.ask(0.0, 0.0)
    said = [bench.gate.tick(bench.wait(30).sense(0.0, 0.0).now, bench.steady) for _ in range(10)]
    assert [index for index, decision in enumerate(said) if decision] == [3]
    assert said[3].values is None and 'no command for 0.12 s' in said[3].reason
    assert bench.gate.status().level == 'stale'
    bench.ask(0.0, 0.0)
    assert bench.gate.tick(bench.now, bench.steady) is None and bench.gate.status().level == 'ok'


def test_the_status_in_words(bench):
    assert bench.gate.status().level == 'stale' and bench.gate.status().message == 'no command yet'
    bench.ask(0.0, 0.0)
    assert bench.gate.status().message == 'passing'
    bench.gate.divergence('slip', 'tip', '')
    assert bench.gate.status().level == 'warn' and 'slip of tip' in bench.gate.status().message
    bench.wait(50).force(5.0, age_ms=30)
    status = bench.gate.status()
    assert status.level == 'error' and 'only opening: tip presses 5 N' in status.message
    assert 'tip by 3 N' in status.overshoot
    bench.wait(5).sense(0.0, 0.0, force=0.0)
    bench.wait(20).ask(0.0, 0.0)
    assert 'up to 20.0 ms old, 0.01 rad or m' in bench.gate.status().overshoot


# rest law of other actuators

OTHER = HAND.replace(
    '</actuator>',
    """  <motor name="torque" joint="c" gear="3" ctrlrange="-1 1"/>
    <velocity name="speed" joint="c" kv="1"/>
    <position name="geared" joint="c" gear="2" kp="5"/>
    <position name="pair" tendon="both" kp="1"/>
    <general name="law" joint="c" biastype="affine" gainprm="4" biasprm="1 -2 0"/>
    <muscle name="muscle" joint="c" lengthrange="0.1 1"/>
  </actuator>
  <tendon><fixed name="both"><joint joint="b" coef="1"/><joint joint="c" coef="-0.5"/></fixed></tendon>""",
)


def test_the_rest_of_every_kind_of_actuator(tmp_path):
    names = ('torque', 'speed', 'geared', 'pair', 'law', 'muscle')
    binding = hand(tmp_path, mjcf=OTHER, elements=names, joints=('b', 'c'))
    servos = Servos(binding)
    assert [column.target for column in servos.joints] == ['b', 'c']
    rest = servos.rest(np.array([0.3, 0.2]))
    np.testing.assert_allclose(rest, [0.0, 0.0, 0.4, 0.2, (2 * 0.2 - 1) / 4, np.nan])
    data = mujoco.MjData(binding.model)
    data.joint('b').qpos, data.joint('c').qpos = 0.3, 0.2
    known = [index for index in range(6) if np.isfinite(rest[index])]
    for index in known:
        data.ctrl[binding.command.actuators[index]] = rest[index]
    mujoco.mj_forward(binding.model, data)
    np.testing.assert_allclose(data.actuator_force[[binding.command.actuators[i] for i in known]], 0.0, atol=1e-12)
    unknown = servos.rest(np.array([np.nan, 0.2]))
    assert list(np.isnan(unknown)) == [False, False, False, True, False, True]


# whatever comes

numbers = st.one_of(st.floats(-3, 3), st.floats(allow_nan=True, allow_infinity=True), st.just(float('nan')))
ages = st.sampled_from([0, 0, 0, 5, 30, 99, 150, -50, -150, 10**7])
event = st.one_of(
    st.tuples(st.just('command'), st.lists(st.one_of(st.floats(-2, 2), numbers), min_size=2, max_size=2), ages),
    st.tuples(st.just('command'), st.lists(numbers, max_size=3), ages),
    st.tuples(st.just('sense'), st.lists(st.floats(-1.5, 1.5), min_size=2, max_size=2), st.floats(-6, 6)),
    st.tuples(st.just('good'), st.lists(st.floats(-1.5, 1.5), min_size=2, max_size=2), st.floats(-4.5, 4.5)),
    st.tuples(st.just('joints'), st.lists(numbers, max_size=3), ages),
    st.tuples(st.just('tips'), st.lists(numbers, max_size=2), ages),
    st.tuples(st.just('wait'), st.sampled_from([0, 1e-6, 1, 10, 20, 90, 110, 5000, -20]), st.just(0)),
    st.tuples(st.just('other'), st.sampled_from(['tick', 'cut', 'good', 'bad', 'stop', 'rearm', 'mute', 'hear']), ages),
)


@pytest.fixture(scope='module')
def hands(tmp_path_factory):
    return SimpleNamespace(
        silent=hand(tmp_path_factory.mktemp('silent')),
        kept=hand(tmp_path_factory.mktemp('kept'), keep_alive_hz=50, speed_budget={'act_a': 2.0, 'act_b': 0.5}),
    )


@settings(max_examples=400, deadline=None)
@given(
    kept=st.booleans(),
    events=st.lists(event, min_size=20, max_size=80),
    start=st.lists(st.floats(-1, 1), min_size=2, max_size=2),
)
def test_whatever_comes_nothing_bad_leaves(hands, kept, events, start):
    bench = Bench(hands.kept if kept else hands.silent)
    speed = np.array([2.0, 0.5]) if kept else np.array([2.0, 2.0])
    bench.sense(*start)
    last, last_steady, latest = None, 0, bench.steady
    for kind, what, extra in events:
        decision = _play(bench, kind, what, extra)
        if kind not in ('wait', 'other') or what == 'tick':  # the gate was told the time
            latest = max(latest, bench.steady)
        stopped = bench.latch.reason is not None
        assert not (stopped and decision is not None and decision.action != 'held')
        if decision is None or decision.values is None:
            continue
        assert np.isfinite(decision.values).all()
        assert (np.abs(decision.values) <= 1.0).all()
        if last is not None:
            moved = np.abs(decision.values - last)
            assert (moved <= speed * min(latest - last_steady, 0.1 * NS) / NS + 1e-12).all()
        if decision.action == 'held':
            np.testing.assert_array_equal(decision.values, last)
        else:
            last, last_steady = decision.values, latest
    assert all(0.0 <= share <= 1.0 for share in bench.gate.budgets())
    bench.gate.status()


def _play(bench, kind, what, extra):
    gate = bench.gate
    if kind == 'good':
        return bench.wait(10).sense(*what, force=extra).ask(*reversed(what))
    if kind == 'command':
        return bench.ask(*what, age_ms=extra)
    if kind == 'sense':
        bench.sense(*what, force=extra)
    elif kind in ('joints', 'tips'):
        gate.measured(kind, np.array(what, float), bench.now - extra * MS, bench.now, bench.steady)
    elif kind == 'wait':
        bench.wait(what)
    elif what == 'tick':
        return gate.tick(bench.now, bench.steady)
    else:
        {
            'cut': lambda: gate.divergence('pose', 'a', ''),
            'good': lambda: gate.round_ended(True, False),
            'bad': lambda: gate.round_ended(False, True),
            'stop': lambda: gate.stop('stop'),
            'rearm': gate.rearm,
            'mute': lambda: gate.recording(False),
            'hear': lambda: gate.recording(True),
        }[what]()
    return None
