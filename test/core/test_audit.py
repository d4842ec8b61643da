"""From events to verdicts: what is said of a small hand whose truth is known."""

import json

import mujoco
import numpy as np
import pytest

from transfer_audit.core.audit import Audit
from transfer_audit.core.types import Columns, Round
from transfer_audit.core.verdict import document, exit_code

MS = 1_000_000
SECOND = 1_000_000_000

PRESS = """
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <option timestep="0.002" integrator="implicitfast" gravity="0 0 0"/>
  <worldbody>
    <body name="arm_a"><joint name="a" type="hinge" axis="0 -1 0" damping="0.02" armature="0.002"/>
      <geom name="tip_a" type="sphere" pos="0.1 0 0" size="0.01" mass="0.02"/></body>
    <body name="arm_b" pos="0 0.2 0"><joint name="b" type="hinge" axis="0 -1 0" damping="0.02" armature="0.002"/>
      <geom name="tip_b" type="sphere" pos="0.1 0 0" size="0.01" mass="0.02"/>
      <site name="pad_b" pos="0.1 0 0" size="0.012"/></body>
    <geom name="wall" type="box" pos="0.1 0.2 0.08" size="0.1 0.05 0.04"/>
  </worldbody>
  <actuator>
    <position name="act_a" joint="a" kp="2" kv="0.08"/>
    <position name="act_b" joint="b" kp="2" kv="0.08"/>
  </actuator>
  <sensor><touch name="pad_b" site="pad_b"/></sensor>
</mujoco>
"""

TIPS = {'kind': 'force', 'topic': 'fingertip_force', 'type': 'std_msgs/msg/Float64MultiArray', 'field': 'data',
        'stamp': 'receive', 'elements': {0: 'pad_b'}, 'unit': 'N', 'noise': 0.05, 'tolerance': 0.2}  # fmt: skip
PARAMETERS = {
    'delay': {'field': 'actuator_delay', 'select': ['*'], 'range': [0.005, 0.020]},
    'damping': {'field': 'dof_damping', 'select': ['*'], 'range': [0.8, 1.25], 'scale': 'relative'},
}


@pytest.fixture
def binding(world):
    return world.hand(
        PRESS,
        channels={'joints': {'noise': 0.001, 'tolerance': 0.01}, 'tips': TIPS},
        family={'members': 8, 'parameters': PARAMETERS},
        clock={'rate_hz': 100},
    )


def controls(t, rng_shift=0.0):
    """What the hand is told: both joints sway, b presses the wall now and then."""
    a = 0.4 * np.sin(4.0 * t + rng_shift) + 0.2 * np.sin(9.0 * t)
    b = 0.35 + 0.45 * np.sin(3.0 * t + 0.5 + rng_shift)
    return np.stack([a, b], axis=-1)


class Hand:
    """A real hand: the same model with truths of its own, read by noisy sensors."""

    def __init__(
        self, seconds=3.0, delay_s=0.012, wall_lower_m=0.0, jam_s=None, swapped=False, seed=0, scale=1.0, every=5
    ):
        rng = np.random.default_rng(seed)
        model = mujoco.MjSpec.from_string(PRESS)
        model.geom('wall').pos[2] -= wall_lower_m
        model = model.compile()
        data = mujoco.MjData(model)
        data.qpos[:] = controls(-1.0)
        self.command_ns = np.arange(-round(1.0 * 200), round(seconds * 200)) * 5 * MS
        self.commands = scale * controls(self.command_ns / 1e9)
        pose_ns, pose, force = [], [], []
        for step in range(-500, round(seconds * 500)):
            at = np.searchsorted(self.command_ns, (step * 0.002 - delay_s) * 1e9 + 1, side='right') - 1
            data.ctrl[:] = self.commands[max(at, 0)]
            before = data.qpos[1], data.qvel[1]
            mujoco.mj_step(model, data)
            if jam_s is not None and step * 0.002 >= jam_s:
                data.qpos[1], data.qvel[1] = before[0], 0.0
            if step % every == every // 2:
                pose_ns.append((step + 1) * 2 * MS)
                pose.append(data.qpos + rng.normal(0, 0.001, 2))
                force.append([data.sensordata[0] + rng.normal(0, 0.05)])
        self.pose_ns, self.pose, self.force = np.array(pose_ns), np.array(pose), np.array(force)
        if swapped:
            self.pose = self.pose[:, ::-1]
        self.arrival = rng.integers(1, 9, len(self.pose_ns)) * MS

    def events(self, t0):
        """(source, Columns) in order of arrival within each source."""
        late = np.full(len(self.command_ns), 2 * MS)
        made = [('command', self.command_ns, self.commands, late), ('joints', self.pose_ns, self.pose, self.arrival),
                ('tips', self.pose_ns, self.force, self.arrival)]  # fmt: skip
        found = {}
        for name, stamps, values, delay in made:
            order = np.argsort(stamps + delay, kind='stable')
            found[name] = Columns((t0 + stamps + delay)[order], (t0 + stamps)[order], values[order])
        return found


