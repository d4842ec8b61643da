"""A profile and its model -> a binding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from transfer_audit.core.binding.instrument import Instrument
from transfer_audit.core.binding.match import Match
from transfer_audit.core.binding.names import Names, load_spec
from transfer_audit.core.binding.plans import Binding
from transfer_audit.core.errors import AuditError, ModelError, ProfileError, UnknownElement
from transfer_audit.core.profile import Profile, read_profile, with_family


def open_hand(path: Path | str, model: Path | str | None = None) -> Binding:
    """Read a profile, load its model and bind both.

    :raises ProfileError: with every problem of the profile, alone and against its model
    :raises ModelError: if the model does not compile
    """
    profile, problems = read_profile(path, model)
    if profile is None:
        raise ProfileError(str(path), problems)
    return bind(profile, problems)


def bind(profile: Profile, problems: Sequence[str] = ()) -> Binding:
    """Match a profile with its model; `problems` are those already found in it.

    :raises ProfileError: with every problem
    :raises ModelError: if the model does not compile
    """
    try:
        names = Names(load_spec(profile.model_path))
    except ModelError as error:
        if not problems:
            raise
        raise ProfileError(str(profile.path), [*problems, str(error)]) from error
    found = [*problems, *Match(profile, names).problems()]
    if found:
        raise ProfileError(str(profile.path), found)
    return Instrument(profile, names).binding()


def with_parameters(profile: Profile, values: Mapping[str, float]) -> Profile:
    """The same hand with family parameters set to single values: a hand whose truth is known.

    :raises UnknownElement: if the family has no parameter of that name
    :raises AuditError: if a value is none that the parameter can have
    """
    parameters = dict(profile.family.parameters)
    for name, value in values.items():
        if name not in parameters:
            raise UnknownElement(str(profile.path), 'family parameter', name, parameters)
        parameters[name] = parameters[name].model_copy(update={'range': (value, value)})
    return with_family(profile, parameters)


def parse_parameters(text: str) -> dict[str, float]:
    """`actuator_delay=0.06,tip_friction=0.2` as a mapping.

    :raises AuditError: if it is not of that form
    """
    found: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(','))):
        name, equals, value = part.partition('=')
        try:
            found[name.strip()] = float(value)
        except ValueError:
            equals = ''
        if not equals or not math.isfinite(found[name.strip()]):
            raise AuditError(f'{part!r}: expected NAME=NUMBER with a parameter of the family, comma separated')
    return found
