"""Entries chained by SHA-256: sealing them, and finding where a chain was broken."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from transfer_audit.core.errors import LedgerError

Kind = Literal['start', 'close', 'abort', 'event', 'loss']
BOUNDARIES = ('start', 'close', 'abort', 'loss')
"""Entries whose head is on the disk before the next entry is; that of an event may be lost in a power cut."""

NOTHING = '0' * 64
"""What the first entry follows."""


class Head(NamedTuple):
    """The last entry of a ledger: its sequence and digest. 0 and zeros for an empty one."""

    sequence: int = 0
    sha256: str = NOTHING

    def __str__(self) -> str:
        return f'{self.sequence}:{self.sha256}'

    @staticmethod
    def parse(text: str) -> Head:
        """The head as a report prints it.

        :raises LedgerError: if it is none
        """
        sequence, _, digest = text.strip().partition(':')
        if not (sequence.isdecimal() and len(digest) == 64 and set(digest) <= set('0123456789abcdef')):
            raise LedgerError(f'{text!r} is no head of a ledger; expected SEQUENCE:SHA256 as a report prints it')
        return Head(int(sequence), digest)


class Entry(NamedTuple):
    """One row of the ledger. `body` is canonical JSON text, digests are lower-case hexadecimal.

    :param robot: whose chain it is of, '' in the chain that is a file's own. It is not sealed, so that a copy elsewhere
        has the same digests.
    """

    sequence: int
    kind: str
    round: int | None
    body: str
    previous_sha256: str
    sha256: str
    robot: str = ''

    @property
    def head(self) -> Head:
        """The head of a ledger that ends with this entry."""
        return Head(self.sequence, self.sha256)

    def __str__(self) -> str:
        numbered = self.round is not None and self.kind != 'loss'
        about = f'{self.kind} of round {self.round}' if numbered else str(self.kind)
        return f'entry {self.sequence} ({about.encode("utf-8", "replace").decode()})'


def seal(previous: Head, kind: Kind, round_: int | None, body: str, robot: str = '') -> Entry:
    """The entry that follows `previous`."""
    entry = Entry(previous.sequence + 1, kind, round_, body, previous.sha256, '', robot)
    return entry._replace(sha256=digest(entry))


def digest(entry: Entry) -> str:
    """SHA-256 over the previous digest and the canonical bytes of {sequence, kind, round, body}.

    The body stands there as it is stored, so that not even a space can be added to it. A column that no longer holds
    what it should (bytes for a text) gives another digest, not an error.
    """
    parts = (
        f'{entry.previous_sha256}{{"body":{entry.body},"kind":{_written(entry.kind)},'
        f'"round":{_written(entry.round)},"sequence":{entry.sequence}}}'
    )
    return hashlib.sha256(parts.encode('utf-8', 'surrogatepass')).hexdigest()


_written = json.JSONEncoder(default=repr).encode
# Made once: to make an encoder takes as long as to use it.


@dataclass
class Chain:
    """A chain as far as it was read: what is wrong with it and how it ends.

    :param tail: the entries from that of `head` on
    """

    head: Head
    entries: int = 0
    last: Head = field(default_factory=Head)
    problems: list[str] = field(default_factory=list)
    tail: list[Entry] = field(default_factory=list)
    _broken: list[Entry] = field(default_factory=list)
    _intact: bool = True

    def read(self, entries: Iterable[Entry]) -> None:
        """Follow the chain through all entries, in the order of their sequence."""
        for entry in entries:
            if not isinstance(entry.sequence, int):
                self.problems.append(f'after entry {self.last.sequence} stands one whose sequence is no number')
                continue
            self._follow(entry)
            if entry.sequence >= self.head.sequence:
                self.tail.append(entry)
        self.problems += [_broken(entry, self._broken) for entry in self._broken]

    def _follow(self, entry: Entry) -> None:
        expected = self.last.sequence + 1
        intact = digest(entry) == entry.sha256
        if entry.sequence != expected:
            self.problems.append(_missing(expected, entry.sequence - 1, 'deleted'))
        elif entry.previous_sha256 != self.last.sha256 and intact and self._intact:
            self.problems.append(f'{entry} does not follow entry {expected - 1}: one of the two was put there later')
        if not intact:
            self._broken.append(entry)
        elif entry.kind == 'loss':
            self.problems.append(f'before {entry} was written: {json.loads(entry.body)["problem"]}')
        self.entries += 1
        self.last, self._intact = entry.head, intact


def _missing(first: int, last: int, how: str) -> str:
    if first > last:
        return f'entry {last} stands where entry {first} belongs'
    return f'entry {first} was {how}' if first == last else f'entries {first} to {last} were {how}'


def _broken(entry: Entry, broken: Sequence[Entry]) -> str:
    """A changed entry, told apart from one that was sealed at another place of the same chain."""
    nearby = range(max(1, entry.sequence - 20), entry.sequence + 20)
    for sequence in (*nearby, *(other.sequence for other in broken[:200])):
        if digest(entry._replace(sequence=sequence)) == entry.sha256:
            return f'{entry} was moved: it was written as entry {sequence}'
    return f'{entry} was edited: its content is not what its digest was made of'


def head_problem(head: Head, tail: Sequence[Entry], last: Head) -> str:
    """Why a ledger that ends with `last` cannot have this head, or ''. A head that a crash left behind is none.

    :param tail: the entries from the head's own on
    """
    if head.sequence > last.sequence:
        return f'{_missing(last.sequence + 1, head.sequence, "cut off")}: the head speaks of entry {head.sequence}'
    later = list(tail)
    if head.sequence:
        own = later.pop(0) if later and later[0].sequence == head.sequence else None
        if own is None or own.sha256 != head.sha256:
            return f'entry {head.sequence} is not the one the head speaks of ({head.sha256[:12]}…)'
    if any(entry.kind in BOUNDARIES for entry in later[:-1]):
        return f'the head is {len(later)} entries behind, more than a crash can leave'
    return ''


def head_note(head: Head, last: Head) -> str:
    """How far a crash left the head behind, or ''."""
    behind = last.sequence - head.sequence
    return f'the head is behind by {"one entry" if behind == 1 else f"{behind} entries"}' if behind > 0 else ''
