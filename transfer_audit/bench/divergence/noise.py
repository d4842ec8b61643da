"""The detector on nothing but noise, and what a row costs it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy import signal, stats

from transfer_audit.core.align import Rows
from transfer_audit.core.channels import ChannelPlan, Element
from transfer_audit.core.divergence import Comparison, Detector, law_of
from transfer_audit.core.types import NS, Array, Envelope

RATE_HZ, PER_HOUR = 100.0, 1.0
ROUND_S = 360.0
"""An element alarms once a round; rounds of a tenth of an hour keep two alarms in one round rare."""
COLOURS = {'white': 0.0, 'AR(1) 0.5': 0.5, 'AR(1) 0.9': 0.9}
ROW_BOUND_MS = 0.2


@dataclass(frozen=True)
class Count:
    """Alarms over hours of noise around an envelope of no width, so that both edges are met: the worst agreeing case.

    :param expected: from the budget; `low` and `high` as of `poisson_interval`
    """

    colour: str
    elements: int
    hours: float
    expected: float
    counted: int
    low: float
    high: float


def false_alarms(hours: float) -> list[Count]:
    """Count the detector's alarms over hours of noise, white and declared as coloured, for 1 and for 60 elements."""
    return [
        _count(colour, coefficient, elements, hours) for elements in (1, 60) for colour, coefficient in COLOURS.items()
    ]


def _count(colour: str, coefficient: float, elements: int, hours: float) -> Count:
    rng = np.random.default_rng([elements, round(100 * coefficient)])
    correlation_s = -1.0 / (RATE_HZ * np.log(coefficient)) if coefficient else 0.0
    detector = Detector(law_of(PER_HOUR, RATE_HZ, np.full(elements, correlation_s)))
    rounds, counted = max(1, round(hours * 3600 / ROUND_S)), 0
    for _ in range(rounds):
        detector.start()
        values = _noise(rng, coefficient, elements)
        _, alarms = detector.step(np.stack([values, -values]))
        counted += len(alarms)
    per_round = PER_HOUR * ROUND_S / 3600 / elements
    expected = rounds * elements * -float(np.expm1(-per_round))
    return Count(colour, elements, rounds * ROUND_S / 3600, expected, counted, *poisson_interval(counted))


def poisson_interval(counted: int) -> tuple[float, float]:
    """What holds the expected number with 95 %, given the number counted (Garwood 1936)."""
    low = float(stats.chi2.ppf(0.025, 2 * counted) / 2) if counted else 0.0
    return low, float(stats.chi2.ppf(0.975, 2 * counted + 2) / 2)


def _noise(rng: np.random.Generator, coefficient: float, elements: int) -> Array:
    """A round of noise of standard deviation 1, shape (N, C)."""
    white = rng.standard_normal((round(ROUND_S * RATE_HZ), elements))
    return np.asarray(signal.lfilter([np.sqrt(1 - coefficient**2)], [1.0, -coefficient], white, axis=0))


def row_cost(elements: int = 60, rows: int = 2000) -> float:
    """Median time of comparing one row of a hand at work, ms."""
    comparison = Comparison([_plan(elements)], RATE_HZ, PER_HOUR)
    comparison.start(0)
    rng = np.random.default_rng(5)
    spent = []
    for row in range(rows):
        middle = np.zeros((1, elements))
        stamp = np.array([round(row * NS / RATE_HZ)], np.int64)
        envelope = Envelope(stamp, middle, middle - 1.0, middle + 1.0)
        both = Rows(stamp, {'joints': rng.standard_normal((1, elements))}, {'joints': envelope})
        began = time.perf_counter()
        comparison.step(both)
        spent.append(time.perf_counter() - began)
    return 1e3 * float(np.median(spent))


def _plan(elements: int) -> ChannelPlan:
    names = tuple(Element(f'joint_{index}', f'joint_{index}', 'scalar', index) for index in range(elements))
    noise, tolerance, scale, offset = np.outer([0.01, 0.02, 1.0, 0.0], np.ones(elements))
    return ChannelPlan(
        name='joints', kind='pose', unit='rad', topic='joint_states', elements=names, noise=noise, tolerance=tolerance,
        scale=scale, offset=offset, component='norm', floor=0.0, hold=False,
    )  # fmt: skip