def feed(audit, events, until_ns, sent):
    """Hand over what has arrived by then."""
    for name, columns in events.items():
        end = int(np.searchsorted(columns.receive_ns, until_ns, side='right'))
        part = columns[sent.get(name, 0) : end]
        sent[name] = max(end, sent.get(name, 0))
        audit.command(part) if name == 'command' else audit.measured(name, part)


def judged(world, binding, events, rounds=None, step_s=None, threads=1, seconds=3.0, simulated=None, watch=None):
    """Verdicts of a recording, fed at once or in steps of the clock."""
    audit = Audit(binding, threads, recorded=simulated is not None, watch=watch)
    for round_ in rounds or [Round(1, world.t0, world.t0 + round(seconds * SECOND))]:
        audit.add_round(round_)
    for name, columns in (simulated or {}).items():
        if name != 'command':
            audit.simulated(name, columns)
    found, sent = [], {}
    if step_s is not None:
        for now in np.arange(-1.0, seconds + 0.3, step_s):
            feed(audit, events, world.t0 + round(now * SECOND), sent)
            watermark_ns = world.t0 + round(now * SECOND) - 50 * MS
            fresh = list(audit.advance(watermark_ns))
            assert all(round_['end_ns'] <= watermark_ns for round_ in fresh)
            found += fresh
    feed(audit, events, world.t0 + 10**15, sent)
    found += audit.advance(world.t0 + 10**12)
    return found


def verdict(world, binding, hand=None, **options):
    hand = Hand() if hand is None else hand
    (found,) = judged(world, binding, hand.events(world.t0), **options)
    json.dumps(found, allow_nan=False)
    return found


def test_a_hand_within_the_family_agrees(world, binding):
    found = verdict(world, binding)
    assert found['verdict'] == 'agreed', found['reason']
    assert found['reason'] == '3 of 3 elements stayed within the family'
    assert found['first_divergence'] is None
    for element in ('a', 'b'):
        delay, low, high = found['timing']['joints']['delay_ms'][element]
        assert delay == pytest.approx(12.0, abs=2.0) and low < high
        assert found['channels']['joints'][element]['coverage'] > 0.98


