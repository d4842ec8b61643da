import argparse
import csv
import io
import json
import sqlite3

import pytest

from transfer_audit.cli import ledger as verb
from transfer_audit.core.errors import AuditError
from transfer_audit.ledger.record import RoundRecord, StartRecord
from transfer_audit.ledger.store import Ledger

START_NS = 1_700_000_000_123_000_000
FIRST = {'channel': 'tips', 'element': 'tip_index', 'kind': 'force', 'onset_s': 1.234, 'onset_interval_s': (1.2, 1.3)}


@pytest.fixture
def path(tmp_path):
    """Round 1 diverged, round 2 aborted after its outcome, round 3 open."""
    start = StartRecord(task='turn [red] | 1', hand='h', profile_sha256='a' * 64, model_sha256='b', start_ns=START_NS)
    slip = {'sim_slip_rate': 0.08, 'real_slip_rate': 0.19, 'sim_success': 0.81, 'real_success': 0.62}
    told = {'end_ns': START_NS + 1, 'verdict': 'diverged', 'reason': 'force at tip_index', 'first_divergence': FIRST}
    with Ledger.open(tmp_path / 'ledger.db') as ledger:
        ledger.start(start)
        ledger.event(1, 'trip', {'force': 6.5})
        ledger.close(1, RoundRecord.model_validate(dict(start) | slip | told | {'round': 1}))
        ledger.outcome(ledger.start(start), False, START_NS + 2)
        ledger.abort(2, 'power cut')
        ledger.start(start)
    return tmp_path / 'ledger.db'


@pytest.fixture
def call(path, capsys):
    def call(*words, code=0):
        parser = argparse.ArgumentParser()
        verb.add_arguments(parser)
        assert verb.run(parser.parse_args([words[0], '--ledger', str(path), *words[1:]])) == code
        return capsys.readouterr().out

    return call


def test_list_is_a_table(call):
    lines = call('list').splitlines()
    assert lines[0].split()[:3] == ['round', 'start', 'task']
    assert '2023-11-14T22:13:20.123Z' in lines[1] and 'turn [red] | 1' in lines[1]
    assert 'force at tip_index (tips), 1.23 s' in lines[1] and '0.08 → 0.19' in lines[1]
    assert [line.split()[-1] for line in lines[1:]] == ['closed', 'aborted', 'open']
    assert lines[2].split()[-2] == 'no'


def test_a_long_list_has_the_same_columns(call, monkeypatch):
    short = [line.split() for line in call('list').splitlines()]
    monkeypatch.setattr('transfer_audit.cli.ledger_output.LONG', 1)
    assert [line.split() for line in call('list').splitlines()] == short


def test_list_and_show_as_json(call, tmp_path):
    rounds = json.loads(call('list', '--json', '-'))
    assert [round_['state'] for round_ in rounds] == ['closed', 'aborted', 'open']
    assert json.loads(call('show', '1', '--json')) == rounds[0]
    assert call('show', '1', '--json', str(tmp_path / 'one.json')) == ''
    assert json.loads((tmp_path / 'one.json').read_text()) == rounds[0]


def test_show_reads_well(call):
    text = call('show', '1')
    assert text.startswith('round 1: closed\n')
    assert '  first_divergence: channel tips, element tip_index, kind force, onset_s 1.234' in text
    assert 'entry 2, trip: force 6.5' in text
    assert 'round 2: aborted (power cut)' in call('show', '2')


def test_gaps(call):
    row = call('gaps', '--by', 'task').splitlines()[1]
    assert '0.08 → 0.19' in row and 'force 1' in row
    (panel,) = json.loads(call('gaps', '--json'))
    assert (panel['slip_gap'], panel['success_gap']) == (0.11, 0.19)


def test_verify_says_whole_or_where_it_is_broken(call, path):
    text = call('verify')
    head = text.split()[-1]
    assert '7 entries, the chain is whole' in text
    assert json.loads(call('verify', '--head', head, '--json'))['ok']
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entries SET body = replace(body, 'power', 'brain') WHERE kind = 'abort'")
    connection.close()
    assert 'entry 6 (abort of round 2) was edited' in call('verify', code=1)


