"""Whether an element parted in time and not in its motion: a delay, a late start or a step of the delay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from transfer_audit.core.timing.delay import Delay, delay_between, delay_near
from transfer_audit.core.timing.moved import AlarmOf, Element, first_stir
from transfer_audit.core.types import Array

LONGEST_DELAY_S = 0.25
"""No hand is commanded over a line this slow all the time: what comes later than this started late."""
SHORTEST_LATE_START_S, LONGEST_LATE_START_S = 0.1, 10.0
SURE_LATE_START_S = 0.5
"""Friction does not hold a servo back for this long and then let it take its course."""
SETTLE_S = 0.3
"""How long a servo may take from one course to another: when its delay steps, and where a round begins in mid-motion,
because the shadow is put on joints that are late already."""
AGREES_S = 0.5
"""How long a motion must agree before its delay can be said to step."""
MOTIONS = 5.0
"""A motion speaks for an explanation if it spans this many tolerances."""
CLEAN_S = 1.0
"""If something else happens later, a delay must have explained the motion for this long since the alarm."""
LEAD, EARLY_LEAD, CLEAR_LEAD, FIRM_LEAD = 0.85, 1.25, 2.0, 4.0
"""How many times as much an explanation without delay must leave (in squares) to be ruled out. Servos with a delay of
15 ms and more reach 0.9 to 1000, those with another damping, gain, friction or play mostly 0.05 to 0.8. Where a round
is explained only in part the lead must be clear, and that of a hand before its family is in doubt a stiffer hand's.
With a firm one a motion need not agree to the noise: what a delayed joint touches, it touches elsewhere."""
SURE_SHARE = 1 / 3
"""A delay that is the same throughout is known to within this share of itself."""

Cause = Literal['delay', 'late start', 'delay step']


@dataclass(frozen=True)
class Explanation:
    """A cause in time for which an element that has parted agrees with its family again.

    :param delay: of the real hand against the family's median
    :param from_row: the row from which it acts
    :param until_row: the first row at which even the compensated comparison alarms; N if none
    """

    cause: Cause
    delay: Delay
    from_row: int
    until_row: int

    def turned_row(self, rate_hz: float) -> int:
        """The first row after `from_row` at which the motion has taken its delayed course."""
        return self.from_row + abs(round(self.delay.delay_s * rate_hz)) + round(SETTLE_S * rate_hz)


def explain(
    real: Array,
    median: Array,
    lower: Array,
    upper: Array,
    noise: float,
    rate_hz: float,
    onset_row: int,
    alarm: AlarmOf,
) -> Explanation | None:
    """The simplest cause in time of a pose finding, or None: then the motion itself is another.

    A cause counts only if the family moved by it explains the motion away: no alarm while a motion worth `MOTIONS`
    tolerances goes by, nothing but noise outside of the family, and no slower hand, play or other gain that does it
    better. A correlation alone reads friction as a delay.

    :param real: one element over the rows of the round so far, shape (N,), NaN where unknown
    :param median: of the simulated family, shape (N,); `lower`, `upper`: its envelope widened by the tolerance
    :param noise: standard deviation of the measurement
    :param onset_row: where the alarm began
    :param alarm: runs the detector on (real, lower, upper); onset row of the first alarm or None
    """
    element = Element(real, median, lower, upper, noise, rate_hz, alarm)
    if len(real) < 20 or not np.isfinite(element.tolerance):
        return None
    begun = element.without(slice(0, round(SETTLE_S * rate_hz)))
    constant = _constant(element, onset_row) or _constant(begun, onset_row)
    return constant or _late_start(element, onset_row) or _step(element, onset_row)


def _constant(element: Element, onset_row: int) -> Explanation | None:
    """The same extra delay over the whole round. A faster hand looks early as long as the motion does not turn."""
    reach = round(LONGEST_DELAY_S * element.rate_hz)
    guess = _longest(element, range(-reach, reach + 1))
    found = _accepted('delay', element, guess, 0, onset_row)
    if found is None or (found.delay.delay_s < 0 and not element.turns(slice(0, found.until_row))):
        return None
    return found if _lasts(found, element, onset_row) else None


def _late_start(element: Element, onset_row: int) -> Explanation | None:
    """The joint stands although the family has left, and then takes the family's course."""
    starts, leaves = first_stir(element.real, element.stir), first_stir(element.median, element.stir)
    if starts is None or leaves is None:
        return None
    gone = _gone(element)
    if gone >= starts:
        return None
    spread, lag = round(LONGEST_DELAY_S * element.rate_hz), starts - leaves
    least, most = round(SHORTEST_LATE_START_S * element.rate_hz), round(LONGEST_LATE_START_S * element.rate_hz)
    guess = _longest(element, range(max(least, lag - spread), min(most, lag + spread) + 1), hold=True)
    found = _accepted('late start', element, guess, gone, onset_row, hold=True)
    return found if found is not None and _starts_late(found, element) else None