def test_the_verdict_has_every_field_of_the_design_and_no_nan(world, binding):
    found = verdict(world, binding, Hand(jam_s=1.0))
    assert {'round', 'start_ns', 'end_ns', 'verdict', 'reason', 'first_divergence', 'channels', 'timing', 'metrics',
            'gate', 'command'} <= set(found)  # fmt: skip
    assert set(found['first_divergence']) == {
        'channel', 'kind', 'element', 'onset_s', 'onset_interval_s', 'onset_interval_level', 'flagged_s', 'score',
        'real', 'shadow', 'unit', 'phase', 'motion', 'explanation', 'ties',
    }  # fmt: skip
    assert set(found['channels']) == set(found['timing']) == {'joints', 'tips'}
    for element in ('a', 'b'):
        assert set(found['channels']['joints'][element]) == {
            'verdict', 'why', 'kind', 'onset_s', 'phase', 'rms', 'score', 'coverage', 'smallest_visible', 'rows',
        }  # fmt: skip
    for timing in (*found['timing'].values(), {'delay_ms': {}, **found['command']}):
        assert {'delay_ms', 'rate_hz', 'drops', 'longest_gap_ms', 'jitter_ms', 'late', 'out_of_order',
                'clock_steps'} <= set(timing)  # fmt: skip
    assert set(found['metrics']) == {'real', 'shadow', 'gap'}
    assert set(found['metrics']['real']) == set(found['metrics']['shadow']) == {'slip_rate', 'success'}
    assert {'trips', 'clamped', 'peak_force', 'peak_speed'} <= set(found['gate'])
    assert found['timing']['joints']['rate_hz'] == pytest.approx(100, rel=1e-3)
    assert found['gate']['peak_force'] == {'pad_b': pytest.approx(Hand(jam_s=1.0).force.max(), rel=0.2)}
    fastest = np.abs(np.diff(Hand().commands[200:], axis=0)).max() / 0.005
    assert found['gate']['peak_speed'] == pytest.approx(fastest, rel=1e-6)
    text = json.dumps(document('profile.yaml', 'bag', [found]), allow_nan=False)
    assert json.loads(text)['schema'] == 1


def test_a_joint_that_jams_is_named_when_it_jams(world, binding):
    found = verdict(world, binding, Hand(jam_s=1.0))
    first = found['first_divergence']
    assert (found['verdict'], first['channel'], first['kind'], first['element']) == ('diverged', 'joints', 'pose', 'b')
    assert first['onset_s'] == pytest.approx(1.0, abs=0.1)
    low, high = first['onset_interval_s']
    assert low <= first['onset_s'] <= high <= first['flagged_s'] and first['score'] >= 1
    assert found['reason'].startswith('pose at b (joints), ')
    assert found['channels']['joints']['a']['verdict'] == 'agreed'
    assert found['channels']['joints']['b']['onset_s'] == first['onset_s']
    assert first['motion'] in ('moving', 'reversing')


def test_an_obstacle_that_is_nearer_than_in_the_model_is_named_at_the_touch(world, binding):
    hand = Hand(wall_lower_m=0.015)
    first = verdict(world, binding, hand)['first_divergence']
    touched = hand.pose_ns[(hand.pose_ns > 0) & (hand.force[:, 0] > 0.3)][0] / 1e9
    named = {(first['channel'], first['element']), *((tie['channel'], tie['element']) for tie in first['ties'])}
    assert ('tips', 'pad_b') in named or ('joints', 'b') in named
    assert first['phase'] == 'in contact'
    assert first['onset_s'] == pytest.approx(touched, abs=0.06)


def test_a_swapped_pair_of_joints_diverges(world, binding):
    found = verdict(world, binding, Hand(swapped=True))
    assert found['verdict'] == 'diverged' and found['first_divergence']['onset_s'] < 0.3
    assert {name: element['verdict'] for name, element in found['channels']['joints'].items()} == {
        'a': 'diverged', 'b': 'diverged',
    }  # fmt: skip
    assert found['first_divergence']['explanation'] in ('a and b are swapped', 'b and a are swapped')


def test_a_delay_outside_of_the_family_is_timing_and_not_pose(world):
    """Commands come every 5 ms and this hand acts every 2 ms: to its 60 ms come 0 and 1 ms in turn."""
    binding = world.hand(PRESS, family={'members': 8, 'parameters': PARAMETERS})
    events = Hand(delay_s=0.060).events(world.t0)
    del events['tips']
    (found,) = judged(world, binding, events)
    first = found['first_divergence']
    assert (first['channel'], first['kind'], first['unit']) == ('joints', 'timing', 's')
    assert first['real'] == pytest.approx(0.060, abs=0.005)
    assert 0.005 <= first['shadow'][0] < first['shadow'][1] <= 0.020
    delays = found['timing']['joints']['delay_ms']
    delay, low, high = delays['a']
    assert delay == pytest.approx(60.5, abs=0.3) and low < 60.7 and high > 60.3
    assert delays['b'][0] == pytest.approx(60.5, abs=5.0)


