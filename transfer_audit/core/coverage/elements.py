"""Each element and phase against the members: shares, ranks, and what the best place within the ranges explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from transfer_audit.core import family as families
from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.coverage import ranks
from transfer_audit.core.coverage.members import Sampled, simulate_with_rows
from transfer_audit.core.coverage.misfit import blocks_of
from transfer_audit.core.coverage.places import RoundPlaces
from transfer_audit.core.coverage.search import Place
from transfer_audit.core.phases import ContactMap, Phases
from transfer_audit.core.types import Array, Stamps

FEWEST = 20
"""Samples of an element in a phase below which nothing is said of it."""
SIGMAS = 2.0
"""Noise that a measurement may be off what the ranges explain, besides the tolerance."""


@dataclass(frozen=True)
class ElementCoverage:
    """One element in one phase, over all rounds.

    :param phase: free, making contact or in contact; '' where no contact is known
    :param samples: measurements, `effective` how many independent ones they stand for
    :param inside: share between the lowest and the highest member; `expected` that of one more member
    :param ranks: the rank histogram; even where the family says what will be measured
    :param p: how likely ranks as uneven are, None with too few independent samples
    :param explained: share within tolerance and noise of the best place within the ranges, `explained_free` of the best
        one wherever it is
    :param excited: whether it moved or touched by more than its tolerance in any round
    :param wide: the members differ by more than what was measured moved, so that nothing could have been seen
    """

    channel: str
    element: str
    phase: str
    samples: int
    effective: float
    inside: float
    expected: float
    ranks: tuple[int, ...]
    p: float | None
    explained: float
    explained_free: float
    excited: bool
    wide: bool


@dataclass
class _Gathered:
    pits: list[Array] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)
    explained: list[Array] = field(default_factory=list)
    explained_free: list[Array] = field(default_factory=list)
    swing: float = 0.0
    width: float = 0.0


class Elements:
    """Gathers rounds, and says how each element is covered."""

    def __init__(self, binding: Binding, threads: int = 1) -> None:
        self._binding, self._threads = binding, threads
        self._family = families.draw(binding)
        self._contacts = ContactMap.of(binding)
        self._found: dict[tuple[str, str, str], _Gathered] = {}
        self._known: dict[tuple[tuple[int, ...], bytes], Array] = {}

    def add(self, trace: Trace, places: RoundPlaces) -> None:
        """Take a round; its places were searched in `places`."""
        self._known.clear()
        sampled, rows = simulate_with_rows(trace, self._binding, self._family, self._threads)
        phases = Phases(self._contacts)
        phases.start(trace.start_ns)
        phases.step(rows)
        noises = families.noise_of(self._binding, self._family)
        explained, free = (_explained(self._binding, sampled, place) for place in (places.inside, places.free))
        column = 0
        for index, plan in enumerate(self._binding.channels):
            one, rng = sampled[plan.name], np.random.default_rng([self._binding.profile.family.seed, index])
            for c, name in enumerate(plan.columns):
                noise = np.full(self._family.members, plan.noise[c])
                own = noises[index]
                pit = ranks.pits(one.real[:, c], one.members[:, :, c], noise if own is None else own, rng)
                which = self._phases(phases, column, one.stamp_ns)
                block = blocks_of(trace, one.stamp_ns)
                swing, width = _swing(plan.kind, one, c), _width(one, c)
                for phase in sorted(set(which)):
                    rows = which == phase
                    found = self._found.setdefault((plan.name, name, phase), _Gathered())
                    found.pits.append(pit[rows])
                    found.blocks.append(len(np.unique(block[rows])))
                    found.explained.append(explained[column][rows])
                    found.explained_free.append(free[column][rows])
                    found.swing, found.width = max(found.swing, swing), max(found.width, width)
                column += 1

    def _phases(self, phases: Phases, column: int, stamps: Stamps) -> Array:
        """The phase of a column at each stamp, shape (N,); columns told of by the same tips share it."""
        key = (self._contacts.tips_of[column], stamps.tobytes())
        if key not in self._known:
            self._known[key] = np.array([phases.phase(column, int(at), int(at)) or '' for at in stamps], dtype=object)
        return self._known[key]

    def coverage(self) -> list[ElementCoverage]:
        """Every element in every phase with at least FEWEST samples."""
        out = []
        for (channel, element, phase), found in self._found.items():
            plan = self._binding.channel(channel)
            tolerance = float(plan.tolerance[plan.columns.index(element)])
            pit = np.concatenate(found.pits)
            samples = int((~np.isnan(pit)).sum())
            if samples < FEWEST:
                continue
            share, expected = ranks.inside(pit, self._family.members)
            out.append(
                ElementCoverage(
                    channel,
                    element,
                    phase,
                    samples,
                    ranks.effective(found.pits, found.blocks),
                    share,
                    expected,
                    tuple(ranks.histogram(pit, self._family.members).tolist()),
                    ranks.uniform(found.pits, found.blocks),
                    float(np.nanmean(np.concatenate(found.explained))),
                    float(np.nanmean(np.concatenate(found.explained_free))),
                    found.swing > tolerance,
                    found.width > max(found.swing, tolerance),
                )
            )
        return out


def _explained(binding: Binding, sampled: dict[str, Sampled], place: Place) -> list[Array]:
    """For each column whether each sample lies where the members around a place say, give and take tolerance and
    noise, shape (N,); NaN where the measurement is."""
    left, out, first = place.spread, [], 0
    low, high = left.min(axis=0), left.max(axis=0)
    for plan in binding.channels:
        known = ~np.isnan(sampled[plan.name].real)
        size = int(known.sum())
        room = np.broadcast_to(plan.tolerance / plan.noise + SIGMAS, known.shape)[known]
        part = slice(first, first + size)
        good = np.full(known.shape, np.nan)
        good[known] = (low[part] <= room) & (high[part] >= -room)
        out += list(good.T)
        first += size
    return out


def _swing(kind: str, one: Sampled, column: int) -> float:
    real = one.real[:, column]
    real = real[~np.isnan(real)]
    if not len(real):
        return 0.0
    low, high = np.percentile(real, [1, 99])
    return float(high - low) if kind == 'pose' else float(np.max(np.abs(real)))


def _width(one: Sampled, column: int) -> float:
    values = one.members[:, :, column]
    return float(np.mean(values.max(axis=0) - values.min(axis=0))) / 2 if values.size else 0.0


def summary(elements: Sequence[ElementCoverage], free: bool = False) -> dict[tuple[str, str], float]:
    """The share of each element that the ranges explain, or parameters wherever they are (`free`)."""
    total: dict[tuple[str, str], list[float]] = {}
    for one in elements:
        pair = total.setdefault((one.channel, one.element), [0.0, 0.0])
        pair[0] += (one.explained_free if free else one.explained) * one.samples
        pair[1] += one.samples
    return {key: share / samples for key, (share, samples) in total.items()}
