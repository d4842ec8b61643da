"""What a sensor says while nothing happens, and around a smooth motion: noise, its memory, and its steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from scipy.special import chdtri

from transfer_audit.core.calibrate.driven import series
from transfer_audit.core.calibrate.quantities import Quantity, Stretch, part, some
from transfer_audit.core.calibrate.spread import quantile
from transfer_audit.core.calibrate.starts import quantum
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.types import Array

WINDOWS_S = 2.0, 1.0, 0.5
"""How long a signal stays level to be at rest: the longest that are found, since noise may remember."""
ENOUGH_S = 5.0
"""Rest of one length, with any noise in it, that is enough to leave shorter ones alone."""
SMOOTH_S = 0.4
"""How long seven values of a motion may take."""
_POINTS, _DEGREE = 7, 2
_FAR, _TURNS = 0.2, 3
_NORMAL, _ROUGH = 1.4826, 15.0
_ROUNDING = 1e-9
_FEWEST = 5
_REST = 'two seconds in which the hand rests'
Piece = tuple[Trace, float, float, Array]
"""A stretch of a trace, from and to, s since its round's start, and the values in it."""


def sensor(traces: Sequence[Trace], plan: ChannelPlan, column: int, name: str) -> list[Quantity]:
    """Quantisation, refresh, noise at rest and in motion, and correlation time of one carried column of a channel."""
    of, unit = f'{plan.name}/{name}', plan.unit
    signals = [(trace, *series(trace, trace.channels[plan.name], column)) for trace in traces]
    signals = [one for one in signals if len(one[1]) > _POINTS]
    if not signals:
        why = f'{plan.name} is not in these recordings; record it'
        return [Quantity('sensor noise', of, math.nan, math.nan, math.nan, unit, 0, (), 'not identifiable', why)]
    step = max(quantum(values) for _, _, values in signals)
    rests = _longest_rests(signals, step)
    found = [_quantisation(of, unit, step, signals), *_at_rest(of, unit, step, rests)]
    found += [*_in_motion(of, unit, step, signals), *_refresh(of, step, signals)]
    return [*found, _correlation(of, rests, signals)]


def noise_of(quantities: Sequence[Quantity]) -> float | None:
    """The noise of an element for its profile: at rest, but never less than a step of its quantisation.

    Quantised values of a creeping joint stay wrong for as long as a step lasts, so they are no white noise of step/√12.
    """
    known = [q.value for q in quantities if q.name in ('noise at rest', 'quantisation') and q.standing == 'measured']
    return max(known) if known and max(known) > 0 else None


def _quantisation(of: str, unit: str, step: float, signals: Sequence[tuple[Trace, Array, Array]]) -> Quantity:
    count = sum(len(values) for _, _, values in signals)
    why = '' if step else 'the values come in no steps'
    return Quantity('quantisation', of, step, step, step, unit, count, (), why=why)


def _longest_rests(signals: Sequence[tuple[Trace, Array, Array]], step: float) -> list[Piece]:
    found: list[Piece] = []
    for window_s in WINDOWS_S:
        found = [piece for signal in signals for piece in _rests(*signal, step, window_s)]
        if sum(end - start for _, start, end, values in found if np.ptp(values) > 0) >= ENOUGH_S:
            break
    return found


def _rests(trace: Trace, times: Array, values: Array, step: float, window_s: float) -> Iterator[Piece]:
    """Stretches without motion: neighbouring windows that are level, alone and together."""
    edges = np.arange(times[0], times[-1], window_s)
    bounds = np.append(np.searchsorted(times, edges), len(times))
    level = [_level(values[a:b], step) for a, b in pairwise(bounds)]
    start = None
    for index, rests in enumerate([*level, False]):
        if rests and start is not None and not _level(values[bounds[start] : bounds[index + 1]], step):
            rests = False
        if not rests and start is not None:
            inner = int(index - start >= 3)  # a motion may begin or end within the outermost windows
            a, b = bounds[start + inner], bounds[index - inner]
            yield trace, float(times[a]), float(times[b - 1]), values[a:b]
        start = None if not rests else index if start is None else start


