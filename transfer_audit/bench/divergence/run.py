"""The whole bench: fault-free hours, peers tuned to them, every fault in every scene, the figures."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from transfer_audit.bench.divergence import noise, summary, traces
from transfer_audit.bench.divergence.cases import (
    Calm,
    calm_rounds,
    case_of,
    edge_rounds,
    emulated_hand,
    outcomes,
    peers_of,
    scene_of,
)
from transfer_audit.bench.divergence.faults import CATALOGUE
from transfer_audit.bench.divergence.peers import tuned
from transfer_audit.bench.divergence.score import Outcome
from transfer_audit.bench.divergence.summary import Group, group

Say = Callable[[str], None]
Result = TypeVar('Result')


@dataclass(frozen=True)
class Plan:
    """How much is done.

    :param scenes: motions, each with one target and one time of onset per fault
    :param seeds: noises per scene, fault and size
    :param truths: hands per scene in the fault-free hours, each with `calm_seeds` noises; `edge_seeds`
        rounds at the edge of the envelope besides
    :param thin: take every `thin`-th size, from the largest down
    """

    scenes: int = 12
    seeds: int = 1
    truths: int = 60
    calm_seeds: int = 2
    edge_seeds: int = 100
    thin: int = 1
    noise_hours: float = 20.0
    traces: Path | None = None
    faults: tuple[str, ...] = ()


QUICK = Plan(scenes=4, seeds=1, truths=8, calm_seeds=1, edge_seeds=20, thin=2, noise_hours=0.5)


@dataclass(frozen=True)
class FaultFree:
    """Hours in which everything agrees."""

    name: str
    what: str
    rounds: list[Calm]

    @property
    def hours(self) -> float:
        """Simulated time."""
        return sum(one.hours for one in self.rounds)

    @property
    def alarms(self) -> int:
        """Rounds that were called diverged all the same."""
        return sum(bool(one.alarm) for one in self.rounds)

    @property
    def interval(self) -> tuple[float, float]:
        """What holds the expected number with 95 %, given the number counted."""
        return noise.poisson_interval(self.alarms)

    def within(self, per_hour: float) -> bool:
        """Whether a budget is kept. At the edge it is to be spent in full, so there more than it must be proven."""
        edge = all(one.edge for one in self.rounds)
        return (self.interval[0] if edge else self.alarms) <= per_hour * self.hours

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        alarmed = [asdict(one) for one in self.rounds if one.alarm]
        return {'hours': self.hours, 'alarms': self.alarms, 'interval': self.interval, 'alarmed': alarmed}


@dataclass(frozen=True)
class Found:
    """Everything that was measured."""

    plan: Plan
    calm: list[Calm]
    levels: dict[str, float]
    outcomes: list[Outcome]
    budget_per_hour: float
    noise: list[noise.Count] = field(default_factory=list)
    row_ms: float | None = None
    cpu_s: float = 0.0
    traces: list[Outcome] = field(default_factory=list)

    @property
    def inside(self) -> FaultFree:
        """Rounds of hands from inside the family."""
        return FaultFree('false_alarms', 'of hands inside the family', [one for one in self.calm if not one.edge])

    @property
    def edge(self) -> FaultFree:
        """Rounds at the edge of the envelope."""
        return FaultFree('false_alarms_edge', 'at the edge of the envelope', [one for one in self.calm if one.edge])

    def of(self, method: str) -> list[Outcome]:
        """Outcomes of one method on the emulated hand."""
        return [one for one in self.outcomes if one.method == method]

    @property
    def plain(self) -> Group:
        """The detector on every fault well above visible."""
        return group(summary.plain(self.of('detector')))

    @property
    def broken(self) -> list[str]:
        """Bounds that do not hold."""
        late = self.row_ms is not None and self.row_ms > noise.ROW_BOUND_MS
        loud = [part.name for part in (self.inside, self.edge) if not part.within(self.budget_per_hour)]
        return summary.misjudged(self.plain) + loud + ['row_cost'] * late

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the settings, the figures, and every outcome."""
        return {
            'plan': {**asdict(self.plan), 'traces': str(self.plan.traces or '')},
            'budget_per_hour': self.budget_per_hour,
            'fault_free': {part.name: part.as_dict() for part in (self.inside, self.edge)},
            'levels': self.levels,
            'plain': self.plain.as_dict(),
            'broken': self.broken,
            'faults': _figures(self.outcomes),
            'real_traces': _figures(self.traces),
            'noise': [asdict(one) for one in self.noise],
            'row_ms': self.row_ms,
            'cpu_s': self.cpu_s,
            'outcomes': [one.as_dict() for one in self.outcomes + self.traces],
        }


