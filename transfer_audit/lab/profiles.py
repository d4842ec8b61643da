"""The hand of the lab as files: its model, and a profile for each family that it is given."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from transfer_audit.core.errors import AuditError
from transfer_audit.lab.task import LIFTED_M
from transfer_audit.resources import hand_profile

FRICTION = 'tip_friction'
TRAINED = (0.7, 1.1)
"""The friction of the tips that the first family believes in: new rubber on a clean cube."""


def new_folder(folder: Path) -> None:
    """A place for everything the lab writes.

    :raises AuditError: if there is something already, or it cannot be made
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AuditError(f'{folder}: exists already; give the lab a new folder (--out)')
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AuditError(f'{folder}: cannot be made: {error.strerror}') from error


def first_profile(folder: Path, members: int) -> Path:
    """The emulated hand with a family whose friction is that of new rubber, and its model beside it.

    The cube's tolerance is half the height that success hangs on: a difference that decides the task does matter.
    """
    source = hand_profile('emulated_hand')
    raw = yaml.safe_load(source.read_text(encoding='utf-8'))
    shutil.copyfile(source.parent / raw['model'], folder / raw['model'])
    raw['channels']['cube']['tolerance'] = LIFTED_M / 2
    raw['family']['members'] = members
    raw['family']['parameters'][FRICTION]['range'] = list(TRAINED)
    return write_profile(folder / 'family_1.yaml', raw)


def write_profile(path: Path, raw: dict[str, Any]) -> Path:
    """A profile as YAML."""
    path.write_text(yaml.safe_dump(raw, sort_keys=False, default_flow_style=None, width=118), encoding='utf-8')
    return path
