"""A calibration -> what of a profile it changes."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from transfer_audit.core.binding import GAINS, Binding, Variation
from transfer_audit.core.calibrate.calibration import Calibration
from transfer_audit.core.calibrate.ranges import Ranged, Setting

_DIGITS = 4
_SCALE = {False: 'absolute', True: 'relative'}


@dataclass(frozen=True)
class FamilyChange:
    """A parameter of the family with its measured range.

    :param old: its range in the profile; None for one that the profile does not have
    :param entry: what the profile says under its name
    """

    name: str
    old: tuple[float, float] | None
    entry: dict[str, Any]
    why: str


def family_changes(calibration: Calibration, binding: Binding) -> list[FamilyChange]:
    """The ranges of a calibration as parameters of the family: those that it has, widened or narrowed to what was
    measured, and new ones for what it has none for."""
    found: list[FamilyChange] = []
    left = list(calibration.ranges)
    for variation in binding.variations:
        mine = [one for one in left if _means(variation, one, binding)]
        left = [one for one in left if one not in mine]
        if mine:
            found.append(_changed(variation, mine, binding))
    return found + _new(left, set(binding.profile.family.parameters))


def apply(calibration: Calibration, binding: Binding, profile: MutableMapping[str, Any]) -> None:
    """Write a calibration into a profile as its YAML file has it; what was not measured stays."""
    parameters = profile.setdefault('family', {}).setdefault('parameters', {})
    for change in family_changes(calibration, binding):
        if change.old is None:
            parameters[change.name] = change.entry
        else:
            parameters[change.name].update(change.entry)
    for setting in calibration.settings:
        _set(profile, setting)


def _set(profile: MutableMapping[str, Any], setting: Setting) -> None:
    holder = profile
    for key in setting.at[:-1]:
        holder = holder[key]
    value = setting.value
    holder[setting.at[-1]] = rounded(value) if isinstance(value, float) else {k: rounded(v) for k, v in value.items()}


def _means(variation: Variation, one: Ranged, binding: Binding) -> bool:
    """Whether a parameter of the family varies what was measured, all of it."""
    if variation.channel is not None or variation.field != one.field:
        return False
    patterns = binding.profile.family.parameters[variation.name].select
    named = all(any(fnmatch.fnmatch(name, pattern) for pattern in patterns) for name in one.select)
    return named and (variation.columns == one.columns or not _columned(one, binding.model))


def _columned(one: Ranged, model: mujoco.MjModel) -> bool:
    return one.field not in GAINS and getattr(model, one.field).ndim > 1


def _changed(variation: Variation, ranges: list[Ranged], binding: Binding) -> FamilyChange:
    """One range that holds all that was measured of what a parameter varies.

    It is told the way the profile tells it, absolute or relative, unless the model's own values cannot be its unit.
    """
    relative = variation.relative
    bounds = [_as_told(one, relative, binding) for one in ranges]
    entry: dict[str, Any] = {}
    if None in bounds:
        bounds, entry = [_as_told(one, not relative, binding) for one in ranges], {'scale': _SCALE[not relative]}
    known = [bound for bound in bounds if bound is not None]
    span = [down(min(low for low, _ in known)), up(max(high for _, high in known))]
    why = '; '.join(dict.fromkeys(one.why for one in ranges))
    return FamilyChange(variation.name, (variation.low, variation.high), {'range': span, **entry}, why)


def _as_told(one: Ranged, relative: bool, binding: Binding) -> tuple[float, float] | None:
    """A range as absolute numbers or as factors of the model's values; None where these have another sign or are 0."""
    if relative == (one.scale == 'relative'):
        return one.low, one.high
    values = [v for name in one.select for v in values_of(binding.model, one.field, name, one.columns[0])]
    if not values or min(values) <= 0 or one.low < 0:
        return None
    if relative:
        return min(one.low / value for value in values), max(one.high / value for value in values)
    return min(one.low * value for value in values), max(one.high * value for value in values)


def _new(ranges: Sequence[Ranged], taken: set[str]) -> list[FamilyChange]:
    """Parameters that the family lacks; ranges of one name are one parameter of all that they select."""
    found = []
    groups: dict[tuple[object, ...], list[Ranged]] = {}
    for one in ranges:
        groups.setdefault((one.name, one.field, one.columns, one.scale), []).append(one)
    for same in groups.values():
        first = same[0]
        name = first.name if first.name not in taken else f'{first.name}_{first.columns[0]}'
        taken.add(name)
        select = list(dict.fromkeys(pattern for one in same for pattern in one.select))
        span = [down(min(one.low for one in same)), up(max(one.high for one in same))]
        entry: dict[str, Any] = {'field': first.field, 'select': select, 'range': span, 'scale': first.scale}
        if first.columns != (0,):
            entry['columns'] = list(first.columns)
        found.append(FamilyChange(name, None, entry, '; '.join(dict.fromkeys(one.why for one in same))))
    return found


def values_of(model: mujoco.MjModel, field: str, name: str, column: int = 0) -> list[float]:
    """What the model itself says of named objects; `body:…` are the geoms of a body."""
    if name.startswith('body:'):
        body = model.body(name.removeprefix('body:')).id
        return [float(getattr(model, field)[geom][column]) for geom in np.flatnonzero(model.geom_bodyid == body)]
    return [value_of(model, field, name, column)]


def value_of(model: mujoco.MjModel, field: str, name: str, column: int = 0) -> float:
    """What the model itself says of one named object."""
    if field == 'actuator_kp':
        return float(model.actuator(name).gainprm[0])
    if field == 'actuator_kv':
        return -float(model.actuator(name).biasprm[2])
    kind = field.split('_')[0]
    if kind == 'dof':
        return float(getattr(model, field)[model.joint(name).dofadr[0]])
    item = getattr(model, {'jnt': 'joint', 'eq': 'equality'}.get(kind, kind))(name)
    values = getattr(model, field)[item.id]
    return float(values if values.ndim == 0 else values[column])


def down(value: float) -> float:
    """Rounded to four digits, never up."""
    return _to_digits(value, math.floor)


def up(value: float) -> float:
    """Rounded to four digits, never down."""
    return _to_digits(value, math.ceil)


def rounded(value: float) -> float:
    """Rounded to four digits."""
    return _to_digits(value, round)


def _to_digits(value: float, whole: Any) -> float:
    if value == 0 or not math.isfinite(value):
        return value
    unit = 10.0 ** (math.floor(math.log10(abs(value))) + 1 - _DIGITS)
    return float(f'{whole(round(value / unit, 6)) * unit:.12g}')


def unchanged(calibration: Calibration, binding: Binding) -> Iterator[str]:
    """The parameters of the family that these traces say nothing of."""
    done = {change.name for change in family_changes(calibration, binding)}
    yield from (variation.name for variation in binding.variations if variation.name not in done)
