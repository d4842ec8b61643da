"""The one face: what goes into a profile of what was measured and fitted, and what does not."""

import numpy as np
import pytest

from transfer_audit.core.calibrate import calibration
from transfer_audit.core.calibrate.joints import Fitted, JointFit, JointFits
from transfer_audit.core.calibrate.quantities import Quantity
from transfer_audit.core.errors import AuditError


def fitted(standing='measured'):
    """A joint whose delay and friction a fit found."""
    delay = Quantity('command delay', 'a', 0.02, 0.019, 0.021, 's', 9, (), standing)
    friction = Quantity('Coulomb friction', 'a', 0.01, -0.001, 0.012, 'N m', 9, (), standing)
    both = Fitted(delay, 'actuator_delay', 'act_a'), Fitted(friction, 'dof_frictionloss', 'a')
    return JointFits((JointFit('a', both, 0.1, 0.01, 0.002, 9.0, (), (), ('a: too simple',)),), ())


@pytest.fixture
def hand(world):
    return world.hand(
        command={'elements': {'a': 'act_a'}, 'speed': {'field': 'velocity', 'scale': 1.0}},
        channels={'joints': {'elements': {'a': 'a'}}},
    )


@pytest.fixture
def found(hand, make, monkeypatch):
    """Calibrates a hand with the delays given, and a fit that says `outcome`."""

    def run(late, outcome):
        def fit(traces, binding, progress):
            if isinstance(outcome, AuditError):
                raise outcome
            return outcome

        monkeypatch.setattr(calibration.fits, 'fit', fit)
        told = [(1.0 + 2.0 * k, float((k + 1) % 2)) for k in range(len(late))]
        times = np.arange(0.0, told[-1][0] + 2.0, 0.01)
        joint = make.ramp(times, told, 2.0, late) + np.random.default_rng(0).normal(0, 0.001, len(times))
        command = [t for t, _ in told], [(p, 2.0) for _, p in told]
        return calibration.calibrate([make.trace(times[-1], command, joints=(times, joint))], hand)

    return run


def fields(calibration_):
    return {one.field for one in calibration_.ranges}


def test_what_starts_and_fits_say_goes_into_the_family(found):
    result = found([0.02] * 20, fitted())
    ranges = {one.field: one for one in result.ranges}
    assert ranges.keys() == {'actuator_delay', 'dof_frictionloss'}
    assert ranges['actuator_delay'].high < 0.022 and 'starts' in ranges['actuator_delay'].why
    assert ranges['dof_frictionloss'].low == 0.0
    assert result.residuals[0].after == 0.01 and 'a: too simple' in result.warnings
    settings = {setting.at[-1]: setting.value for setting in result.settings}
    assert settings['noise'] == pytest.approx(0.001, rel=0.1) and settings['scale'] == pytest.approx(1.0, rel=0.01)


def test_the_gate_learns_how_long_the_hand_goes_on_after_an_opening_command(found):
    late = [0.3, 0.08] * 10  # closing, opening
    (latency,) = (setting for setting in found(late, fitted()).settings if setting.at == ('gate', 'latency_s'))
    assert latency.value == pytest.approx(0.09, abs=0.01)  # seen at the next sample that is clear of the noise


def test_a_fit_does_not_stand_for_delays_that_wander(found):
    result = found(np.random.default_rng(1).uniform(0.05, 0.2, 30), fitted())
    assert fields(result) == {'actuator_delay'}
    assert any('differs from start to start' in warning for warning in result.warnings)
    assert 'Coulomb friction' in {quantity.name for quantity in result.quantities}


@pytest.mark.parametrize('standing', ['not identifiable', 'explains nothing'])
def test_nothing_of_a_fit_that_cannot_tell_goes_into_the_family(found, standing):
    assert fields(found([0.02] * 20, fitted(standing))) == {'actuator_delay'}


def test_without_the_extra_the_rest_is_measured_and_one_sentence_says_so(found):
    result = found([0.02] * 20, AuditError('it needs mujoco.sysid; install it with: pip install …'))
    assert [warning for warning in result.warnings if 'not fitted' in warning and 'pip install' in warning]
    assert fields(result) == {'actuator_delay'} and result.residuals == ()


def test_a_recording_without_motion_says_what_to_record(hand, make, monkeypatch):
    times = np.arange(0.0, 5.0, 0.01)
    monkeypatch.setattr(calibration.fits, 'fit', lambda traces, binding, progress: JointFits((), ()))
    result = calibration.calibrate([make.trace(5.0, ([0.0], [(0.0, 1.0)]), joints=(times, 0 * times))], hand)
    assert result.ranges == () and result.settings == ()
    told = [quantity for quantity in result.quantities if quantity.standing != 'measured']
    assert all('record' in quantity.why or 'fit' in quantity.why for quantity in told) and len(told) >= 4
