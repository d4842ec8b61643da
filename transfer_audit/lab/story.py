"""What the lab tells a person, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from transfer_audit.core.binding import Binding
from transfer_audit.core.propose import Change
from transfer_audit.lab.profiles import FRICTION
from transfer_audit.lab.shrunk import Difference, closed
from transfer_audit.lab.train import Trained
from transfer_audit.ledger.panels import Interval, Panel


def trained(number: int, binding: Binding, found: Trained, generations: int) -> Iterator[str]:
    """The family and the policy that was trained in it."""
    low, high = binding.profile.family.parameters[FRICTION].range
    settings = ', '.join(f'{setting:.2f}' for setting in found.settings)
    yield f'family {number}: {FRICTION} from {low:.2f} to {high:.2f}, {binding.profile.family.members} members'
    yield (
        f'  trained    {generations} generations of CMA-ES at friction {settings}: success '
        f'{found.success.mean():.0%}, slip rate {found.slip_rate.mean():.3f}, grip {found.effort_n.mean():.1f} N'
    )


def transferred(panel: Panel) -> Iterator[str]:
    """The panel of rounds, its gaps, and what parted first."""
    yield (
        f'  evaluated  {panel.rounds} rounds: success {_share(panel.sim_success)} in simulation, '
        f'{_share(panel.real_success)} on the hand; slip rate {_number(panel.sim_slip_rate)} and '
        f'{_number(panel.real_slip_rate)}'
    )
    yield f'  gap        success {_with(panel.success_gap, panel.success_gap_interval)} (sim - real)'
    yield f'             slip    {_with(panel.slip_gap, panel.slip_gap_interval)} (real - sim)'
    verdicts = ', '.join(f'{count} {verdict}' for verdict, count in panel.verdicts.items())
    first = ', '.join(f'{kind} in {count}' for kind, count in panel.divergences.items())
    yield f'  audit      {verdicts}{f"; parted first: {first}" if first else ""}'


def explained(why: str, changes: Sequence[Change], friction: float) -> Iterator[str]:
    """What the family lacks, and what is proposed."""
    yield f'explanation: {why} (true friction: {friction:.2f})'
    for change in changes:
        if change.parameter is None:
            yield f'missing: {change.name}'
            yield f'  {change.reason}'
            continue
        old = 'nothing' if change.old is None else f'{change.old[0]:.3g} to {change.old[1]:.3g}'
        yield f'proposal: {change.kind} {change.name} from {old} to {change.new[0]:.3g} to {change.new[1]:.3g}'
        yield f'  {change.reason}'


def ended(difference: Mapping[str, Difference]) -> Iterator[str]:
    """By how much the gaps shrank."""
    if not difference:
        yield 'no other family is proposed, so there is nothing to train again'
        return
    said = ', '.join(f'{name} by {_with(gap.value, gap.interval)}' for name, gap in difference.items())
    yield f'the gap {"shrank" if closed(difference) else "did not shrink beyond doubt"}: {said}'


def written(folder: Path) -> str:
    """Where everything is."""
    return f'{folder}: ledger.db, lab.json, lab.svg, family_*.yaml, bags/'


def _share(value: float | None) -> str:
    return '-' if value is None else f'{value:.0%}'


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.3f}'


def _with(value: float | None, interval: Interval | None) -> str:
    said = '-' if value is None else f'{value:+.3f}'
    return said if interval is None else f'{said} [{interval[0]:+.3f}, {interval[1]:+.3f}]'
