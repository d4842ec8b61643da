"""Forward selection: of the changes that may be made, those that explain the gap on rounds held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.coverage.members import Unsimulated
from transfer_audit.core.coverage.places import RoundPlaces
from transfer_audit.core.profile import Parameter
from transfer_audit.core.propose.change import Change, Kind
from transfer_audit.core.propose.evidence import Gap, gap, hull, spoken, values_of
from transfer_audit.core.propose.ideas import LEAST, Idea, worst
from transfer_audit.core.propose.ranges import NARROW_ROUNDS

MOST_CHANGES = 5
Gaps = Mapping[int, Gap]
"""What each held-out round is left with."""


@dataclass(frozen=True)
class Trial:
    """An idea on top of those that were chosen.

    :param share: of the whole gap that it takes away
    """

    idea: Idea
    share: float
    gaps: Gaps


def selected(rounds: Sequence[RoundPlaces], ideas: Sequence[Idea], binding: Binding, threads: int) -> list[Change]:
    """Forward selection by what each explains on held-out rounds, each on top of those before."""
    held_out = worst(rounds)
    gaps: Gaps = {index: _start(rounds[index]) for index in held_out}
    total = _left(gaps)
    chosen: list[Idea] = []
    out: list[Change | None] = []
    most = {idea.name: np.inf for idea in ideas}
    while total > 0 and len(chosen) < min(MOST_CHANGES, len(ideas)):
        best = _best(
            rounds, chosen, [idea for idea in ideas if idea not in chosen], gaps, total, most, binding, threads
        )
        if best.share < LEAST:
            break
        chosen.append(best.idea)
        out.append(_change(best.idea, best.share, len(rounds)))
        gaps = best.gaps
    return [change for change in out if change is not None]


def _best(
    rounds: Sequence[RoundPlaces], chosen: Sequence[Idea], left: Sequence[Idea], gaps: Gaps, total: float,
    most: dict[str, float], binding: Binding, threads: int,
) -> Trial:  # fmt: skip
    """The idea that explains most on top of those chosen.

    Tried in the order of what each explained last time: what it explains on top of more is hardly more, so that the
    first that explains as much as the next did ends the search (lazy greedy: Minoux 1978).

    :param most: what each idea explained last time; changed
    """
    best: Trial | None = None
    for idea in sorted(left, key=lambda one: -most[one.name]):
        if best is not None and (best.share >= most[idea.name] or most[idea.name] < LEAST):
            break
        after = _gaps(rounds, [*chosen, idea], gaps, binding, threads)
        most[idea.name] = (_left(gaps) - _left(after)) / total
        if best is None or most[idea.name] > best.share:
            best = Trial(idea, most[idea.name], after)
    assert best is not None
    return best


def _left(gaps: Gaps) -> float:
    return sum(one.unexplained for one in gaps.values())


def _start(one: RoundPlaces) -> Gap:
    return Gap(one.inside.cost, values_of(one.space, one.inside.units))


def _gaps(
    rounds: Sequence[RoundPlaces], ideas: Sequence[Idea], before: Gaps, binding: Binding, threads: int
) -> dict[int, Gap]:
    """What each held-out round is left with under ranges that come from the others (from itself if it is alone)."""
    out = {}
    for index in before:
        parameters = dict(binding.profile.family.parameters)
        for idea in ideas:
            parameter = idea.without(index if len(rounds) > 1 else None)
            if parameter is not None:
                parameters[idea.name] = parameter
        places = [before[index].values, *([ideas[-1].places[index]] if index in ideas[-1].places else [])]
        try:
            after = gap(rounds[index].trace, binding, parameters, places, threads)
        except Unsimulated:
            after = before[index]
        out[index] = min(after, before[index], key=lambda one: one.cost)
    return out


def _change(idea: Idea, explained: float, rounds: int) -> Change | None:
    parameter = idea.without(None)
    if parameter is None:
        return None
    checked = 'of the gap on rounds held out' if rounds > 1 else 'of the gap of the one round there is'
    lie = f'rounds lie at {_listed(idea)}'
    if idea.old is None:
        reason = f'the family does not vary {parameter.field}; {lie}, which explains {explained:.0%} {checked}'
        return Change(idea.name, 'add', None, parameter.range, explained, reason, parameter)
    kind, parameter = _kind(idea, parameter)
    low, high = idea.old
    reason = f'{lie}, outside {low:.3g} to {high:.3g}; the new range explains {explained:.0%} {checked}'
    return Change(idea.name, kind, idea.old, parameter.range, explained, reason, parameter)


def _listed(idea: Idea) -> str:
    known = [one.value for one in idea.found if one is not None]
    low, high = (spoken(idea.space, idea.name, (value, value))[0] for value in (min(known), max(known)))
    return f'{low:.3g}' if len(known) == 1 else f'{low:.3g} to {high:.3g}'


def _kind(idea: Idea, widened: Parameter) -> tuple[Kind, Parameter]:
    """A range is shifted, its old part given up, only where enough rounds all lie beyond one of its ends."""
    known, units = [one for one in idea.found if one is not None], hull(idea.found)
    assert units is not None
    if len(known) >= NARROW_ROUNDS and (units[0] > 1 or units[1] < 0):
        low, high = spoken(idea.space, idea.name, units)
        return 'shift', widened.model_copy(update={'range': (low, high)})
    return 'widen', widened
