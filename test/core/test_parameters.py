"""A hand whose truth is set by hand: what cannot be is refused in a sentence."""

import pytest

from transfer_audit.core.binding import parse_parameters, with_parameters
from transfer_audit.core.errors import AuditError
from transfer_audit.core.profile import load_profile
from transfer_audit.resources import hand_profile


@pytest.fixture
def profile():
    return load_profile(hand_profile('emulated_hand'))


def test_a_list_of_names_and_numbers_is_read():
    assert parse_parameters('actuator_delay=0.06, tip_friction=0.2') == {'actuator_delay': 0.06, 'tip_friction': 0.2}


@pytest.mark.parametrize(
    'text', ['actuator_delay', 'actuator_delay=', 'actuator_delay=fast', 'tip_friction=nan', 'a=inf']
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(AuditError, match='expected NAME=NUMBER'):
        parse_parameters(text)


def test_a_value_becomes_the_whole_range(profile):
    changed = with_parameters(profile, {'tip_friction': 0.2})
    assert changed.family.parameters['tip_friction'].range == (0.2, 0.2)
    assert changed.family.parameters['actuator_delay'] == profile.family.parameters['actuator_delay']


def test_an_unknown_name_is_refused_with_the_nearest(profile):
    with pytest.raises(AuditError, match="no family parameter 'tip_fricton'; did you mean 'tip_friction'"):
        with_parameters(profile, {'tip_fricton': 0.2})


@pytest.mark.parametrize(('name', 'value'), [('actuator_delay', -1.0), ('tip_friction', -3.0), ('tactile_noise', -1.0)])
def test_a_value_that_cannot_be_is_refused(profile, name, value):
    with pytest.raises(AuditError, match=name):
        with_parameters(profile, {name: value})
