"""The tables of a ledger, the same in every database, and its schema version."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

RECORDING = 'recording'
"""The event that keeps the hash of a round's recording."""
SCHEMA = 3
"""2 added to what is kept of a round, see `record.upgraded`; 3 gave every entry the robot whose chain it is of."""

metadata = sa.MetaData()
entries = sa.Table(
    'entries',
    metadata,
    sa.Column('sequence', sa.BigInteger, autoincrement=False),
    sa.Column('kind', sa.Text, nullable=False),
    sa.Column('round', sa.BigInteger),
    sa.Column('body', sa.Text, nullable=False),
    sa.Column('previous_sha256', sa.String(64), nullable=False),
    sa.Column('sha256', sa.String(64), nullable=False),
    sa.Column('robot', sa.Text, nullable=False, server_default=''),
    sa.PrimaryKeyConstraint('robot', 'sequence'),
    sa.Index('entries_of_round', 'robot', 'round'),
    # What is read in the order of the key then lies in one place: an edit of it cannot hide behind an index.
    sqlite_with_rowid=False,
)
"""`robot` is '' in the chain that is a file's own. Of a chain each sequence stands once: the key keeps it so."""

HIGHEST_ROUND = sa.select(sa.func.max(entries.c.round)).where(entries.c.robot == sa.bindparam('chain'))
LAST = (
    sa.select(entries.c.sequence, entries.c.sha256)
    .where(entries.c.robot == sa.bindparam('chain'))
    .order_by(entries.c.sequence.desc())
    .limit(1)
)
FROM = (
    sa.select(entries)
    .where(entries.c.robot == sa.bindparam('chain'), entries.c.sequence >= sa.bindparam('first'))
    .order_by(entries.c.sequence)
)
INSERT = entries.insert()
# Built once: to build a query takes as long as to run it.

_place = entries.alias('place')


def _in_chain(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Entries of a chain, found by the index: asked directly, SQLite looks through the whole chain in its order."""
    chain: sa.BindParameter[str] = sa.bindparam('chain')
    found = sa.select(_place.c.sequence).where(_place.c.robot == chain, condition)
    return (
        sa.select(entries).where(entries.c.robot == chain, entries.c.sequence.in_(found)).order_by(entries.c.sequence)
    )


_ends = entries.c.kind.in_(('close', 'abort'))
OPEN_ROUNDS = (
    sa.select(entries.c.round)
    .where(entries.c.robot == sa.bindparam('chain'), (entries.c.kind == 'start') | _ends)
    .group_by(entries.c.round)
    .having(sa.func.sum(sa.case((_ends, 1), else_=0)) == 0)
    .order_by(entries.c.round)
)
_starts = (entries.c.robot == sa.bindparam('chain')) & (entries.c.kind == 'start')
STARTS = sa.select(entries.c.round, entries.c.body).where(_starts).order_by(entries.c.sequence)
HASHED = sa.select(entries.c.round).where(
    entries.c.robot == sa.bindparam('chain'),
    entries.c.kind == 'event',
    entries.c.body.endswith(f'"event":"{RECORDING}"}}', autoescape=True),
)
"""Rounds whose recording was hashed: bodies are canonical, so that the name of the event stands last."""
OF_ROUND = _in_chain(_place.c.round == sa.bindparam('number'))
BETWEEN_ROUNDS = _in_chain(_place.c.round.is_(None))
