"""What a calibration says a family should range over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from transfer_audit.core.profile import Key


@dataclass(frozen=True)
class Ranged:
    """A family parameter with the range that was seen.

    :param name: what to call it in a profile that has no parameter for it yet
    :param field: model field (`actuator_delay`, `dof_frictionloss`, `geom_solref`, …); `select` the names in the model
    :param low, high: in the field's unit (absolute), or as factors of the model's value (relative)
    :param of: the joint, tip or element that was measured; `why`: one sentence: from what it follows
    """

    name: str
    field: str
    select: tuple[str, ...]
    low: float
    high: float
    scale: Literal['absolute', 'relative'] = 'absolute'
    columns: tuple[int, ...] = (0,)
    why: str = ''
    of: str = ''


@dataclass(frozen=True)
class Setting:
    """A number of a profile that was measured.

    :param at: its place in the profile, as `('channels', 'joints', 'noise')`
    :param value: one number, or one for each element by its name in the messages
    """

    at: tuple[str, ...]
    value: float | Mapping[Key, float]
    why: str
