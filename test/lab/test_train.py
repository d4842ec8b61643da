"""Training finds the lightest grip that holds at the friction it is shown, and the same one for the same seed."""

import sys

import numpy as np
import pytest

from transfer_audit.core.binding import bind
from transfer_audit.core.errors import AuditError
from transfer_audit.lab.profiles import FRICTION
from transfer_audit.lab.train import Plan, friction_settings, train

pytest.importorskip('cma', reason='cma is not installed')
SHORT = Plan(generations=3, tasks=1)


def silent(_):
    pass


def with_friction(binding, low, high):
    profile = binding.profile
    parameters = dict(profile.family.parameters)
    parameters[FRICTION] = parameters[FRICTION].model_copy(update={'range': (low, high)})
    return bind(profile.model_copy(update={'family': profile.family.model_copy(update={'parameters': parameters})}))


def test_the_three_settings_span_the_family(binding):
    assert friction_settings(binding) == pytest.approx([0.7, 0.9, 1.1])


def test_the_same_seed_gives_the_same_policy(binding):
    one, other, third = (train(binding, seed, Plan(1, 1), silent) for seed in (4, 4, 5))
    assert np.array_equal(one.policy, other.policy) and one.costs == other.costs
    assert not np.array_equal(one.policy, third.policy)


def test_worn_tips_in_the_family_make_the_grip_firmer(binding):
    high, low = (train(with_friction(binding, *span), 1, SHORT, silent) for span in ((0.7, 1.1), (0.35, 1.1)))
    assert high.success.tolist() == [1.0, 1.0, 1.0] and low.success.tolist() == [1.0, 1.0, 1.0]
    assert low.effort_n.mean() > 1.2 * high.effort_n.mean()


def test_without_cma_one_sentence_says_how_to_get_it(binding, monkeypatch):
    monkeypatch.setitem(sys.modules, 'cma', None)
    with pytest.raises(AuditError, match=r'pip install "transfer_audit\[lab\]"'):
        train(binding, 0, SHORT, silent)
