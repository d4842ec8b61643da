"""A stop that survives a restart of the node and of the machine: one small file."""

from __future__ import annotations

import os
from pathlib import Path


class FileLatch:
    """Stopped while the file is there, with the reason in it. What cannot be read counts as stopped.

    The file is written beside its place, flushed, and renamed, so that it is whole or absent. A file left beside its
    place was cut off on its way: someone meant to stop, so that is a stop, too.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._beside = self._path.with_name(self._path.name + '.new')

    def read(self) -> str | None:
        """Why the gate is stopped, or None."""
        try:
            present = [place for place in (self._path, self._beside) if _present(place)]
            if not present:
                return None
            text = present[0].read_text(encoding='utf-8').strip()
        except (OSError, UnicodeDecodeError) as error:
            return f'the latch file cannot be read: {error}'
        return text or f'stopped; {present[0]} does not say why'

    def set(self, reason: str) -> None:
        """Remember a stop; returns once it is on the disk.

        :raises OSError: if that cannot be done
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with open(self._beside, 'w', encoding='utf-8', errors='backslashreplace') as file:
            file.write(reason.strip() + '\n')
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._beside, self._path)
        self._sync_folder()

    def clear(self) -> None:
        """Forget the stop; returns once that is on the disk.

        :raises OSError: if that cannot be done
        """
        self._beside.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)
        if self._path.parent.is_dir():
            self._sync_folder()

    def _sync_folder(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _present(place: Path) -> bool:
    """Whether there is anything of that name, a dangling link included; raises OSError where that cannot be told."""
    try:
        place.lstat()
    except FileNotFoundError:
        return False
    return True
