"""The short way of a command that nothing alters is held to the plain one."""

import numpy as np
import pytest

from transfer_audit.core.gate.motion import Motion
from transfer_audit.core.profile.schema import GateSpec


class Servos:
    least, most = np.array([-1.0, -np.inf, -2.0]), np.array([1.0, np.inf, 2.0])
    low, high = np.array([-0.5, -np.inf, -2.0]), np.array([1.0, np.inf, 1.5])


@pytest.mark.parametrize('speed', [None, 2.0, {'a': 0.5, 'c': 3.0}])
def test_what_passes_is_what_the_clamp_leaves_as_it_is(speed):
    """On, just inside and just outside of every bound, and with numbers that are none."""
    motion = Motion('abc', Servos, GateSpec(speed_budget=speed))
    draw = np.random.default_rng(0)
    passed = 0
    for _ in range(4000):
        origin = draw.uniform(-0.4, 1.0, 3)
        time_ns = int(draw.choice([0, 1, 1_000_000, 37_000_000, 100_000_000]))
        share = float(draw.choice([0.0, 0.3, 1.0]))
        reach = np.where(motion.speed.none, 0.7, motion.speed.now * share * (time_ns / 1e9))
        asked = origin + reach * draw.choice([-1.0, 0.0, 0.3, 1.0, 1.01], 3)
        asked = np.where(draw.random(3) < 0.05, np.nextafter(asked, 9.0), asked)
        asked = np.where(draw.random(3) < 0.02, draw.choice([np.nan, np.inf, -np.inf, 1.5, -0.5], 3), asked)
        if motion.passes(asked, origin, time_ns, share):
            leaving, reason = motion.clamp(asked, origin, time_ns, share)
            assert np.isfinite(asked).all() and (leaving == asked).all() and not reason
            assert not motion.forbidden(leaving)
            passed += 1
    assert passed > 400


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, 1e9, -1.001])
def test_what_is_no_number_or_out_of_range_is_forbidden(value):
    motion = Motion('abc', Servos, GateSpec())
    assert motion.forbidden(np.array([value, 0.0, 0.0])) == 'a'
    assert not motion.forbidden(np.array([0.0, 1e300, 0.0]))