def _starts_late(found: Explanation, element: Element) -> bool:
    """Whether a late start that something else follows is not what friction does to a slow motion."""
    delay_s, rows = found.delay.delay_s, slice(0, found.until_row)
    late = element.moved(delay_s, hold=True)
    if delay_s < SHORTEST_LATE_START_S:
        return False
    if found.until_row == len(element):
        return late.lead_over_rivals(element.median, rows) >= LEAD
    if delay_s >= SURE_LATE_START_S:
        return True
    if late.span(rows) < 2 * MOTIONS * element.tolerance:
        return False
    return delay_s >= LONGEST_DELAY_S or late.lead_over_rivals(element.median, rows) >= CLEAR_LEAD


def _step(element: Element, onset_row: int) -> Explanation | None:
    """Agreement before a row, the same extra delay after it; just a delay if too little moved before to tell."""
    starts = first_stir(element.real, element.stir)
    if starts is None:
        return None
    settle = round(SETTLE_S * element.rate_hz)
    after = element.without(slice(0, onset_row + settle))
    before = delay_between(element.real[:onset_row], element.median[:onset_row], element.rate_hz, element.noise)
    agreed = onset_row - starts >= AGREES_S * element.rate_hz
    if before is None or not agreed or element.span(slice(0, onset_row)) < MOTIONS * element.tolerance:
        return _constant(after, onset_row)
    reach = round(LONGEST_DELAY_S * element.rate_hz)
    guess = _longest(after, range(-reach, reach + 1))
    if guess is None or not max(-before.low_s, before.high_s) < abs(guess) / element.rate_hz / 2:
        return None
    row = _switch(element, guess, onset_row)
    after = element.without(slice(0, row + abs(guess) + settle))
    found = _accepted('delay step', after, guess, row, onset_row)
    return found if found is not None and _lasts(found, after, onset_row) else None


def _lasts(found: Explanation, element: Element, onset_row: int) -> bool:
    """Whether a delay explains the motion better than its rivals, and to the end or clearly so for long."""
    shifted = element.moved(found.delay.delay_s)
    lead = shifted.lead_over_rivals(element.median, slice(0, found.until_row))
    if found.until_row == len(element):
        return lead >= (LEAD if found.delay.delay_s > 0 else EARLY_LEAD)
    return found.until_row - onset_row >= CLEAN_S * element.rate_hz and lead >= CLEAR_LEAD


def _accepted(
    cause: Cause, element: Element, guess: int | None, from_row: int, onset_row: int, hold: bool = False
) -> Explanation | None:
    """The explanation if, with the delay measured to a fraction of a row, a motion agrees beyond the alarm's onset."""
    if guess is None or guess == 0:
        return None
    until = element.moved(guess / element.rate_hz, hold).clean_until()
    delay = _measured(element, guess, slice(0, until), hold)
    if delay is None or delay.high_s - delay.low_s > 2 * SURE_SHARE * abs(delay.delay_s):
        return None
    shifted = element.moved(delay.delay_s, hold)
    until = shifted.clean_until()
    rows = slice(0, until)
    if until <= onset_row or shifted.span(rows) < MOTIONS * element.tolerance:
        return None
    if not shifted.agrees(rows) and shifted.lead_over_rivals(element.median, rows) < FIRM_LEAD:
        return None
    rest = shifted.squares(rows) / max(element.squares(rows), 1e-300)
    return Explanation(cause, replace(delay, explained=1.0 - rest), from_row, until)


def _longest(element: Element, lags: Iterable[int], hold: bool = False) -> int | None:
    """The lag, in rows, whose comparison stays without alarm for longest; of several the one nearest the median."""
    best: tuple[int, float] | None = None
    found = None
    for lag in lags:
        shifted = element.moved(lag / element.rate_hz, hold)
        until = shifted.clean_until()
        if best is not None and until < best[0]:
            continue
        rank = until, -shifted.squares(slice(0, until))
        if best is None or rank > best:
            best, found = rank, lag
    return found


def _measured(element: Element, guess: int, rows: slice, hold: bool) -> Delay | None:
    """The delay near a guess (rows), to a fraction of a row."""
    shifted = element.moved(guess / element.rate_hz, hold)
    known = shifted.known(rows)
    real, median = np.where(known, element.real, np.nan), shifted.median
    rest = delay_near(real[rows], median[rows], element.rate_hz, element.noise, 0.0)
    if rest is None:
        return None
    extra = guess / element.rate_hz
    return replace(rest, delay_s=rest.delay_s + extra, low_s=rest.low_s + extra, high_s=rest.high_s + extra)


def _gone(element: Element) -> int:
    """The first row at which the whole family has left the pose in which the real joint began; N if it never does."""
    known = element.real[~np.isnan(element.real)]
    with np.errstate(invalid='ignore'):
        outside = np.flatnonzero((element.lower > known[0]) | (element.upper < known[0]))
    return int(outside[0]) if len(outside) else len(element)


def _switch(element: Element, lag: int, onset_row: int) -> int:
    """The row up to which the family as it is, and from which the moved one is the nearer."""
    shifted = element.moved(lag / element.rate_hz)
    plain = np.nan_to_num((element.real - element.median) ** 2)
    late = np.nan_to_num((shifted.real - shifted.median) ** 2)
    cost = np.cumsum(plain - late)
    return int(np.argmin(cost[: onset_row + 1]))
