"""The noise of a channel, from the measurement alone, against the range that the family gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from transfer_audit.core.binding import Binding, Variation
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.types import Array

_MAD = 1 / (stats.norm.ppf(0.75) * np.sqrt(6.0))
FEWEST = 30
PIECES = 4
"""Each element of a round is cut into so many, each an estimate of its own."""


@dataclass(frozen=True)
class NoiseFound:
    """Noise of one channel: standard deviation with its interval; NaN where there is too little to tell."""

    value: float
    low: float
    high: float


def noise_of(traces: Sequence[Trace], binding: Binding, variation: Variation, level: float) -> NoiseFound:
    """The noise of a channel: the mean over elements and rounds, with Student's interval."""
    assert variation.channel is not None
    plan = binding.channels[variation.channel]
    found = []
    for trace in traces:
        columns = trace.channels[plan.name]
        within = (columns.stamp_ns >= trace.start_ns) & (columns.stamp_ns <= trace.end_ns)
        values = plan.compared(columns.values[within])
        pieces = [piece for column in values.T for piece in np.array_split(column, PIECES)]
        found += [rough for rough in map(roughness, pieces) if not np.isnan(rough)]
    if len(found) < 2:
        return NoiseFound(*(3 * [float(np.mean(found)) if found else float('nan')]))
    half = float(stats.t.ppf(0.5 + level / 2, len(found) - 1) * np.std(found, ddof=1) / np.sqrt(len(found)))
    mean = float(np.mean(found))
    return NoiseFound(mean, mean - half, mean + half)


def roughness(values: Array) -> float:
    """Standard deviation of white noise on a smooth signal: from second differences, whose variance is six times the
    noise's (Gasser, Sroka, Jennen-Steinmetz 1986), by their median magnitude, as contacts make single ones large.

    :param values: shape (N,)
    :returns: NaN with less than FEWEST values
    """
    values = values[~np.isnan(values)]
    if len(values) < FEWEST:
        return float('nan')
    return float(np.median(np.abs(np.diff(values, 2))) * _MAD)
