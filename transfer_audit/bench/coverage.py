"""Is a hand inside its family called covered, and one outside called out by the right parameter? On emulated rounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from transfer_audit.bench.divergence import worlds
from transfer_audit.core import family as families
from transfer_audit.core.binding import Binding, bind, open_hand
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.coverage import Coverage, cover
from transfer_audit.core.types import Array
from transfer_audit.resources import hand_profile

Say = Callable[[str], None]
Of = Literal['width', 'bound']
SHARE = 0.3
"""How far outside, of the range's width on the family's own scale (factors: logarithmic), or of the bound's value."""
BOUND = 0.9
"""Share of cases that must be right."""


@dataclass(frozen=True)
class Case:
    """One hand.

    :param parameter: which lies outside, on which `side`; '' for a hand inside
    :param values: of all parameters, in units of the profile
    """

    seed: int
    parameter: str
    side: str
    of: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Outcome:
    """What was said of a hand.

    :param said: right (the parameter is named first), tied (another is, tied with it), silent (nothing is named),
        wrong; of a hand inside: right (covered), silent (cannot tell) or wrong
    """

    case: Case
    said: str
    verdict: str
    reason: str
    first: str


@dataclass(frozen=True)
class Found:
    """All outcomes of a run."""

    outcomes: tuple[Outcome, ...]
    rounds: int

    def group(self, of: str) -> list[Outcome]:
        """The outcomes of hands outside by a share of the width or of the bound, or ('') inside."""
        return [one for one in self.outcomes if one.case.of == of]

    @property
    def good(self) -> bool:
        """Whether hands outside by a share of the width, and hands inside, are called what they are."""
        groups = [self.group(of) for of in ('width', '')]
        return all(sum(o.said == 'right' for o in g) >= BOUND * len(g) for g in groups if g)

    def table(self) -> str:
        """The figures as text."""
        lines = [f'{self.rounds} round(s) a hand; right, tied, silent, wrong']
        for of, name in (
            ('width', '30 % of the width outside'),
            ('bound', '30 % of the bound outside'),
            ('', 'inside'),
        ):
            group = self.group(of)
            if not group:
                continue
            lines.append(f'{name:28s} {_counts(group)}')
            for key in sorted({(o.case.parameter, o.case.side) for o in group if o.case.parameter}):
                part = [o for o in group if (o.case.parameter, o.case.side) == key]
                lines.append(f'  {key[0]:18s} {key[1]:6s}  {_counts(part)}')
        return '\n'.join(lines)

    def as_dict(self) -> dict[str, Any]:
        """All outcomes as plain values."""
        return {'rounds': self.rounds, 'outcomes': [asdict(one) for one in self.outcomes]}


def _counts(group: list[Outcome]) -> str:
    counts = Counter(one.said for one in group)
    return ' '.join(f'{counts[said]:4d}' for said in ('right', 'tied', 'silent', 'wrong')) + f'   of {len(group)}'


def measure(cases: int, inside: int, rounds: int, jobs: int, say: Say, of: Of | None = None) -> Found:
    """Run the bench.

    :param cases: hands outside, for each way to say how far (or for one, `of`); `inside` hands inside
    :param rounds: of each hand
    """
    binding = open_hand(hand_profile('emulated_hand'))
    ways: tuple[Of, ...] = ('width', 'bound') if of is None else (of,)
    todo = [case for way in ways for case in outside_cases(binding, cases, way)]
    todo += [inside_case(binding, seed) for seed in range(inside)]
    outcomes: list[Outcome] = []
    for outcome in _outcomes(todo, rounds, jobs):
        outcomes.append(outcome)
        case = outcome.case
        where = f'{case.parameter} {case.side} by {case.of}' if case.parameter else 'inside'
        say(f'{len(outcomes)}/{len(todo)} {where}: {outcome.said} ({outcome.reason[:90]})')
    return Found(tuple(outcomes), rounds)


