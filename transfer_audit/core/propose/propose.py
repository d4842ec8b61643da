"""Rounds -> what to change in the family."""

from __future__ import annotations

from collections.abc import Sequence

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.propose.change import Change


def propose(traces: Sequence[Trace], binding: Binding, threads: int = 1) -> list[Change]:
    """The changes that the rounds ask for, the one that explains most of the gap first.

    :param traces: rounds of the hand, as recorded
    :param binding: the hand with its family as it is
    :raises AuditError: if there are no rounds, or none that can be simulated
    """
    raise NotImplementedError
