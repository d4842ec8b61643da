"""Opening a recording: a bag folder, or a single .mcap or .db3 file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from transfer_audit.bags.blocks import Bag, ChainedBag, RawBlock, Source, Topic
from transfer_audit.bags.library import LibraryReader, RosbagsReader, rosbag2_reader
from transfer_audit.bags.mcap import McapFile
from transfer_audit.bags.sqlite import SqliteFile
from transfer_audit.core.errors import BagError

__all__ = ['Bag', 'RawBlock', 'Topic', 'open_bag']

_SUFFIXES = {'.mcap': 'mcap', '.db3': 'sqlite3'}


@dataclass(frozen=True)
class _Metadata:
    """What metadata.yaml says, as far as opening needs it."""

    files: tuple[Path, ...]
    storage: str
    compression: str
    mode: str
    counts: Mapping[str, int]


def open_bag(path: str | Path) -> Bag:
    """Open a recording for reading.

    Plain sqlite3 and mcap files are read directly; what is compressed by rosbag2 goes through `rosbags`, any
    other storage through `rosbag2_py` where that is installed.

    :raises BagError: if there is no such bag, it is empty, or a file of it is damaged
    """
    path = Path(path)
    if path.is_file():
        return ChainedBag(path, [_open_file(path)])
    if not path.exists():
        raise BagError(f'{path}: no such bag')
    if (path / 'metadata.yaml').exists():
        return _open_described(path, _read_metadata(path / 'metadata.yaml'))
    return ChainedBag(path, _open_all([_opener(file) for file in _bag_files(path)]))


def _open_file(path: Path, counts: Mapping[str, int] | None = None) -> Source:
    storage = _SUFFIXES.get(path.suffix)
    if storage == 'mcap':
        return McapFile(path)
    if storage == 'sqlite3':
        return SqliteFile(path, counts)
    raise BagError(f'{path}: no bag file by its name: {", ".join(_SUFFIXES)} or a bag folder was expected')


def _opener(path: Path, counts: Mapping[str, int] | None = None) -> Callable[[], Source]:
    return lambda: _open_file(path, counts)


def _open_all(openers: Sequence[Callable[[], Source]]) -> list[Source]:
    """All files of a bag, or none: one that does not open closes the others."""
    sources: list[Source] = []
    try:
        for opener in openers:
            sources.append(opener())
    except BagError:
        for source in sources:
            source.close()
        raise
    return sources


def _open_described(path: Path, metadata: _Metadata) -> Bag:
    for file in metadata.files:
        if not file.exists():
            raise BagError(f'{file}: listed in metadata.yaml, but not there')
    known = metadata.storage in _SUFFIXES.values()
    if known and not metadata.mode:
        counts = metadata.counts if len(metadata.files) == 1 else None
        return ChainedBag(path, _open_all([_opener(file, counts) for file in metadata.files]))
    library: type[LibraryReader] | None = RosbagsReader
    if not known or metadata.compression != 'zstd':
        library = rosbag2_reader()
    if library is None:
        raise BagError(
            f'{path}: storage {metadata.storage!r} with compression {metadata.compression or "none"!r} needs '
            'rosbag2_py, which is not installed here (without it: sqlite3 and mcap, plain or zstd)'
        )
    return ChainedBag(path, [library(path)])


def _bag_files(path: Path) -> list[Path]:
    """The files of a folder whose recorder was killed before it wrote metadata.yaml, in order of their numbers."""
    files = [file for file in path.iterdir() if file.suffix in _SUFFIXES]
    if not files:
        raise BagError(f'{path}: no bag: neither metadata.yaml nor a {" or ".join(_SUFFIXES)} file in this folder')
    return sorted(files, key=lambda file: [int(part) if part.isdigit() else part for part in _parts(file)])


def _parts(file: Path) -> list[str]:
    return re.split(r'(\d+)', file.name)


def _read_metadata(path: Path) -> _Metadata:
    try:
        return _checked_metadata(path.parent, YAML(typ='safe').load(path.read_text('utf8')))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise BagError(f'{path}: cannot be read: {" ".join(str(error).split())}') from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BagError(f'{path}: no rosbag2 metadata: {error!r} where bag information was expected') from error


def _checked_metadata(folder: Path, content: Any) -> _Metadata:
    info = content['rosbag2_bagfile_information']
    mode = str(info.get('compression_mode') or '').lower()
    return _Metadata(
        tuple(folder / PurePosixPath(name).name for name in info['relative_file_paths']),
        str(info['storage_identifier']),
        str(info.get('compression_format') or ''),
        '' if mode == 'none' else mode,
        _counts(info['topics_with_message_count']),
    )


def _counts(topics: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in topics:
        name = str(entry['topic_metadata']['name'])
        counts[name] = counts.get(name, 0) + int(entry['message_count'])
    return counts
