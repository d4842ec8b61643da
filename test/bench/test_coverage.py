"""The hands of the coverage bench are where they are said to be."""

import pytest

from transfer_audit.bench.coverage import Case, Found, Outcome, inside_case, outside_cases
from transfer_audit.core.binding import open_hand
from transfer_audit.resources import hand_profile


@pytest.fixture(scope='module')
def binding():
    return open_hand(hand_profile('emulated_hand'))


def test_a_hand_outside_is_outside_in_one_parameter_by_a_share_of_width_or_bound(binding):
    for of in ('width', 'bound'):
        cases = outside_cases(binding, 20, of)
        assert {case.parameter for case in cases} == {variation.name for variation in binding.variations}
        for case in cases:
            out = [v.name for v in binding.variations if not v.low <= case.values[v.name] <= v.high]
            assert out == [case.parameter] and all(value > 0 for value in case.values.values())
    delay = next(case for case in outside_cases(binding, 5, 'width') if case.parameter == 'actuator_delay')
    assert delay.values['actuator_delay'] == pytest.approx(0.040 + 0.3 * 0.035)


def test_the_same_seed_gives_the_same_hand_inside(binding):
    case = inside_case(binding, 3)
    assert case == inside_case(binding, 3) != inside_case(binding, 4)
    assert all(v.low <= case.values[v.name] <= v.high for v in binding.variations)


def test_figures_are_good_only_if_nine_in_ten_are_right():
    case = Case(0, 'delay', 'above', 'width', {})
    right, silent = (Outcome(case, said, '', '', '') for said in ('right', 'silent'))
    assert Found((right,) * 9 + (silent,), 1).good and not Found((right,) * 8 + (silent,) * 2, 1).good
    assert '9    0    1    0' in Found((right,) * 9 + (silent,), 1).table()
