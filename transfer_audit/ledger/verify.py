"""Is the ledger what was once written? The whole chain, its stored head, and a head known from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.chain import Chain, Entry, Head, head_note, head_problem
from transfer_audit.ledger.database import entries
from transfer_audit.ledger.head import HeadFile


@dataclass(frozen=True)
class Verification:
    """What was found.

    :param head: the last entry
    :param problems: one sentence for each place where the ledger is not what was written; empty if `ok`
    :param notes: what a crash explains
    """

    ok: bool
    entries: int
    head: Head
    problems: list[str]
    notes: list[str]


def verify(connection: sa.Connection, file: HeadFile, known: Head | None = None) -> Verification:
    """Follow the chain from its first entry to its last.

    :param connection: in a transaction that has not read yet
    :param known: a head that a report printed
    """
    stored, problems = _stored(connection, file)
    chain = Chain(stored or Head())
    rows = sa.select(entries).order_by(entries.c.sequence).execution_options(yield_per=500)
    chain.read(Entry(*row) for row in connection.execute(rows))
    if stored is None and not problems and chain.entries > 1:
        problems = [f'{file.path} is missing, so that a cut-off tail cannot be excluded']
    if not problems:
        problems = list(filter(None, [head_problem(chain.head, chain.tail, chain.last)]))
    if known is not None:
        problems += filter(None, [known_problem(connection, known, chain.last)])
    problems = chain.problems + problems
    notes = [] if problems else list(filter(None, [head_note(chain.head, chain.last)]))
    return Verification(not problems, chain.entries, chain.last, problems, notes)


def last_of(connection: sa.Connection) -> Head:
    """The last entry."""
    row = connection.execute(_LAST).first()
    return Head(*row) if row else Head()


_LAST = sa.select(entries.c.sequence, entries.c.sha256).order_by(entries.c.sequence.desc()).limit(1)


def _stored(connection: sa.Connection, file: HeadFile) -> tuple[Head | None, list[str]]:
    """The stored head as it was when the transaction's view of the entries began, and what is wrong with the file."""
    with file.locked():
        last_of(connection)
        try:
            return file.read(), []
        except LedgerError as error:
            return None, [str(error)]


def known_problem(connection: sa.Connection, known: Head, last: Head) -> str:
    """Why a head that is known from elsewhere is none of this chain, or ''."""
    row = connection.execute(sa.select(entries).where(entries.c.sequence == known.sequence)).first()
    problem = head_problem(known, [Entry(*row)] if row else [], last)
    return f'against the head {known.sequence}:{known.sha256[:12]}…: {problem}' if problem else ''
