"""How long a joint takes to set out after its command, as the distribution it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.driven import Driven
from transfer_audit.core.calibrate.quantities import Quantity, Stretch, some
from transfer_audit.core.calibrate.ranges import Ranged
from transfer_audit.core.calibrate.spread import late, quantile, share
from transfer_audit.core.calibrate.starts import Start, Starts
from transfer_audit.core.types import Array

QUANTILES = (0.5, 0.9, 0.99)
FEWEST = 5
"""Fewer starts say nothing of a distribution."""
STEPS = 'steps that are held for half a second, each after a pause'


def delays(joint: Driven, starts: Starts, ramps: bool) -> list[Quantity]:
    """Delay of each direction of a joint: p50, p90, p99 of the punctual starts, and the late ones apart.

    :param ramps: the set point moves at a commanded speed from the first; otherwise a servo gathers speed first
    """
    if len(starts.found) < (FEWEST if starts.stream else 1):
        return [_nothing(joint, starts)]
    return [quantity for sign in (1, -1) for quantity in _direction(joint, starts, sign, ramps)]


def punctual(starts: Sequence[Start]) -> tuple[list[Start], list[Start]]:
    """The starts of one joint and direction that came in time, and those that came late."""
    if len(starts) < FEWEST:
        return list(starts), []
    tardy = late(_onsets(starts), float(np.median([start.seen_s[1] - start.seen_s[0] for start in starts])))
    return [s for s, is_late in zip(starts, tardy, strict=True) if not is_late], [
        s for s, is_late in zip(starts, tardy, strict=True) if is_late
    ]


def delay_range(joint: Driven, starts: Starts, binding: Binding) -> Ranged | None:
    """The delays of punctual starts in either direction as a range: p01 to p99, widened by their intervals.

    :returns: None where there are too few to know how they spread, and for servos without a commanded speed, whose
        first motion holds their run-up as well: theirs is the delay of a fit
    """
    low, high = [], []
    if binding.command.speed_scale is None:
        return None
    for sign in (1, -1):
        found, _ = punctual([start for start in starts.found if start.direction == sign])
        if len(found) >= FEWEST:
            low.append(quantile(_onsets(found), 0.01)[1])
            high.append(quantile(_onsets(found), 0.99)[2])
    if not low:
        return None
    actuator = binding.model.actuator(binding.command.actuators[joint.actuator]).name
    why = f'{joint.name}: p01 to p99 of the starts that came in time, widened by their intervals'
    range_ = max(0.0, min(low)), max(high)
    return Ranged(f'{joint.name}_delay', 'actuator_delay', (actuator,), *range_, of=joint.name, why=why)


def _direction(joint: Driven, starts: Starts, sign: int, ramps: bool) -> Iterator[Quantity]:
    word = 'closing' if sign > 0 else 'opening'
    found = [start for start in starts.found if start.direction == sign]
    if not found:
        return
    seen = np.array([start.seen_s[1] for start in found])
    width = float(np.median([start.seen_s[1] - start.seen_s[0] for start in found]))
    yield from _quantiles(f'command to first seen motion, {word}', joint, found, seen, (width, 0.0))
    in_time, tardy = punctual(found)
    name = 'command delay' if ramps else 'command delay and run-up'
    yield from _quantiles(f'{name}, {word}', joint, in_time, _onsets(in_time), (_error(in_time),) * 2)
    if tardy:
        yield from _late(word, joint, found, tardy)


def _quantiles(
    name: str, joint: Driven, starts: Sequence[Start], values: Array, error: tuple[float, float]
) -> Iterator[Quantity]:
    stretches = _stretches(starts)
    if len(values) < FEWEST:
        value, low, high = float(np.median(values)), float(values.min()) - error[0], float(values.max()) + error[1]
        why = f'{len(values)} seen, too few for a distribution; record 20 or more {STEPS}'
        yield Quantity(f'{name}, p50', joint.name, value, low, high, 's', len(values), stretches, why=why)
        return
    for at in QUANTILES:
        value, low, high = quantile(values, at)
        bounded = len(values) * (1 - at) >= 3
        why = '' if bounded else f'the interval ends at the largest of {len(values)} starts; more would bound it'
        yield Quantity(f'{name}, p{at * 100:.0f}', joint.name, value, low, high, 's', len(values), stretches, why=why)


def _late(word: str, joint: Driven, found: Sequence[Start], tardy: Sequence[Start]) -> Iterator[Quantity]:
    part, low, high = share(len(tardy), len(found))
    onsets, stretches = _onsets(tardy), _stretches(tardy)
    why = (
        f'the starts are of two kinds: {len(tardy)} of {len(found)} came {onsets.min():.2f} s or more after their '
        f'command, far outside of what the others take; they are no part of the delay'
    )
    yield Quantity(f'late starts, {word}', joint.name, part, low, high, '1', len(found), stretches, why=why)
    value, low, high = quantile(onsets, 0.5)
    yield Quantity(f'late starts, {word}, p50', joint.name, value, low, high, 's', len(tardy), stretches)


def _nothing(joint: Driven, starts: Starts) -> Quantity:
    nan = float('nan')
    if starts.stream:
        why = f'the command flows and never steps; a fit of the joint finds its delay, or record {STEPS}'
    elif starts.unseen:
        why = f'no motion is seen to begin after any of {starts.unseen} commands; record {STEPS}'
    else:
        why = f'the command never changes course; record {STEPS}'
    return Quantity('command delay', joint.name, nan, nan, nan, 's', 0, (), 'not identifiable', why)


def _onsets(starts: Sequence[Start]) -> Array:
    return np.array([start.onset_s for start in starts], np.float64)


def _error(starts: Sequence[Start]) -> float:
    """Half of the interval of a single onset, s."""
    return float(np.median([start.error_s for start in starts])) if starts else 0.0


def _stretches(starts: Sequence[Start]) -> tuple[Stretch, ...]:
    return some([start.stretch for start in starts])
