"""What the family lacks, from the rounds alone; and what the lab, which knows the truth, has to say of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from transfer_audit.bags.traces import traces_of
from transfer_audit.core.binding import Binding
from transfer_audit.core.propose import Change, apply_to, propose
from transfer_audit.lab.profiles import FRICTION, write_profile

MOST_ROUNDS = 8
"""Rounds that the proposal rests on: more of the same task say the same."""


def proposed(bags: Sequence[Path], binding: Binding) -> list[Change]:
    """The changes of the family that the recordings ask for."""
    return propose([trace for bag in bags[:MOST_ROUNDS] for trace in traces_of(bag, binding)], binding, threads=0)


def next_profile(path: Path, binding: Binding, changes: Sequence[Change]) -> Path:
    """The profile with its family changed as proposed."""
    raw = yaml.safe_load(binding.profile.path.read_text(encoding='utf-8'))
    apply_to(raw, changes)
    return write_profile(path, raw)


def explanation(binding: Binding, changes: Sequence[Change]) -> str:
    """One sentence: does the friction of the hand lie outside the family?"""
    low, high = binding.profile.family.parameters[FRICTION].range
    found = next((change for change in changes if change.name == FRICTION), None)
    if found is not None and (found.new[0] < low or found.new[1] > high):
        side = f'below {low:.2f}' if found.new[0] < low else f'above {high:.2f}'
        return f'the held-out friction lies outside the family, {side}'
    if changes:
        return f'the family does not hold the hand, by {", ".join(change.name for change in changes)}'
    return 'the family holds the hand'
