"""Where the verbs put JSON: a file, or stdout alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transfer_audit.core.errors import AuditError


def write_json(target: str | Path | None, document: Any) -> None:
    """Write a document to a file, to stdout for `-`, nowhere for None.

    :raises AuditError: if the file cannot be written
    """
    if target is None:
        return
    text = json.dumps(document, indent=1, allow_nan=False)
    if str(target) == '-':
        print(text)
        return
    try:
        Path(target).write_text(text + '\n', encoding='utf-8')
    except OSError as error:
        raise AuditError(f'{target}: cannot be written: {error.strerror}') from error
