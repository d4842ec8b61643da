"""Contact is told apart from free motion, on either side, and what the motion did where a joint parted."""

from itertools import pairwise

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer_audit.core.align import Rows
from transfer_audit.core.audit import Audit
from transfer_audit.core.divergence import Comparison
from transfer_audit.core.phases import PHASES, ContactMap, Phases, motion_phase, phases
from transfer_audit.core.types import Envelope, Round

T0 = 1_700_000_000_000_000_000
MS = 1_000_000

FINGERS = """
<mujoco>
  <worldbody>
    <body name="palm">
      <body name="a_near"><joint name="a_0"/><geom type="sphere" size="0.01"/>
        <body name="a_far" pos="0.1 0 0"><joint name="a_1"/><geom name="pad_a" type="sphere" size="0.01"/>
          <site name="touch_a"/></body></body>
      <body name="b_near"><joint name="b_0"/><geom type="sphere" size="0.01"/>
        <body name="b_far" pos="0.1 0 0"><geom name="pad_b" type="sphere" size="0.01"/>
          <geom name="nail_b" type="sphere" size="0.01"/></body></body>
    </body>
    <body name="cube" pos="0 0 1"><freejoint/><geom name="cube" type="box" size="0.01 0.01 0.01"/></body>
  </worldbody>
  <actuator><position name="act_a" joint="a_0"/><position name="act_b" joint="b_0"/></actuator>
  <sensor><touch name="touch_a" site="touch_a"/><jointactuatorfrc name="load" joint="b_0"/></sensor>
</mujoco>
"""


def channel(kind, elements, **more):
    units = {'pose': 'rad', 'force': 'N', 'slip': 'm/s'}
    return {'kind': kind, 'topic': f'{kind}s', 'type': 'std_msgs/msg/Float64MultiArray', 'field': 'data',
            'stamp': 'receive', 'elements': elements, 'unit': units[kind], 'noise': 0.1, 'tolerance': 0.2,
            **more}  # fmt: skip


JOINTS = channel('pose', {'a_0': 'a_0', 'a_1': 'a_1', 'b_0': 'b_0'})
CUBE = channel('pose', {'cube': 'body:cube'}, unit='m', type='geometry_msgs/msg/PoseStamped', field='pose')


def fingers(world, **channels):
    command = {'elements': {'a': 'act_a', 'b': 'act_b'}}
    return world.hand(FINGERS, command=command, channels={'joints': JOINTS, **channels})


def named(contacts):
    """Each compared element with the tips that tell of its contact."""
    tips = [f'{name} {at}' for name, at in contacts.tips]
    return {f'{name} {column}': [tips[n] for n in found] for (name, column), found in
            zip(contacts.names, contacts.tips_of, strict=True)}  # fmt: skip


def test_a_tip_tells_of_itself_its_slip_the_joints_above_it_and_every_object(world):
    tips = channel('force', {0: 'pad_b', 1: 'touch_a'})
    slip = channel('slip', {0: 'pad_a', 1: 'nail_b'}, noise=0.001, tolerance=0.01)
    binding = fingers(world, tips=tips, slip=slip, cube=CUBE)
    found = ContactMap.of(binding)
    assert found.names == tuple(Comparison(binding.channels, 100, 1).names)
    both = ['tips 0', 'tips 1']
    assert named(found) == {
        'joints a_0': ['tips 1'], 'joints a_1': ['tips 1'], 'joints b_0': ['tips 0'],
        'tips pad_b': ['tips 0'], 'tips touch_a': ['tips 1'],
        'slip pad_a': ['tips 1'], 'slip nail_b': ['tips 0'],
        'cube cube.x': both, 'cube cube.y': both, 'cube cube.z': both, 'cube cube.angle': both,
    }  # fmt: skip
    assert found.floor == pytest.approx([0.5, 0.5])
    assert [name for name, slips in zip(found.names, found.slips, strict=True) if slips] == [
        ('slip', 'pad_a'), ('slip', 'nail_b'),
    ]  # fmt: skip


def test_of_two_pads_on_one_body_slip_belongs_to_its_own(world):
    pads = channel('force', {0: 'geom:nail_b', 1: 'geom:pad_b'})
    found = named(ContactMap.of(fingers(world, pads=pads, slip=channel('slip', {0: 'geom:pad_b'}))))
    assert found['slip pad_b'] == ['pads 1'] and found['joints b_0'] == ['pads 0', 'pads 1']


