import numpy as np
import pytest

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.panels import gaps, smallest_visible_gap, success_gap_interval, t_interval, wilson
from transfer_audit.ledger.store import Ledger

FORCE = {'channel': 'tips', 'element': 'tip_index', 'kind': 'force', 'onset_s': 1.0}
TIMING = {'channel': 'joints', 'element': 'index_0', 'kind': 'timing', 'onset_s': 0.5}


def test_the_worked_example(book):
    record = book.closing(1, sim_slip_rate=0.08, real_slip_rate=0.19, sim_success=0.81, real_success=0.62)
    (panel,) = gaps([record])
    assert (panel.slip_gap, panel.success_gap) == (0.11, 0.19)


def test_the_worked_example_from_a_hundred_rounds(book):
    rounds = [
        book.closing(n + 1, sim_success=n < 81, real_success=n < 62, sim_slip_rate=0.08, real_slip_rate=0.19)
        for n in range(100)
    ]
    (panel,) = gaps(rounds)
    assert (panel.slip_gap, panel.success_gap) == (0.11, 0.19)
    assert panel.slip_gap_interval == pytest.approx((0.11, 0.11))
    assert panel.sim_success_interval == pytest.approx((0.7222, 0.8749), abs=1e-4)
    assert panel.real_success_interval == pytest.approx((0.5221, 0.7090), abs=1e-4)
    assert panel.success_gap_interval[0] < 0.19 < panel.success_gap_interval[1]


def test_groups_and_histograms(book):
    rounds = [
        book.closing(1, task='b', verdict='diverged', first_divergence=FORCE),
        book.closing(2, task='a', verdict='diverged', first_divergence=TIMING),
        book.closing(3, task='b', verdict='diverged', first_divergence=FORCE),
        book.closing(4, task='b'),
    ]
    first, second = gaps(rounds, by='task')
    assert (first.group, first.rounds, first.divergences) == ('a', 1, {'timing': 1})
    assert (second.group, second.rounds, second.elements) == ('b', 3, {'tip_index': 2})
    assert second.verdicts == {'diverged': 2, 'agreed': 1}
    assert [panel.group for panel in gaps(rounds, by='profile')] == [f'profile.yaml {"a" * 12}']
    with pytest.raises(LedgerError, match="did you mean 'policy'"):
        gaps(rounds, by='polcy')


def test_unknown_sides_stay_unknown(book):
    (panel,) = gaps([book.closing(1, real_success=True, real_slip_rate=0.1), book.closing(2, real_success=False)])
    assert (panel.real_success, panel.sim_success, panel.success_gap, panel.slip_gap) == (0.5, None, None, None)
    assert panel.smallest_success_gap is None and panel.slip_gap_interval is None
    assert gaps([]) == []


def test_open_rounds_do_not_count(tmp_path, book):
    path = book.filled(tmp_path / 'ledger.db', rounds=2)
    with Ledger.open(path) as ledger:
        ledger.start(book.starting())
        assert gaps(ledger.rounds())[0].rounds == 2


def test_intervals_against_known_values():
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(0, 0) is None
    sim, real = np.repeat([1.0, 0.0], [56, 14]), np.repeat([1.0, 0.0], [48, 32])
    # Newcombe 1998, table II, example (a), method 10: 56/70 and 48/80.
    assert success_gap_interval(sim, real) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert t_interval(2.0 / 3, np.array([0.5, 0.6, 0.9])) == pytest.approx((0.1496, 1.0), abs=1e-3)


@pytest.mark.parametrize('rate', [0.3, 0.8])
def test_intervals_cover_the_truth(rate):
    generator, hits = np.random.default_rng(1), 0
    for _ in range(400):
        sim, real = generator.random(40) < rate, generator.random(40) < 0.5
        low, high = success_gap_interval(sim.astype(float), real.astype(float))
        hits += low <= rate - 0.5 <= high
    assert hits / 400 > 0.92


def test_the_visible_gap_is_seen_in_four_of_five_panels():
    generator, seen, count = np.random.default_rng(2), 0, 100
    gap = smallest_visible_gap(np.repeat([1.0, 0.0], count // 2), np.repeat([1.0, 0.0], count // 2))
    assert gap == pytest.approx(0.198, abs=0.002)
    for _ in range(1000):
        sim, real = generator.random(count) < 0.5 + gap / 2, generator.random(count) < 0.5 - gap / 2
        low, _high = success_gap_interval(sim.astype(float), real.astype(float))
        seen += low > 0
    assert 0.74 < seen / 1000 < 0.88
