"""Names of a message -> names of a model. What is sure is told apart from what is likely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
from scipy.optimize import linear_sum_assignment

from transfer_audit.core.interview.streams import words
from transfer_audit.core.interview.things import Thing
from transfer_audit.core.types import Array

PLAIN = frozenset(
    [
        'joint',
        'jnt',
        'act',
        'actuator',
        'motor',
        'servo',
        'position',
        'pos',
        'hand',
        'robot',
        'link',
        'sensor',
        'geom',
        'body',
        'site',
        'j',
        'tip',
        'fingertip',
        'touch',
        'force',
        'tactile',
        'left',
        'right',
        'l',
        'r',
        'lh',
        'rh',
        'cmd',
        'command',
        'state',
    ]
)
"""Words that say what a thing is and not which one."""
FINGERS = {
    'ff': 'index', 'fore': 'index', 'if': 'index', 'mf': 'middle', 'rf': 'ring', 'lf': 'little', 'pinky': 'little',
    'pinkie': 'little', 'th': 'thumb',
}  # fmt: skip
ALIKE, APART = 0.85, 0.05
"""Spellings, or motions, are taken for the same from here on, if the next best is this much worse."""


@dataclass(frozen=True)
class Matched:
    """An entry of a message and what of the model it is; `why` says how that was found, and `sure` whether it is."""

    key: str | int
    target: str
    why: str
    sure: bool


Rule = tuple[Callable[[str], object], str, bool]


def match_names(names: Sequence[str], things: Sequence[Thing]) -> list[Matched]:
    """Each name with what it means, the strongest rule first; a thing is used once, ambiguous names stay out."""
    needless = _needless(names, [thing.target for thing in things])

    def core(text: str) -> tuple[str, ...]:
        found = [FINGERS.get(word, word) for word in words(text.rpartition(':')[2])]
        kept = [word for word in found if word not in PLAIN | needless]
        return tuple(kept or found)

    rules: list[Rule] = [
        (lambda text: text, '', True),
        (lambda text: ''.join(words(text)), 'the same name but for its spelling', True),
        (core, 'the same name but for its prefix or suffix', True),
        (lambda text: frozenset(core(text)), 'the same words in another order', False),
    ]
    found: dict[str, Matched] = {}
    for rule in rules:
        for own in (True, False):
            _apply(rule, own, names, things, found)
    for pairs in (
        _contained(names, things, found, core),
        _numbered(names, things, found),
        _alike(names, things, found),
    ):
        for matched in pairs:
            found.setdefault(str(matched.key), matched)
    return [found[name] for name in names if name in found]


def _apply(rule: Rule, own: bool, names: Sequence[str], things: Sequence[Thing], found: dict[str, Matched]) -> None:
    key, why, sure = rule
    left = [name for name in names if name not in found]
    used = {matched.target for matched in found.values()}
    wanted = Counter(key(name) for name in left)
    keys = [(key(text), thing) for thing in things if thing.target not in used
            for text in ((thing.target,) if own else thing.aliases)]  # fmt: skip
    offered = Counter(value for value, _ in keys)
    for name in left:
        value = key(name)
        if wanted[value] == 1 and offered[value] == 1:
            thing = next(thing for offer, thing in keys if offer == value)
            alias = next((text for text in thing.aliases if key(text) == value), '')
            through = f'through {alias}' if not own else ''
            found[name] = Matched(name, thing.target, ', '.join(filter(None, (why, through))), sure)


def _contained(
    names: Sequence[str], things: Sequence[Thing], found: dict[str, Matched], core: Callable[[str], tuple[str, ...]]
) -> Iterator[Matched]:
    """All the words of one in those of exactly one other."""
    left = [name for name in names if name not in found]
    free = _free(things, found)
    pairs = [
        (name, thing)
        for name in left
        for thing in free
        if any(set(core(name)) <= set(core(text)) or set(core(text)) <= set(core(name))
               for text in (thing.target, *thing.aliases))
    ]  # fmt: skip
    mine, theirs = Counter(name for name, _ in pairs), Counter(thing.target for _, thing in pairs)
    for name, thing in pairs:
        if mine[name] == 1 and theirs[thing.target] == 1:
            yield Matched(name, thing.target, 'the only name with these words', False)


def _numbered(names: Sequence[str], things: Sequence[Thing], found: dict[str, Matched]) -> Iterator[Matched]:
    """Names that only count, `joint_0` … `joint_15`, where nothing else matched: in the order of their numbers."""
    numbers = [[word for word in words(name) if word.isdigit()] for name in names]
    kinds = {tuple(word for word in words(name) if not word.isdigit()) for name in names}
    if found or len(kinds) != 1 or any(len(each) != 1 for each in numbers) or len(names) != len(things):
        return
    order = sorted(range(len(names)), key=lambda index: int(numbers[index][0]))
    for place, index in enumerate(order):
        yield Matched(names[index], things[place].target, 'by position: the names only count', False)


def _alike(names: Sequence[str], things: Sequence[Thing], found: dict[str, Matched]) -> Iterator[Matched]:
    """Names spelt almost alike, and much less like any other."""
    free = _free(things, found)
    for name in [name for name in names if name not in found]:
        likeness = sorted((SequenceMatcher(None, name.lower(), t.target.lower()).ratio(), t.target) for t in free)
        if likeness and likeness[-1][0] >= ALIKE and (len(likeness) < 2 or likeness[-1][0] - likeness[-2][0] > APART):
            yield Matched(name, likeness[-1][1], 'spelt almost alike', False)


def match_motion(mine: Array, theirs: Array, targets: Sequence[str]) -> list[Matched]:
    """Entries without names by what moves as they do: all of them, or none.

    :param mine: shape (T, E), on the grid of `theirs`, shape (T, F), one column per target
    """
    alike = np.abs(_correlations(mine, theirs))
    if alike.shape[0] > alike.shape[1] or not np.isfinite(alike).all():
        return []
    rows, columns = linear_sum_assignment(-alike)
    for row, column in zip(rows, columns, strict=True):
        rest = np.delete(alike[row], column).max(initial=0.0)
        if alike[row, column] < ALIKE or alike[row, column] - rest < APART:
            return []
    return [
        Matched(int(row), targets[column], f'by motion: they move alike (correlation {alike[row, column]:.2f})', False)
        for row, column in zip(rows, columns, strict=True)
    ]


def match_positions(count: int, things: Sequence[Thing]) -> list[Matched]:
    """Entries without names, in the order of the model: only where the counts are the same."""
    if count != len(things):
        return []
    return [Matched(i, t.target, 'by position, nothing is named: check the order', False)
            for i, t in enumerate(things)]  # fmt: skip


def _correlations(a: Array, b: Array) -> Array:
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.asarray((a.T @ b) / np.outer(np.linalg.norm(a, axis=0), np.linalg.norm(b, axis=0)))


def _free(things: Sequence[Thing], found: dict[str, Matched]) -> list[Thing]:
    used = {matched.target for matched in found.values()}
    return [thing for thing in things if thing.target not in used]


def _needless(mine: Sequence[str], theirs: Sequence[str]) -> set[str]:
    """Words, no numbers, that all names of one side have and none of the other."""
    found: set[str] = set()
    for names, others in ((mine, theirs), (theirs, mine)):
        sets = [set(words(name)) for name in names]
        shared = {word for word in set.intersection(*sets) if not word.isdigit()} if len(sets) > 1 else set()
        found |= shared - {word for name in others for word in words(name)}
    return found