def test_a_dropout_is_a_timing_finding_where_it_begins(world, binding):
    events = Hand().events(world.t0)
    stamps = events['joints'].stamp_ns - world.t0
    events['joints'] = events['joints'][(stamps < 1500 * MS) | (stamps > 1900 * MS)]
    (found,) = judged(world, binding, events)
    first = found['first_divergence']
    assert (found['verdict'], first['channel'], first['kind']) == ('diverged', 'joints', 'timing')
    assert first['onset_s'] == pytest.approx(1.5, abs=0.02) and first['flagged_s'] == pytest.approx(1.6, abs=0.02)
    assert found['timing']['joints']['longest_gap_ms'] == pytest.approx(400, abs=20)
    assert found['channels']['joints']['a']['verdict'] == 'agreed'
    assert found['channels']['joints']['a']['coverage'] == pytest.approx(2.6 / 3.0, abs=0.02)


def test_a_tip_that_never_touches_is_unaudited(world, binding):
    found = verdict(world, binding, Hand(scale=0.1))
    assert found['channels']['tips']['pad_b']['verdict'] == 'unaudited'
    assert found['channels']['tips']['pad_b']['why'] == 'never touched'
    assert found['verdict'] == 'agreed' and '1 stay unaudited: 1 never touched' in found['reason']


def test_the_smallest_visible_mismatch_was_visible_and_half_of_it_was_not(world, binding):
    """A constant shift of joint a from 1 s on, of the size the verdict states; half of the family's width is in it."""
    seen = verdict(world, binding)['channels']['joints']['a']['smallest_visible']
    assert 0.01 < seen < 0.2
    for size, expected in ((1.3 * seen, 'diverged'), (0.1 * seen, 'agreed')):
        hand = Hand()
        hand.pose[hand.pose_ns > SECOND, 0] += size
        found = verdict(world, binding, hand)
        assert found['channels']['joints']['a']['verdict'] == expected, (size, found['reason'])


def test_a_family_too_wide_to_see_anything_leaves_its_elements_unaudited(world):
    gains = {'gain': {'field': 'actuator_kp', 'select': ['*'], 'range': [0.02, 50.0], 'scale': 'relative'}}
    binding = world.hand(
        PRESS, channels={'joints': {'noise': 0.001, 'tolerance': 0.38}, 'tips': TIPS},
        family={'members': 8, 'parameters': gains},
    )  # fmt: skip
    joint = verdict(world, binding)['channels']['joints']['b']
    assert joint['verdict'] == 'unaudited' and 'smallest mismatch' in joint['why']
    assert joint['smallest_visible'] > np.ptp(Hand().pose[:, 1])


def test_nan_measurements_are_gaps_of_their_element_alone(world, binding):
    hand = Hand()
    hand.pose[150:260, 0] = np.nan
    hand.force[:] = np.nan
    found = verdict(world, binding, hand)
    assert found['verdict'] == 'agreed', found['reason']
    assert found['channels']['joints']['a']['coverage'] < 0.7 < 0.98 < found['channels']['joints']['b']['coverage']
    tip = found['channels']['tips']['pad_b']
    assert (tip['verdict'], tip['rms'], tip['coverage']) == ('unaudited', None, 0.0)
    assert found['gate']['peak_force'] == {'pad_b': None}


def unauditable(found, *words):
    assert found['verdict'] == 'unauditable' and found['first_divergence'] is None
    for word in words:
        assert word in found['reason'], found['reason']