def _outcomes(cases: list[Case], rounds: int, jobs: int) -> Iterator[Outcome]:
    if jobs == 1:
        yield from (outcome_of(case, rounds) for case in cases)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(outcome_of, cases, [rounds] * len(cases))


def outside_cases(binding: Binding, count: int, of: Of) -> list[Case]:
    """Hands of which one parameter after the other lies outside, on a side on which it can."""
    return [_outside_case(binding, seed, of) for seed in range(count)]


def _outside_case(binding: Binding, seed: int, of: Of) -> Case:
    rng = np.random.default_rng([seed, 6])
    case = inside_case(binding, seed)
    one = binding.variations[seed % len(binding.variations)]
    beyond = _beyond(one.low, one.high, one.relative, of)
    side = 'below' if beyond['below'] > 0 and rng.random() < 0.5 else 'above'
    values = {**case.values, one.name: beyond[side]}
    return replace(case, parameter=one.name, side=side, of=of, values=values)


def _beyond(low: float, high: float, relative: bool, of: Of) -> dict[str, float]:
    if of == 'bound':
        return {'below': low * (1 - SHARE), 'above': high * (1 + SHARE)}
    if relative:
        factor = (high / low) ** SHARE
        return {'below': low / factor, 'above': high * factor}
    return {'below': low - SHARE * (high - low), 'above': high + SHARE * (high - low)}


def inside_case(binding: Binding, seed: int) -> Case:
    """A hand drawn from inside the ranges."""
    truth = worlds.random_truth(binding, seed)
    return Case(seed, '', '', '', dict(zip(truth.names, map(float, truth.draws[0]), strict=True)))


def outcome_of(case: Case, rounds: int) -> Outcome:
    """Let a hand play its rounds, and judge the family by them."""
    binding = open_hand(hand_profile('emulated_hand'))
    traces = [emulated(binding, case.values, rounds * case.seed + number, case.seed) for number in range(rounds)]
    found = cover(traces, binding)
    first = found.outside[0].name if found.outside else ''
    return Outcome(case, _said(case, found), found.verdict, found.reason, first)


def _said(case: Case, found: Coverage) -> str:
    if not case.parameter:
        return {'covered': 'right', 'cannot tell': 'silent'}.get(found.verdict, 'wrong')
    if not found.outside:
        return 'silent' if found.verdict != 'not covered' else 'wrong'
    first = found.outside[0]
    if first.name == case.parameter and first.standing == case.side:
        return 'right'
    return 'tied' if case.parameter in first.ties else 'wrong'


def emulated(binding: Binding, values: Mapping[str, float], number: int, seed: int) -> Trace:
    """One round of an emulated hand whose parameters are known, as its driver would send it.

    :param values: of all parameters, inside their ranges or not
    """
    hand = _hand(binding, values)
    motion = worlds.motion_of(hand, number)
    draws: Array = np.array([[values[variation.name] for variation in hand.variations]])
    sensed = worlds.simulate(hand, families.Family(tuple(v.name for v in hand.variations), draws), motion.controls)
    streams = worlds.measured(hand, motion, sensed, seed)
    return Trace(f'emulated/{number}', worlds.EPOCH_NS, motion.round, streams.command, streams.channels)


def _hand(binding: Binding, values: Mapping[str, float]) -> Binding:
    """The hand with room for its values: delays need buffers, and its noise is the middle of the noise's range."""
    parameters = {
        name: parameter.model_copy(
            update={'range': (values[name],) * 2 if parameter.channel else _with(parameter.range, values[name])}
        )
        for name, parameter in binding.profile.family.parameters.items()
    }
    family = binding.profile.family.model_copy(update={'parameters': parameters})
    return bind(binding.profile.model_copy(update={'family': family}))


def _with(bounds: tuple[float, float], value: float) -> tuple[float, float]:
    return min(bounds[0], value), max(bounds[1], value)
