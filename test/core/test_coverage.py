"""Coverage on hands whose truth is known: two arms that are quick to simulate, and arrays made by hand."""

import numpy as np
import pytest

from transfer_audit.core.binding import bind
from transfer_audit.core.coverage import cover, ranks
from transfer_audit.core.coverage.emulator import Emulator
from transfer_audit.core.coverage.misfit import Misfit
from transfer_audit.core.coverage.noise import roughness
from transfer_audit.core.coverage.scan import along, best_of
from transfer_audit.core.coverage.search import locate
from transfer_audit.core.coverage.space import space_of
from transfer_audit.core.errors import AuditError

SECONDS = 4.0
DAMPING = {'field': 'dof_damping', 'select': ['a', 'b'], 'range': [0.8, 1.25], 'scale': 'relative'}
DELAY = {'field': 'actuator_delay', 'select': ['*'], 'range': [0.01, 0.03]}
GAIN = {'field': 'actuator_kp', 'select': ['*'], 'range': [0.9, 1.1], 'scale': 'relative'}


def hand(world, **parameters):
    return world.hand(family={'members': 16, 'seed': 0, 'parameters': parameters})


def traces(world, binding, truth, rounds=1, swing=0.6, noise=0.001):
    """Rounds of a hand whose parameters are `truth`, in units of the profile; each with a motion of its own."""
    return [_trace(world, binding, truth, number, swing, noise) for number in range(1, rounds + 1)]


def _trace(world, binding, truth, number, swing, noise):
    wide = {
        name: p.model_copy(update={'range': (min(p.range[0], truth[name]), max(p.range[1], truth[name]))})
        for name, p in binding.profile.family.parameters.items()
    }
    family = binding.profile.family.model_copy(update={'parameters': wide})
    real = bind(binding.profile.model_copy(update={'family': family}))
    stamps = world.times(SECONDS, 100)
    t = stamps / 1e9
    steps = swing * np.sign(np.sin((3 + number) * t)) * (t > 0.2)
    commands = world.columns(stamps, np.stack([steps, 0.5 * swing * np.sin((7 + number) * t)], axis=1))
    return world.trace(real, truth, commands, SECONDS, number, noise)


@pytest.mark.parametrize('damping, delay', [(0.85, 0.012), (1.0, 0.02), (1.2, 0.028)])
def test_a_hand_inside_its_family_is_covered(world, damping, delay):
    binding = hand(world, damping=DAMPING, delay=DELAY)
    found = cover(traces(world, binding, {'damping': damping, 'delay': delay}), binding)
    assert found.verdict == 'covered' and not found.outside
    estimates = {one.name: one for one in found.parameters}
    assert estimates['delay'].estimate == pytest.approx(delay, abs=0.0005)
    assert estimates['damping'].estimate == pytest.approx(damping, rel=0.05)
    assert all(one.explained > 0.95 for one in found.elements)


@pytest.mark.parametrize(
    'name, value, side',
    [('damping', 1.25 * 1.5625**0.3, 'above'), ('damping', 0.8 / 1.5625**0.3, 'below'),
     ('delay', 0.036, 'above'), ('delay', 0.004, 'below'), ('delay', 0.06, 'above')],
)  # fmt: skip
def test_a_parameter_outside_is_named_with_its_side_and_value(world, name, value, side):
    binding = hand(world, damping=DAMPING, delay=DELAY, gain=GAIN)
    found = cover(traces(world, binding, {'damping': 1.0, 'delay': 0.02, 'gain': 1.0, name: value}), binding)
    first = found.outside[0]
    assert (found.verdict, first.name, first.standing) == ('not covered', name, side)
    assert first.estimate == pytest.approx(value, rel=0.05) and first.explained > 0.5
    assert name in found.reason and side in found.reason


def test_two_parameters_that_do_the_same_are_tied_and_not_guessed(world):
    binding = hand(world, one=DAMPING, other=DAMPING, delay=DELAY)
    found = cover(traces(world, binding, {'one': 1.6, 'other': 1.0, 'delay': 0.02}), binding)
    assert found.verdict == 'not covered'
    assert {one.name for one in found.outside} == {'one', 'other'}
    assert found.outside[0].ties and 'does not tell them apart' in found.reason


def test_what_no_parameter_explains_is_said_to_be_missing(world):
    binding = hand(world, delay=DELAY)
    truth = hand(world, delay=DELAY, damping={**DAMPING, 'range': [1.0, 5.0]})
    found = cover(traces(world, truth, {'delay': 0.02, 'damping': 4.0}), binding)
    assert found.verdict == 'not covered' and found.rms_inside > 5
    assert 'missing' in found.reason or found.outside


def test_a_hand_that_stands_still_tells_nothing(world):
    binding = hand(world, damping=DAMPING, delay=DELAY)
    found = cover(traces(world, binding, {'damping': 1.0, 'delay': 0.02}, swing=0.0), binding)
    assert found.verdict == 'cannot tell' and 'nothing moved' in found.reason


