"""Where a slope begins, with an interval that holds the truth as often as it says."""

import numpy as np
import pytest

from transfer_audit.core.timing.hinge import _LEAST_SCATTER_S, USUAL_SLOPE, _Fit, hinge


def bent(begin_s, slope, seed, before=0.0, scatter_s=0.3e-3, seconds=6.0, count=60):
    """Levels of blocks: a slope `before` all along, and `slope` more from `begin_s` on."""
    times = (np.arange(count) + 0.5) * seconds / count
    noise = np.random.default_rng(seed).normal(0, scatter_s, count)
    return times, 0.002 + before * times + slope * np.maximum(times - begin_s, 0.0) + noise


def test_without_scatter_the_beginning_is_found_as_it_is():
    for begin_s in (1.0, 2.5, 4.03):
        found = hinge(*bent(begin_s, 0.01, 0, scatter_s=0.0), [])
        assert found.at_s == pytest.approx(begin_s, abs=0.002) and found.low_s <= begin_s <= found.high_s
        assert found.slope == pytest.approx(0.01, rel=1e-3) and found.level_s == pytest.approx(0.002, abs=1e-5)


@pytest.mark.parametrize('slope', [0.002, -0.01, 0.05])
@pytest.mark.parametrize('before', [0.0, 1e-4, -1e-4])
def test_nine_of_ten_intervals_hold_the_beginning(slope, before):
    found = [hinge(*bent(2.77, slope, seed, before), []) for seed in range(200)]
    assert 0.83 <= np.mean([one.low_s <= 2.77 <= one.high_s for one in found]) <= 0.97
    assert np.median([one.at_s for one in found]) == pytest.approx(2.77, abs=0.0002 / abs(slope))


def test_a_clock_that_was_a_little_off_before_does_not_begin_early():
    """100 ppm amount to 20 ms in 200 s, as much as 1 % in 2 s."""
    found = hinge(*bent(200.0, 0.01, 0, before=1e-4, seconds=300.0, count=3000), [])
    assert found.at_s == pytest.approx(200.0, abs=0.1)


def test_a_slope_all_along_begins_at_the_first_time():
    begins = [hinge(*bent(-1.0, 0.01, seed), []) for seed in range(200)]
    assert sum(one.at_s == one.low_s == 0.05 for one in begins) >= 198


def test_hours_are_resolved_as_finely_as_seconds():
    found = [hinge(*bent(30_000.0, 0.01, seed, seconds=40_000.0, count=4000), []) for seed in range(40)]
    assert max(abs(one.at_s - 30_000.0) for one in found) < 0.02
    assert sum(one.low_s <= 30_000.0 <= one.high_s <= one.low_s + 0.1 for one in found) >= 32


def test_steps_have_levels_of_their_own():
    times, levels = bent(2.77, 0.01, 0)
    levels[15:] += 0.08
    levels[45:] -= 0.05
    found = hinge(times, levels, [15, 45])
    assert found.at_s == pytest.approx(2.77, abs=0.1) and found.low_s <= 2.77 <= found.high_s


def test_blocks_held_up_do_not_move_the_beginning():
    times, levels = bent(2.77, 0.01, 0)
    levels[[10, 11, 33, 50]] -= 0.04
    assert hinge(times, levels, []).at_s == pytest.approx(2.77, abs=0.1)


def test_squares_are_those_of_plain_least_squares():
    """Unknowns: a level of either piece, a slope of 0 give or take USUAL_SLOPE, and the slope from an instant on."""
    times, levels = bent(2.77, 0.01, 3)
    pieces = (np.arange(60) >= 20).astype(int)
    rises = np.diff(levels) - np.median(np.diff(levels))
    scatter = max(1.4826 * np.median(np.abs(rises)) / np.sqrt(2), _LEAST_SCATTER_S)
    fit = _Fit(times, levels, pieces)
    for begin in (0.05, 1.3, 2.77, 5.7):
        columns = np.stack([pieces == 0, pieces == 1, times, np.maximum(times - begin, 0.0)], axis=1)
        rows = np.vstack((columns, [0.0, 0.0, scatter / USUAL_SLOPE, 0.0]))
        (squares,) = np.linalg.lstsq(rows, np.append(levels, 0.0))[1]
        assert fit.squares(np.array([begin]))[0] == pytest.approx(squares, rel=1e-6)