def test_a_torque_at_a_joint_is_no_touch(world):
    loads = channel('force', {0: 'load'}, unit='N*m')
    found = ContactMap.of(fingers(world, loads=loads, tips=channel('force', {0: 'body:b_far'})))
    assert found.tips == (('tips', 0),)
    assert named(found)['loads load'] == ['tips 0'] and named(found)['joints a_0'] == []


J, OTHER, A, B, SLIP = range(5)
"""A joint above both tips, one of whose contact nothing tells, two tips (floor 0.5 N), the slip of the first."""

CONTACTS = ContactMap(
    names=(('joints', 'j'), ('joints', 'other'), ('tips', 'a'), ('tips', 'b'), ('slip', 'a')),
    tips=(('tips', 0), ('tips', 1)),
    tips_of=((0, 1), (), (0,), (1,), (0,)),
    floor=np.array([0.5, 0.5]),
    slips=np.array([False, False, False, False, True]),
)


def rows_of(real, shadow=None, joints=None, first=0, period_ms=10):
    """Rows of forces, shape (N, 2), on both sides; shadow None: it touches nothing."""
    real = np.asarray(real, float)
    shadow = np.zeros_like(real) if shadow is None else np.asarray(shadow, float)
    count = len(real)
    joints = np.zeros((count, 2)) if joints is None else joints
    row_ns = T0 + (first + np.arange(count)) * period_ms * MS
    still = {'joints': np.zeros((count, 2)), 'slip': np.zeros((count, 1))}
    sides = {'tips': shadow, **still}
    return Rows(
        row_ns,
        {'joints': joints, 'tips': real, 'slip': still['slip']},
        {name: Envelope(row_ns, values, values, values) for name, values in sides.items()},
    )


def pressed(count, *spans, tip=0, newtons=2.0):
    """Forces of both tips, shape (count, 2): one presses in [begin, end) rows."""
    force = np.zeros((count, 2))
    for begin, end in spans:
        force[begin:end, tip] = newtons
    return force


def taken(*rows):
    found = Phases(CONTACTS)
    found.start(T0)
    for part in rows:
        found.step(part)
    return found


def at_ms(phases_, column, from_ms, until_ms):
    return phases_.phase(column, T0 + from_ms * MS, T0 + until_ms * MS)


@pytest.mark.parametrize('side', ['real', 'shadow'])
def test_a_contact_of_either_side_is_made_then_lasts_then_is_over(side):
    force, nothing = pressed(200, (50, 120)), np.zeros((200, 2))
    found = taken(rows_of(force, nothing) if side == 'real' else rows_of(nothing, force))
    # it touches from 500 ms on, up to 1200 ms
    expected = {(100, 120): 'free', (420, 440): 'free', (430, 450): 'making contact', (500, 500): 'making contact',
                (550, 570): 'making contact', (560, 580): 'in contact', (1170, 1190): 'in contact',
                (1190, 1210): 'free', (1500, 1500): 'free'}  # fmt: skip
    assert {span: at_ms(found, A, *span) for span in expected} == expected
    assert {span: at_ms(found, J, *span) for span in expected} == expected
    assert at_ms(found, B, 500, 500) == 'free'
    assert (found.touched(A), found.touched(J), found.touched(B), found.touched(OTHER)) == (True, True, False, None)
    assert at_ms(found, OTHER, 500, 500) is None


def test_a_second_tip_that_arrives_is_contact_made_though_the_first_holds():
    found = taken(rows_of(pressed(300, (50, 300)) + pressed(300, (200, 300), tip=1)))
    assert at_ms(found, J, 2000, 2010) == 'making contact'
    assert (at_ms(found, A, 2000, 2010), at_ms(found, B, 2000, 2010)) == ('in contact', 'making contact')


def test_the_floor_has_a_hysteresis_of_half():
    force = np.zeros((400, 2))
    force[100:200, 0] = 0.49  # not over the floor of 0.5
    force[200:210, 0] = -0.6  # a pull counts as well
    force[210:300, 0] = 0.26  # over half of it
    force[300:, 0] = 0.25
    found = taken(rows_of(force))
    assert [at_ms(found, A, ms, ms) for ms in (1500, 2000, 2090, 2900, 3010)] == [
        'free', 'making contact', 'in contact', 'in contact', 'free',
    ]  # fmt: skip


def test_what_is_unknown_stays_as_it_was():
    force = pressed(300, (100, 200))
    force[150:250] = np.nan
    found = taken(rows_of(force))
    assert [at_ms(found, A, ms, ms) for ms in (1800, 2400, 2510)] == ['in contact', 'in contact', 'free']


