"""The lab end to end, smaller than `--quick`: every figure follows from rounds that anyone can audit again."""

import json
from xml.etree import ElementTree

import pytest

from transfer_audit.bags.audit import audit_recording
from transfer_audit.core.binding import open_hand
from transfer_audit.core.errors import AuditError
from transfer_audit.lab.document import document, write_document
from transfer_audit.lab.figure import write_figure
from transfer_audit.lab.profiles import FRICTION
from transfer_audit.lab.run import REAL_FRICTION, Lab, run
from transfer_audit.lab.train import Plan
from transfer_audit.ledger.panels import gaps
from transfer_audit.ledger.store import Ledger

pytest.importorskip('cma', reason='cma is not installed')
SMALL = Lab(seed=0, rounds=3, evidence=1, members=4, plan=Plan(generations=3, tasks=1))


@pytest.fixture(scope='module')
def lab(tmp_path_factory):
    """The folder, what was found and what was told."""
    folder, told = tmp_path_factory.mktemp('lab') / 'out', []
    found = run(folder, SMALL, lambda _: None, told.append)
    write_document(folder / 'lab.json', found)
    write_figure(folder / 'lab.svg', found)
    return folder, found, told


def test_the_gap_is_there_is_explained_and_shrinks(lab):
    _, found, told = lab
    before, after = found.before.transferred.panel, found.after.transferred.panel
    assert before.slip_gap_interval[0] > 0.03 and before.success_gap >= 0.5
    assert 'the held-out friction lies outside the family, below 0.70' in found.explanation
    low, high = found.after.binding.profile.family.parameters[FRICTION].range
    assert low <= REAL_FRICTION <= high
    assert after.success_gap <= 0.25 and after.slip_gap < before.slip_gap / 3
    assert found.shrunk['slip'].sure
    assert 8 <= len(told) <= 20


def test_the_policy_of_the_second_family_grips_harder(lab):
    _, found, _ = lab
    before, after = found.before.trained, found.after.trained
    assert before.success.tolist() == after.success.tolist() == [1.0, 1.0, 1.0]
    assert after.effort_n.mean() > 1.2 * before.effort_n.mean()


def test_the_gaps_are_those_of_the_ledger_and_the_ledger_that_of_the_bags(lab):
    folder, found, _ = lab
    with Ledger.open(folder / 'ledger.db', read_only=True) as ledger:
        rounds = ledger.rounds()
        assert ledger.verify().ok
    assert gaps(rounds, 'policy') == [
        panel.__class__(**{**panel.as_json(), 'group': group})
        for group, panel in (
            ('family_1', found.before.transferred.panel), ('family_2', found.after.transferred.panel)
        )
    ]  # fmt: skip
    for stage, record in ((found.before, rounds[0].record), (found.after, rounds[-1].record)):
        (verdict,) = audit_recording(record.bag, open_hand(stage.binding.profile.path))['rounds']
        assert record.document == verdict


def test_what_is_written_can_be_read(lab):
    folder, found, _ = lab
    read = json.loads((folder / 'lab.json').read_text())
    assert read == json.loads(json.dumps(document(found)))
    assert read['before']['panel']['success_gap'] == found.before.transferred.panel.success_gap
    assert str(folder) not in json.dumps({key: read[key] for key in ('before', 'after', 'truth', 'lab')})
    assert ElementTree.parse(folder / 'lab.svg').getroot().tag.endswith('svg')


@pytest.mark.parametrize(
    ('changed', 'said'),
    [({'rounds': 1}, '2 rounds or more'), ({'seed': -1}, '0 or more'), ({'friction': 0.0}, 'over 0')],
)
def test_a_lab_that_cannot_be_is_refused_in_a_sentence(changed, said):
    with pytest.raises(AuditError, match=said):
        Lab(**changed)


def test_nothing_is_written_over(tmp_path):
    (tmp_path / 'mine').write_text('kept')
    with pytest.raises(AuditError, match='give the lab a new folder'):
        run(tmp_path, SMALL, lambda _: None, lambda _: None)
    assert (tmp_path / 'mine').read_text() == 'kept'