def test_rounds_that_agree_say_more_than_one(world):
    binding = hand(world, damping=DAMPING, delay=DELAY)
    made = traces(world, binding, {'damping': 1.0, 'delay': 0.02}, rounds=3, noise=0.01)
    one, three = (cover(made[:count], binding).parameters for count in (1, 3))
    width = [{p.name: p.interval[1] - p.interval[0] for p in parameters} for parameters in (one, three)]
    assert width[1]['damping'] < width[0]['damping']


def test_no_rounds_are_an_error_in_a_sentence(world):
    with pytest.raises(AuditError, match='no rounds'):
        cover([], hand(world, delay=DELAY))


def test_the_json_has_no_nan(world):
    binding = hand(world, damping=DAMPING)
    document = cover(traces(world, binding, {'damping': 1.0}), binding).as_json()
    assert document['verdict'] == 'covered' and document['schema'] == 1
    assert all(value == value for one in document['elements'] for value in one.values())


def test_one_more_member_has_every_rank_alike():
    rng = np.random.default_rng(0)
    members, real = rng.standard_normal((16, 4000)), rng.standard_normal(4000)
    pit = ranks.pits(real, members, np.zeros(16), rng)
    counts = ranks.histogram(pit, 16)
    assert len(counts) == 17 and counts.min() > 0.7 * 4000 / 17
    share, expected = ranks.inside(pit, 16)
    assert share == pytest.approx(expected, abs=0.02) and expected == pytest.approx(15 / 17)
    assert ranks.uniform([pit], [4000]) > 0.01
    assert ranks.uniform([pit**2], [4000]) < 1e-6


def test_noise_of_the_measurement_is_noise_of_the_members_too():
    rng = np.random.default_rng(1)
    real = 0.1 * rng.standard_normal(4000)
    pit = ranks.pits(real, np.zeros((16, 4000)), np.full(16, 0.1), rng)
    assert ranks.inside(pit, 16)[0] == pytest.approx(15 / 17, abs=0.02)


def test_samples_of_one_motion_are_not_independent():
    rng = np.random.default_rng(2)
    series = np.zeros(20_000)
    for at in range(1, len(series)):
        series[at] = 0.9 * series[at - 1] + rng.standard_normal()
    pit = np.argsort(np.argsort(series)) / len(series)
    assert ranks.effective([pit], [20_000]) == pytest.approx(20_000 * 0.1 / 1.9, rel=0.25)
    assert ranks.effective([pit], [40]) == 40
    assert ranks.uniform([pit[:500]], [5]) is None


def test_an_emulator_of_a_linear_simulation_is_exact_and_its_intervals_hold_the_truth():
    rng = np.random.default_rng(3)
    truth, hits = np.array([0.3, 1.4]), []
    for _ in range(40):
        slope = rng.standard_normal((600, 2))
        real = slope @ truth + rng.standard_normal(600)
        units = rng.random((12, 2)) + [0.0, 0.8]
        blocks = np.repeat(np.arange(20), 30)
        emulator = Emulator.of(Misfit(units, real - units @ slope.T, blocks, blocks))
        best = emulator.best(np.full(2, -3.0), np.full(2, 3.0))
        assert best == pytest.approx(truth, abs=0.2)
        hits.append(np.abs(best - truth) <= emulator.half_width(best, 0.9))
    assert np.mean(hits) > 0.8
    assert emulator.best(np.zeros(2), np.ones(2))[1] == 1.0


def test_a_space_goes_there_and_back(world):
    space = space_of(hand(world, damping=DAMPING, delay=DELAY))
    units = np.array([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5], [-0.3, 1.3]])
    values = space.values(units)
    assert values[:, 0] == pytest.approx([0.8, 1.25, 1.0, 0.8 / 1.5625**0.3])
    assert values[:, 1] == pytest.approx([0.01, 0.03, 0.02, 0.036])
    assert space.units(values) == pytest.approx(units)
    assert space.values(space.least[None])[0, 1] == 0.0, 'no delay is negative'


def test_a_parameter_that_says_nothing_nearby_is_found_by_a_look_further_away(world):
    space = space_of(hand(world, damping=DAMPING, delay=DELAY))
    blocks = np.repeat(np.arange(20), 30)
    rng = np.random.default_rng(5)
    slope, noise = rng.standard_normal((600, 2)), rng.standard_normal(600)

    def run(units):
        """A grip: what lies above -0.8 in the first parameter sticks, all alike."""
        felt = np.minimum(units, [-0.8, np.inf])
        return Misfit(units, noise + 4 * (np.array([-1.5, 0.4]) - felt) @ slope.T, blocks, blocks)

    start = np.array([0.5, 0.4])
    assert locate(space, run, start, space.least, space.most).units[0] > -0.8
    begin = best_of(run, np.vstack([start, along(space, start, [0, 1])]))
    assert locate(space, run, begin, space.least, space.most).units == pytest.approx([-1.5, 0.4], abs=0.05)


def test_the_noise_of_a_smooth_signal_is_known_without_a_model():
    t = np.linspace(0, 4, 2000)
    real = np.sin(3 * t) + 0.05 * np.random.default_rng(4).standard_normal(len(t))
    assert roughness(real) == pytest.approx(0.05, rel=0.1)
    assert np.isnan(roughness(real[:10]))
