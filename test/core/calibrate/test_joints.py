"""Joint parameters: recovered where the motion shows them, declared untold where it does not."""

from dataclasses import replace

import numpy as np
import pytest

from transfer_audit.bench.calibration.worlds import Truth, lively, slow, trace_of
from transfer_audit.core.calibrate import joints
from transfer_audit.core.calibrate.joints import held_out, solve
from transfer_audit.core.calibrate.joints.chain import chains_of, in_mjcf, sticking
from transfer_audit.core.calibrate.joints.simulation import play
from transfer_audit.core.calibrate.joints.terms import BACKLASH, PLAIN
from transfer_audit.core.calibrate.joints.windows import windows_of
from transfer_audit.core.errors import AuditError

pytest.importorskip('absl', reason='mujoco.sysid is not installed')

PENDULUM = """
<mujoco>
  <option timestep="0.002" integrator="implicitfast"/>
  <worldbody><body name="arm">
    <joint name="a" type="hinge" axis="0 1 0" damping="0.03" armature="0.001" frictionloss="0.01"/>
    <geom type="capsule" fromto="0 0 0 0 0 -0.1" size="0.01" mass="0.1" contype="0" conaffinity="0"/></body></worldbody>
  <actuator><position name="act_a" joint="a" kp="1" forcerange="-2 2"/></actuator>
</mujoco>
"""
JOINTS = {'elements': {'a': 'a'}}
COMMAND = {'elements': {'a': 'act_a'}}
DELAY = {'delay': {'field': 'actuator_delay', 'select': ['act_a'], 'range': [0.0, 0.05], 'scale': 'absolute'}}
TRUE = {
    'actuator_delay': 0.0173, 'dof_frictionloss': 0.025, 'dof_damping': 0.045, 'actuator_kp': 1.3,
    'dof_armature': 0.002,
}  # fmt: skip


@pytest.fixture
def hand(world):
    return world.hand(
        PENDULUM, command=COMMAND, channels={'joints': JOINTS}, family={'parameters': DELAY, 'members': 1}
    )


def traces(hand, motion, count=2, seconds=4.0, **changes):
    truth = Truth({field: np.array([value]) for field, value in {**TRUE, **changes}.items()})
    return [trace_of(hand, truth, motion(hand, seed, seconds), seed) for seed in range(count)]


def by_name(joint):
    return {one.quantity.name: one for one in joint.fitted}


def test_a_known_joint_is_recovered_from_a_lively_motion(hand):
    (joint,) = joints.fit(traces(hand, lively), hand).joints
    found = by_name(joint)
    assert abs(found['command delay'].quantity.value - TRUE['actuator_delay']) < 0.0005
    for one in joint.fitted:
        if one.field in TRUE:
            assert one.quantity.standing == 'measured'
            assert one.quantity.value == pytest.approx(TRUE[one.field], rel=0.05)
            assert one.select == ('a' if one.field.startswith('dof_') else 'act_a')
    assert abs(found['command offset'].quantity.value) < 0.005
    assert joint.after < 1.1 * 0.001 < 0.1 * joint.before, 'the noise alone is left on stretches it did not see'
    assert not joint.warnings and not joint.missing


def test_a_slow_motion_cannot_show_armature_and_says_what_would(world):
    servo = PENDULUM.replace('kp="1"', 'kp="1" kv="0.01"')
    hand = world.hand(servo, command=COMMAND, channels={'joints': JOINTS}, family={'parameters': DELAY})
    (joint,) = joints.fit(traces(hand, slow), hand, forms=False).joints
    armature = by_name(joint)['armature'].quantity
    assert armature.standing == 'not identifiable'
    assert 'a sine above' in armature.why
    assert by_name(joint)['Coulomb friction'].quantity.standing == 'measured'
    assert 'acts like viscous damping' in by_name(joint)['velocity gain'].quantity.why


def test_a_fit_to_a_hand_that_moves_as_it_likes_explains_nothing(hand):
    mute = traces(hand, lively, seconds=2.0)
    other = [trace_of(hand, Truth({}), lively(hand, seed + 50, 2.0), seed) for seed in range(2)]
    mixed = [replace(one, channels=another.channels) for one, another in zip(mute, other, strict=True)]
    (joint,) = joints.fit(mixed, hand, forms=False).joints
    assert {one.quantity.standing for one in joint.fitted if one.field} == {'explains nothing'}
    assert 'explains nothing' in joint.warnings[0]


def test_two_joints_that_do_not_move_each_other_are_two_chains(world):
    assert [len(chain.servos) for chain in chains_of(world.hand())] == [1, 1]


@pytest.mark.parametrize(('timestep', 'time_s'), [('0.001', '0.004'), ('0.005', '0.01')])
def test_firm_friction_is_no_faster_than_two_steps(world, timestep, time_s):
    hand = world.hand(PENDULUM.replace('0.002', timestep, 1), command=COMMAND, channels={'joints': JOINTS})
    (chain,) = chains_of(hand)
    assert f'solreffriction="{time_s} 1"' in in_mjcf(chain.model)
    assert sticking(chain).model.dof_solref[0, 0] == float(time_s)


def test_a_form_that_gains_nothing_is_not_tried_on_parts(hand):
    (chain,) = chains_of(hand)
    windows = windows_of(traces(hand, lively, seconds=2.0), hand, chain)
    base = held_out.held_out(windows, solve.fit(chain, windows, PLAIN))
    richer = held_out.with_form(base, BACKLASH)
    assert (len(base.fits), len(richer.fits)) == (2, 1)
    assert 0.95 < float(richer.square[0] / base.square[0]) <= 1.0


def test_contact_is_left_out(world):
    model = PENDULUM.replace('<geom type', '<geom name="rod" type')
    touch = {
        'kind': 'force', 'topic': 'touch', 'type': 'std_msgs/msg/Float64MultiArray', 'field': 'data',
        'stamp': 'receive', 'elements': {0: 'rod'}, 'unit': 'N', 'noise': 0.05, 'tolerance': 0.3,
    }  # fmt: skip
    hand = world.hand(model, command=COMMAND, channels={'joints': JOINTS, 'touch': touch}, family={'parameters': DELAY})
    (trace,) = traces(hand, lively, count=1)
    stamps = trace.channels['joints'].stamp_ns
    since_s = (stamps - trace.start_ns) / 1e9
    force = np.where((since_s > 1.0) & (since_s < 2.0), 1.0, 0.0)
    touched = {**trace.channels, 'touch': type(trace.command)(stamps, stamps, force[:, None])}
    trace = replace(trace, channels=touched)
    (chain,) = chains_of(hand)
    found = [(one.stretch.start_s - 1.0, one.stretch.end_s - 1.0) for one in windows_of([trace], hand, chain)]
    assert np.allclose(found, [(0.0, 0.96), (2.04, 4.0)], atol=0.03)


def test_play_follows_only_once_the_gap_is_crossed():
    motion = np.array([0.0, 0.05, 0.2, 0.1, 0.05, -0.2])[None, :, None]
    assert play(motion, np.array([[0.2]]))[0, :, 0] == pytest.approx([0.0, 0.0, 0.1, 0.1, 0.1, -0.1])


def test_without_its_needs_the_fit_says_what_to_install(monkeypatch):
    from mujoco import sysid

    monkeypatch.delattr(sysid, 'optimize')
    with pytest.raises(AuditError, match=r'pip install "transfer_audit\[calibrate\]"'):
        solve.sysid()
