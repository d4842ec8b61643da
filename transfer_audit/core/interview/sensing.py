"""Noise and tolerance of a channel from the recording itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from transfer_audit.core.calibrate.noise import noise_of, sensor
from transfer_audit.core.calibrate.starts import quantum
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.channels import ChannelPlan, Element
from transfer_audit.core.types import Array, Columns, Kind, Round, Stamps

TIMES_NOISE = 5
ROUNDING = 1e-9
UNLIKE = 3.0
"""An element that is noisier than usual by this factor gets a noise of its own, and so do all."""
LEAST = {'rad': 0.01, 'm': 0.005, 'N': 0.1, 'N*m': 0.01, 'm/s': 0.01}
"""A difference below this matters to nobody who grasps with a hand."""
STAND_IN = {'rad': 0.002, 'm': 0.001, 'N': 0.05, 'N*m': 0.005, 'm/s': 0.005}
"""Noise where a recording shows none."""


def noise_in(
    stamps: Stamps, values: Array, keys: Sequence[str | int], kind: Kind, unit: str, source: str
) -> tuple[float | dict[str | int, float], str, bool]:
    """The noise of a channel: at rest, but not less than a step of its quantisation.

    :param values: shape (N, E) or, for poses, (N, 3 * E), channel units
    :returns: noise, one for all where elements are alike, else one each; why; and whether it was measured
    """
    columns = Columns(stamps, stamps, values)
    start, end = int(stamps.min()), int(stamps.max()) + 1
    trace = Trace(source, start, Round(1, start, end), Columns.empty(1), {source: columns})
    found = [_of(trace, source, column, kind, unit) or 0.0 for column in range(values.shape[1])]
    known = [noise for noise in found if noise > ROUNDING * max(1.0, float(np.nanmax(np.abs(values))))]
    if not known:
        return STAND_IN[unit], 'no rest in the recording to measure it; a usual value', False
    usual = float(np.median(known))
    if max(known) > UNLIKE * usual and len(keys) == len(found):
        each = {key: rounded(noise or usual) for key, noise in zip(keys, found, strict=True)}
        return each, 'measured while they rest, one each', True
    quantised = max(quantum(column[column == column]) for column in values.T)
    why = 'one step of its quantisation' if rounded(usual) <= rounded(quantised) else 'measured while it rests'
    return rounded(usual), why, True


def _of(trace: Trace, source: str, column: int, kind: Kind, unit: str) -> float | None:
    element = Element(str(column), str(column), 'scalar', 0)
    one = np.ones(1)
    plan = ChannelPlan(
        name=source, kind=kind, unit=unit, topic=source, elements=(element,), noise=one, tolerance=one, scale=one,
        offset=one, component='norm', floor=0.0, hold=False, required=True, correlation=0.0, stamped=True,
    )  # fmt: skip
    return noise_of(sensor([trace], plan, column, str(column)))


def tolerance_for(noise: float | dict[str | int, float], unit: str) -> float:
    """A multiple of the usual noise, and no less than what matters."""
    usual = float(np.median([*noise.values()])) if isinstance(noise, dict) else noise
    return rounded(max(TIMES_NOISE * usual, LEAST[unit]))


def rounded(value: float, digits: int = 2) -> float:
    """To so many digits that count."""
    if value == 0 or not math.isfinite(value):
        return value
    return float(f'{value:.{digits}g}')


def low(value: float) -> float:
    """Rounded down to two digits."""
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f'{math.floor(value / step + 1e-9) * step:.2g}')
