"""`transfer-audit audit --evidence` from outside."""

import json

from rosbags.highlevel import AnyReader


def topics(path):
    with AnyReader([path]) as reader:
        return {topic: found.msgcount for topic, found in reader.topics.items()}


def test_one_bag_gives_one_file_beside_report_and_json(call, recorder, fingers, tmp_path):
    out = tmp_path / 'evidence.mcap'
    code, _, complaint = call(
        'audit', recorder.bag(), '--profile', fingers.path, '--evidence', out, '--report', tmp_path / 'r.html',
        '--json', tmp_path / 'v.json', '--quiet',
    )  # fmt: skip
    assert (code, complaint) == (0, '')
    found = topics(out)
    assert found['/evidence/real'] == found['/divergence/scores'] == found['/shadow/tips'] > 150
    assert found['/round'] == 2 and found['/divergence/first'] == 1
    assert (tmp_path / 'r.html').exists() and json.loads((tmp_path / 'v.json').read_text())['rounds']


def test_many_bags_give_a_bag_each_whatever_the_number_of_processes(call, recorder, fingers, tmp_path):
    bags = [recorder.bag('one', seconds=1.0), recorder.bag('two', seconds=1.0)]
    call('audit', *bags, '--profile', fingers.path, '--evidence', tmp_path / 'all', '--jobs', 2, '--quiet')
    assert sorted(path.name for path in (tmp_path / 'all').iterdir()) == ['one', 'two']
    assert all(topics(tmp_path / 'all' / name)['/round'] == 2 for name in ('one', 'two'))


def test_what_cannot_be_written_is_said_before_any_work(refuses, recorder, fingers, tmp_path):
    bag = recorder.bag(seconds=1.0)
    assert 'exists already' in refuses('audit', bag, '--profile', fingers.path, '--evidence', bag)
    file = bag / 'metadata.yaml'
    assert 'cannot be written' in refuses('audit', bag, '--profile', fingers.path, '--evidence', file / 'x.mcap')
    assert 'one file cannot hold' in refuses('audit', bag, bag, '--profile', fingers.path, '--evidence', 'x.mcap')


def test_a_bag_that_cannot_be_audited_leaves_no_evidence(refuses, recorder, fingers, tmp_path):
    bag = recorder.bag(without=('joint_states',), seconds=1.0)
    refuses('audit', bag, '--profile', fingers.path, '--evidence', tmp_path / 'out' / 'e.mcap')
    assert list((tmp_path / 'out').iterdir()) == []
