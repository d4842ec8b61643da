"""A stop must survive; what is in doubt is a stop."""

import os

import pytest

from transfer_audit.nodes.latch import FileLatch


def test_a_stop_survives_its_object(tmp_path):
    path = tmp_path / 'deep' / 'gate.latch'
    assert FileLatch(path).read() is None
    FileLatch(path).set('force sensor torn off')
    assert FileLatch(path).read() == 'force sensor torn off'
    assert os.listdir(path.parent) == ['gate.latch']
    FileLatch(path).clear()
    assert FileLatch(path).read() is None


def test_clearing_nothing_is_no_error(tmp_path):
    FileLatch(tmp_path / 'nowhere' / 'latch').clear()


def _folder(path):
    path.mkdir()


def _dangling(path):
    path.symlink_to(path.parent / 'gone')


@pytest.mark.parametrize(
    'damage',
    [
        lambda path: path.write_bytes(b''),
        lambda path: path.write_bytes(b'\xff\xfe\x00'),
        _folder,
        _dangling,
        lambda path: path.with_name('latch.new').write_text('cut off on its w'),
    ],
    ids=['empty', 'no text', 'a folder', 'dangling link', 'cut off before the rename'],
)
def test_in_doubt_it_is_stopped(tmp_path, damage):
    path = tmp_path / 'latch'
    damage(path)
    assert FileLatch(path).read()


def test_a_file_where_the_folder_should_be_is_a_stop(tmp_path):
    (tmp_path / 'file').write_text('')
    latch = FileLatch(tmp_path / 'file' / 'latch')
    assert latch.read()
    with pytest.raises(OSError):
        latch.set('stop')


def test_a_cut_off_stop_can_be_cleared(tmp_path):
    (tmp_path / 'latch.new').write_text('half')
    latch = FileLatch(tmp_path / 'latch')
    assert latch.read() == 'half'
    latch.clear()
    assert latch.read() is None


def test_the_file_is_flushed_before_it_is_renamed_and_the_folder_after(tmp_path, monkeypatch):
    done = []
    real_sync, real_replace = os.fsync, os.replace
    monkeypatch.setattr(os, 'fsync', lambda handle: (done.append('sync'), real_sync(handle)))
    monkeypatch.setattr(os, 'replace', lambda a, b: (done.append('rename'), real_replace(a, b)))
    FileLatch(tmp_path / 'latch').set('stop')
    assert done == ['sync', 'rename', 'sync']
