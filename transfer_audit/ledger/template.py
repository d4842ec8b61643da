"""A round by hand: an empty one as YAML with every field explained; one that was filled in, checked."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.files import sha256_of
from transfer_audit.ledger.record import FailureCase, RoundRecord, StartRecord

EXPLAINED: dict[str, str] = {
    'task': 'the task instance, as panels pair by it: the same words in simulation and on the hand',
    'seed': 'seed of the task instance (a whole number), null if it has none',
    'hand': 'the hand, as its profile calls it; must be filled in',
    'policy': 'id of the policy, or its file',
    'policy_sha256': 'SHA-256 of the policy file; filled in by itself if `policy` is a file that is there',
    'profile': "where the hand's profile was read from",
    'profile_sha256': 'SHA-256 of what the profile said',
    'model_sha256': 'SHA-256 of the model',
    'family': 'what could vary: {name: {field: geom_friction, range: [0.5, 1.1], scale: absolute or relative}}',
    'members': 'what was drawn: {name: [value of each member]}',
    'provenance': 'where the numbers of the profile are from, in any form: recordings, dates, who measured them',
    'bag': 'the recording, null if there is none',
    'bag_sha256': 'SHA-256 of the recording; filled in by itself if `bag` is there',
    'versions': 'of everything that took part: {mujoco: 4.0.0}',
    'host': 'the computer',
    'start_ns': 'when it began: 2026-01-31T12:00:00Z, or nanoseconds since 1970; must be filled in',
    'end_ns': 'when it ended, likewise; must be filled in',
    'verdict': 'agreed, diverged or unauditable; must be filled in',
    'reason': 'the verdict in one sentence',
    'first_divergence': 'what parted first: {channel: tips, element: tip_index, kind: force, onset_s: 1.2}, or null',
    'real_success': 'did the hand do it: true, false, or the share of several trials; null if unknown',
    'sim_success': 'did the simulation do it, likewise',
    'real_slip_rate': 'share of the contact time in which a tip slipped, 0 to 1; null if unknown',
    'sim_slip_rate': 'the same in simulation',
    'budgets_before': 'budgets of the gate at the start: {force: {tip_index: 4.0}, speed: 6.0, failures: 3}; N, rad/s',
    'budgets_after': 'the same at the end',
    'budgets_why': 'why they were changed',
    'failure_case': f'one of: {", ".join(filter(None, get_args(FailureCase)))}; empty if it did not fail',
    'failure': 'how it failed, in your own words',
    'note': "the operator's note",
}
"""Every field that a person may fill in. The ledger numbers rounds itself, and gaps follow from their two sides."""

_TO_FILL_IN = ('hand', 'start_ns', 'end_ns', 'verdict')
_TIMES = ('start_ns', 'end_ns')


def template(start: StartRecord | None = None) -> str:
    """An empty round as YAML; what `start` knows is filled in."""
    known = start.model_dump(mode='json', exclude={'start_ns', 'schema_version'}) if start is not None else {}
    lines = ['# A round for `transfer-audit ledger add FILE`. What is not known may stay as it is.']
    for name, text in EXPLAINED.items():
        field = RoundRecord.model_fields[name]
        empty = None if name in _TIMES or name == 'verdict' else '' if field.is_required() else field.get_default()
        value = known.get(name, empty)
        flow = None if isinstance(value, dict) and value else False
        dumped = yaml.safe_dump({name: value}, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=110)
        lines.append(f'\n# {text}\n{dumped.rstrip()}')
    return '\n'.join(lines) + '\n'


def read_filled(path: Path) -> dict[str, Any]:
    """The fields of a file that was filled in, checked: all of a `RoundRecord` but its number.

    :raises LedgerError: naming each field that is wrong, if it cannot be read or is no round
    """
    given = _times(path, _mapping(path))
    wrong = [f'{name}: is no field of a round{_hint(name)}' for name in given if name not in EXPLAINED]
    wrong += [f'{name}: {_missing(name)}' for name in _TO_FILL_IN if given.get(name) in (None, '')]
    known = {name: value for name, value in given.items() if name in EXPLAINED and value is not None}
    known |= {f'{name}_sha256': _digest(known, name) for name in ('policy', 'bag')}
    known = {'reason': '', 'profile_sha256': '', 'model_sha256': '', **known}
    try:
        RoundRecord.model_validate({**known, 'round': 1})
    except ValidationError as error:
        told = {name.partition(':')[0] for name in wrong}
        wrong += [_sentence(one) for one in error.errors() if not (one['loc'] and one['loc'][0] in told)]
    if wrong:
        raise LedgerError(f'{path}: ' + '; '.join(dict.fromkeys(wrong)))
    return known


def _mapping(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise LedgerError(f'{path}: cannot be read: {error.strerror}') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LedgerError(f'{path}: is no YAML: {" ".join(str(error).split())}') from error
    if not isinstance(found, dict):
        raise LedgerError(f'{path}: is no round; `transfer-audit ledger template` prints an empty one')
    return {str(name): value for name, value in found.items()}


def _times(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Times of day become nanoseconds; YAML has read most of them already."""
    found = dict(given)
    for name in _TIMES:
        value = found.get(name)
        if isinstance(value, str) and len(value) > len('2026-01-31'):
            try:
                value = datetime.fromisoformat(value.replace('Z', '+00:00'))
            except ValueError:
                continue
        if isinstance(value, datetime):
            moment = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
            whole = moment.replace(microsecond=0)
            found[name] = int(whole.timestamp()) * 1_000_000_000 + moment.microsecond * 1000
        elif isinstance(value, date):
            raise LedgerError(f'{path}: {name}: {value} has no time of day; expected 2026-01-31T12:00:00Z')
    return found


def _digest(known: Mapping[str, Any], name: str) -> str:
    if given := known.get(f'{name}_sha256'):
        return str(given)
    place = known.get(name)
    return sha256_of(Path(place)) if isinstance(place, str) and place and '\0' not in place else ''


def _hint(name: str) -> str:
    nearest = difflib.get_close_matches(name, EXPLAINED, n=1)
    return f'; did you mean {nearest[0]!r}?' if nearest else ''


def _missing(name: str) -> str:
    return f'must be filled in ({EXPLAINED[name].partition(";")[0]})'


def _sentence(error: Any) -> str:
    place = '.'.join(str(step) for step in error['loc'] if not (isinstance(step, str) and '[' in step))
    return f'{place or "round"}: {error["msg"].removeprefix("Value error, ")}'
