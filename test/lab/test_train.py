"""Training spans the friction of the family, and gives the same policy for the same seed."""

import sys

import numpy as np
import pytest

from transfer_audit.core.errors import AuditError
from transfer_audit.lab.train import Plan, friction_settings, train

pytest.importorskip('cma', reason='cma is not installed')
SHORT = Plan(generations=1, tasks=1)


def silent(_):
    pass


def test_the_three_settings_span_the_family(binding):
    assert friction_settings(binding) == pytest.approx([0.7, 0.9, 1.1])


def test_the_same_seed_gives_the_same_policy(binding):
    one, other = (train(binding, 4, SHORT, silent) for _ in range(2))
    assert np.array_equal(one.policy, other.policy) and one.costs == other.costs


def test_without_cma_one_sentence_says_how_to_get_it(binding, monkeypatch):
    monkeypatch.setitem(sys.modules, 'cma', None)
    with pytest.raises(AuditError, match=r'pip install "transfer_audit\[lab\]"'):
        train(binding, 0, SHORT, silent)
