"""What members leave of the measurement, in units of noise, over one round or many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.coverage.members import Sampled, simulate
from transfer_audit.core.coverage.space import Space
from transfer_audit.core.types import Array, Stamps, to_ns

BLOCK_S = 0.5
"""Samples closer than this are taken to say the same: errors of a model last. Evidence is counted in such blocks."""
FEWEST_BLOCKS = 12
"""A short round is cut into so many, else nothing could be said of it."""
SMALLEST_NOISE = 1e-9


@dataclass(frozen=True)
class Misfit:
    """What members leave of the measurements.

    :param units: the members, in units of the space, shape (K, P)
    :param left: (measured - simulated) / noise of every sample that is known, shape (K, M)
    :param block: which block of time each sample lies in, shape (M,); blocks of different rounds differ
    :param column: which element, in the order of the channels' columns, shape (M,)
    """

    units: Array
    left: Array
    block: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]

    def with_points(self, other: Misfit) -> Misfit:
        """The same samples with the members of another one besides."""
        return Misfit(
            np.concatenate([self.units, other.units]), np.concatenate([self.left, other.left]), self.block, self.column
        )

    def __getitem__(self, members: slice | list[int] | npt.NDArray[np.intp]) -> Misfit:
        return Misfit(self.units[members], self.left[members], self.block, self.column)


def misfit(traces: Sequence[Trace], binding: Binding, space: Space, units: Array, threads: int = 1) -> Misfit:
    """Simulate the members at points of a space in every round.

    :param binding: the hand, `reaching` as far as the points
    :param units: shape (K, P)
    :raises Unsimulated: if a member cannot be simulated
    """
    family = space.family(units)
    found = [stacked(simulate(trace, binding, family, threads), binding, trace) for trace in traces]
    firsts = np.cumsum([0] + [int(block.max(initial=-1)) + 1 for _, block, _ in found])
    return Misfit(
        units,
        np.concatenate([left for left, _, _ in found], axis=1),
        np.concatenate([block + first for (_, block, _), first in zip(found, firsts, strict=False)]),
        np.concatenate([column for _, _, column in found]),
    )


def stacked(
    sampled: dict[str, Sampled], binding: Binding, trace: Trace
) -> tuple[Array, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """All samples of a round in one row per member: what is left, (K, M), block and column of each, (M,)."""
    left, block, column, first = [], [], [], 0
    for plan in binding.channels:
        one = sampled[plan.name]
        known = ~np.isnan(one.real)
        noise = np.maximum(plan.noise, SMALLEST_NOISE)
        left.append(((one.real - one.members) / noise)[:, known])
        within = blocks_of(trace, one.stamp_ns)
        block.append(np.broadcast_to(within[:, None], known.shape)[known])
        column.append(np.broadcast_to(first + np.arange(known.shape[1]), known.shape)[known])
        first += known.shape[1]
    return np.concatenate(left, axis=1), np.concatenate(block), np.concatenate(column)


def blocks_of(trace: Trace, stamps: Stamps) -> npt.NDArray[np.int64]:
    """The block of time in its round that each stamp lies in, shape (N,)."""
    length = min(to_ns(BLOCK_S), (trace.end_ns - trace.start_ns) // FEWEST_BLOCKS)
    return np.asarray((stamps - trace.start_ns) // max(1, length))
