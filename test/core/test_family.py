"""The family varies what the profile says, by as much as it says, and nothing else."""

import mujoco
import numpy as np
import pytest
from mujoco.batch import Batch
from scipy import stats

from transfer_audit.core import family as families

TIPS = """
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <option timestep="0.002" gravity="0 0 -10"/>
  <worldbody>
    <body name="arm"><joint name="a" type="hinge" axis="0 1 0" damping="0.02" armature="0.002"/>
      <geom name="tip_a" type="sphere" pos="0.1 0 0" size="0.01" mass="0.05"/></body>
    <body name="arm2" pos="0 0.2 0"><joint name="b" type="hinge" axis="0 1 0" damping="0.02" armature="0.002"/>
      <geom name="tip_b" type="sphere" pos="0.1 0 0" size="0.01" mass="0.05"/></body>
    <body name="cube" pos="0 0 1"><freejoint name="cube"/><geom name="cube" type="box" size="0.1 0.1 0.1"/></body>
  </worldbody>
  <actuator>
    <position name="act_a" joint="a" kp="2" kv="0.05" delay="0.01" nsample="8"/>
    <position name="act_b" joint="b" kp="2" kv="0.05"/>
  </actuator>
</mujoco>
"""


def members(binding):
    """The family and each member's model."""
    family = families.draw(binding)
    simulations = Batch(binding.model, family.members, 1)
    families.apply(binding, family, simulations)
    return family, [simulations.get_model(index) for index in range(family.members)]


def spec(count=16, seed=0, **parameters):
    return {'members': count, 'seed': seed, 'parameters': parameters}


def test_ranges_are_hit_in_equal_strata(world):
    binding = world.hand(TIPS, family=spec(16, one={'field': 'geom_friction', 'range': [0.5, 1.3]}))
    draws = families.draw(binding)['one']
    assert sorted(np.floor((draws - 0.5) / 0.8 * 16).astype(int)) == list(range(16))


def test_factors_are_drawn_on_a_logarithmic_scale(world):
    binding = world.hand(TIPS, family=spec(
        512, factor={'field': 'dof_damping', 'range': [0.25, 4.0], 'scale': 'relative'},
        value={'field': 'geom_friction', 'range': [0.25, 4.0]}))  # fmt: skip
    family = families.draw(binding)
    log = np.log(family['factor'] / 0.25) / np.log(16)
    assert stats.kstest(log, 'uniform').pvalue > 0.5
    assert stats.kstest((family['value'] - 0.25) / 3.75, 'uniform').pvalue > 0.5


def test_the_seed_alone_decides_the_draws(world):
    parameters = {'one': {'field': 'geom_friction', 'range': [0.5, 1.3]}}
    first, same, other = (families.draw(world.hand(TIPS, family=spec(8, seed, **parameters))) for seed in (3, 3, 4))
    assert np.array_equal(first.draws, same.draws)
    assert not np.array_equal(first.draws, other.draws)


def test_a_family_of_one_sits_at_the_centre(world):
    binding = world.hand(TIPS, family=spec(
        1, factor={'field': 'dof_damping', 'range': [0.5, 2.0], 'scale': 'relative'},
        value={'field': 'geom_friction', 'range': [0.5, 1.5]}))  # fmt: skip
    assert families.draw(binding).draws.tolist() == [[1.0, 1.0]] == families.nominal(binding).draws.tolist()


def test_members_differ_in_what_was_varied_and_in_nothing_else(world):
    binding = world.hand(
        TIPS, family=spec(4, grip={'field': 'geom_friction', 'select': ['tip_*'], 'range': [0.5, 1.1]})
    )
    family, models = members(binding)
    assert len(set(family['grip'])) == 4
    for value, model in zip(family['grip'], models, strict=True):
        for tip in ('tip_a', 'tip_b'):
            assert model.geom(tip).friction[0] == value
            assert model.geom(tip).friction[1:].tolist() == binding.model.geom(tip).friction[1:].tolist()
        assert model.geom('cube').friction.tolist() == binding.model.geom('cube').friction.tolist()
        assert np.array_equal(model.dof_damping, binding.model.dof_damping)
        assert np.array_equal(model.body_mass, binding.model.body_mass)


