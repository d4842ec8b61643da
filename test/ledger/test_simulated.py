import json
import sys

import pytest

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.simulated import SimOutcome, read_outcomes
from transfer_audit.ledger.store import Ledger

TRUTH = [SimOutcome(task='a 1', seed=3, success=True, slip_rate=0.08), SimOutcome(task='7', success=0.81)]


def test_the_formats_say_the_same(tmp_path):
    rows = [{'task': 'a 1', 'seed': 3, 'success': True, 'slip_rate': 0.08}, {'task': '7', 'success': 0.81}]
    files = {
        'a.csv': 'task,seed,success,slip_rate\na 1,3,true,0.08\n7,,0.81,\n',
        'a.json': json.dumps(rows),
        'a.jsonl': '\n'.join(map(json.dumps, rows)),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        assert read_outcomes(tmp_path / name) == TRUTH


def test_parquet(tmp_path):
    arrow = pytest.importorskip('pyarrow', reason='Parquet needs pyarrow, which is not installed')
    from pyarrow import parquet

    rows = [outcome.model_dump(exclude={'success'}) for outcome in TRUTH[:1]]
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / 'a.parquet')
    assert read_outcomes(tmp_path / 'a.parquet')[0].slip_rate == 0.08


def test_parquet_without_pyarrow_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pyarrow', None)
    monkeypatch.setitem(sys.modules, 'pyarrow.parquet', None)
    (tmp_path / 'a.parquet').write_bytes(b'PAR1')
    with pytest.raises(LedgerError, match='Parquet needs pyarrow'):
        read_outcomes(tmp_path / 'a.parquet')


@pytest.mark.parametrize(
    ('name', 'text', 'said'),
    [
        ('a.csv', 'task,success\na,maybe\n', 'is no CSV'),
        ('a.csv', 'task,sucess\na,1\n', 'row 1: sucess: .*columns are task, seed'),
        ('a.csv', 'task,success\na,1,2\n', 'row 1: a column without a name'),
        ('a.csv', 'task,success\na,1\nb,1.5\n', 'row 2: success'),
        ('a.csv', 'task\na\n', 'row 1: has neither success nor slip_rate'),
        ('a.csv', 'success\n1\n', 'row 1: task: Field required'),
        ('a.csv', '', 'holds no outcomes'),
        ('a.json', '[1]', 'row 1: is no object'),
        ('a.json', '[', 'is no JSON'),
        ('a.txt', '', 'cannot tell the format'),
    ],
)
def test_mistakes_are_sentences(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(LedgerError, match=said) as refused:
        read_outcomes(tmp_path / name)
    assert '\n' not in str(refused.value)


def test_an_import_is_kept_once(tmp_path):
    with Ledger.open(tmp_path / 'ledger.db') as ledger:
        ledger.import_simulated('a.csv', '1' * 64, TRUTH)
        with pytest.raises(LedgerError, match=r'a\.csv was imported already'):
            ledger.import_simulated('a.csv', '1' * 64, TRUTH)
        assert ledger.simulated() == TRUTH and ledger.verify().ok and ledger.rounds() == []
