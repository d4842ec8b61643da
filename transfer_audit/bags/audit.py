"""A bag -> its verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from transfer_audit.bags.reader import open_bag
from transfer_audit.bags.replay import Replay
from transfer_audit.core.audit import Audit, Watcher
from transfer_audit.core.binding import Binding
from transfer_audit.core.divergence import Law, law_of
from transfer_audit.core.divergence.threshold import raised
from transfer_audit.core.errors import AuditError
from transfer_audit.core.types import NS, Array, Columns, Round, to_ns
from transfer_audit.core.verdict import document

Progress = Callable[[float], None]


def audit_recording(
    bag: Path,
    binding: Binding,
    sim_bag: Path | None = None,
    threads: int = 1,
    progress: Progress | None = None,
    watch: Watcher | None = None,
    law: Law | None = None,
) -> dict[str, Any]:
    """Audit one bag against the profile's family, or against a bag of a simulation.

    :param progress: told the share of the bag that is done
    :param watch: shown every row with its scores
    :param law: alarm levels, else those of the declared noise; see `agreeing_law`
    :returns: the verdict document
    :raises AuditError: if the bag cannot be audited at all
    """
    with ExitStack() as opened:
        replay = Replay(opened.enter_context(open_bag(bag)), binding)
        simulated = Replay(opened.enter_context(open_bag(sim_bag)), binding) if sim_bag is not None else None
        audit = Audit(binding, threads, recorded=simulated is not None, watch=watch, law=law)
        rounds = audit_bag(replay, audit, simulated, progress)
    return document(str(binding.profile.path), str(bag), rounds)


def agreeing_law(bags: Sequence[Path], binding: Binding, threads: int = 1) -> Law:
    """Alarm levels that rounds known to agree demand, with the real autocorrelation of what is left of them.

    :raises AuditError: if a bag cannot be audited at all
    """
    scores: list[Array] = []
    for bag in bags:
        audit_recording(bag, binding, threads=threads, watch=lambda scored: scores.append(scored.scores))
    profile = binding.profile
    correlation_s = np.concatenate([plan.correlation_s for plan in binding.channels])
    law = law_of(profile.false_alarms_per_hour, profile.clock.rate_hz, correlation_s)
    if not scores:
        return law
    return raised(law, np.concatenate(scores), profile.clock.rate_hz, profile.false_alarms_per_hour)


def audit_bag(
    replay: Replay, audit: Audit, simulated: Replay | None = None, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Feed a whole bag to an audit.

    :param simulated: the recording of the simulated side; its rounds are laid over the real ones in order
    :returns: the verdict of each round
    """
    rounds = replay.rounds()
    hold_back_ns = to_ns(replay.binding.profile.clock.hold_back_s)
    for round_ in rounds:
        audit.add_round(round_)
    if simulated is not None:
        _feed_recorded(simulated, audit, rounds)
    found: list[dict[str, Any]] = []
    start, end = replay.bag.start_ns, replay.bag.end_ns
    for until, sources in replay.stretches(start, end):
        for plan, columns in sources:
            if plan is None:
                audit.command(columns)
            else:
                audit.measured(plan.name, columns)
        found += audit.advance(until - hold_back_ns)
        if progress is not None:
            progress((until - start) / max(1, end - start))
    found += audit.advance(end + to_ns(1e3))
    return found


def _feed_recorded(simulated: Replay, audit: Audit, rounds: list[Round]) -> None:
    theirs = simulated.rounds()
    if len(theirs) != len(rounds):
        raise AuditError(f'{simulated.bag.path}: {len(theirs)} simulated rounds for {len(rounds)} real ones')
    for real, sim in zip(rounds, theirs, strict=True):
        shift = real.start_ns - sim.start_ns
        assert sim.end_ns is not None
        for _, sources in simulated.stretches(sim.start_ns - NS, sim.end_ns):
            for plan, columns in sources:
                if plan is not None:
                    moved = Columns(columns.receive_ns + shift, columns.stamp_ns + shift, columns.values)
                    audit.simulated(plan.name, moved)