def test_recover(call, path):
    assert 'nothing was lost' in call('recover')
    assert json.loads(call('list', '--json'))[2]['state'] == 'open'
    with sqlite3.connect(path) as connection:
        connection.execute('DELETE FROM entries WHERE sequence = 7')
    connection.close()
    text = call('recover')
    assert 'entry 7 was cut off' in text and 'rounds' not in text
    assert 'before entry 7 (loss) was written: entry 7 was cut off' in call('verify', code=1)
    with pytest.raises(AuditError, match='there is no ledger here'):
        call('recover', '--ledger', str(path.with_name('other.db')))


def test_export(call, tmp_path):
    rows = list(csv.DictReader(io.StringIO(call('export', '--format', 'csv'))))
    assert [row['round'] for row in rows] == ['1', '2', '3']
    assert (rows[0]['first_element'], rows[0]['slip_gap'], rows[1]['real_success']) == ('tip_index', '0.11', 'false')
    lines = call('export', '--format', 'jsonl').splitlines()
    assert json.loads(lines[0])['record']['success_gap'] == 0.19
    assert call('export', '--format', 'markdown', '--to', str(tmp_path / 'rounds.md')) == ''
    table = (tmp_path / 'rounds.md').read_text().splitlines()
    assert len(table) == 5 and 'turn [red] \\| 1' in table[2]
    with pytest.raises(AuditError, match=r'--format parquet needs --to with a file'):
        call('export', '--format', 'parquet')


def test_mistakes_are_sentences(call, path, tmp_path):
    with pytest.raises(AuditError, match='there is no round 9'):
        call('show', '9')
    with pytest.raises(AuditError, match='cannot be written'):
        call('export', '--to', str(tmp_path / 'nowhere' / 'x.csv'))
    path.unlink()
    with pytest.raises(AuditError, match='there is no ledger here'):
        call('list')


def test_template_and_add(call, tmp_path):
    text = call('template')
    assert text.startswith('# A round') and 'failure_case: ' in text
    filled = text
    for name, value in (('hand', 'h'), ('start_ns', '2026-01-31T12:00:00Z'), ('end_ns', '2026-01-31T12:00:09Z')):
        filled = filled.replace(f'\n{name}: null', f'\n{name}: {value}').replace(f"\n{name}: ''", f'\n{name}: {value}')
    (tmp_path / 'round.yaml').write_text(filled.replace('\nverdict: null', '\nverdict: agreed'))
    assert 'round 4 is recorded' in call('add', str(tmp_path / 'round.yaml'))
    shown = call('show', '4')
    assert 'verdict: agreed' in shown and 'added by hand' in shown and '2026-01-31T12:00:09.000Z' in shown
    (tmp_path / 'round.yaml').write_text(filled)
    with pytest.raises(AuditError, match=r'round\.yaml: verdict: must be filled in'):
        call('add', str(tmp_path / 'round.yaml'))


def test_import_sim_and_trend(call, tmp_path):
    (tmp_path / 'sim.csv').write_text('task,success\nturn [red] | 1,1\nanother,0\n')
    assert "2 outcomes are recorded; no round is of 'another'" in call('import-sim', str(tmp_path / 'sim.csv'))
    (panel,) = json.loads(call('gaps', '--json'))
    assert (panel['sim_success'], panel['success_gap'], panel['slip_gap']) == (1.0, 0.38, 0.11)
    (step,) = json.loads(call('gaps', '--trend', '--json'))
    assert step['success_course'] == 'unknown' and step['success_gap'] == 0.38
    assert 'change of success gap' in call('gaps', '--trend')
    assert 'tip_index 1' in call('gaps', '--by', 'kind')


def test_sign_and_verify_with_a_key(call, path, tmp_path):
    serialization = pytest.importorskip(
        'cryptography.hazmat.primitives.serialization', reason='signatures need cryptography, which is not installed'
    )
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key, pem = Ed25519PrivateKey.generate(), serialization.Encoding.PEM
    private, public = tmp_path / 'key.pem', tmp_path / 'key.pub'
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    public.write_bytes(key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
    assert 'no head was ever signed' in call('verify', '--key', str(public), code=1)
    assert 'signed up to entry 7' in call('sign', '--key', str(private))
    assert 'the chain is whole' in call('verify', '--key', str(public))
    assert json.loads(call('verify', '--key', str(public), '--json'))['signed'] == 7
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entries SET body = replace(body, 'power', 'brain') WHERE kind = 'abort'")
    connection.close()
    with pytest.raises(AuditError, match='is not whole, so it is not signed'):
        call('sign', '--key', str(private))
