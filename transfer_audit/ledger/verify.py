"""Is the ledger what was once written? Every chain, its stored head, and a head known from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa

from transfer_audit.ledger.backend import Backend, Stored
from transfer_audit.ledger.chain import Chain, Entry, Head, head_note, head_problem
from transfer_audit.ledger.tables import FROM


@dataclass(frozen=True)
class Verification:
    """What was found.

    :param entries: in all chains
    :param head: the last entry of the ledger's own chain, or of the one chain that was asked for
    :param problems: one sentence for each place where the ledger is not what was written; empty if `ok`
    :param notes: what a crash explains
    :param heads: robot -> the last entry of its chain, of all chains
    """

    ok: bool
    entries: int
    head: Head
    problems: list[str]
    notes: list[str]
    heads: dict[str, Head] = field(default_factory=dict)


def verify(
    backend: Backend, connection: sa.Connection, own: str, only: str | None = None, known: Head | None = None
) -> Verification:
    """Follow each chain from its first entry to its last.

    :param connection: in a transaction that has not read yet
    :param own: the chain whose head is asked for; `only`: the one chain to be followed, all if None
    :param known: a head that a report printed, of any of the chains that are followed
    """
    stored = backend.stored(connection)
    robots = sorted(stored, key=str) if only is None else [only]
    chains = {robot: _followed(connection, robot, stored.get(robot, Stored(None, ''))) for robot in robots or [own]}
    problems = [_of(robot, problem) for robot, chain in chains.items() for problem in chain.problems]
    if known is not None:
        against = {robot: known_problem(connection, robot, known, chain.last) for robot, chain in chains.items()}
        if all(against.values()):
            first = own if own in against else next(iter(against))
            problems.append(_of(first, against[first]))
    notes = [(robot, head_note(chain.head, chain.last)) for robot, chain in chains.items()]
    return Verification(
        ok=not problems,
        entries=sum(chain.entries for chain in chains.values()),
        head=chains[own].last if own in chains else Head(),
        problems=problems,
        notes=[] if problems else [_of(robot, note) for robot, note in notes if note],
        heads={robot: chain.last for robot, chain in chains.items()},
    )


_WHOLE = FROM.execution_options(yield_per=500)


def _followed(connection: sa.Connection, robot: str, stored: Stored) -> Chain:
    """One chain, with what its stored head has against it."""
    chain = Chain(stored.head or Head())
    rows = connection.execute(_WHOLE, {'chain': robot, 'first': -(2**62)})
    chain.read(Entry(*row) for row in rows)
    if stored.head is None and not stored.problem and chain.entries > 1:
        chain.problems.append(f'{stored.where} is missing, so that a cut-off tail cannot be excluded')
    else:
        chain.problems += filter(None, [stored.against(chain.tail, chain.last)])
    return chain


def _of(robot: str, sentence: str) -> str:
    """Where there are several chains, the sentence says of which it is; a file's own needs no name."""
    return f'{robot}: {sentence}' if robot else sentence


def known_problem(connection: sa.Connection, robot: str, known: Head, last: Head) -> str:
    """Why a head that is known from elsewhere is none of this chain, or ''."""
    row = connection.execute(FROM.limit(1), {'chain': robot, 'first': known.sequence}).first()
    problem = head_problem(known, [Entry(*row)] if row else [], last)
    return f'against the head {known.sequence}:{known.sha256[:12]}…: {problem}' if problem else ''
