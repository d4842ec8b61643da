"""Proposals for families whose fault is known: too narrow, in the wrong place, too wide, or without a parameter."""

import numpy as np
import pytest
import yaml

from transfer_audit.cli.profile_edit import edited
from transfer_audit.core.binding import bind
from transfer_audit.core.calibrate.joints import JointFit, JointFits, Missing
from transfer_audit.core.coverage import cover
from transfer_audit.core.errors import AuditError
from transfer_audit.core.profile import Parameter
from transfer_audit.core.propose import Change, applied, apply_to, forms, propose
from transfer_audit.core.propose.candidates import candidates
from transfer_audit.core.propose.evidence import Estimate, hull

SECONDS = 2.5
DAMPING = {'field': 'dof_damping', 'select': ['a', 'b'], 'range': [0.8, 1.25], 'scale': 'relative'}
DELAY = {'field': 'actuator_delay', 'select': ['*'], 'range': [0.01, 0.03]}


def hand(world, **parameters):
    return world.hand(family={'members': 16, 'seed': 0, 'parameters': parameters})


def traces(world, truths, parameters):
    """A round for each truth, of a hand whose family has room for it."""
    real = hand(world, **parameters)
    out = []
    for number, truth in enumerate(truths, 1):
        stamps = world.times(SECONDS, 100)
        t = stamps / 1e9
        steps = 0.6 * np.sign(np.sin((3 + number % 3) * t)) * (t > 0.2)
        commands = world.columns(stamps, np.stack([steps, 0.3 * np.sin((7 + number) * t)], axis=1))
        out.append(world.trace(real, truth, commands, SECONDS, number))
    return out


WIDE = {'damping': {**DAMPING, 'range': [0.2, 5.0]}, 'delay': {**DELAY, 'range': [0.0, 0.2]}}


def test_a_range_that_is_too_narrow_is_widened_to_the_rounds_and_then_covers(world):
    made = traces(world, [{'damping': 1.0, 'delay': delay} for delay in (0.025, 0.04, 0.042, 0.041)], WIDE)
    binding = hand(world, damping=DAMPING, delay=DELAY)
    (change,) = propose(made[:3], binding)
    assert (change.kind, change.name, change.old) == ('widen', 'delay', (0.01, 0.03))
    assert change.new[0] == 0.01 and 0.04 < change.new[1] < 0.07
    assert change.explained > 0.5 and '0.04' in change.reason
    assert cover(made[3:], binding).verdict == 'not covered'
    assert cover(made[3:], bind(applied(binding.profile, [change]))).verdict == 'covered'


def test_many_rounds_beyond_a_range_shift_it_and_many_in_a_part_narrow_it(world):
    truths = [{'damping': 1.0 + 0.01 * k, 'delay': 0.05 + 0.001 * k} for k in range(5)]
    changes = {change.name: change for change in propose(traces(world, truths, WIDE), hand(world, **NARROWABLE))}
    delay, damping = changes['delay'], changes['damping']
    assert delay.kind == 'shift' and 0.03 < delay.new[0] < 0.05 and 0.054 < delay.new[1] < 0.07
    assert damping.kind == 'narrow' and damping.explained == 0
    assert 0.5 < damping.new[0] < 1.0 and 1.04 < damping.new[1] < 2.0


NARROWABLE = {'damping': {**DAMPING, 'range': [0.4, 2.5]}, 'delay': DELAY}


def test_one_round_is_not_enough_to_narrow(world):
    made = traces(world, [{'damping': 1.0, 'delay': 0.02}], WIDE)
    assert propose(made, hand(world, **NARROWABLE)) == []


def test_a_parameter_that_is_missing_is_added(world):
    made = traces(world, [{'damping': 1.0, 'delay': 0.02 + 0.002 * k} for k in range(2)], WIDE)
    binding = hand(world, damping=DAMPING)
    changes = propose(made, binding)
    first = changes[0]
    assert (first.kind, first.parameter.field, first.old) == ('add', 'actuator_delay', None)
    assert first.new[0] < 0.02 and first.new[1] > 0.022 and first.explained > 0.7
    assert 'does not vary actuator_delay' in first.reason


