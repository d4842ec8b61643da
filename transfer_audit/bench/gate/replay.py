"""Recorded contacts, once with the plain clamp of measured force and once with forces foretold.

Nobody can replay what a hand would have done. Counterfactual: a hold that is decided at t stops the rise of the
recorded force at t + latency, when the hand itself would stop; until then the force is the recorded one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from transfer_audit.bags.traces import recording_of, traces_of
from transfer_audit.core.binding import Binding, open_hand
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.errors import AuditError
from transfer_audit.core.gate.forces import Forces
from transfer_audit.core.gate.latency import Latency
from transfer_audit.core.gate.servos import Servos
from transfer_audit.core.types import NS, Array, to_ns
from transfer_audit.resources import hand_profile

PROFILE, MODEL = 'inspire_rh56', 'model/inspire_right_fixture.xml'
LIMIT = re.compile(r'force(\d+)$')
OPEN, PRESSING, MOVED = 900, 0.3, 0.0045
"""Raw: a command to open; N: a finger that presses; rad: three register steps, the first that are motion."""
NEAR_S = 0.3
"""A hold is needed if the recorded force reaches the budget within this time."""


@dataclass(frozen=True)
class Contacts:
    """The rounds of one bag, R of them; forces in N.

    :param latency_s: from the command to open a pressing finger to its first motion, median
    :param free: the peak of each round without a gate; `plain` and `foretold` with one; `floor` if a hold were
        decided at the first reading that is no drag, which no rule on forces can better, shape (R,)
    :param needless: holds of the foretelling gate that no force over budget followed
    :param in_free_motion: holds of it before the force left what drag explains
    """

    bag: str
    budget: float
    latency_s: float
    free: Array
    plain: Array
    foretold: Array
    floor: Array
    needless: int
    in_free_motion: int

    def over(self, peaks: Array) -> Array:
        """How far past the budget, shape (R,)."""
        return np.maximum(peaks - self.budget, 0.0)


def contacts(folder: Path, say: Callable[[str], None], drag: float = 20.0) -> list[Contacts]:
    """Every contact bag of the folder.

    :param drag: the most that the finger feels while it moves freely, raw counts
    :raises AuditError: if there is none
    """
    bags = sorted(path for path in folder.glob('contact_*') if path.is_dir() and LIMIT.search(path.name))
    if not bags:
        raise AuditError(f'{folder}: no recordings named contact_…_force<limit> here')
    found = []
    for bag in bags:
        say(bag.name)
        limit = int(LIMIT.search(bag.name)[1])  # type: ignore[index]
        found.append(_contacts(bag, limit, folder / MODEL, drag))
    return found


def felt(folder: Path, budget: float) -> list[tuple[Array, Array]]:
    """Rounds in which the finger pressed by more than a budget: s since the round began and N, shape (N,) each.

    :raises AuditError: if there is none
    """
    hand = open_hand(hand_profile(PROFILE), folder / MODEL)
    bags = sorted(path for path in folder.glob('contact_*') if path.is_dir())
    rounds = [_forces(trace) for bag in bags for trace in traces_of(bag, hand)]
    found = [each for each in rounds if each[1].max() > budget]
    if not found:
        raise AuditError(f'{folder}: no recording named contact_… with a force over {budget:g} N here')
    return found


def _contacts(bag: Path, limit: int, model: Path, drag: float) -> Contacts:
    """The force limit that the hand was given is the budget here."""
    hand = open_hand(hand_profile(PROFILE), model)
    scale = float(hand.channel('fingers').scale[0])
    traces = traces_of(bag, hand)
    latency_s = _release(recording_of(bag, hand))
    budget = limit * scale
    binding = _with(hand, {'index_intermediate': budget}, latency_s)
    free, plain, foretold, floor, needless, in_free = [], [], [], [], 0, 0
    for trace in traces:
        times, forces = _forces(trace)
        early = _spent(binding, times, forces, True)
        free.append(forces.max())
        plain.append(_peak(times, forces, _spent(binding, times, forces, False), latency_s))
        foretold.append(_peak(times, forces, early, latency_s))
        floor.append(_peak(times, forces, times[forces > drag * scale][:1].tolist(), latency_s))
        for start in early:
            after = forces[(times >= start) & (times <= start + NEAR_S)]
            needless += bool(after.max() < budget)
            in_free += bool(forces[times <= start].max() <= drag * scale)
    without, late, soon, best = (np.array(column) for column in (free, plain, foretold, floor))
    return Contacts(bag.name, budget, latency_s, without, late, soon, best, needless, in_free)


def _with(hand: Binding, budgets: dict[str, float], latency_s: float) -> Binding:
    gate = hand.profile.gate.model_copy(update={'force_budget': budgets, 'latency_s': latency_s})
    return replace(hand, profile=hand.profile.model_copy(update={'gate': gate}))


def _release(trace: Trace) -> float:
    """From a command that opens the pressing finger to its first motion, s, median over a recording.

    A hold of a pressing finger shows as late as its release; how late a round begins also holds what else the host did.
    """
    joints, fingers, took = trace.channels['joints'], trace.channels['fingers'], []
    for stamp_ns, target in zip(trace.command.stamp_ns, trace.command.values[:, 0], strict=True):
        before, after = fingers.receive_ns <= stamp_ns, joints.stamp_ns > stamp_ns
        if target < OPEN or not before.any() or not abs(fingers.values[before, 0][-1]) > PRESSING or after.all():
            continue
        moved = after & (np.abs(joints.values[:, 0] - joints.values[~after, 0][-1]) > MOVED)
        took += [joints.stamp_ns[np.argmax(moved)] - stamp_ns] if moved.any() else []
    return float(np.median(took)) / NS


def _forces(trace: Trace) -> tuple[Array, Array]:
    """Seconds since the round began, and |force| in N."""
    fingers = trace.channels['fingers']
    times = (fingers.receive_ns - trace.start_ns) / NS
    inside = times >= 0
    return times[inside], np.abs(fingers.values[inside, 0])


def _spent(binding: Binding, times: Array, forces: Array, foretell: bool) -> list[float]:
    """When the gate's forces began to forbid closing, s; the hand of the recording went on."""
    latency = Latency(Servos(binding), binding.profile.gate.latency_s)
    latency.known = foretell
    if not foretell:
        latency.ns = 0
    judge = Forces(binding, latency, to_ns(1.0))
    begun, was = [], False
    for time, force in zip(times, forces, strict=True):
        now_ns = to_ns(10.0 + time)
        judge.watch.take('fingers', np.array([force]), now_ns, now_ns, now_ns)
        judge.see()
        judge.judge(1.0, now_ns)
        if judge.any_over and not was:
            begun.append(float(time))
        was = judge.any_over
    return begun


