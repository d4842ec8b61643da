"""Where the files that come with the package are, however it was installed."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

from transfer_audit.core.errors import AuditError


def config_folder() -> Path:
    """The folder with one folder per hand: of the install, of a ROS workspace, or of the checkout.

    :raises AuditError: if there is none
    """
    prefixes = [sysconfig.get_path('data'), *os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)]
    installed = [Path(prefix) / 'share' / 'transfer_audit' / 'config' for prefix in prefixes if prefix]
    checkout = Path(__file__).resolve().parents[1] / 'config'
    for folder in (*installed, checkout):
        if folder.is_dir():
            return folder
    raise AuditError(f'the profiles of transfer_audit are not installed; looked in {", ".join(map(str, installed))}')


def hand_profile(hand: str) -> Path:
    """The profile of a hand that comes with the package."""
    return config_folder() / hand / 'profile.yaml'
