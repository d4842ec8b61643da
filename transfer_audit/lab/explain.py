"""What the family lacks, from the rounds alone; and what the lab, which knows the truth, has to say of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from transfer_audit.bags.traces import traces_of
from transfer_audit.core.binding import Binding
from transfer_audit.core.propose import Change, apply_to, propose
from transfer_audit.lab.profiles import FRICTION, write_profile


def proposed(bags: Sequence[Path], binding: Binding, say: Callable[[str], None]) -> list[Change]:
    """The changes of the family that the recordings ask for; nothing but these and the profile is looked at."""
    traces = [trace for bag in bags for trace in traces_of(bag, binding)]
    return propose(traces, binding, threads=0, progress=say)


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