def test_a_hand_that_does_not_move_cannot_be_audited(world, binding):
    hand = Hand(scale=0.0)
    hand.force[:] = 0
    unauditable(verdict(world, binding, hand), 'nothing moved or touched')


def test_a_start_without_poses_cannot_be_audited(world, binding):
    events = Hand().events(world.t0)
    events['joints'] = events['joints'][np.abs(events['joints'].stamp_ns - world.t0) > 150 * MS]
    (found,) = judged(world, binding, events)
    unauditable(found, 'no measurement of joints within 0.1 s of the start')


def test_stamps_that_lag_behind_are_blamed_when_nothing_can_be_compared(world, binding):
    events = Hand().events(world.t0)
    for name in ('joints', 'tips'):
        columns = events[name]
        events[name] = Columns(columns.receive_ns, columns.stamp_ns - 100 * SECOND, columns.values)
    (found,) = judged(world, binding, events)
    unauditable(found)
    assert found['timing']['joints']['late'] == pytest.approx(300, abs=6)


def test_an_unstable_family_cannot_be_audited(world):
    model = PRESS.replace('integrator="implicitfast"', 'integrator="Euler"')
    stiff = {'one': {'field': 'actuator_kp', 'select': ['*'], 'range': [1.0, 3e6], 'scale': 'relative'}}
    binding = world.hand(model, family={'members': 4, 'parameters': stiff}, channels={'tips': TIPS})
    for seconds in (3.0, 0.024, 0.028, 0.032):
        texts = {
            json.dumps(verdict(world, binding, Hand(every=25), seconds=seconds, step_s=step), allow_nan=False)
            for step in (None, 0.0013, 0.01, 0.037)
        }
        assert len(texts) == 1
        unauditable(json.loads(texts.pop()), 'the simulation became unstable')


def spoilt(t0):
    """A recording with all that goes wrong on the way: late, double, disordered, early, missing, a clock step."""
    rng = np.random.default_rng(5)
    events = Hand(jam_s=2.2, every=2).events(t0)
    for name, columns in events.items():
        delays = rng.integers(1, 45, len(columns)) * MS
        delays[rng.random(len(columns)) < 0.03] = 70 * MS
        stamps, values = columns.stamp_ns.copy(), columns.values.copy()
        double = rng.random(len(columns)) < 0.03
        stamps[1:][double[1:]] = stamps[:-1][double[1:]]
        values[rng.random(len(columns)) < 0.02] = np.nan
        receive = stamps + delays
        if name == 'joints':
            stamps[580:590] += 700 * MS
            stamps[740:] += 40 * MS
            receive[300:308] += 2 * SECOND
        kept = (stamps - t0 < 800 * MS) | (stamps - t0 > 950 * MS)
        order = np.argsort(receive[kept], kind='stable')
        events[name] = Columns(receive[kept][order], stamps[kept][order], values[kept][order])
    return events


def rounds_of(t0, *spans):
    return [Round(n, t0 + round(a * SECOND), t0 + round(b * SECOND), f'task {n}') for n, (a, b) in enumerate(spans, 1)]


@pytest.mark.parametrize('horizon_s', [None, 0.4])
def test_verdicts_are_the_same_byte_for_byte_however_events_were_cut(world, horizon_s):
    binding = world.hand(
        PRESS,
        channels={'joints': {'noise': 0.001, 'tolerance': 0.01}, 'tips': TIPS},
        family={'members': 5, 'parameters': {**PARAMETERS, 'touch': {'channel': 'tips', 'range': [0.02, 0.08]}}},
        resync={'horizon_s': horizon_s},
    )
    rounds = rounds_of(world.t0, (0.0, 0.7), (0.7, 1.31), (1.5, 2.83))
    texts = set()
    for step_s, threads in ((None, 1), (0.004, 1), (0.0173, 2), (0.25, 1), (1.1, 2)):
        found = judged(world, binding, spoilt(world.t0), rounds, step_s, threads)
        texts.add(json.dumps(found, allow_nan=False))
    assert len(texts) == 1
    found = json.loads(texts.pop())
    assert [r['round'] for r in found] == [1, 2, 3]
    timing = [r['timing']['joints'] for r in found]
    assert any(t['late'] for t in timing) and any(t['duplicates'] for t in timing)
    assert any(t['out_of_order'] for t in timing) and any(t['clock_steps'] for t in timing)