def _level(values: Array, step: float) -> bool:
    """Whether values stay where they are: both halves alike, and back and forth about their mean as no motion goes."""
    half = len(values) // 2
    if half < 4:
        return False
    first, last = values[:half], values[half:]
    widths = float(np.ptp(first)), float(np.ptp(last))
    if max(widths) > 2 * min(widths) + 2 * step or abs(float(first.mean() - last.mean())) > max(sum(widths) / 4, step):
        return False
    scatter = _NORMAL * float(np.median(np.abs(np.diff(values))))
    if np.ptp(values) > max(_ROUGH * scatter, 2 * step):
        return False
    off = values - values.mean()
    far = np.sign(off[np.abs(off) > _FAR * np.ptp(values)])
    return bool(np.count_nonzero(far[1:] != far[:-1]) >= _TURNS or np.ptp(values) <= 2 * step)


def _at_rest(of: str, unit: str, step: float, rests: Sequence[Piece]) -> Iterator[Quantity]:
    """Standard deviation within the stretches, pooled; interval by the scatter between stretches."""
    name, stretches = 'noise at rest', _stretches(rests)
    count = sum(len(values) for *_, values in rests)
    if count < 4 * _FEWEST:
        nan = math.nan
        yield Quantity(name, of, nan, nan, nan, unit, count, stretches, 'not identifiable', f'no rest; record {_REST}')
        return
    squares = np.array([float(np.sum(_without_drift(values) ** 2)) for *_, values in rests])
    freedom = np.array([len(values) - 2 for *_, values in rests])
    squares = np.where(squares > _ROUNDING * step**2, squares, 0.0)
    value = math.sqrt(squares.sum() / freedom.sum())
    low, high = _between(squares, freedom) if len(rests) >= _FEWEST else _chi(value, int(freedom.sum()))
    why = f'below the quantisation of {step:.3g} {unit}' if value < step else ''
    yield Quantity(name, of, value, low, high, unit, count, stretches, why=why)


def _without_drift(values: Array) -> Array:
    """What a line leaves: at rest, too, a joint creeps and a force settles."""
    at = np.arange(len(values)) - (len(values) - 1) / 2
    return np.asarray(values - values.mean() - at * float(at @ values) / float(at @ at))


def _between(squares: Array, freedom: Array) -> tuple[float, float]:
    """The interval of a pooled deviation by a bootstrap over stretches."""
    drawn = np.random.default_rng(0).integers(0, len(squares), (2000, len(squares)))
    pooled = np.sqrt(squares[drawn].sum(axis=1) / freedom[drawn].sum(axis=1))
    low, high = np.quantile(pooled, [0.05, 0.95])
    return float(low), float(high)


def _chi(value: float, freedom: int) -> tuple[float, float]:
    return value * math.sqrt(freedom / chdtri(freedom, 0.05)), value * math.sqrt(freedom / chdtri(freedom, 0.95))


def _in_motion(
    of: str, unit: str, step: float, signals: Sequence[tuple[Trace, Array, Array]]
) -> Iterator[Quantity]:  # fmt: skip
    """What parabolas through seven fresh values of a motion leave: the median over all such pieces, so that touches and
    starts do not count."""
    found: list[float] = []
    stretches: list[Stretch] = []
    for trace, times, values in signals:
        t, z = _fresh(times, values)
        for a in range(0, len(t) - _POINTS + 1, _POINTS):
            piece = slice(a, a + _POINTS)
            if t[piece][-1] - t[piece][0] <= SMOOTH_S and abs(z[piece][-1] - z[piece][0]) > 5 * step:
                found.append(_rest_of_parabola(t[piece], z[piece]))
                stretches.append(part(trace, float(t[piece][0]), float(t[piece][-1])))
    if len(found) < _FEWEST:
        return
    usual = math.sqrt(chdtri(_POINTS - _DEGREE - 1, 0.5) / (_POINTS - _DEGREE - 1))
    value, low, high = (number / usual for number in quantile(np.array(found), 0.5))
    count = len(found) * _POINTS
    yield Quantity('noise in motion', of, value, low, high, unit, count, some(stretches))


