"""The bench in little: one scene, two faults, and what is told of it."""

import json

import pytest

from transfer_audit.bench.divergence.cases import Calm
from transfer_audit.bench.divergence.run import FaultFree, Plan, measure
from transfer_audit.bench.divergence.table import table

pytest.importorskip('river')


@pytest.fixture(scope='module')
def found():
    plan = Plan(
        scenes=1, seeds=1, truths=2, calm_seeds=1, edge_seeds=2, thin=2, noise_hours=0.1,
        faults=('joint_offset', 'dropout'),
    )  # fmt: skip
    return measure(plan, 1, lambda text: None)


def test_faults_are_found_and_calm_is_not_called(found):
    assert found.inside.alarms == 0 and len(found.inside.rounds) == 2 and len(found.edge.rounds) == 2
    assert found.plain.runs >= 2 and found.plain.misses == 0.0 and found.plain.element == 1.0
    assert {one.fault for one in found.outcomes} == {'joint_offset', 'dropout'}
    assert set(found.levels) == {'threshold', 'page_hinkley'}


def test_the_figures_are_json_without_nan(found):
    told = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    rows = {(row['fault'], row['method']): row for row in told['faults']}
    assert len(rows) == 6 and rows['joint_offset', 'detector']['all']['runs'] >= 1
    assert sum(size['rounds'] for size in rows['dropout', 'detector']['sizes']) == 3


def test_the_table_names_faults_bounds_and_peers(found):
    told = table(found)
    for word in ('joint_offset', 'dropout', 'onset_p95', 'false alarms', 'page_hinkley', 'ahead:', 'a row of 60'):
        assert word in told


def test_curves_are_drawn(found, tmp_path):
    pytest.importorskip('matplotlib')
    from transfer_audit.bench.divergence.curves import draw

    for path in draw(found, tmp_path / 'curves'):
        assert path.read_bytes().startswith(b'\x89PNG')


@pytest.mark.parametrize(
    ('edge', 'alarms', 'kept'), [(False, 2, True), (False, 3, False), (True, 5, True), (True, 8, False)]
)
def test_a_budget_is_kept_by_count_inside_and_unless_refuted_at_the_edge(edge, alarms, kept):
    rounds = [Calm('w', edge, 0.1, 'called' if index < alarms else '', {}) for index in range(20)]
    assert FaultFree('f', 'w', rounds).within(1.0) is kept
