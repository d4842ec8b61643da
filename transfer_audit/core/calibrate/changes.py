"""A calibration -> what of a profile it changes."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

import mujoco

from transfer_audit.core.binding import GAINS, Binding, Variation
from transfer_audit.core.calibrate.calibration import Calibration
from transfer_audit.core.calibrate.ranges import Ranged, Setting

_DIGITS = 4


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
    return found + [_new(one) for one in left]


def apply(calibration: Calibration, binding: Binding, profile: MutableMapping[str, Any]) -> None:
    """Write a calibration into a profile as its YAML file has it; what was not measured stays."""
    parameters = profile.setdefault('family', {}).setdefault('parameters', {})
    for change in family_changes(calibration, binding):
        if change.old is None:
            parameters[change.name] = change.entry
        else:
            parameters[change.name]['range'] = change.entry['range']
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
    """One range that holds all that was measured of what a parameter varies."""
    bounds = [_as_said(variation, one, binding) for one in ranges]
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    old = (variation.low, variation.high)
    return FamilyChange(variation.name, old, {'range': [down(low), up(high)]}, '; '.join(one.why for one in ranges))


def _as_said(variation: Variation, one: Ranged, binding: Binding) -> tuple[float, float]:
    """A measured range the way a parameter of the profile counts: absolute, or as a factor of the model's values."""
    if variation.relative == (one.scale == 'relative'):
        return one.low, one.high
    values = [value_of(binding.model, one.field, name, one.columns[0]) for name in one.select]
    if variation.relative:
        return min(one.low / value for value in values), max(one.high / value for value in values)
    return min(one.low * value for value in values), max(one.high * value for value in values)


def _new(one: Ranged) -> FamilyChange:
    entry: dict[str, Any] = {'field': one.field, 'select': list(one.select), 'range': [down(one.low), up(one.high)]}
    if one.columns != (0,):
        entry['columns'] = list(one.columns)
    return FamilyChange(one.name, None, {**entry, 'scale': one.scale}, one.why)


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
