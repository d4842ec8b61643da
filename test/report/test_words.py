"""A finding is told with its own numbers, in units that can be read."""

import pytest

from transfer_audit.report.words import amount, opening, span

FIRST = {
    'channel': 'joints', 'kind': 'pose', 'element': 'hinge', 'onset_s': 0.585, 'onset_interval_s': [0.577, 0.5863],
    'onset_interval_level': 0.9, 'flagged_s': 0.6, 'score': 1.07, 'real': 0.64427, 'shadow': [0.58679, 0.61458],
    'unit': 'rad', 'phase': None, 'motion': None, 'explanation': '', 'ties': [],
}  # fmt: skip


def told(**changed):
    channels = {'joints': {'hinge': {}, 'bend': {}}, 'tips': {'tip': {}}}
    return opening({'reason': 'all agreed', 'first_divergence': FIRST | changed, 'channels': channels})


def test_a_pose_is_told_with_its_interval_and_both_sides():
    when, values = told().split(': ')
    assert when == 'pose at hinge (joints) parts first, at 0.585 s (0.577 to 0.586 s, 90 %)'
    assert values == 'real 0.644 rad, family 0.587 to 0.615 rad'


def test_phase_motion_and_explanation_are_told():
    said = told(phase='making contact', motion='reversing', explanation='hinge and bend are swapped')
    assert ', making contact, reversing: real' in said and said.endswith('rad; hinge and bend are swapped')


def test_a_delay_is_told_in_milliseconds_and_not_in_the_unit_of_its_joint():
    said = told(kind='timing', unit='s', shadow=[3.4e-5, 0.00475], explanation='the motion comes 35.0 ms late')
    assert said.endswith(': the motion comes 35.0 ms late; allowed: up to 4.75 ms') and 'rad' not in said


@pytest.mark.parametrize(
    ('unit', 'allowed', 'words'),
    [
        ('s', 0.1, 'up to 100 ms'),
        ('of the messages', 0.34, 'up to 34 % of the messages'),
        ('ppm', 500.0, 'up to 500 ppm'),
    ],
)
def test_a_fault_of_a_topic_is_one_of_its_whole_channel(unit, allowed, words):
    said = told(kind='timing', element='joints', unit=unit, real=2 * allowed, shadow=[0.0, allowed], explanation='why')
    assert said.startswith('timing in all of joints parts first') and said.endswith(f': why; allowed: {words}')


def test_what_has_no_range_is_told_without_one():
    said = told(kind='timing', unit='s', shadow=[0.0, 0.0], explanation='the signal is frozen')
    assert said.endswith(': the signal is frozen')


def test_an_instant_has_no_interval():
    assert '(0.' not in told(onset_interval_s=[0.585, 0.585])


def test_ties_are_told():
    ties = [
        {'channel': 'tips', 'kind': 'force', 'element': 'tip'},
        {'channel': 'tips', 'kind': 'timing', 'element': 'tips'},
    ]
    assert told(ties=ties).endswith('; tied with force at tip (tips), timing in all of tips')


def test_without_a_divergence_the_reason_stands():
    assert opening({'reason': 'all agreed', 'first_divergence': None, 'channels': {}}) == 'all agreed'


@pytest.mark.parametrize(
    ('value', 'unit', 'words'),
    [
        (0.0143571, 'rad', '0.0144 rad'), (1234.5, 'N', '1230 N'), (0.0, 'N', '0 N'), (-0.25, 's', '-250 ms'),
        (2.0, 's', '2 s'), (None, 'N', '–'),
    ],
)  # fmt: skip
def test_amounts_have_three_digits_and_a_unit(value, unit, words):
    assert amount(value, unit) == words


def test_a_span_is_rounded_by_its_larger_end():
    assert span(-7.15e-6, 0.12171, 'rad') == '0 to 0.122 rad'
