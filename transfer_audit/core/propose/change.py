"""One change of a family, and how changes become a family."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

from transfer_audit.core.profile import Parameter, Profile, with_family

Kind = Literal['widen', 'shift', 'narrow', 'add', 'missing']
Range = tuple[float, float]


@dataclass(frozen=True)
class Change:
    """One change of one parameter's range.

    :param old: its range now; None for one that is added
    :param new: the proposed range, in the units of the profile
    :param explained: share of the gap between family and measurement that it takes away on rounds that took no part in
        its estimate, 0 to 1; 0 for a narrowing, which explains nothing
    :param reason: one sentence
    :param parameter: what stands in the profile under `name` after the change; None for what is missing from the
        family and cannot be written into it
    """

    name: str
    kind: Kind
    old: Range | None
    new: Range
    explained: float
    reason: str
    parameter: Parameter | None


def applied(profile: Profile, changes: Iterable[Change]) -> Profile:
    """The profile with another family; bind it anew.

    :raises AuditError: if a range is none that the parameter can have
    """
    changed = {change.name: change.parameter for change in changes if change.parameter is not None}
    return with_family(profile, {**profile.family.parameters, **changed})


def apply_to(profile: MutableMapping[str, Any], changes: Iterable[Change]) -> None:
    """Write changes into a profile as its YAML file has it; nothing else is touched."""
    parameters = profile.setdefault('family', {}).setdefault('parameters', {})
    for change in changes:
        if change.name in parameters:
            parameters[change.name]['range'] = list(change.new)
        elif change.parameter is not None:
            parameters[change.name] = entry(change.parameter)


def entry(parameter: Parameter) -> dict[str, Any]:
    """A parameter as a profile says it."""
    found = parameter.model_dump(exclude_none=True, exclude_defaults=True)
    return {key: list(value) if isinstance(value, tuple) else value for key, value in found.items()}
