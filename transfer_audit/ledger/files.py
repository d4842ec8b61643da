"""Files and folders -> what tells one from a changed copy of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from transfer_audit.core.errors import LedgerError


def sha256_of(path: Path) -> str:
    """SHA-256 of a file; of a folder that of its `sha256sum` listing, by name; '' where nothing is.

    :raises LedgerError: if it is there, but cannot be read
    """
    try:
        if path.is_file():
            return _of_file(path)
        files = sorted(file for file in path.rglob('*') if file.is_file()) if path.is_dir() else []
        listing = ''.join(f'{_of_file(file)}  {file.relative_to(path).as_posix()}\n' for file in files)
    except OSError as error:
        raise LedgerError(f'{error.filename or path}: cannot be read: {error.strerror}') from error
    return hashlib.sha256(listing.encode('utf-8', 'surrogateescape')).hexdigest() if files else ''


def _of_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