def test_candidates_are_what_the_family_does_not_have(world):
    fields = {p.field for p in candidates(hand(world, delay=DELAY)).values()}
    assert 'actuator_delay' not in fields and {'dof_frictionloss', 'dof_damping', 'actuator_kp'} <= fields
    assert 'geom_friction' not in fields, 'no channel senses touch'


def test_a_hull_leaves_room_for_one_more_round():
    few = hull([Estimate(0.4, 0.01), None, Estimate(0.6, 0.01)])
    many = hull([Estimate(value, 0.01) for value in np.linspace(0.4, 0.6, 20)])
    assert few[0] < many[0] < 0.4 and 0.6 < many[1] < few[1]
    assert hull([None]) is None
    assert hull([Estimate(0.4, 0.001)]) == pytest.approx((0.35, 0.45)), 'one round does not say how far rounds differ'


def _changes():
    wide = Parameter(field='actuator_delay', select=('*',), range=(0.01, 0.05))
    new = Parameter(field='dof_frictionloss', select=('a',), range=(0.0, 0.1))
    return [
        Change('delay', 'widen', (0.01, 0.03), (0.01, 0.05), 0.5, '', wide),
        Change('friction', 'add', None, (0.0, 0.1), 0.2, '', new),
    ]


def test_changes_become_a_profile_and_a_mapping_alike(world):
    binding = hand(world, delay=DELAY)
    parameters = applied(binding.profile, _changes()).family.parameters
    raw = yaml.safe_load(binding.profile.path.read_text())
    apply_to(raw, _changes())
    assert {name: Parameter(**value) for name, value in raw['family']['parameters'].items()} == parameters
    assert parameters['delay'].range == (0.01, 0.05) and parameters['friction'].select == ('a',)


def test_what_mujoco_has_no_parameter_for_is_ranked_and_never_written(world, monkeypatch):
    load, play, limit = (Missing(*form) for form in (
        ('load-dependent friction', 0.6, 0.2, 0.1, 0.3, 'N m per N m of load'),
        ('backlash', 0.01, 0.0, 0.0, 0.1, 'rad'), ('torque limit', 0.5, 1.0, 0.9, 1.1, 'N m'),
    ))  # fmt: skip
    joints = [JointFit(name, (), 0.3, after, 0.001, 1.0, (), missing, ())
              for name, after, missing in (('a', 0.2, (load, limit, play)), ('b', 0.1, ()))]  # fmt: skip
    monkeypatch.setattr(forms.fits, 'fit', lambda *_: JointFits(tuple(joints), ()))
    binding = hand(world, delay=DELAY)
    (change,) = forms.forms([], binding, 0.5)
    assert (change.kind, change.name, change.new) == ('missing', 'load-dependent friction', (0.1, 0.3))
    assert change.explained == pytest.approx(0.5 * 0.6 * 0.04 / 0.05) and 'at a would explain 48%' in change.reason
    assert applied(binding.profile, [change]) == binding.profile
    raw = yaml.safe_load(binding.profile.path.read_text())
    apply_to(raw, [change])
    assert raw == yaml.safe_load(binding.profile.path.read_text())


def test_a_change_that_no_parameter_can_have_is_refused(world):
    bad = Parameter(field='actuator_delay', select=('*',), range=(-0.01, 0.05))
    with pytest.raises(AuditError, match='cannot be negative'):
        applied(hand(world, delay=DELAY).profile, [Change('delay', 'widen', None, (-0.01, 0.05), 0, '', bad)])


def test_an_edit_leaves_comments_and_layout_alone():
    text = (
        '# my hand\nfamily:\n  members: 16   # enough\n  parameters:\n'
        '    delay:    {field: actuator_delay, select: ["*"], range: [0.01, 0.03]}   # measured\n'
        '\n# the end\nround: {}\n'
    )
    found = edited(text, lambda raw: apply_to(raw, _changes()))
    assert found == text.replace(
        'range: [0.01, 0.03]}   # measured\n',
        'range: [0.01, 0.05]}   # measured\n    friction: {field: dof_frictionloss, select: [a], range: [0.0, 0.1]}\n',
    )