def test_a_factor_multiplies_each_elements_own_value(world):
    model = TIPS.replace('axis="0 1 0" damping="0.02"', 'axis="0 1 0" damping="0.05"', 1)
    damping = {'field': 'dof_damping', 'select': ['a', 'b'], 'range': [0.5, 2.0], 'scale': 'relative'}
    family, models = members(world.hand(model, family=spec(5, one=damping)))
    for factor, member in zip(family['one'], models, strict=True):
        assert member.dof_damping[:2] == pytest.approx([0.05 * factor, 0.02 * factor], rel=1e-14)


def test_a_free_joint_has_six_dofs(world):
    damping = {'field': 'dof_damping', 'select': ['cube'], 'range': [0.5, 2.0]}
    family, models = members(world.hand(TIPS, family=spec(3, one=damping)))
    for value, member in zip(family['one'], models, strict=True):
        assert member.dof_damping.tolist() == [0.02, 0.02, *[value] * 6]


def test_chosen_columns_are_varied_and_the_others_stay(world):
    friction = {'field': 'geom_friction', 'select': ['tip_a'], 'columns': [1, 2], 'range': [0.1, 0.2]}
    family, models = members(world.hand(TIPS, family=spec(3, one=friction)))
    for value, member in zip(family['one'], models, strict=True):
        assert member.geom('tip_a').friction.tolist() == [1.0, value, value]


@pytest.mark.parametrize('columns, expected', [([2], lambda v: [0, 0, v]), ([0, 1], lambda v: [v, v, -10])])
def test_the_columns_of_an_option_are_varied(world, columns, expected):
    gravity = {'field': 'opt.gravity', 'columns': columns, 'range': [-12.0, -8.0]}
    family, models = members(world.hand(TIPS, family=spec(3, one=gravity)))
    for value, member in zip(family['one'], models, strict=True):
        assert member.opt.gravity.tolist() == expected(value)


def test_a_scalar_option_is_varied(world):
    family, models = members(world.hand(TIPS, family=spec(3, one={'field': 'opt.impratio', 'range': [1.0, 5.0]})))
    assert [member.opt.impratio for member in models] == family['one'].tolist()


def test_constants_derived_from_a_field_follow_it(world):
    mass = {'field': 'body_mass', 'select': ['cube'], 'range': [0.5, 2.0], 'scale': 'relative'}
    binding = world.hand(TIPS, family=spec(3, one=mass))
    family, models = members(binding)
    cube = binding.model.body('cube').id
    for factor, member in zip(family['one'], models, strict=True):
        assert member.body_subtreemass[0] == pytest.approx(0.1 + binding.model.body_mass[cube] * factor, rel=1e-12)
        assert member.body_invweight0[cube, 0] == pytest.approx(
            binding.model.body_invweight0[cube, 0] / factor, rel=1e-9
        )


def test_a_servos_gain_is_varied_without_moving_its_equilibrium(world):
    gain = {'field': 'actuator_kp', 'select': ['act_a'], 'range': [0.5, 2.0], 'scale': 'relative'}
    model = TIPS.replace('gravity="0 0 -10"', 'gravity="0 0 0"').replace(' delay="0.01" nsample="8"', '')
    family, models = members(world.hand(model, family=spec(4, one=gain)))
    for factor, member in zip(family['one'], models, strict=True):
        assert member.actuator_gainprm[0, 0] == pytest.approx(2 * factor)
        assert member.actuator_gainprm[1, 0] == 2
        assert member.actuator_biasprm[0, 2] == -0.05
        data = mujoco.MjData(member)
        data.ctrl[:] = 0.4
        mujoco.mj_step(member, data, 3000)
        assert data.qpos[0] == pytest.approx(0.4, abs=1e-6)


