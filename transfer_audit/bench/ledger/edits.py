"""Random edits of a ledger's file: each is found, refused by SQLite, or changes nothing that the ledger says."""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transfer_audit.bench.ledger.rounds import play
from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.store import Ledger

ROUNDS = 12


@dataclass(frozen=True)
class Edits:
    """How many edits there were of each kind: `found`, `refused`, `unused` (bytes that hold nothing), and `unseen`:
    the ledger says something else and `verify` found nothing."""

    edits: int
    found: int
    refused: int
    unused: int
    unseen: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether none went unseen."""
        return not self.unseen and self.found > 0


def edit(edits: int, seed: int, say: Callable[[str], None]) -> Edits:
    """Edit the file, and the rows behind the ledger's back, each edit on a fresh copy."""
    draw, counts, unseen = random.Random(seed), Counter[str](), []
    with tempfile.TemporaryDirectory(prefix='transfer_audit_edits_') as name:
        folder = Path(name)
        whole = _whole(folder / 'whole.db')
        truth = _told(whole)
        for number in range(edits):
            path = folder / 'edited.db'
            for suffix in ('-wal', '-shm'):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            shutil.copyfile(whole, path)
            shutil.copyfile(f'{whole}.head', f'{path}.head')
            what = _edited_bytes(path, draw) if number % 2 else _edited_row(path, draw)
            outcome = _outcome(path, truth)
            counts[outcome] += 1
            if outcome == 'unseen':
                unseen.append(what)
            if number % 1000 == 999:
                say(f'{number + 1} edits: {dict(counts)}')
    return Edits(edits, counts['found'], counts['refused'], counts['unused'], tuple(unseen))


def _whole(path: Path) -> Path:
    with Ledger.open(path) as ledger:
        for task in range(ROUNDS):
            play(ledger, task)
    connection = sqlite3.connect(path)
    connection.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    connection.close()
    return path


def _told(path: Path) -> list[object]:
    with Ledger.open(path, read_only=True) as ledger:
        return [round_.as_json() for round_ in ledger.rounds()]


def _outcome(path: Path, truth: list[object]) -> str:
    try:
        with Ledger.open(path, read_only=True) as ledger:
            if not ledger.verify().ok:
                return 'found'
        return 'unused' if _told(path) == truth else 'unseen'
    except LedgerError:
        return 'refused'


def _edited_bytes(path: Path, draw: random.Random) -> str:
    """One to sixteen bytes of the file, or a stretch of it gone."""
    content = bytearray(path.read_bytes())
    at = draw.randrange(len(content))
    if draw.random() < 0.1:
        del content[at : at + draw.randrange(1, 4096)]
    else:
        length = draw.choice((1, 1, 4, 16))
        content[at : at + length] = draw.randbytes(length)
    path.write_bytes(content)
    return f'bytes from {at}'


def _edited_row(path: Path, draw: random.Random) -> str:
    """What somebody with a database shell can do to entries."""
    connection = sqlite3.connect(path)
    entries = connection.execute('SELECT count(*) FROM entries').fetchone()[0]
    one, other = draw.randrange(1, entries + 1), draw.randrange(1, entries + 1)
    statement = draw.choice((
        f'DELETE FROM entries WHERE sequence = {one}',
        f'DELETE FROM entries WHERE sequence >= {one}',
        f"UPDATE entries SET body = replace(body, 'true', 'false') || ' ' WHERE sequence = {one}",
        f"UPDATE entries SET body = body || ' ' WHERE sequence = {one}",
        f'UPDATE entries SET round = coalesce(round, 0) + 1 WHERE sequence = {one}',
        f"UPDATE entries SET kind = 'abort' || kind WHERE sequence = {one}",
        f"UPDATE entries SET sha256 = previous_sha256 WHERE sequence = {one}",
        f'UPDATE entries SET body = (SELECT body || char(32) FROM entries WHERE sequence = {other}) '
        f'WHERE sequence = {one}',
        f'INSERT INTO entries SELECT robot, {entries} + 1, kind, round, body, previous_sha256, sha256 FROM entries '
        f'WHERE sequence = {one}',
    ))  # fmt: skip
    with connection:
        connection.execute(statement)
    connection.close()
    return statement


def row(found: Edits) -> str:
    """For people."""
    return (
        f'{found.edits} edits: {found.found} found, {found.refused} refused by SQLite, {found.unused} in bytes that '
        f'hold nothing, {len(found.unseen)} unseen' + ''.join(f'\n  {what}' for what in found.unseen[:5])
    )  # fmt: skip
