"""Raw numbers -> model units: guessed from how far they go, held against the ranges of the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.interview.things import Thing
from transfer_audit.core.types import Array

FULL = (100, 255, 1000, 1023, 4095, 65535)
"""Where the registers of hands end."""
TURN = 4096
"""Ticks of a servo's turn, with its middle at half of them."""
SLACK = 0.25
"""How far outside of its range, in parts of it, a joint may still be seen."""
GRAM_N = 0.00980665
"""A gram of force in newtons."""


@dataclass(frozen=True)
class Scale:
    """value = raw * scale + offset; one number, or one for each key. `raw` names the unit of the messages."""

    scale: float | dict[str | int, float]
    offset: float | dict[str | int, float]
    raw: str
    why: str
    sure: bool


def joint_scale(values: Array, keys: Sequence[str | int], things: Sequence[Thing]) -> Scale:
    """The unit of joint positions.

    :param values: shape (N, E), one column per key and thing
    """
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    unit = things[0].unit
    if _within(low, high, things):
        limited = any(math.isfinite(thing.high) for thing in things)
        why = f'{low.min():.3g} to {high.max():.3g} lies in the ranges of the model' if limited else (
            f'{low.min():.3g} to {high.max():.3g}; the model has no ranges to hold it against')  # fmt: skip
        return Scale(1.0, 0.0, unit, f'{unit}: {why}', limited or unit == 'rad')
    for raw, factor in (('deg', math.pi / 180),) if unit == 'rad' else (('mm', 0.001), ('cm', 0.01)):
        if _within(low * factor, high * factor, things) and high.max() - low.min() > 2 * math.pi:
            register = _register(values, things)
            if register is None or (low < -0.5).any():
                why = f'{low.min():.4g} to {high.max():.4g} as degrees lies in the ranges of the model'
                return Scale(round(factor, 10), 0.0, raw, why if raw == 'deg' else f'as {raw}', False)
    return _registers(values, keys, things) or Scale(
        1.0, 0.0, '?', f'{low.min():.4g} to {high.max():.4g} fits no unit that is known; set scale and offset', False
    )


def _within(low: Array, high: Array, things: Sequence[Thing]) -> bool:
    for least, most, thing in zip(low, high, things, strict=True):
        span = thing.high - thing.low
        if not math.isfinite(span):
            if max(abs(least), abs(most)) > 3 * math.pi:
                return False
        elif least < thing.low - SLACK * span or most > thing.high + SLACK * span:
            return False
    return True


def _register(values: Array, things: Sequence[Thing]) -> int | None:
    """The full scale of whole numbers from 0 on, if they are that."""
    known = values[np.isfinite(values)]
    if known.min() < 0 or np.any(known != np.round(known)):
        return None
    return next((full for full in FULL if known.max() <= full), None)


def _registers(values: Array, keys: Sequence[str | int], things: Sequence[Thing]) -> Scale | None:
    full = _register(values, things)
    if full is None:
        return None
    if full == TURN - 1 or not all(math.isfinite(thing.high - thing.low) for thing in things):
        why = f'whole numbers up to {np.nanmax(values):g}: ticks of {TURN} a turn, {TURN // 2} in the middle'
        return Scale(2 * math.pi / TURN, -math.pi, 'ticks', why, False)
    scale: dict[str | int, float] = {}
    offset: dict[str | int, float] = {}
    down = 0
    for key, column, thing in zip(keys, values.T, things, strict=True):
        first = float(column[np.isfinite(column)][0])
        span = thing.high - thing.low
        falls = (first > full / 2) == (thing.rest - thing.low < span / 2)
        down += falls
        scale[key] = round(-span / full if falls else span / full, 10)
        offset[key] = round(thing.high if falls else thing.low, 6)
    why = (
        f'whole numbers up to {np.nanmax(values):g}: a register of 0 to {full} over the range of each joint; '
        f'it begins where the model rests, so {"0 is the far end" if down else "0 is the near end"}'
    )
    return Scale(_one(scale), _one(offset), f'0..{full}', why, False)


def _one(values: dict[str | int, float]) -> float | dict[str | int, float]:
    """One number if all are the same."""
    return next(iter(values.values())) if len(set(values.values())) == 1 else values


def force_scale(values: Array, wrench: bool) -> Scale:
    """The unit of forces, shape (N, E): newtons in messages that are defined so, else by their size."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    most = max(abs(low), abs(high))
    seen = f'{low:.3g} to {high:.3g}'
    if wrench:
        return Scale(1.0, 0.0, 'N', f'N: the message is defined in newtons ({seen})', True)
    if most <= 100 and np.any(values[np.isfinite(values)] % 1):
        return Scale(1.0, 0.0, 'N', f'N: {seen} is what fingertips feel', False)
    if most <= 5000:
        why = f'{seen} taken as grams of force, 1 = {GRAM_N:.5f} N; press on a balance to know'
        return Scale(GRAM_N, 0.0, 'g', why, False)
    return Scale(0.001, 0.0, 'mN', f'{seen} taken as mN; press on a balance to know', False)