def _peak(times: Array, forces: Array, held: list[float], latency_s: float) -> float:
    """The highest force until the first hold shows; without a hold, of the whole round."""
    if not held:
        return float(forces.max())
    stop = held[0] + latency_s
    return float(max(forces[times <= stop].max(), np.interp(stop, times, forces)))


def table(found: list[Contacts]) -> Iterator[str]:
    """Rows for people."""
    heads = ('no gate', 'plain clamp', 'foretold', 'at first touch')
    yield f'{"force over budget, N: median (worst)":>74s}'
    yield (
        f'{"bag":26s} {"budget":>6s} {"ms late":>7s}'
        + ''.join(f'{head:>15s}' for head in heads)
        + ('  removed  needless  in free motion')
    )
    for one in found:
        cells = [
            f'{np.median(v):6.2f} ({v.max():5.2f})'
            for v in map(one.over, (one.free, one.plain, one.foretold, one.floor))
        ]
        yield (
            f'{one.bag:26s} {one.budget:6.2f} {one.latency_s * 1e3:7.1f}  {" ".join(cells)} {removed([one]):8.1%}'
            f' {one.needless:9d} {one.in_free_motion:15d}'
        )
    yield f'all rounds: {removed(found):.1%} of the overshoot of the plain clamp is removed'
    yield f'that is {removable(found):.1%} of what a hold at the first touch removes, the best that forces alone allow'


def removed(found: list[Contacts]) -> float:
    """The share of the plain clamp's overshoot that foretelling removes, over all rounds."""
    plain = sum(float(one.over(one.plain).sum()) for one in found)
    foretold = sum(float(one.over(one.foretold).sum()) for one in found)
    return 1.0 - foretold / plain if plain > 0 else 0.0


def removable(found: list[Contacts]) -> float:
    """The same as a share of what a hold at the first touch would remove."""
    plain, foretold, floor = (
        sum(float(one.over(getattr(one, key)).sum()) for one in found) for key in ('plain', 'foretold', 'floor')
    )
    return (plain - foretold) / (plain - floor) if plain > floor else 0.0


def figures(found: list[Contacts]) -> dict[str, Any]:
    """For JSON."""
    return {
        'removed': removed(found),
        'removed_of_removable': removable(found),
        'bags': [
            {
                'bag': one.bag,
                'rounds': len(one.free),
                'budget': one.budget,
                'latency_s': one.latency_s,
                'over': {key: one.over(getattr(one, key)).tolist() for key in ('free', 'plain', 'foretold', 'floor')},
                'needless': one.needless,
                'in_free_motion': one.in_free_motion,
            }
            for one in found
        ],
    }
