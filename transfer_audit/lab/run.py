"""The whole lab: train, transfer, explain, and the same again with the family that is proposed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transfer_audit.core.binding import Binding, open_hand
from transfer_audit.core.errors import AuditError
from transfer_audit.core.family import Family
from transfer_audit.core.propose import Change
from transfer_audit.lab import story
from transfer_audit.lab.explain import explanation, next_profile, proposed
from transfer_audit.lab.policy import instances
from transfer_audit.lab.profiles import FRICTION, first_profile, new_folder
from transfer_audit.lab.shrunk import Difference, shrunk
from transfer_audit.lab.train import DEFAULT, Plan, Say, Trained, drawn, library, train, with_value
from transfer_audit.lab.transfer import Bench, Transferred, transfer

REAL_FRICTION = 0.4
"""Of the emulated hand's tips: worn, as the first family does not believe them to be."""
UNSEEN = 1000
"""Added to the seed: tasks that no policy was trained on."""


@dataclass(frozen=True)
class Lab:
    """How large the lab is.

    :param rounds: on the emulated hand with each policy
    :param evidence: how many of them the proposal rests on: it takes longer than all else, and more of the same task
        say the same
    :param friction: of the emulated hand's tips
    """

    seed: int = 0
    rounds: int = 20
    evidence: int = 2
    members: int = 16
    plan: Plan = DEFAULT
    friction: float = REAL_FRICTION

    def __post_init__(self) -> None:
        """:raises AuditError: for a lab that cannot be"""
        if self.seed < 0 or self.rounds < 2:
            raise AuditError(
                f'a lab needs a seed of 0 or more and 2 rounds or more, found {self.seed} and {self.rounds}'
            )
        if not 0 < self.friction <= 2:
            raise AuditError(f'a friction over 0 and up to 2 was expected, found {self.friction:g}')


QUICK = Lab(rounds=6, evidence=1, members=8, plan=Plan(generations=8, tasks=1))


@dataclass(frozen=True)
class Stage:
    """One family, the policy trained in it, and what became of that on the emulated hand."""

    binding: Binding
    trained: Trained
    transferred: Transferred


@dataclass(frozen=True)
class Found:
    """What the lab found.

    :param truth: what the emulated hand is made of
    :param changes: of the family, as the rounds ask for; `after` is None where they ask for none
    :param shrunk: by how much the gaps of success and slip are smaller after
    """

    lab: Lab
    truth: dict[str, float]
    before: Stage
    changes: tuple[Change, ...]
    explanation: str
    after: Stage | None
    shrunk: dict[str, Difference]


def run(folder: Path, lab: Lab, say: Say, tell: Callable[[str], None]) -> Found:
    """The lab from end to end; the same `lab` gives the same result.

    :param folder: new; gets profiles, bags and the ledger
    :param say: told of progress, `tell` of each result as soon as it is there
    :raises AuditError: if the folder is in use, or `cma` is not installed
    """
    library()
    new_folder(folder)
    binding = open_hand(first_profile(folder, lab.members))
    bench = Bench(folder, binding, _truth(binding, lab), tuple(instances(lab.rounds, lab.seed + UNSEEN)), lab.seed)
    before = _stage(binding, bench, 1, lab, say, tell)
    changes = tuple(proposed(before.transferred.bags[: lab.evidence], binding, say))
    why = explanation(binding, changes)
    for line in story.explained(why, changes, lab.friction):
        tell(line)
    after = None
    if any(change.parameter is not None for change in changes):
        second = open_hand(next_profile(folder / 'family_2.yaml', binding, changes))
        after = _stage(second, bench, 2, lab, say, tell)
    difference = {} if after is None else shrunk(before.transferred.panel, after.transferred.panel)
    for line in story.ended(difference):
        tell(line)
    named = dict(zip(bench.truth.names, bench.truth.draws[0].tolist(), strict=True))
    return Found(lab, named, before, changes, why, after, difference)


def _truth(binding: Binding, lab: Lab) -> Family:
    """The emulated hand: its friction as the lab says, all else from within the family."""
    hands = with_value(drawn(binding, 2, lab.seed), FRICTION, lab.friction)
    return Family(hands.names, hands.draws[:1])


def _stage(
    binding: Binding, bench: Bench, number: int, lab: Lab, say: Say, tell: Callable[[str], None]
) -> Stage:  # fmt: skip
    trained = train(binding, lab.seed, lab.plan, say)
    for line in story.trained(number, binding, trained, len(trained.costs)):
        tell(line)
    moved = transfer(binding, bench, number, trained.policy, say)
    for line in story.transferred(moved.panel):
        tell(line)
    return Stage(binding, trained, moved)