def test_forces_that_were_never_known_tell_nothing():
    unknown = np.full((50, 2), np.nan)
    found = taken(rows_of(unknown, unknown))
    assert found.touched(A) is None and at_ms(found, A, 200, 200) is None
    assert found.counts().sum() == 0


def test_one_known_side_is_enough():
    found = taken(rows_of(np.full((100, 2), np.nan), pressed(100, (50, 100))))
    assert (found.touched(A), found.touched(B)) == (True, False)
    assert at_ms(found, A, 500, 510) == 'making contact'


@pytest.mark.parametrize('unknown_rows', [0, 3])
def test_a_contact_that_was_there_from_the_start_is_not_made(unknown_rows):
    force = pressed(100, (0, 100))
    force[:unknown_rows] = np.nan
    found = taken(rows_of(force))
    assert at_ms(found, A, 30, 40) == 'in contact' and found.touched(A)


def test_a_bounce_is_one_contact_and_a_pause_is_two():
    bounced, paused = pressed(200, (50, 80), (81, 150)), pressed(200, (50, 80), (83, 150))
    assert at_ms(taken(rows_of(bounced)), A, 810, 820) == 'in contact'
    assert at_ms(taken(rows_of(bounced)), A, 805, 805) == 'in contact'
    assert at_ms(taken(rows_of(paused)), A, 820, 830) == 'making contact'


def test_rows_are_counted_by_phase_where_both_sides_are_known():
    joints = np.zeros((300, 2))
    joints[10:15, 0] = np.nan
    counts = taken(rows_of(pressed(300, (100, 200)), joints=joints)).counts()
    # making: the ten rows within 50 ms of row 100 and that row itself
    assert counts[:, A].tolist() == [300 - 5 - 100, 11, 94]
    assert counts[:, J].tolist() == [300 - 5 - 100 - 5, 11, 94]
    assert counts[:, B].tolist() == [300, 0, 0]
    assert counts[:, OTHER].tolist() == [0, 0, 0]


@pytest.mark.parametrize('cuts', [(), (4,), (3, 7, 12)])
def test_slip_counts_once_both_sides_have_been_in_contact_for_50_ms(cuts):
    """Contact on one side from row 2, on the other from row 4, until row 20: rows of 10 ms, so from row 9 on."""
    found = Phases(CONTACTS)
    real, shadow = pressed(40, (2, 20)), pressed(40, (4, 30)) + pressed(40, (8, 9), tip=1)
    masks = []
    for part in np.split(np.arange(40), cuts):
        rows = rows_of(real[part], shadow[part], first=int(part[0]))
        found.step(rows)
        masks.append(found.mask(rows))
    mask = np.concatenate(masks)
    assert np.flatnonzero(mask[:, SLIP]).tolist() == list(range(9, 20))
    assert mask[:, [J, A, B, OTHER]].all()
    with pytest.raises(ValueError, match='taken last'):
        found.mask(rows_of(np.zeros((10, 2))))


def test_a_hand_without_forces_knows_no_contact(world):
    binding = fingers(world, slip=channel('slip', {0: 'pad_b'}))
    found = Phases(ContactMap.of(binding))
    zeros = {plan.name: np.zeros((5, len(plan.columns))) for plan in binding.channels}
    row_ns = np.arange(5) * 10 * MS
    rows = Rows(row_ns, zeros, {name: Envelope(row_ns, v, v, v) for name, v in zeros.items()})
    found.step(rows)
    assert [found.phase(column, 0, 0) for column in range(4)] == [None] * 4
    assert found.touched(0) is None and found.counts().sum() == 0 and found.mask(rows).all()


def test_a_round_begins_anew():
    found = taken(rows_of(pressed(100, (20, 100))))
    found.start(T0 + 1000 * MS)
    found.step(rows_of(np.zeros((50, 2)), first=100))
    assert found.touched(A) is False and at_ms(found, A, 200, 200) == 'free'
    assert found.counts()[:, A].tolist() == [50, 0, 0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sets(st.integers(1, 599), max_size=40))
