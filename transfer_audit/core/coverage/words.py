"""Coverage in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

NAMED = 3


class Blamed(Protocol):
    """What a sentence needs to know of a parameter outside its range."""

    @property
    def name(self) -> str: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def estimate(self) -> float: ...
    @property
    def interval(self) -> tuple[float, float]: ...
    @property
    def standing(self) -> str: ...
    @property
    def explained(self) -> float: ...
    @property
    def ties(self) -> tuple[str, ...]: ...
    @property
    def rounds_outside(self) -> int: ...
    @property
    def rounds(self) -> int: ...


def outside(parameters: Sequence[Blamed], missed: Mapping[tuple[str, str], float]) -> str:
    """Why a family does not cover: parameters that lie outside, the first to blame first."""
    first, *others = parameters
    text = blamed(first)
    if others:
        text += '; also outside: ' + ', '.join(f'{one.name} ({one.estimate:.3g})' for one in others[:NAMED])
    if missed and first.explained < 0.5:
        text += f'; besides, {_most(missed)}: something is missing from the family'
    return text


def blamed(one: Blamed) -> str:
    """A parameter outside its range, and what it explains there."""
    low, high = one.interval
    text = f'{one.name} is {one.estimate:.3g} ({low:.3g} to {high:.3g}), {one.standing} its range {one.low:.3g} to '
    text += f'{one.high:.3g}'
    if one.rounds_outside and one.rounds > 1:
        text += f' (by themselves {one.rounds_outside} of {one.rounds} rounds say so)'
    if one.explained:
        text += f'; there it alone explains {one.explained:.0%} of what the ranges leave'
    if one.ties:
        text += f', as well as {" or ".join(one.ties)} would: this motion does not tell them apart'
    return text


def missed(shares: Mapping[tuple[str, str], float]) -> str:
    """No parameter is outside, and yet elements are not where the family can be."""
    return f'{_most(shares)} and no parameter outside its range explains that: something is missing from the family'


def _most(shares: Mapping[tuple[str, str], float]) -> str:
    worst = min(shares, key=lambda key: shares[key])
    others = f' and {len(shares) - 1} more elements' if len(shares) > 1 else ''
    return (
        f'{worst[1]} ({worst[0]}){others} is not where the family can be: the best parameters within the ranges '
        f'explain {shares[worst]:.0%} of its samples'
    )


def covered(rounds: int, still: Sequence[str]) -> str:
    """The ranges hold parameters that explain what was measured."""
    text = f'parameters within the ranges explain what was measured in {rounds} round{"s" * (rounds > 1)}'
    return text + (f'; nothing is known of {", ".join(still)}, which this motion does not excite' if still else '')
