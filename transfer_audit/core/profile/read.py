"""A YAML file -> a profile as far as it can be read, and every problem found in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from transfer_audit.core.errors import AuditError, ProfileError, choices
from transfer_audit.core.profile.checks import by_itself
from transfer_audit.core.profile.places import Loc, Places
from transfer_audit.core.profile.schema import OWN, Key, Parameter, Part, Profile


def load_profile(path: Path | str, model: Path | str | None = None) -> Profile:
    """Read a profile and check it by itself; `model` overrides the model it names.

    :raises ProfileError: with every problem found, its line and the choices that exist
    """
    profile, problems = read_profile(path, model)
    if profile is None or problems:
        raise ProfileError(str(path), problems)
    return profile


def read_profile(path: Path | str, model: Path | str | None = None) -> tuple[Profile | None, list[str]]:
    """A profile as far as it can be read, and every problem found in it.

    What is wrong is named and set aside, so that it does not hide what else is wrong.

    :raises AuditError: if the file cannot be read or is no YAML mapping
    """
    path = Path(path)
    try:
        text = path.read_text(encoding='utf-8')
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
        places = Places(root)
        raw = _unshared(raw)
    except OSError as error:
        raise AuditError(f'{path}: cannot read the profile: {error.strerror}') from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise AuditError(f'{path}: not YAML: {" ".join(str(error).split())}') from error
    except RecursionError as error:
        raise AuditError(f'{path}: nested too deeply, or a part of the profile refers to itself') from error
    if not isinstance(raw, dict):
        raise AuditError(f'{path}: a profile is a mapping with hand, model, command and channels; found {raw!r:.40}')
    problems = list(places.repeated)
    for key in OWN:
        if key in raw:
            problems.append(places.say((key,), f'unknown key{choices(key, _fields_at(()))}'))
    if model is not None:
        raw['model'] = str(Path(model).resolve())
    raw['path'], raw['digest'] = path, hashlib.sha256(text.encode()).hexdigest()
    profile, aside = _validate(raw, places, problems)
    if profile is None:
        return None, problems
    return profile, problems + [places.say(loc, text) for loc, text in by_itself(profile, aside)]


def _unshared(value: Any) -> Any:
    """The same YAML value with its aliases written out."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


_STAND_INS: Mapping[str, Any] = {
    'hand': '?', 'topic': '?', 'type': 'std_msgs/msg/Empty', 'field': 'data', 'noise': 1.0, 'tolerance': 1.0
}  # fmt: skip


def _validate(raw: dict[str, Any], places: Places, problems: list[str]) -> tuple[Profile | None, set[Key]]:
    """What is left of a profile without its faulty pieces, if it can stand without them, and the channels lost."""
    given = set(raw['channels']) if isinstance(raw.get('channels'), dict) else set()
    while True:
        try:
            profile = Profile.model_validate(raw)
            return profile, given - set(profile.channels)
        except ValidationError as error:
            found = {_in_file(raw, e['loc'], e['type'] == 'missing'): e for e in reversed(error.errors())}
        gone: list[Loc] = []
        for loc, fault in reversed(found.items()):
            problems.append(places.say(loc, _sentence(fault)))
            if not any(loc[: len(piece)] == piece for piece in gone):
                gone.append(_set_aside(raw, loc, fault['type']))
        if () in gone:
            return None, given


def _in_file(raw: Any, loc: Loc, missing: bool) -> Loc:
    """Where in the file an error lies: pydantic's own steps (`[key]`, `float`) left out."""
    found: list[Any] = []
    for step in loc[: len(loc) - missing]:
        if (isinstance(raw, dict) and step in raw) or (isinstance(raw, list) and isinstance(step, int)):
            found.append(step)
            raw = raw[found[-1]]
    return (*found, *loc[len(loc) - missing :])


def _set_aside(raw: dict[str, Any], loc: Loc, kind: str) -> Loc:
    """Take the smallest piece around a fault out of a profile; return its place, () if there is no such piece."""
    for end in range(len(loc), 0, -1):
        holders: list[Any] = list(loc[: end - 1])
        key = loc[end - 1]
        holder: Any = raw
        for step in holders:
            holder = holder[step] if isinstance(holder, (dict, list)) else None
        part = _part_at(holders)
        if not isinstance(holder, dict) or part is None or (end == 1 and key == 'channels'):
            continue
        known = None if isinstance(part, tuple) else part.model_fields.get(str(key))
        within = isinstance(part, type) and issubclass(part, Parameter) and kind != 'extra_forbidden'
        if known is not None and known.is_required() and key in _STAND_INS:
            holder[str(key)] = _STAND_INS[str(key)]
            return loc[:end]
        if key in holder and not within and (known is None or not known.is_required()):
            del holder[key]
            return loc[:end]
    return ()


def places_of(profile: Profile) -> Places:
    """The places in the file a profile was read from."""
    return Places(yaml.compose(profile.path.read_text(encoding='utf-8'), Loader=yaml.SafeLoader))


def _sentence(error: ErrorDetails) -> str:
    kind, context = error['type'], error.get('ctx', {})
    if kind == 'extra_forbidden':
        return f'unknown key{choices(str(error["loc"][-1]), _fields_at(error["loc"][:-1]))}'
    if kind == 'missing':
        return 'is missing'
    if kind == 'literal_error':
        return f'{error["input"]!r} is not one of {context["expected"]}'
    return f'{error["msg"].removeprefix("Value error, ")}, found {error["input"]!r:.60}'


def _fields_at(loc: Loc) -> list[str]:
    part = _part_at(loc)
    part = part[0] if isinstance(part, tuple) else part
    return [name for name in part.model_fields if name not in OWN] if part else []


def _part_at(loc: Sequence[str | int]) -> Any:
    """The Part at a place; a mapping of Parts as a one-tuple; None for anything else."""
    part: Any = Profile
    for step in loc:
        if isinstance(part, tuple):
            part = part[0]
        elif part is not None:
            part = _inner(part.model_fields[str(step)].annotation) if str(step) in part.model_fields else None
    return part


def _inner(annotation: Any) -> Any:
    """The Part an annotation speaks of; a mapping of Parts as a one-tuple."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    arguments = getattr(annotation, '__args__', ())
    parts = [a for a in arguments if isinstance(a, type) and issubclass(a, Part)]
    if not parts:
        return None
    return (parts[0],) if getattr(annotation, '__origin__', None) is dict else parts[0]
