"""`transfer-audit bench divergence`: what it refuses, and what it leaves behind."""

import json
import sys

import pytest

from transfer_audit.cli.main import main


def test_a_fault_that_does_not_exist_is_named_with_the_nearest(capsys):
    pytest.importorskip('river')
    pytest.importorskip('matplotlib')
    assert main(['bench', 'divergence', '--faults', 'frictoin']) == 2
    said = capsys.readouterr().err
    assert 'frictoin' in said and 'friction' in said and 'Traceback' not in said


def test_what_is_not_installed_is_asked_for(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'river', None)
    pytest.importorskip('matplotlib')
    assert main(['bench', 'divergence']) == 2
    assert 'transfer_audit[bench]' in capsys.readouterr().err


def test_one_fault_in_one_scene_is_measured_and_written_down(tmp_path, capsys, monkeypatch):
    pytest.importorskip('river')
    pytest.importorskip('matplotlib')
    from transfer_audit.bench.divergence import run

    monkeypatch.setattr(run, 'QUICK', run.Plan(seeds=1, truths=1, calm_seeds=1, edge_seeds=1, noise_hours=0.1))
    out, folder = tmp_path / 'figures.json', tmp_path / 'curves'
    asked = ['--quick', '--scenes', '1', '--faults', 'joint_offset', '--traces', str(tmp_path / 'none')]
    code = main(['bench', 'divergence', *asked, '--json', str(out), '--png', str(folder)])
    told = capsys.readouterr()
    found = json.loads(out.read_text())
    assert code == (1 if found['broken'] else 0)
    assert {row['fault'] for row in found['faults']} == {'joint_offset'} and found['plan']['scenes'] == 1
    assert len(list(folder.glob('*.png'))) == 3
    assert 'joint_offset' in told.out and 'no real traces' in told.err and '…' not in told.out
