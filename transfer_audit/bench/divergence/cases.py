"""Faults befall the emulated hand: a scene (motion and shadow), the fault at a size, and what every detector says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

import numpy as np

from transfer_audit.bench.divergence import faults, score
from transfer_audit.bench.divergence.faults import PICKED, Fault
from transfer_audit.bench.divergence.peers import Peer, page_hinkley, threshold_peer
from transfer_audit.bench.divergence.rows import Judged, excess_of, judge, names_of
from transfer_audit.bench.divergence.score import Outcome
from transfer_audit.bench.divergence.truth import Element, Seen, Truth, seen
from transfer_audit.bench.divergence.worlds import (
    EPOCH_NS,
    LATENCY_S,
    REST_S,
    Motion,
    Streams,
    measured,
    motion_of,
    random_truth,
    shadow_of,
    simulate,
)
from transfer_audit.core import family as families
from transfer_audit.core.binding import Binding, open_hand
from transfer_audit.core.types import NS, Array, Columns, Envelope
from transfer_audit.resources import hand_profile

HALVINGS = 3
"""Bisections between the largest size that shows nothing and the smallest that shows."""


class Judging(Protocol):
    """Where a fault befalls: something that judges a round's messages."""

    @property
    def rate_hz(self) -> float:
        """Of the audit clock."""
        ...

    def judge(self, streams: Streams) -> Judged:
        """What the judge says of these messages."""
        ...


class Situation(Protocol):
    """A fault in its scene."""

    @property
    def scene(self) -> Judging:
        """Where."""
        ...

    @property
    def fault(self) -> Fault:
        """What."""
        ...

    @property
    def target(self) -> str:
        """What it befalls."""
        ...

    def world(self, seed: int) -> str:
        """What it is called in tables."""
        ...

    def sensed(self, size: float) -> Array:
        """What the faulty hand's sensors read."""
        ...

    def noisy(self, sensed: Array, size: float, seed: int | None) -> Streams:
        """Messages made of what the sensors read; without noise if `seed` is None."""
        ...

    def seen(self, size: float, sensed: Array | None = None) -> Seen:
        """What there is to see of the fault at this size."""
        ...


@dataclass(frozen=True)
class Scene:
    """A motion, what the nominal hand's sensors read in it, shape (T, S), and the family's envelopes."""

    binding: Binding
    motion: Motion
    sensed: Array
    envelopes: dict[str, Envelope]

    @property
    def rate_hz(self) -> float:
        """Of the audit clock."""
        return self.binding.profile.clock.rate_hz

    def judge(self, streams: Streams) -> Judged:
        """What the judge says of these messages."""
        return judge(self.binding, streams, self.envelopes, self.motion.round)

    def excess(self, streams: Streams) -> Array:
        """How far these messages lie outside, shape (N, C)."""
        return excess_of(self.binding, streams, self.envelopes, self.motion.round)


@lru_cache(maxsize=1)
def emulated_hand() -> Binding:
    """The hand of the demo, bound."""
    return open_hand(Path(hand_profile('emulated_hand')))


@lru_cache(maxsize=32)
def scene_of(number: int) -> Scene:
    """The scene of a number, made once a process."""
    binding = emulated_hand()
    motion = motion_of(binding, number)
    sensed = simulate(binding, families.nominal(binding), motion.controls)
    envelopes = shadow_of(binding, measured(binding, motion, sensed, None), motion.round)
    return Scene(binding, motion, sensed, envelopes)


def peers_of(rate_hz: float) -> tuple[Peer, ...]:
    """Everyone the detector is compared with."""
    return threshold_peer(rate_hz), page_hinkley()