def _rest_of_parabola(t: Array, z: Array) -> float:
    fit = np.polynomial.polynomial.Polynomial.fit(t, z, _DEGREE)
    return math.sqrt(float(np.sum((z - fit(t)) ** 2)) / (_POINTS - _DEGREE - 1))


def _refresh(of: str, step: float, signals: Sequence[tuple[Trace, Array, Array]]) -> Iterator[Quantity]:
    """How often the values of a motion are new, where they are read more often than that."""
    reads, news = [], []
    for _, times, values in signals:
        reads.append(np.diff(times))
        t, z = _fresh(times, values)
        moving = (np.abs(np.diff(z)) > 3 * step) & (np.diff(t) < SMOOTH_S)
        news.append(np.diff(t)[moving])
    new = np.concatenate(news)
    read = float(np.median(np.concatenate(reads)))
    if len(new) < 4 * _FEWEST or float(np.median(new)) < 1.4 * read:
        return
    value, low, high = quantile(new, 0.5)
    why = f'readings repeat themselves: they are read every {read * 1e3:.1f} ms and up to {value * 1e3:.1f} ms old'
    yield Quantity('refresh period', of, value, low, high, 's', len(new), (), why=why)


def _fresh(times: Array, values: Array) -> tuple[Array, Array]:
    """The values that differ from the one before."""
    new = np.concatenate([[True], np.diff(values) != 0])
    return times[new], values[new]


def _correlation(of: str, rests: Sequence[Piece], signals: Sequence[tuple[Trace, Array, Array]]) -> Quantity:
    """The time over which the noise at rest falls to 1/e of itself."""
    name, nan = 'noise correlation time', math.nan
    period = float(np.median(np.concatenate([np.diff(times) for _, times, _ in signals])))
    usable = [_without_drift(values) for *_, values in rests if len(values) >= 20 and np.ptp(values) > 0]
    count, stretches = sum(map(len, usable)), _stretches(rests)
    if count < 100:
        why = f'too little noise is seen at rest, or too briefly; record {_REST}'
        return Quantity(name, of, nan, nan, nan, 's', count, stretches, 'not identifiable', why)
    like = _autocorrelation(usable, max(2, round(1.0 / period)))
    sure = 2 / math.sqrt(count)
    value = _falls_to(like, sure) * period
    low, high = (_falls_to(np.clip(like + side * sure, -1, 0.999), sure) * period for side in (-1, 1))
    return Quantity(name, of, value, low, max(high, value), 's', count, stretches)


def _autocorrelation(pieces: Sequence[Array], most: int) -> Array:
    """Correlation of neighbours at distance 1, 2, …, pooled over pieces, shape (L,)."""
    own = sum(float(piece @ piece) for piece in pieces) / sum(map(len, pieces))
    found = []
    for lag in range(1, most + 1):
        pairs = [(piece[lag:] @ piece[:-lag], len(piece) - lag) for piece in pieces if len(piece) > lag]
        if sum(count for _, count in pairs) < 50:
            break
        found.append(sum(float(product) for product, _ in pairs) / sum(count for _, count in pairs) / own)
    return np.array(found or [0.0])


def _falls_to(like: Array, sure: float) -> float:
    """After how many samples a correlation has fallen to 1/e, from its logarithm; 0 if neighbours are not alike."""
    if like[0] <= sure:
        return 0.0
    below = np.flatnonzero(like < math.exp(-1))
    at = int(below[0]) if len(below) else len(like) - 1
    if at == 0:
        return -1 / math.log(float(like[0]))
    before, after = math.log(float(like[at - 1])), math.log(max(float(like[at]), 1e-3))
    return at + (min(1.0, (before + 1) / (before - after)) if before > after else 1.0)


def _stretches(rests: Sequence[Piece]) -> tuple[Stretch, ...]:
    return some([part(trace, start, end) for trace, start, end, _ in rests])
