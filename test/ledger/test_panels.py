import numpy as np
import pytest

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.intervals import (
    mcnemar,
    paired_interval,
    paired_success_interval,
    smallest_paired_gap,
    smallest_visible_gap,
    success_gap_interval,
    t_interval,
    wilson,
)
from transfer_audit.ledger.panels import gaps
from transfer_audit.ledger.simulated import SimOutcome
from transfer_audit.ledger.store import Ledger
from transfer_audit.ledger.trend import trend

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


def test_only_pairs_count_where_there_are_pairs(book):
    rounds = [book.closing(n + 1, sim_success=True, real_success=n > 0, task=f't{n}') for n in range(4)]
    lone = [book.closing(9, real_success=False, real_slip_rate=0.9), book.closing(10, sim_success=False)]
    (panel,) = gaps([*rounds, *lone])
    assert (panel.rounds, panel.success_pairs, panel.success_gap, panel.success_p) == (6, 4, 0.25, 1.0)
    assert (panel.slip_pairs, panel.real_slip_rate, panel.slip_gap) == (0, 0.9, None)
    (panel,) = gaps(lone)
    assert (panel.success_pairs, panel.success_gap, panel.success_p) == (0, 0.0, None)


def test_imported_outcomes_are_laid_beside_their_task_instances(book):
    rounds = [
        book.closing(1, task='a', seed=1, real_success=False, real_slip_rate=0.19, sim_slip_rate=0.5),
        book.closing(2, task='a', seed=2, real_success=True, real_slip_rate=0.19),
        book.closing(3, task='b', seed=1, real_success=True),
    ]
    simulated = [
        SimOutcome(task='a', seed=1, success=True, slip_rate=0.08),
        SimOutcome(task='a', seed=2, success=True),
        SimOutcome(task='a', slip_rate=0.08),
        SimOutcome(task='a', policy='another', success=False),
    ]
    (panel,) = gaps(rounds, simulated=simulated)
    assert (panel.success_pairs, panel.success_gap) == (2, 0.5)
    assert (panel.slip_pairs, panel.slip_gap) == (2, 0.11)


def test_groups_by_the_kind_that_parted_first(book):
    rounds = [
        book.closing(1, verdict='diverged', first_divergence=FORCE, failure_case='drop'),
        book.closing(2, verdict='diverged', first_divergence=TIMING),
        book.closing(3),
    ]
    assert [panel.group for panel in gaps(rounds, 'kind')] == ['agreed', 'force', 'timing']
    assert gaps(rounds, 'kind')[1].failures == {'drop': 1}


def test_paired_intervals_against_known_values():
    lost, won = np.repeat([[1.0, 0.0]], 9, axis=0), np.repeat([[0.0, 1.0]], 2, axis=0)
    same = np.repeat([[1.0, 1.0]], 39, axis=0)
    sim, real = np.concatenate([lost, won, same]).T
    assert mcnemar(sim, real) == pytest.approx(2 * (1 + 11 + 55) / 2**11)
    # By the formula of Agresti, Min: 7/52 -+ 1.96 sqrt(12 - 49/52) / 52.
    assert paired_success_interval(sim, real) == pytest.approx((0.0093, 0.2600), abs=1e-4)
    assert paired_interval(np.array([0.1])) is None
    assert paired_interval(np.full(5, 0.25)) == (0.25, 0.25)


def test_paired_intervals_cover_the_truth():
    generator, bootstrapped, discrete, runs = np.random.default_rng(5), 0, 0, 300
    for _ in range(runs):
        differences = generator.beta(2, 6, 20) - generator.beta(2, 10, 20)
        low, high = paired_interval(differences)
        bootstrapped += low <= 0.25 - 1 / 6 <= high
        both = generator.random(30)
        low, high = paired_success_interval((both < 0.8).astype(float), (both < 0.6).astype(float))
        discrete += low <= 0.2 <= high
    assert bootstrapped / runs > 0.92 and discrete / runs > 0.92


def test_the_smallest_paired_gap_is_seen_in_four_of_five_panels():
    generator, count = np.random.default_rng(6), 100
    half = np.repeat([1.0, -1.0], 10)
    gap = smallest_paired_gap(np.concatenate([half, np.zeros(count - 20)]), discrete=True)
    seen = 0
    for _ in range(600):
        draw = generator.random(count)  # a fifth of the pairs is discordant, and the hand fails more of them by `gap`
        sim, real = (draw < 0.1 + gap / 2).astype(float), ((draw >= 0.1 + gap / 2) & (draw < 0.2)).astype(float)
        low, _ = paired_success_interval(sim, real)
        seen += low > 0
    assert 0.70 < seen / 600 < 0.92
    assert smallest_paired_gap(np.array([0.1]), False) is None


def test_the_trend_says_whether_a_gap_closes(book):
    def family(profile, first, lost, start_ns):
        return [
            book.closing(
                first + n, profile_sha256=profile * 64, start_ns=start_ns, sim_success=True, real_success=n >= lost,
                sim_slip_rate=0.08, real_slip_rate=0.19 + 0.01 * (n % 2),
            )
            for n in range(60)
        ]  # fmt: skip

    third, first, second = family('a', 1, 4, 30), family('c', 61, 40, 10), family('b', 121, 38, 20)
    steps = trend([*third, *first, *second])
    assert [step.panel.group[-1] for step in steps] == ['c', 'b', 'a']
    assert [step.success_course for step in steps] == ['unknown', 'no change seen', 'closing']
    assert steps[2].success_change == pytest.approx(-34 / 60) and steps[2].slip_course == 'no change seen'
    assert trend([]) == []