def _figures(found: Sequence[Outcome]) -> list[dict[str, Any]]:
    rows = []
    for (fault, method), ones in summary.by(found, lambda one: (one.fault, one.method)).items():
        sizes = summary.by(ones, lambda one: one.size)
        rows.append(
            {
                'fault': fault,
                'method': method,
                'smallest_visible': summary.smallest(ones),
                'all': group(ones).as_dict(),
                'plain': group(summary.plain(ones)).as_dict(),
                'bins': [{'from': low, **group(part).as_dict()} for low, part in summary.binned(ones).items()],
                'sizes': [{'size': size, 'rounds': len(part), **group(part).as_dict()} for size, part in sizes.items()],
            }
        )
    return rows


def measure(plan: Plan, jobs: int, say: Say) -> Found:
    """Run the bench on the emulated hand."""
    began_s = _cpu_s()
    say(f'{plan.scenes} scenes without a fault, {plan.truths} hands and {plan.calm_seeds} noises each')
    tasks = [(number, plan) for number in range(plan.scenes)]
    calm = [one for part in _spread(_calm, tasks, jobs, say) for one in part]
    alarms = sum(bool(one.alarm) for one in calm)
    rate_hz = emulated_hand().profile.clock.rate_hz
    levels = {peer.name: tuned([one.peaks[peer.name] for one in calm], alarms) for peer in peers_of(rate_hz)}
    say(f'{len(CATALOGUE)} faults in each scene')
    faulty = [(number, plan, levels) for number in range(plan.scenes)]
    found = [one for part in _spread(_faulty, faulty, jobs, say) for one in part]
    say('pure noise at the edge of the envelope, and the cost of a row')
    counts = noise.false_alarms(plan.noise_hours)
    budget = emulated_hand().profile.false_alarms_per_hour
    row_ms, real = noise.row_cost(), _traces(plan, levels, say)
    return Found(plan, calm, levels, found, budget, counts, row_ms, _cpu_s() - began_s, real)


def _cpu_s() -> float:
    """Processor time of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _traces(plan: Plan, levels: dict[str, float], say: Say) -> list[Outcome]:
    if plan.traces is None or not plan.traces.is_dir():
        say('no real traces: ' + ('give a folder' if plan.traces is None else f'{plan.traces} is no folder'))
        return []
    return traces.measure(plan.traces, levels, plan.thin, say)


def _calm(number: int, plan: Plan) -> list[Calm]:
    scene = scene_of(number)
    return [*calm_rounds(scene, plan.truths, plan.calm_seeds), *edge_rounds(scene, plan.edge_seeds)]


def _faulty(number: int, plan: Plan, levels: dict[str, float]) -> list[Outcome]:
    scene, found = scene_of(number), []
    for fault in CATALOGUE:
        if not plan.faults or fault.name in plan.faults:
            sizes = fault.sizes[:: -plan.thin][::-1]
            found += list(outcomes(case_of(scene, fault), sizes, range(1, plan.seeds + 1), levels))
    return found


def _spread(work: Callable[..., Result], tasks: Sequence[tuple[Any, ...]], jobs: int, say: Say) -> Iterator[Result]:
    """The results of all tasks in their order, worked on by `jobs` processes."""
    if jobs <= 1:
        for index, task in enumerate(tasks, 1):
            yield work(*task)
            say(f'  {index} of {len(tasks)}')
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context('spawn')) as pool:
        futures = [pool.submit(work, *task) for task in tasks]
        for index, _ in enumerate(as_completed(futures), 1):
            say(f'  {index} of {len(tasks)}')
        for future in futures:
            yield future.result()
