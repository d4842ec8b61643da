"""Rounds in the formats of other tools."""

import pytest

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.export import as_csv, as_parquet
from transfer_audit.ledger.store import Ledger
from transfer_audit.ledger.tracking import identity, send


@pytest.fixture
def rounds(tmp_path, book):
    """Closed with a divergence, closed with shares of several trials, open."""
    with Ledger.open(tmp_path / 'ledger.db') as ledger:
        first = {'channel': 'tips', 'element': 'tip_index', 'kind': 'force', 'onset_s': 0.25}
        known = {'seed': 3, 'real_slip_rate': 0.19, 'sim_slip_rate': 0.08}
        ledger.start(book.starting(seed=3))
        ledger.close(1, book.closing(1, verdict='diverged', first_divergence=first, real_success=False, **known))
        ledger.start(book.starting())
        ledger.close(2, book.closing(2, real_success=0.62, sim_success=0.81))
        ledger.start(book.starting())
        yield ledger.rounds()


def test_parquet_has_the_rows_of_the_csv_and_the_same_types_whatever_is_known(rounds):
    pyarrow = pytest.importorskip('pyarrow', reason='pyarrow is not installed: transfer_audit[parquet]')
    parquet = pytest.importorskip('pyarrow.parquet')
    table = parquet.read_table(pyarrow.BufferReader(as_parquet(rounds)))
    assert table.column_names == as_csv(rounds).splitlines()[0].split(',')
    first, second, third = table.to_pylist()
    assert (first['round'], first['first_element'], first['first_onset_s'], first['seed']) == (1, 'tip_index', 0.25, 3)
    assert (first['slip_gap'], first['real_success'], second['success_gap']) == (0.11, 0.0, 0.19)
    assert first['family'] == '{"tip_friction": {"channel": null, "field": "geom_friction", "range": [0.5, 1.1], ' + (
        '"scale": "absolute"}}'
    )
    assert third['state'] == 'open' and third['verdict'] is None
    empty = parquet.read_table(pyarrow.BufferReader(as_parquet([])))
    assert empty.schema.equals(table.schema)
    kinds = {name: str(table.schema.field(name).type) for name in ('start_ns', 'real_success', 'task', 'seed')}
    assert kinds == {'start_ns': 'int64', 'real_success': 'double', 'task': 'string', 'seed': 'int64'}


def test_every_ended_round_becomes_one_run_of_mlflow(tmp_path, rounds):
    mlflow = pytest.importorskip('mlflow', reason='mlflow is not installed: transfer_audit[mlflow]')
    uri = f'sqlite:///{tmp_path / "mlflow.db"}'
    assert [send(rounds[:1], uri), send(rounds, uri), send(rounds, uri)] == [1, 1, 0]
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name('transfer_audit/emulated_hand')
    runs = {run.data.tags['transfer_audit.round']: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {identity(round_) for round_ in rounds[:2]}
    first = runs[identity(rounds[0])]
    assert first.data.metrics == {
        'real_success': 0.0, 'real_slip_rate': 0.19, 'sim_slip_rate': 0.08, 'slip_gap': 0.11, 'first_onset_s': 0.25,
    }  # fmt: skip
    assert first.data.params['seed'] == '3' and first.data.tags['first_element'] == 'tip_index'
    assert first.info.status == 'FINISHED' and first.info.start_time == rounds[0].start.start_ns // 1_000_000


def test_a_tracking_server_that_is_no_server_is_one_sentence(rounds):
    pytest.importorskip('mlflow', reason='mlflow is not installed: transfer_audit[mlflow]')
    with pytest.raises(LedgerError, match=r'^strange://nothing: '):
        send(rounds, 'strange://nothing')