@dataclass(frozen=True)
class Case:
    """A fault in a scene: what it befalls and from which physics step on."""

    scene: Scene
    fault: Fault
    target: str
    step: int

    @property
    def begins_ns(self) -> int:
        """When the fault begins."""
        timestep = self.scene.binding.model.opt.timestep
        return EPOCH_NS + round(self.step * timestep * NS)

    def world(self, seed: int) -> str:
        """What it is called in tables."""
        return f'motion {self.scene.motion.number}, noise {seed}'

    def sensed(self, size: float) -> Array:
        """What the faulty hand's sensors read, shape (T, S)."""
        binding, motion, fault = self.scene.binding, self.scene.motion, self.fault
        if fault.message is not None:
            return self.scene.sensed
        nominal = families.nominal(binding)
        if fault.path is not None:
            controls = fault.path(binding, motion.controls, self.target, size, self.step)
            return simulate(binding, nominal, controls)
        assert fault.body is not None
        return simulate(binding, nominal, motion.controls, fault.body(binding, self.target, size), self.step)

    def noisy(self, sensed: Array, size: float, seed: int | None) -> Streams:
        """Messages made of what the sensors read."""
        streams = measured(self.scene.binding, self.scene.motion, sensed, seed)
        if self.fault.message is None:
            return streams
        channel = faults.channel_of(self.scene.binding, self.fault, self.target)
        edit = self.fault.message(self.scene.binding, self.target, size)
        return streams.with_channel(channel, edit(streams.channels[channel], self.begins_ns))

    def seen(self, size: float, sensed: Array | None = None) -> Seen:
        """What there is to see of the fault at this size."""
        sensed = self.sensed(size) if sensed is None else sensed
        excess = self.scene.excess(self.noisy(sensed, size, None))
        found = seen(excess, names_of(self.scene.binding))
        if self.fault.of_stamps:
            row = (self.begins_ns - self.scene.motion.round.start_ns) * self.scene.rate_hz / NS
            return stamps_truth(self.fault, size, found, row, self._any_joint())
        if not self.fault.kinds:
            return found
        elements = self._any_joint() if self.fault.targets == 'all' else self._it()
        row = (self.begins_ns - self.scene.motion.round.start_ns) * self.scene.rate_hz / NS
        return of_kind(found, self.fault, elements, row)

    def _any_joint(self) -> frozenset[tuple[str, str]]:
        """Every joint, and their channel as a whole."""
        columns = self.scene.binding.channel('joints').columns
        return frozenset({('joints', 'joints'), *(('joints', column) for column in columns)})

    def _it(self) -> frozenset[tuple[str, str]]:
        return frozenset({('joints', self.target)})


def stamps_truth(fault: Fault, size: float, found: Seen, begins_row: float, elements: frozenset[Element]) -> Seen:
    """What there is to see of a fault of stamps: it begins where it begins. It must be told if it moves anything or is
    certain to be told, and may be told else: the stamps themselves show it.

    :param found: where motion parts because of it, if it does
    """
    truth = Truth(begins_row, fault.kinds, elements)
    certain = fault.least is not None and size >= fault.least
    return Seen(truth) if found.truth is not None or certain else Seen(None, (truth,))


def of_kind(found: Seen, fault: Fault, elements: frozenset[Element], begins_row: float) -> Seen:
    """The same departures under the kinds and elements of their cause.

    What may be called timing as well as pose shows in the signal itself from its beginning on.
    """
    truth = None if found.truth is None else replace(found.truth, kinds=fault.kinds, elements=elements)
    marginal = [replace(one, kinds=fault.kinds, elements=elements) for one in found.marginal]
    if len(fault.kinds) > 1:
        marginal.append(Truth(begins_row, frozenset({'timing'}), elements))
    return Seen(truth, tuple(marginal))


def case_of(scene: Scene, fault: Fault) -> Case:
    """The fault in a scene: target and time follow from both."""
    rng = np.random.default_rng([scene.motion.number, crc32(fault.name.encode())])
    target = str(rng.choice(PICKED[fault.targets]))
    moving_s = len(scene.motion.controls) * scene.binding.model.opt.timestep - REST_S - 2.0
    begins_s = REST_S + float(rng.uniform(0.8, max(1.0, moving_s)))
    step = 0 if fault.always else round(begins_s / scene.binding.model.opt.timestep)
    return Case(scene, fault, target, step)


def smallest_visible(case: Situation, truths: dict[float, Seen]) -> float | None:
    """The smallest size at which the round without noise would be seen, by bisection between and below the sizes."""
    visible = [size for size, found in truths.items() if found.truth is not None]
    if not visible or len(truths) == 1:
        return None
    high = min(visible)
    unseen = [size for size in truths if size < high]
    base = 1.0 if case.fault.unit.startswith('times') else 0.0
    low = max(unseen) if unseen else base + (high - base) / 8
    for _ in range(HALVINGS):
        middle = base + float(np.sqrt((low - base) * (high - base)))
        low, high = (low, middle) if case.seen(middle).truth is not None else (middle, high)
    return high