@pytest.mark.parametrize('scale, low, high', [('relative', 0.5, 2.0), ('absolute', 0.01, 0.1)])
def test_a_servos_damping_gain_keeps_its_sign(world, scale, low, high):
    gain = {'field': 'actuator_kv', 'select': ['act_a'], 'range': [low, high], 'scale': scale}
    family, models = members(world.hand(TIPS, family=spec(4, one=gain)))
    for value, member in zip(family['one'], models, strict=True):
        assert member.actuator_biasprm[0, 2] == pytest.approx(-0.05 * value if scale == 'relative' else -value)
        assert member.actuator_biasprm[0, 1] == -2


@pytest.mark.parametrize('timestep', [0.001, 0.002, 0.0005])
@pytest.mark.parametrize('high', [0.013, 0.020, 0.0401])
def test_delay_buffers_hold_the_longest_delay_of_the_range(world, timestep, high):
    model = TIPS.replace('timestep="0.002"', f'timestep="{timestep}"')
    delay = {'field': 'actuator_delay', 'select': ['act_b'], 'range': [0.005, high]}
    binding = world.hand(model, family=spec(4, one=delay))
    samples = binding.model.actuator_history[:, 0]
    assert samples[0] == 8
    assert (samples[1] - 1) * timestep >= high - 1e-12
    assert samples[1] * timestep <= high + 2 * timestep


def test_delays_of_members_are_known_per_commanded_actuator(world):
    absolute = {'field': 'actuator_delay', 'select': ['act_b'], 'range': [0.005, 0.04]}
    family = spec(4, one=absolute)
    binding = world.hand(TIPS, family=family, command={'elements': {'b': 'act_b', 'a': 'act_a'}})
    drawn = families.draw(binding)
    assert families.delays_of(binding, drawn).tolist() == [[value, 0.01] for value in drawn['one']]
    relative = {'field': 'actuator_delay', 'select': ['*'], 'range': [0.5, 2.0], 'scale': 'relative'}
    binding = world.hand(TIPS, family=spec(4, one=relative))
    drawn = families.draw(binding)
    assert families.delays_of(binding, drawn) == pytest.approx(np.outer(drawn['one'], [0.01, 0.0]))


def test_geoms_can_be_chosen_by_their_body(world):
    friction = {'field': 'geom_friction', 'select': ['body:arm*'], 'range': [0.1, 0.2]}
    family, models = members(world.hand(TIPS, family=spec(3, one=friction)))
    for value, member in zip(family['one'], models, strict=True):
        assert member.geom_friction[:, 0].tolist() == [value, value, 1.0]


def test_overlapping_patterns_vary_an_element_once(world):
    friction = {'field': 'geom_friction', 'select': ['tip_*', 'tip_a'], 'range': [2.0, 3.0], 'scale': 'relative'}
    family, models = members(world.hand(TIPS, family=spec(3, one=friction)))
    assert [member.geom('tip_a').friction[0] for member in models] == pytest.approx(family['one'])


def test_sensor_noise_belongs_to_its_channel(world):
    tips = {'kind': 'force', 'topic': 'f', 'type': 'std_msgs/msg/Float64MultiArray', 'field': 'data',
            'stamp': 'receive', 'elements': {0: 'tip_a'}, 'unit': 'N', 'noise': 0.1, 'tolerance': 0.1}  # fmt: skip
    binding = world.hand(TIPS, channels={'tips': tips}, family=spec(3, n={'channel': 'tips', 'range': [0.1, 0.3]}))
    family, models = members(binding)
    joints, force = families.noise_of(binding, family)
    assert joints is None and force.tolist() == family['n'].tolist()
    assert all(np.array_equal(member.geom_friction, binding.model.geom_friction) for member in models)
