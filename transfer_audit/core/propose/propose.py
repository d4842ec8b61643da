"""Rounds -> what to change in the family."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.coverage.coverage import EXPLAINED, Coverage, judged, searched
from transfer_audit.core.coverage.elements import summary
from transfer_audit.core.coverage.members import Unsimulated
from transfer_audit.core.coverage.places import RoundPlaces
from transfer_audit.core.coverage.search import NOISE_ALONE
from transfer_audit.core.propose.candidates import candidates
from transfer_audit.core.propose.change import Change
from transfer_audit.core.propose.forms import forms
from transfer_audit.core.propose.ideas import LEAST, Idea, new_idea, old_idea
from transfer_audit.core.propose.ranges import narrowed, noise
from transfer_audit.core.propose.selection import selected

MOST_ROUNDS = 12
"""Rounds that are searched, spread evenly over those there are."""
Progress = Callable[[str], None]


def propose(
    traces: Sequence[Trace], binding: Binding, threads: int = 1, progress: Progress | None = None
) -> list[Change]:
    """The changes that the rounds ask for, the one that explains most of the gap first; narrowings last.

    Ranges are widened to where rounds lie (see `coverage`), and parameters that the family does not have are tried one
    by one, if moving those that it has does not explain the rounds. What a change explains is measured on rounds held
    out: its range comes from the other rounds, and the gap is what the best place within all ranges leaves. Changes are
    chosen one after the other, each on top of those before (forward selection). Friction under load, breakaway and play
    are ranked among them by what they explain of what is left, though no family can have them.

    :param traces: rounds of the hand, as recorded
    :param binding: the hand with its family as it is
    :raises AuditError: if there are no rounds, or none that can be simulated
    """
    tell = progress or (lambda _: None)
    some = [traces[index] for index in _spread(len(traces), MOST_ROUNDS)]
    tell(f'searching {len(some)} of {len(traces)} rounds')
    rounds, left_out = searched(some, binding, threads)
    found = judged(rounds, left_out, binding, threads)
    ideas = [old_idea(rounds, one.name, binding) for one in found.outside if one.name in rounds[0].space.names]
    missing = _missing(rounds, found)
    if missing:
        ideas += _new_ideas(rounds, binding, threads, tell)
    tell(f'testing {len(ideas)} changes on held-out rounds')
    changes = selected(rounds, ideas, binding, threads)
    if missing:
        tell('trying friction and play that MuJoCo has no parameter for')
        changes += forms([one.trace for one in rounds], binding, 1.0 - sum(change.explained for change in changes))
        changes.sort(key=lambda change: -change.explained)
    return [*changes, *noise(found, binding), *narrowed(rounds, found, binding)]


def _new_ideas(rounds: Sequence[RoundPlaces], binding: Binding, threads: int, tell: Progress) -> list[Idea]:
    """Parameters that the family does not have and that explain something."""
    out = []
    new = candidates(binding)
    for number, (name, parameter) in enumerate(new.items(), 1):
        tell(f'trying {number} of {len(new)}: {name}')
        try:
            idea = new_idea(rounds, name, parameter, binding, threads)
        except Unsimulated:
            continue
        if idea is not None:
            out.append(idea)
    return out


def _spread(count: int, most: int) -> list[int]:
    return list(range(count)) if count <= most else [round(i * (count - 1) / (most - 1)) for i in range(most)]


def _missing(rounds: Sequence[RoundPlaces], found: Coverage) -> bool:
    """Whether the family's own parameters, moved wherever they explain most, leave what noise and tolerance do not."""
    if all(share >= EXPLAINED for share in summary(found.elements, free=True).values()):
        return False
    left = sum(one.free.cost - NOISE_ALONE for one in rounds)
    return left > LEAST * sum(one.inside.cost - NOISE_ALONE for one in rounds)
