"""What a hold sends: to servos, motors and velocity servos, and to a hand that presses too long."""

import numpy as np
import pytest

from transfer_audit.core.errors import ProfileError

MORE = """  <motor name="torque" joint="b" ctrlrange="-1 1"/>
    <velocity name="speed" joint="c" kv="1" ctrlrange="-2 2"/>
  </actuator>"""


@pytest.fixture
def mixed(hand, mjcf, bench_of):
    """A servo, a torque motor and a velocity servo, each told to move, and what the profile says of holds."""

    def make(**gate):
        changes = {'speed_budget': None, 'force_budget': {}, 'keep_alive_hz': 50, **gate}
        binding = hand(
            mjcf=mjcf.replace('</actuator>', MORE), elements=('act_a', 'torque', 'speed'), joints=('a', 'b'), **changes
        )
        bench = bench_of(binding).joints(0.1, 0.0)
        assert bench.ask(0.2, 0.5, 1.0).action == 'passed'
        return bench

    return make


def test_motors_and_velocity_servos_go_to_zero_unless_the_profile_says_more(mixed):
    decision = mixed().ask(np.nan, 0.0, 0.0)
    assert decision.action == 'held'
    np.testing.assert_array_equal(decision.values, [0.2, 0.0, 0.0])


def test_each_actuator_holds_by_its_own_rule(mixed):
    decision = mixed(hold={'torque': 'position', 'act_a': 'zero'}).ask(np.nan, 0.0, 0.0)
    np.testing.assert_array_equal(decision.values, [0.0, 0.5, 0.0])


def test_zero_is_sent_though_the_driver_needs_no_keeping_alive(mixed):
    """A motor goes on with the last torque it was told."""
    bench = mixed(keep_alive_hz=0)
    assert bench.ask(np.nan, 0.0, 0.0).values[1] == 0.0
    assert bench.ask(np.nan, 0.0, 0.0).values is None


@pytest.mark.parametrize('cause', ['silence', 'stop'])
def test_it_is_sent_without_any_command(mixed, cause):
    bench = mixed()
    bench.gate.stop('stop') if cause == 'stop' else bench.wait(101)
    bench.wait(5).joints(0.1, 0.0)
    np.testing.assert_array_equal(bench.gate.tick(bench.now, bench.steady).values, [0.2, 0.0, 0.0])


def test_damping_brakes_the_measured_joint(mixed):
    """b turns at 2 rad/s: 0.05 per rad/s is a torque of -0.1."""
    bench = mixed(hold={'torque': 'damping'}, damping={'torque': 0.05})
    for index in range(1, 8):
        bench.wait(10).joints(0.1, 0.02 * index)
    assert bench.ask(np.nan, 0.0, 0.0).values[1] == pytest.approx(-0.1, abs=1e-6)
    for _ in range(10):
        bench.wait(10).joints(0.1, 0.14)
    assert bench.ask(np.nan, 0.0, 0.0).values[1] == 0.0


def test_a_joint_that_is_not_measured_any_more_is_not_damped(mixed):
    bench = mixed(hold={'torque': 'damping'}, damping={'torque': 0.05})
    for index in range(1, 8):
        bench.wait(10).joints(0.1, 0.02 * index)
    assert bench.wait(101).ask(np.nan, 0.0, 0.0).values[1] == 0.0


@pytest.mark.parametrize(
    ('gate', 'word'),
    [
        ({'hold': 'damping', 'keep_alive_hz': 50}, 'holding by damping needs gate.damping'),
        ({'hold': 'damping', 'damping': 0.1}, 'needs keep_alive_hz above 0'),
        ({'hold': {'act_c': 'zero'}}, "the command has no actuator 'act_c'"),
        ({'hold': 'freeze'}, 'hold'),
    ],
)
def test_what_a_profile_may_say_of_holds(hand, gate, word):
    with pytest.raises(ProfileError, match=word):
        hand(**gate)


# pressing too long


@pytest.fixture
def tight(hand, bench_of):
    """Finger a presses with 5 N, a budget of 4; after 0.2 s it is opened at 0.5 rad/s."""
    bench = bench_of(hand(back_off={'after_s': 0.2, 'speed': 0.5})).sense(0.0, 0.0)
    return bench.pressing().sense(0.1, 0.0, force=5.0)


def press(bench, ms, force=5.0):
    """Let time go by, ask to go on closing; the last command that left."""
    left = []
    for _ in range(ms // 10):
        bench.wait(10).sense(0.1, 0.0, force=force)
        for decision in (bench.ask(0.5, 0.0), bench.gate.tick(bench.now, bench.steady)):
            left += [] if decision is None or decision.values is None else [decision.values]
    return left


def test_a_force_that_stays_is_let_go(tight):
    assert not press(tight, 200)
    left = press(tight, 100)
    assert left and all(values[1] == 0.0 for values in left)
    assert left[-1][0] == pytest.approx(0.4 - 0.5 * 0.1, abs=0.5 * 0.11)
    assert np.all(np.diff([0.4, *(values[0] for values in left)]) <= 0)


def test_it_stops_once_the_force_is_gone(tight):
    press(tight, 300)
    tight.wait(10).sense(0.1, 0.0, force=1.0)
    assert not [d for d in (tight.gate.tick(tight.now, tight.steady),) if d is not None and d.values is not None]


def test_it_lets_go_though_it_is_stopped(tight):
    """A stop must not go on squeezing."""
    tight.gate.stop('stop')
    assert press(tight, 400)[-1][0] < 0.4


def test_it_does_not_move_on_old_forces(tight):
    press(tight, 150)
    tight.wait(150)
    assert tight.gate.tick(tight.now, tight.steady).values is None


def test_without_being_told_it_only_holds(hand, bench_of):
    bench = bench_of(hand()).sense(0.0, 0.0)
    bench.pressing().sense(0.1, 0.0, force=5.0)
    assert not press(bench, 500)
