"""The profile's schema as tables: key, type, unit, default, meaning."""

from __future__ import annotations

import inspect
import json
from typing import Any

import tables

from transfer_audit.core.profile import schema
from transfer_audit.core.profile.meanings import MEANINGS
from transfer_audit.core.profile.schema import OWN, Part

SECTIONS = (
    ('The file', 'Profile'),
    ('clock', 'Clock'),
    ('command', 'Command'),
    ('command.speed', 'Speed'),
    ('channels.NAME', 'Channel'),
    ('family', 'FamilySpec'),
    ('family.parameters.NAME', 'Parameter'),
    ('resync', 'Resync'),
    ('gate', 'GateSpec'),
    ('gate.age_limits', 'AgeLimits'),
    ('gate.back_off', 'BackOff'),
    ('gate.cut', 'Cut'),
    ('gate.cut.KIND', 'Shares'),
    ('round', 'RoundSpec'),
)
_WORDS = {'string': 'text', 'number': 'number', 'integer': 'whole number', 'boolean': 'true or false', 'null': 'null'}
_BOUNDS = {'exclusiveMinimum': '> {:g}', 'minimum': '≥ {:g}', 'exclusiveMaximum': '< {:g}', 'maximum': '≤ {:g}'}


def page() -> str:
    """The whole page."""
    parts = [
        tables.HEAD,
        '# Every key of a profile\n\n',
        'One YAML file per hand. Unknown keys are refused, and everything that is wrong is named in one list: '
        '`transfer-audit profile check P`. Where a unit says *model*, it is rad or m, or whatever the actuator takes; '
        'where it says *unit*, that of the channel.\n',
    ]
    for place, name in SECTIONS:
        parts.append(f'\n## {place if place == "The file" else f"`{place}`"}\n\n{_section(getattr(schema, name))}')
    return ''.join(parts)


def _section(part: type[Part]) -> str:
    known, meanings = part.model_json_schema(), MEANINGS[part.__name__]
    required = known.get('required', [])
    rows = []
    for key, value in known['properties'].items():
        if key in OWN:
            continue
        unit, meaning = meanings[key]
        default = 'needed' if key in required else _default(value)
        rows.append((f'`{key}`', words(value, known.get('$defs', {})), unit, default, meaning))
    said = ' '.join(inspect.cleandoc(part.__doc__ or '').split())
    return f'{said}\n\n' + tables.table(('key', 'type', 'unit', 'default', 'meaning'), rows)


def _default(value: dict[str, Any]) -> str:
    if '$ref' in value or isinstance(value.get('default'), dict):
        return 'see there' if value.get('default') or '$ref' in value else 'none'
    return f'`{json.dumps(value.get("default"))}`'


def words(value: dict[str, Any], parts: dict[str, Any]) -> str:
    """A JSON schema in words."""
    if '$ref' in value:
        name = value['$ref'].rpartition('/')[2]
        place = next(place for place, part in SECTIONS if part == name)
        return f'see `{place}`'
    if 'anyOf' in value:
        return ' or '.join(dict.fromkeys(words(one, parts) for one in value['anyOf']))
    if 'enum' in value or 'const' in value:
        return ', '.join(f'`{one}`' for one in value.get('enum', [value.get('const')]))
    if value.get('type') == 'array':
        if 'prefixItems' in value:
            return 'pair of numbers'
        return f'list of {words(value["items"], parts)}s'
    if value.get('type') == 'object':
        inner = value.get('additionalProperties')
        return f'name: {words(inner, parts)}' if isinstance(inner, dict) else 'anything'
    bounds = [said.format(value[key]) for key, said in _BOUNDS.items() if key in value]
    return ' '.join([_WORDS.get(value.get('type', ''), 'anything'), *bounds])