def test_the_delay_of_a_long_round_is_the_same_however_events_were_cut(world, binding, monkeypatch):
    monkeypatch.setattr('transfer_audit.core.divergence.history.KEPT_ROWS', 90)
    rounds = rounds_of(world.t0, (0.0, 1.9))
    found = [judged(world, binding, Hand().events(world.t0), rounds, step_s) for step_s in (None, 0.0173, 0.25, 1.1)]
    delays = [verdict[0]['timing']['joints']['delay_ms'] for verdict in found]
    assert any(delays[0].values())
    assert all(delay == delays[0] for delay in delays)


def test_every_round_is_judged_by_itself(world, binding):
    hand = Hand(jam_s=1.5)
    found = judged(world, binding, hand.events(world.t0), rounds_of(world.t0, (0.0, 0.8), (0.8, 1.2), (1.3, 1.9)))
    assert [(r['round'], r['task'], r['verdict']) for r in found] == [
        (1, 'task 1', 'agreed'), (2, 'task 2', 'agreed'), (3, 'task 3', 'diverged'),
    ]  # fmt: skip
    assert found[2]['first_divergence']['onset_s'] == pytest.approx(0.2, abs=0.1)
    assert exit_code(found) == 1 and exit_code(found[:2]) == 0 and exit_code([]) == 2


def test_a_round_may_be_ended_while_it_runs(world, binding):
    events, sent, found = Hand().events(world.t0), {}, []
    audit = Audit(binding)
    audit.add_round(Round(1, world.t0))
    for now in np.arange(-0.5, 3.0, 0.02):
        feed(audit, events, world.t0 + round(now * SECOND), sent)
        if abs(now - 2.02) < 0.009:
            audit.end_round(world.t0 + 2 * SECOND, success=True)
        found += audit.advance(world.t0 + round(now * SECOND) - 50 * MS)
    (whole,) = judged(
        world, binding, Hand().events(world.t0), [Round(1, world.t0, world.t0 + 2 * SECOND, success=True)]
    )
    assert found == [whole] and found[0]['metrics']['real']['success'] is True


def test_a_recording_agrees_with_itself(world, binding):
    events = Hand(jam_s=1.0).events(world.t0)
    (found,) = judged(world, binding, events, simulated=events)
    assert found['verdict'] == 'agreed', found['reason']
    assert [element['rms'] for element in found['channels']['joints'].values()] == [0.0, 0.0]
    assert found['timing']['joints']['delay_ms']['a'][0] == pytest.approx(0.0, abs=0.1)


def test_a_recorded_simulation_that_jams_differs_from_the_hand(world, binding):
    real, simulated = Hand(seed=1).events(world.t0), Hand(jam_s=1.0, seed=2).events(world.t0)
    texts = {json.dumps(judged(world, binding, real, simulated=simulated, step_s=step)) for step in (None, 0.013)}
    assert len(texts) == 1
    first = json.loads(texts.pop())[0]['first_divergence']
    assert (first['channel'], first['kind'], first['element']) == ('joints', 'pose', 'b')
    assert first['onset_s'] == pytest.approx(1.0, abs=0.1)


def test_a_watcher_sees_every_row_once_with_its_scores(world, binding):
    seen = []
    verdict(world, binding, Hand(jam_s=1.0), watch=seen.append, step_s=0.05)
    stamps = np.concatenate([scored.rows.row_ns for scored in seen]) - world.t0
    assert stamps.tolist() == [n * 10 * MS for n in range(300)]
    scores = np.concatenate([scored.scores for scored in seen])
    assert scores.shape == (300, 3) and scores[:90].max() < 1.0 < scores[-1, 1]
