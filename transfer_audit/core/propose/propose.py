"""Rounds -> what to change in the family."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.coverage.coverage import EXPLAINED, Coverage, judged, searched
from transfer_audit.core.coverage.elements import summary
from transfer_audit.core.coverage.members import Unsimulated
from transfer_audit.core.coverage.places import NOISE_ALONE, RoundPlaces
from transfer_audit.core.coverage.space import Space
from transfer_audit.core.profile import Parameter
from transfer_audit.core.propose.candidates import candidates
from transfer_audit.core.propose.change import Change, Kind, Range
from transfer_audit.core.propose.evidence import Estimate, Gap, estimates, gap, hull, spoken, with_family
from transfer_audit.core.propose.ranges import NARROW_ROUNDS, narrowed, noise

MOST_ROUNDS = 12
"""Rounds that are searched, spread evenly over those there are."""
HELD_OUT = 4
"""Rounds that changes are tested on, the ones with most to explain; none takes part in the ranges it is tested with."""
LEAST = 0.03
"""Share of the gap that a change must take away on held-out rounds."""
UNSURE = 0.1
"""The largest error that an added parameter's range allows for, in widths; what it is worth, held-out rounds tell."""
MOST_CHANGES = 5
AGAIN = 4
"""The best of those that were not chosen are tried again on top of those that were."""
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Idea:
    """A change that may be made: of an old range or of a new parameter.

    :param found: what each round says, in units of the range of `parameter`
    """

    name: str
    parameter: Parameter
    old: Range | None
    space: Space
    found: Sequence[Estimate | None]

    def without(self, held_out: int | None) -> Parameter | None:
        """The parameter as the rounds but one would have it; an old range is only ever widened here."""
        kept = [one for index, one in enumerate(self.found) if index != held_out]
        units = hull(kept)
        if units is None:
            return None
        low, high = spoken(self.space, self.name, units)
        if self.old is not None:
            low, high = (low if units[0] < 0 else self.old[0]), (high if units[1] > 1 else self.old[1])
        return self.parameter.model_copy(update={'range': (low, high)}) if low < high else None


def propose(
    traces: Sequence[Trace], binding: Binding, threads: int = 1, progress: Progress | None = None
) -> list[Change]:
    """The changes that the rounds ask for, the one that explains most of the gap first; narrowings last.

    Ranges are widened to where rounds lie (see `coverage`), and parameters that the family does not have are tried one
    by one, if moving those that it has does not explain the rounds. What a change explains is measured on rounds held
    out: its range comes from the other rounds, and the gap is what the best place within all ranges leaves. Changes are
    chosen one after the other, each on top of those before (forward selection).

    :param traces: rounds of the hand, as recorded
    :param binding: the hand with its family as it is
    :raises AuditError: if there are no rounds, or none that can be simulated
    """
    tell = progress or (lambda _: None)
    some = [traces[index] for index in _spread(len(traces), MOST_ROUNDS)]
    tell(f'searching {len(some)} of {len(traces)} rounds')
    rounds, left_out = searched(some, binding, threads)
    found = judged(rounds, left_out, binding, threads)
    ideas = [_idea(rounds, one.name, binding) for one in found.outside if one.name in rounds[0].space.names]
    if _missing(rounds, found):
        for name, parameter in candidates(binding).items():
            tell(f'trying {name}')
            ideas += _new_idea(rounds, name, parameter, binding, threads)
    tell(f'testing {len(ideas)} changes on held-out rounds')
    changes = _selected(rounds, ideas, binding, threads)
    return [*changes, *noise(found, binding), *narrowed(rounds, found, binding)]


def _spread(count: int, most: int) -> list[int]:
    return list(range(count)) if count <= most else [round(i * (count - 1) / (most - 1)) for i in range(most)]


def _missing(rounds: Sequence[RoundPlaces], found: Coverage) -> bool:
    """Whether the family's own parameters, moved wherever they explain most, leave what noise and tolerance do not."""
    if not any(share < EXPLAINED for share in summary(found.elements).values()):
        return False
    left = sum(one.free.cost - NOISE_ALONE for one in rounds)
    return left > LEAST * sum(one.inside.cost - NOISE_ALONE for one in rounds)


def _idea(rounds: Sequence[RoundPlaces], name: str, binding: Binding) -> Idea:
    parameter = binding.profile.family.parameters[name]
    return Idea(name, parameter, parameter.range, rounds[0].space, estimates(rounds, name))


def _new_idea(
    rounds: Sequence[RoundPlaces], name: str, parameter: Parameter, binding: Binding, threads: int
) -> list[Idea]:
    """A parameter that the family does not have, if rounds say where it lies; the worst rounds are asked."""
    hand = with_family(binding, {**binding.profile.family.parameters, name: parameter})
    worst = _worst(rounds)
    try:
        places, _ = searched([rounds[index].trace for index in worst], hand, threads)
    except Unsimulated:
        return []
    if len(places) != len(worst):
        return []
    found: list[Estimate | None] = [None] * len(rounds)
    at = places[0].space.names.index(name)
    for index, one in zip(worst, places, strict=True):
        before = rounds[index].free.cost
        if before - one.free.cost > LEAST * (before - NOISE_ALONE):
            found[index] = Estimate(float(one.free.units[at]), min(float(one.error[at]), UNSURE))
    return [Idea(name, parameter, None, places[0].space, found)] if any(found) else []


def _worst(rounds: Sequence[RoundPlaces]) -> list[int]:
    order = sorted(range(len(rounds)), key=lambda index: -rounds[index].inside.cost)
    return sorted(order[:HELD_OUT])


def _selected(rounds: Sequence[RoundPlaces], ideas: Sequence[Idea], binding: Binding, threads: int) -> list[Change]:
    """Forward selection by what each explains on held-out rounds."""
    held_out = _worst(rounds)
    chosen: list[Idea] = []
    out: list[Change | None] = []
    base = {index: _start(rounds[index]) for index in held_out}
    total = sum(one.unexplained for one in base.values())
    left, gaps = list(ideas), dict(base)
    while left and len(chosen) < MOST_CHANGES and total > 0:
        tried = [(idea, _gaps(rounds, held_out, [*chosen, idea], gaps, binding, threads)) for idea in left]
        before = sum(one.unexplained for one in gaps.values())
        share = {idea.name: (before - sum(g.unexplained for g in after.values())) / total for idea, after in tried}
        best, after = max(tried, key=lambda pair: share[pair[0].name])
        if share[best.name] < LEAST:
            break
        chosen.append(best)
        out.append(_change(best, share[best.name], len(rounds)))
        gaps = after
        ranked = sorted((idea for idea in left if idea is not best), key=lambda idea: -share[idea.name])
        left = ranked[:AGAIN]
    return [change for change in out if change is not None]


def _start(one: RoundPlaces) -> Gap:
    values = one.space.values(one.inside.units[None])[0]
    return Gap(one.inside.cost, dict(zip(one.space.names, map(float, values), strict=True)))


def _gaps(
    rounds: Sequence[RoundPlaces], held_out: Sequence[int], ideas: Sequence[Idea], before: Mapping[int, Gap],
    binding: Binding, threads: int,
) -> dict[int, Gap]:  # fmt: skip
    """What each held-out round is left with under ranges that come from the others (from itself if it is alone)."""
    out = {}
    for index in held_out:
        parameters = dict(binding.profile.family.parameters)
        for idea in ideas:
            parameter = idea.without(index if len(rounds) > 1 else None)
            if parameter is not None:
                parameters[idea.name] = parameter
        try:
            after = gap(rounds[index].trace, binding, parameters, before[index].values, threads)
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