def test_nothing_depends_on_how_rows_were_cut(seed, cuts):
    rng = np.random.default_rng(seed)
    real, shadow = (np.repeat(rng.choice([0.0, 0.3, 1.0, np.nan], (150, 2)), 4, axis=0) for _ in range(2))
    real[rng.random((600, 2)) < 0.2] = np.nan
    whole = taken(rows_of(real, shadow))
    bounds = [0, *sorted(cuts), 600]
    parts = [rows_of(real[a:b], shadow[a:b], first=a) for a, b in pairwise(bounds)]
    cut, masks = taken(), []
    for part in parts:
        cut.step(part)
        masks.append(cut.mask(part))
    spans = [(ms, ms + 15) for ms in range(0, 6000, 37)]
    for column in range(5):
        assert [at_ms(whole, column, *s) for s in spans] == [at_ms(cut, column, *s) for s in spans]
        assert whole.touched(column) == cut.touched(column)
    assert (whole.counts() == cut.counts()).all() and (whole.counts()[:, J] > 0).sum() >= 2
    one = Phases(CONTACTS)
    rows = rows_of(real, shadow)
    one.step(rows)
    assert (one.mask(rows) == np.concatenate(masks)).all()


def test_rows_counted_on_the_way_are_those_counted_at_once():
    rng = np.random.default_rng(4)
    force = np.repeat(rng.choice([0.0, 1.0], (300, 2)), 10, axis=0)
    whole = taken(rows_of(force))
    cut = taken(*(rows_of(force[a : a + 7], first=a) for a in range(0, 3000, 7)))
    assert (whole.counts() == cut.counts()).all()
    assert whole.counts()[:, A].sum() == 3000
    assert sum(len(part.rows.row_ns) for part in cut._waiting) < 300


def test_of_too_many_contacts_the_middle_is_let_go_and_then_unknown(monkeypatch):
    monkeypatch.setattr(phases, 'KEPT', 5)
    found = taken(rows_of(pressed(2000, *((at, at + 10) for at in range(10, 2000, 20)))))
    assert [at_ms(found, A, 10 * (10 + 20 * n), 10 * (10 + 20 * n)) for n in (0, 4, 50, 99)] == [
        'making contact', 'making contact', None, 'making contact',
    ]  # fmt: skip
    assert found.touched(A) and len(found._contacts[0]) == 10
    assert PHASES == ('free', 'making contact', 'in contact')


PRESS = """
<mujoco>
  <compiler angle="radian"/>
  <option timestep="0.002" integrator="implicitfast" gravity="0 0 0"/>
  <worldbody>
    <body><joint name="j" axis="0 -1 0" damping="0.02" armature="0.002"/>
      <geom name="tip" type="sphere" pos="0.1 0 0" size="0.01" mass="0.02"/>
      <site name="pad" pos="0.1 0 0" size="0.012"/></body>
    <geom name="wall" type="box" pos="0.1 0 0.09" size="0.1 0.05 0.04"/>
  </worldbody>
  <actuator><position name="act" joint="j" kp="2" kv="0.08"/></actuator>
  <sensor><touch name="pad" site="pad"/></sensor>
</mujoco>
"""


def parted(world, command, wall_lower_m=0.0, brake=1.0):
    """The phase in which a finger that differs parted, and its simulated motion there."""
    tips = channel('force', {0: 'pad'}, topic='tips')
    joints = {'elements': {'j': 'j'}, 'noise': 0.001, 'tolerance': 0.01}
    binding = world.hand(PRESS, command={'elements': {'j': 'act'}}, channels={'joints': joints, 'tips': tips})
    model = mujoco.MjModel.from_xml_string(PRESS)
    model.geom('wall').pos[2] -= wall_lower_m
    model.dof_damping *= brake
    data, rng = mujoco.MjData(model), np.random.default_rng(0)
    stamps, pose, force = world.times(3.0, 500, -0.5), [], []
    for at in stamps / 1e9:
        pose.append(data.qpos + rng.normal(0, 0.001, 1))
        force.append(data.sensordata + rng.normal(0, 0.05, 1))
        data.ctrl[0] = command(at)
        mujoco.mj_step(model, data)
    rows = []
    audit = Audit(binding, watch=lambda scored: rows.append(scored.rows))
    audit.add_round(Round(1, T0, T0 + 2_900 * MS))
    audit.command(world.columns(stamps, command(stamps / 1e9)))
    audit.measured('joints', world.columns(stamps, pose))
    audit.measured('tips', world.columns(stamps, force))
    found = Phases(ContactMap.of(binding))
    found.start(T0)
    assert len(list(audit.advance(T0 + 10**12))) == 1
    for part in rows:
        found.step(part)
    (finding,) = [one for one in audit.judge.comparison.findings if one.element == 'j']
    row = round((finding.onset_ns - T0) / (10 * MS))
    median = np.concatenate([part.shadow['joints'].median[:, 0] for part in rows])
    return found.phase(0, finding.earliest_ns, finding.latest_ns), motion_phase(median, row, 100, 0.002)


