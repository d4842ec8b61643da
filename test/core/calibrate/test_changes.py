"""What a calibration makes of a profile: ranges that hold what was seen, never more digits than were measured."""

import pytest
import yaml

from transfer_audit.core.binding import open_hand
from transfer_audit.core.calibrate.calibration import Calibration, spread_out
from transfer_audit.core.calibrate.changes import apply, down, family_changes, unchanged, up, value_of
from transfer_audit.core.calibrate.ranges import Ranged, Setting

FAMILY = {
    'delay': {'field': 'actuator_delay', 'select': ['act_*'], 'range': [0.0, 0.01]},
    'damping': {'field': 'dof_damping', 'select': ['a'], 'range': [0.8, 1.2], 'scale': 'relative'},
    'gain': {'field': 'actuator_kp', 'select': ['*'], 'range': [0.9, 1.1], 'scale': 'relative'},
}
RANGES = (
    Ranged('a_delay', 'actuator_delay', ('act_a',), 0.0123456, 0.02, of='a', why='starts of a'),
    Ranged('b_delay', 'actuator_delay', ('act_b',), 0.03, 0.0412345, of='b', why='starts of b'),
    Ranged('a_damping', 'dof_damping', ('a',), 0.01, 0.03, of='a', why='fit of a'),
    Ranged('a_friction', 'dof_frictionloss', ('a',), 0.001, 0.002, of='a', why='fit of a'),
)


def of(ranges=(), settings=()):
    return Calibration((), tuple(ranges), tuple(settings), (), ())


def test_ranges_of_many_joints_become_one_that_holds_them_all(world):
    binding = world.hand(family={'parameters': FAMILY})
    found = {change.name: change for change in family_changes(of(RANGES), binding)}
    assert found['delay'].entry['range'] == [0.01234, 0.04124] and found['delay'].old == (0.0, 0.01)
    assert 'starts of a' in found['delay'].why and 'starts of b' in found['delay'].why
    assert list(unchanged(of(RANGES), binding)) == ['gain']


def test_a_range_becomes_a_factor_of_the_model_where_the_profile_counts_so(world):
    binding = world.hand(family={'parameters': FAMILY})
    assert value_of(binding.model, 'dof_damping', 'a') == 0.02 and value_of(binding.model, 'actuator_kp', 'act_b') == 1
    found = {change.name: change for change in family_changes(of(RANGES), binding)}
    assert found['damping'].entry['range'] == pytest.approx([0.5, 1.5])


def test_what_the_family_lacks_is_added(world):
    binding = world.hand(family={'parameters': FAMILY})
    added = {change.name: change for change in family_changes(of(RANGES), binding)}['a_friction']
    assert added.old is None
    assert added.entry == {'field': 'dof_frictionloss', 'select': ['a'], 'range': [0.001, 0.002], 'scale': 'absolute'}


def test_a_changed_profile_binds(world):
    path = world.write(family={'parameters': FAMILY})
    settings = Setting(('channels', 'joints', 'noise'), {'a': 0.0021234, 'b': 0.001}, 'at rest')
    profile = yaml.safe_load(path.read_text())
    apply(of(RANGES, [settings]), open_hand(path), profile)
    profile['provenance'] = {'bags': {'bag': {'bag.mcap': '00'}}, 'any': ['thing']}
    path.write_text(yaml.safe_dump(profile))
    binding = open_hand(path)
    assert binding.channel('joints').noise.tolist() == [0.002123, 0.001]
    assert {v.name: (v.low, v.high) for v in binding.variations}['delay'] == (0.01234, 0.04124)
    assert binding.profile.provenance['any'] == ['thing']


def test_rounding_never_loses_what_was_seen():
    assert (down(0.123456), up(0.123456)) == (0.1234, 0.1235)
    assert (down(-0.123456), up(-0.123456)) == (-0.1235, -0.1234)
    assert down(0.0) == up(0.0) == 0.0 and down(7.5) == up(7.5) == 7.5


def test_a_fit_is_given_rounds_from_all_over(make):
    traces = [make.trace(3.0, ([0.0], [0.0]), f'bag{k}') for k in range(100)]
    some = spread_out(traces, 30.0)
    assert [trace.recording for trace in some] == [f'bag{10 * k + 5}' for k in range(10)]
    assert spread_out(traces[:2], 30.0) == traces[:2] and spread_out([], 30.0) == []
    assert len(spread_out(traces, 1.0)) == 1


def test_a_measured_spring_replaces_a_factor_that_it_cannot_be(world):
    """A negative solref is a stiffness itself and no multiple of the model's time constant."""
    tips = {'compliance': {'field': 'geom_solref', 'select': ['rod_*'], 'range': [0.8, 1.5], 'scale': 'relative'}}
    binding = world.hand(family={'parameters': tips})
    springs = [
        Ranged('compliance', 'geom_solref', (f'rod_{side}',), -900.0 - k, -500.0, columns=(0,))
        for k, side in enumerate('ab')
    ]
    dampers = [Ranged('contact_damping', 'geom_solref', (f'rod_{side}',), -9.0, -5.0, columns=(1,)) for side in 'ab']
    found = {change.name: change.entry for change in family_changes(of([*springs, *dampers]), binding)}
    assert found['compliance'] == {'range': [-901.0, -500.0], 'scale': 'absolute'}
    assert found['contact_damping']['select'] == ['rod_a', 'rod_b'] and found['contact_damping']['columns'] == [1]
