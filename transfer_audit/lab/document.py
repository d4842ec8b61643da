"""What the lab found, as JSON: the same for the same seed, whatever the machine and the folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transfer_audit.core.errors import AuditError
from transfer_audit.core.propose import Change
from transfer_audit.core.verdict import as_json
from transfer_audit.lab.policy import PARAMETERS
from transfer_audit.lab.run import Found, Stage

SCHEMA = 1


def document(found: Found) -> dict[str, Any]:
    """The whole story as plain values; an unknown one is null."""
    whole = {
        'schema': SCHEMA,
        'lab': asdict(found.lab),
        'truth': found.truth,
        'before': _stage(found.before),
        'explanation': found.explanation,
        'changes': [_change(change) for change in found.changes],
        'after': None if found.after is None else _stage(found.after),
        'shrunk': {name: asdict(gap) for name, gap in found.shrunk.items()},
    }
    return dict(as_json(whole))


def write_document(path: Path, found: Found) -> None:
    """Write the document.

    :raises AuditError: if it cannot be written
    """
    try:
        path.write_text(json.dumps(document(found), indent=1, allow_nan=False) + '\n', encoding='utf-8')
    except OSError as error:
        raise AuditError(f'{path}: cannot be written: {error.strerror}') from error


def _stage(stage: Stage) -> dict[str, Any]:
    trained, moved = stage.trained, stage.transferred
    shown = ('round', 'task', 'verdict', 'reason', 'sim_success', 'real_success', 'sim_slip_rate', 'real_slip_rate')
    return {
        'profile': stage.binding.profile.path.name,
        'family': {name: p.range for name, p in stage.binding.profile.family.parameters.items()},
        'policy': dict(zip(PARAMETERS, trained.policy, strict=True)),
        'trained': {name: value for name, value in asdict(trained).items() if name != 'policy'},
        'panel': moved.panel.as_json(),
        'rounds': [
            {**{name: getattr(record, name) for name in shown}, 'bag': '/'.join(bag.parts[-3:])}
            for bag, record in zip(moved.bags, moved.records, strict=True)
        ],
    }


def _change(change: Change) -> dict[str, Any]:
    return {name: getattr(change, name) for name in ('name', 'kind', 'old', 'new', 'explained', 'reason')}
