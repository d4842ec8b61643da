"""Joint parameters of a real servo."""

from pathlib import Path

import pytest

from transfer_audit.bags.traces import traces_of
from transfer_audit.core.binding import open_hand
from transfer_audit.core.calibrate.joints import terms as t
from transfer_audit.core.calibrate.joints.chain import chains_of
from transfer_audit.core.calibrate.joints.fit import best
from transfer_audit.core.calibrate.joints.held_out import squares_of
from transfer_audit.core.calibrate.joints.solve import fit
from transfer_audit.core.calibrate.joints.windows import windows_of
from transfer_audit.resources import hand_profile

pytest.importorskip('absl', reason='mujoco.sysid is not installed')
DATA = Path(__file__).parents[4] / 'shared' / 'data' / 'xl330'
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason='the real traces are not here')


def opened(gain, *names):
    hand = open_hand(hand_profile('xl330_pendulum'), DATA / f'pendulum_{gain}.xml')
    (chain,) = chains_of(hand)
    return chain, windows_of([trace for name in names for trace in traces_of(DATA / name, hand)], hand, chain)


def test_the_twins_are_35_ms_apart_and_have_the_parameters_of_their_model():
    nominal, late = (fit(*opened('kp400', f'twin_{name}_kp400_sinsin'), t.PLAIN) for name in ('nominal', 'delay35ms'))
    delay, friction, damping, gain, armature, offset = nominal.values[0]
    assert late.values[0, 0] - delay == pytest.approx(0.035, abs=0.0005)
    assert [friction, damping, gain, armature] == pytest.approx([0.006966, 0.032425, 0.577877, 0.0016432], rel=0.02)
    assert abs(delay) < 0.0005 and abs(offset) < 0.001


def test_a_real_servo_has_friction_that_follows_the_load():
    chain, seen = opened('kp100', 'kp100_sin_time_square', 'kp100_up_and_down')
    _, unseen = opened('kp100', 'kp100_sin_sin')
    plain = best(chain, seen)
    richer = fit(chain, seen, (*t.PLAIN, t.LOAD), plain, most=8)
    (left,), (less,) = (squares_of(one.chain, unseen, one.terms, one.values)[0] for one in (plain, richer))
    assert less < 0.6 * left, 'on a recording that neither fit saw'
    assert richer.values[0, richer.terms.index(t.LOAD)] > 0.1