def close(t):
    """Rest, close onto the wall, press."""
    return np.interp(t, [0.0, 0.5, 2.0, 3.0], [0.0, 0.0, 0.75, 0.75])


def wave(t):
    """Sway below the wall, to and fro."""
    return -0.4 + 0.3 * np.cos(np.pi * np.maximum(t, 0.0))


def test_a_joint_that_meets_a_nearer_wall_parts_at_the_touch(world):
    assert parted(world, close, wall_lower_m=0.015) == ('making contact', 'moving')


def test_a_joint_with_a_brake_parts_in_free_motion(world):
    phase, motion_ = parted(world, wave, brake=8.0)
    assert phase == 'free' and motion_ in ('starting', 'moving')


RATE = 100.0
SECONDS = np.arange(0, 6, 1 / RATE)
KNOTS = ([0, 1, 2, 3, 4, 6], [0, 0, 0.6, 0.6, 0, 0])
"""Rest, up, hold, down, rest."""


def motion(values, seconds, still=0.002):
    return motion_phase(np.asarray(values), round(seconds * RATE), RATE, still)


@pytest.mark.parametrize(('seconds', 'expected'), [
    (0.5, 'holding'), (1.0, 'starting'), (1.5, 'moving'), (2.0, 'stopping'), (2.5, 'holding'), (3.0, 'starting'),
    (3.5, 'moving'), (4.0, 'stopping'), (5.0, 'holding'),
])  # fmt: skip
@pytest.mark.parametrize('sign', [1, -1])
def test_a_move_and_back_with_rests_between(seconds, expected, sign):
    assert motion(5.0 + sign * np.interp(SECONDS, *KNOTS), seconds) == expected


@pytest.mark.parametrize('hz', [0.2, 0.5, 1.0, 2.0])
def test_a_sine_reverses_at_its_turning_points_and_moves_between(hz):
    sine = 0.5 * np.sin(2 * np.pi * hz * SECONDS)
    for turn in np.arange(1 / (4 * hz), 5.8, 1 / (2 * hz)):
        assert motion(sine, turn) == 'reversing'
        assert motion(sine, turn - 1 / (4 * hz)) == 'moving'


@pytest.mark.parametrize('off_s', [-0.03, 0.0, 0.03])
def test_a_triangle_reverses_at_and_near_its_corners(off_s):
    triangle = 0.4 * np.abs((SECONDS % 2) - 1)
    assert [motion(triangle, turn + off_s) for turn in (1.0, 2.0, 3.0)] == ['reversing'] * 3
    assert [motion(triangle, turn + 0.1) for turn in (1.0, 2.0, 3.0)] == ['moving'] * 3


@pytest.mark.parametrize('pause_s', [0.1, 0.2])
def test_a_short_pause_between_opposite_motions_is_a_turning_point(pause_s):
    values = np.interp(SECONDS, [0, 3, 3 + pause_s, 6], [0, 1, 1, 0])
    assert motion(values, 3 + pause_s / 2) == 'reversing'


def test_a_small_overshoot_is_no_reversal():
    values = np.interp(SECONDS, [0, 3, 3.1, 3.13, 3.16, 6], [0, 0, 0.2, 0.204, 0.2, 0.2])
    assert motion(values, 3.1) == 'stopping'


def test_a_slow_motion_is_a_motion():
    assert motion(0.015 * SECONDS, 3.0) == 'moving'
    assert motion(0.004 * SECONDS, 3.0) == 'holding'


def test_noise_below_what_counts_as_still_is_none():
    noise = 0.001 * np.random.default_rng(0).uniform(-1, 1, len(SECONDS))
    assert {motion(noise, at, still=0.0025) for at in SECONDS} == {'holding'}
    assert motion(np.interp(SECONDS, *KNOTS) + noise, 1.5, still=0.0025) == 'moving'


def test_at_the_borders_only_one_side_tells():
    ramp = np.interp(SECONDS, *KNOTS)
    assert motion(ramp[100:], 0.0) == 'moving' and motion(ramp[:151], 1.5) == 'moving'
    assert motion(ramp, 0.0) == motion(ramp, 5.99) == 'holding'


def test_unknown_rows_are_passed_over():
    ramp = np.interp(SECONDS, *KNOTS)
    ramp[152:155] = np.nan
    assert motion(ramp, 1.5) == 'moving'
    ramp[:] = np.nan
    assert motion(ramp, 1.5) is None
