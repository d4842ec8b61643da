"""Rounds -> whether the family contains what was measured, and which parameter is to blame where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.coverage import words
from transfer_audit.core.coverage.elements import ElementCoverage, Elements, summary
from transfer_audit.core.coverage.members import Unsimulated
from transfer_audit.core.coverage.parameters import ParameterCoverage, noises, parameters
from transfer_audit.core.coverage.places import RoundPlaces, search
from transfer_audit.core.coverage.space import reaching, space_of
from transfer_audit.core.errors import AuditError
from transfer_audit.core.types import Array

Verdict = Literal['covered', 'not covered', 'cannot tell']
EXPLAINED = 0.9
"""Share of an element's samples that the best place within the ranges must explain."""


@dataclass(frozen=True)
class Coverage:
    """Whether a family contains what was measured.

    :param parameters: those to blame first, the one that explains most before the others
    :param rms_inside: what the best place within the ranges leaves, rms in units of noise; `rms_free` without ranges
    :param left_out: rounds that could not be simulated, and why
    """

    verdict: Verdict
    reason: str
    rounds: int
    parameters: tuple[ParameterCoverage, ...]
    elements: tuple[ElementCoverage, ...]
    rms_inside: float
    rms_free: float
    left_out: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The coverage as plain values."""
        return {'schema': 1, **_plain(asdict(self))}

    @property
    def outside(self) -> tuple[ParameterCoverage, ...]:
        """The parameters to blame."""
        return tuple(one for one in self.parameters if one.standing in ('below', 'above'))


def cover(traces: Sequence[Trace], binding: Binding, threads: int = 1) -> Coverage:
    """Judge a family by rounds.

    :raises AuditError: if there are no rounds, or none can be simulated
    """
    rounds, left_out = searched(traces, binding, threads)
    return judged(rounds, left_out, binding, threads)


def searched(traces: Sequence[Trace], binding: Binding, threads: int = 1) -> tuple[list[RoundPlaces], list[str]]:
    """The places of every round that can be simulated, and a sentence for each other one.

    :raises AuditError: if there are no rounds, or none can be simulated
    """
    if not traces:
        raise AuditError('no rounds to judge the family by')
    space = space_of(binding)
    reach, rounds, left_out = reaching(binding, space), [], []
    for trace in traces:
        try:
            rounds.append(search(trace, reach, space, threads))
        except Unsimulated as error:
            left_out.append(str(error))
    if not rounds:
        raise AuditError(f'no round can be simulated: {left_out[0]}')
    return rounds, left_out


def judged(rounds: Sequence[RoundPlaces], left_out: Sequence[str], binding: Binding, threads: int = 1) -> Coverage:
    """Judge a family by rounds that were searched."""
    gathered = Elements(binding, threads)
    for one in rounds:
        gathered.add(one.trace, one)
    elements = gathered.coverage()
    found = [*parameters(rounds), *noises(rounds, binding)]
    found.sort(key=lambda one: (one.standing not in ('below', 'above'), -one.explained))
    excited = {(one.channel, one.element) for one in elements if one.excited}
    missed = {key: share for key, share in summary(elements).items() if key in excited and share < EXPLAINED}
    verdict, reason = _verdict(rounds, found, elements, missed)
    rms = [_rms([place.left for place in side]) for side in ([r.inside for r in rounds], [r.free for r in rounds])]
    return Coverage(verdict, reason, len(rounds), tuple(found), tuple(elements), rms[0], rms[1], tuple(left_out))


def _verdict(
    rounds: Sequence[RoundPlaces],
    parameters: Sequence[ParameterCoverage],
    elements: Sequence[ElementCoverage],
    missed: dict[tuple[str, str], float],
) -> tuple[Verdict, str]:
    outside = [one for one in parameters if one.standing in ('below', 'above')]
    if outside:
        return 'not covered', words.outside(outside, missed)
    if missed:
        return 'not covered', words.missed(missed)
    excited = [one for one in elements if one.excited]
    if not excited:
        return 'cannot tell', 'nothing moved or touched by more than its tolerance'
    if max(one.blocks for one in rounds) < len(rounds[0].space.names) + 3:
        return 'cannot tell', 'too few rounds: all together last too short to tell parameters from chance'
    if all(one.wide for one in excited):
        return 'cannot tell', 'the family is too wide: its members differ by more than what was measured moved'
    still = [one.name for one in parameters if one.standing == 'not excited']
    return 'covered', words.covered(len(rounds), still)


def _rms(parts: Sequence[Array]) -> float:
    left = np.concatenate(parts)
    return float(np.sqrt(np.mean(left**2))) if len(left) else 0.0


def _plain(value: Any) -> Any:
    """The same with null for what is unknown, as JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
