"""A measurement that repeats itself to the bit: a stuck sensor or driver, and not a joint that stands."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.types import Array

FEWEST_ROWS = 10
"""A frozen stretch is at least this long, and so is what shows that the signal was alive before."""
OFTEN = 0.2
"""A signal of which this share of the quiet rows repeats the row before is quantised too coarsely to tell."""
ODDS = 1e-6
"""How likely the signal as it was before may be to repeat itself for as long by chance."""


def frozen(real: Array, lower: Array, upper: Array, onset_row: int, noise: float) -> tuple[int, int] | None:
    """The rows [begin, end) around an onset in which a measurement is equal to the bit although it was alive before.

    Alive is a signal whose quiet rows, those that differ from the row before by at most two deviations of the noise,
    hardly ever repeat it: a joint that is merely jammed would go on like that. A quantised one repeats itself whenever
    it stands, and then nothing is said. The freeze must come before the parting: it began inside of the envelope.

    :param real: one element over the rows of the round so far, shape (N,), NaN where unknown
    :param lower: envelope of the simulated family widened by the tolerance, shape (N,); `upper` likewise
    :param onset_row: where the alarm began
    :param noise: standard deviation of the measurement
    """
    steps = np.diff(real)
    begin, end = _run(steps == 0.0, min(onset_row, len(real) - 1))
    if end - begin < FEWEST_ROWS or real[begin] < lower[begin] or real[begin] > upper[begin]:
        return None
    before = steps[: max(0, begin - 1)]
    before = before[~np.isnan(before)]
    quiet = before[np.abs(before) <= 2 * noise]
    if len(quiet) < FEWEST_ROWS:
        return None
    repeats = np.count_nonzero(quiet == 0.0)
    chance = (repeats + 1) / (len(quiet) + 2)
    if repeats > OFTEN * len(quiet) or len(real) * chance ** (end - begin - 1) > ODDS:
        return None
    return begin, end


def _run(equal: np.ndarray[tuple[int], np.dtype[np.bool_]], row: int) -> tuple[int, int]:
    """The longest run of rows without a difference that ends after `row` and begins at or before it."""
    changes = np.flatnonzero(~equal)
    begin = np.searchsorted(changes, row, side='left')
    first = int(changes[begin - 1]) + 1 if begin > 0 else 0
    last = int(changes[begin]) if begin < len(changes) else len(equal)
    return first, last + 1
