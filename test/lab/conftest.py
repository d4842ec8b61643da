"""Small labs: the emulated hand with the lab's first family, few members and little training."""

import pytest

from transfer_audit.core.binding import open_hand
from transfer_audit.lab.policy import instances
from transfer_audit.lab.profiles import FRICTION, first_profile
from transfer_audit.lab.train import drawn, with_value
from transfer_audit.lab.transfer import Bench


@pytest.fixture(scope='session')
def binding(tmp_path_factory):
    return open_hand(first_profile(tmp_path_factory.mktemp('hand'), 4))


@pytest.fixture
def bench(binding, tmp_path):
    """A lab without training: `bench(0.4)` has a hand of that friction and two tasks."""

    def make(friction, rounds=2):
        truth = with_value(drawn(binding, 2, 3), FRICTION, friction)
        return Bench(tmp_path, binding, type(truth)(truth.names, truth.draws[:1]), tuple(instances(rounds, 5)), 3)

    return make