def multiple_of(case: Situation, size: float, smallest: float | None) -> float:
    """Size over the smallest visible one; for factors what is over 1. A fault without sizes counts as many times."""
    if smallest is None:
        return 10.0
    base = 1.0 if case.fault.unit.startswith('times') else 0.0
    return (size - base) / (smallest - base)


def outcomes(
    case: Situation, sizes: Iterable[float], seeds: Iterable[int], levels: dict[str, float]
) -> Iterator[Outcome]:
    """Every detector's word on a fault at each size and noise."""
    scene = case.scene
    hands = {size: case.sensed(size) for size in sizes}
    truths = {size: case.seen(size, sensed) for size, sensed in hands.items()}
    smallest = smallest_visible(case, truths)
    for size, truth in truths.items():
        for seed in seeds:
            judged = scene.judge(case.noisy(hands[size], size, seed))
            about: dict[str, Any] = {
                'fault': case.fault.name,
                'size': size,
                'world': case.world(seed),
                'target': case.target,
                'multiple': multiple_of(case, size, smallest) if truth.truth else None,
                'smallest': smallest,
            }
            yield score.of_verdict(about, judged.verdict, truth, scene.rate_hz)
            for peer in peers_of(scene.rate_hz):
                call = peer.call(judged.excess, levels[peer.name])
                yield score.of_call(about, peer.name, call, judged.names, truth)


@dataclass(frozen=True)
class Calm:
    """A round without a fault: its length, what the detector called, and how high each peer's statistic rose."""

    world: str
    edge: bool
    hours: float
    alarm: str
    peaks: dict[str, float]


def calm_rounds(scene: Scene, truths: int, seeds: int) -> Iterator[Calm]:
    """Rounds of hands from inside the family, the first of them nominal, each with several noises."""
    for number in range(truths):
        nominal = families.nominal(scene.binding)
        truth = random_truth(scene.binding, 1000 * scene.motion.number + number) if number else nominal
        sensed = simulate(scene.binding, truth, scene.motion.controls) if number else scene.sensed
        for seed in range(seeds):
            judged = scene.judge(measured(scene.binding, scene.motion, sensed, 100 * number + seed))
            yield _calm(scene, f'motion {scene.motion.number}, truth {number}, noise {seed}', False, judged)


def edge_rounds(scene: Scene, seeds: int) -> Iterator[Calm]:
    """Rounds in which every joint, force and slip lies at the very edge of what agrees, but for its noise."""
    for seed in range(seeds):
        judged = scene.judge(at_the_edge(scene, seed))
        yield _calm(scene, f'motion {scene.motion.number}, at the edge, noise {seed}', True, judged)


def at_the_edge(scene: Scene, seed: int) -> Streams:
    """Messages at the audit clock's own instants: either end of each element's envelope, tolerance and noise added."""
    streams = measured(scene.binding, scene.motion, scene.sensed, seed)
    rng = np.random.default_rng([scene.motion.number, seed, 6])
    for plan in scene.binding.channels:
        if plan.elements[0].sense == 'pose':
            continue
        rows = scene.envelopes[plan.name]
        upper = rng.random(len(plan.noise)) < 0.5
        edge = np.where(upper, rows.upper + plan.tolerance, rows.lower - plan.tolerance)
        before = streams.channels[plan.name]
        before = before[before.stamp_ns < rows.row_ns[0]]
        columns = Columns(
            np.concatenate([before.receive_ns, rows.row_ns + round(LATENCY_S * NS)]),
            np.concatenate([before.stamp_ns, rows.row_ns]),
            np.concatenate([before.values, edge + plan.noise * rng.standard_normal(edge.shape)]),
        )
        streams = streams.with_channel(plan.name, columns)
    return streams


def _calm(scene: Scene, world: str, edge: bool, judged: Judged) -> Calm:
    round_, verdict = scene.motion.round, judged.verdict
    assert round_.end_ns is not None
    alarm = str(verdict['reason']) if verdict['verdict'] == 'diverged' else ''
    peaks = {peer.name: peer.peak(judged.excess) for peer in peers_of(scene.rate_hz)}
    return Calm(world, edge, (round_.end_ns - round_.start_ns) / NS / 3600, alarm, peaks)
