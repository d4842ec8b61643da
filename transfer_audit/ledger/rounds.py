"""Entries -> rounds: what became of each round that was started."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.chain import Entry
from transfer_audit.ledger.record import KEPT, RoundRecord, StartRecord, upgraded
from transfer_audit.ledger.tables import RECORDING

State = Literal['open', 'closed', 'aborted']


@dataclass(frozen=True)
class LedgerEvent:
    """Something that happened in a round, or between rounds (a gate trip, a cut, a rearm, a divergence)."""

    sequence: int
    round: int | None
    kind: str
    data: dict[str, Any]
    robot: str = ''


@dataclass(frozen=True)
class LedgerRound:
    """A round as the ledger has it.

    :param success: the outcome that was acknowledged, None before that; `end_ns` its time
    :param record: what was judged, if the round was closed
    :param reason: why it was aborted, or ''
    :param robot: in whose chain it is, '' in that of a file's own
    """

    number: int
    state: State
    start: StartRecord
    success: bool | None = None
    end_ns: int | None = None
    record: RoundRecord | None = None
    reason: str = ''
    events: tuple[LedgerEvent, ...] = ()
    robot: str = ''

    def as_json(self) -> dict[str, Any]:
        """The round as plain values."""
        return {
            'robot': self.robot,
            'round': self.number,
            'state': self.state,
            'start': self.start.model_dump(mode='json'),
            'success': self.success,
            'end_ns': self.end_ns,
            'reason': self.reason,
            'record': None if self.record is None else self.record.model_dump(mode='json'),
            'events': [{'sequence': e.sequence, 'kind': e.kind, 'data': e.data} for e in self.events],
        }


def fold(entries: Iterable[Entry], where: str) -> list[LedgerRound]:
    """Every round that was started, in the order of robots and numbers.

    :param where: the ledger, for the error
    :raises LedgerError: if an entry is not as it was written
    """
    rounds: dict[tuple[str, int], LedgerRound] = {}
    with _uncollected():
        for entry in entries:
            if entry.round is not None:
                try:
                    _fold_one(rounds, (entry.robot, entry.round), entry)
                except (ValueError, KeyError, TypeError) as error:
                    raise LedgerError(
                        f'{where}: {entry} is not as it was written; see `transfer-audit ledger verify`'
                    ) from error
    return [rounds[key] for key in sorted(rounds)]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector, which would look through all rounds again and again while they grow in number."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _fold_one(rounds: dict[tuple[str, int], LedgerRound], key: tuple[str, int], entry: Entry) -> None:
    body = json.loads(entry.body)
    if entry.kind == 'start':
        rounds[key] = LedgerRound(key[1], 'open', StartRecord.model_validate(upgraded(body)), robot=key[0])
    elif key in rounds:
        rounds[key] = _after(rounds[key], entry, body)


def event_of(entry: Entry) -> LedgerEvent:
    """An entry of kind `event` as what happened."""
    return _event(entry, json.loads(entry.body))


def _event(entry: Entry, body: dict[str, Any]) -> LedgerEvent:
    return LedgerEvent(entry.sequence, entry.round, body['event'], body['data'], entry.robot)


def _after(round_: LedgerRound, entry: Entry, body: dict[str, Any]) -> LedgerRound:
    if entry.kind == 'close':
        record = RoundRecord.model_validate(upgraded(body), context=KEPT)
        if round_.start.bag_sha256 and not record.bag_sha256:
            record = record.model_copy(update={'bag_sha256': round_.start.bag_sha256})
        end_ns = record.end_ns if round_.end_ns is None else round_.end_ns
        return replace(round_, state='closed', record=record, end_ns=end_ns)
    if entry.kind == 'abort':
        return replace(round_, state='aborted', reason=body['reason'])
    event = _event(entry, body)
    if event.kind == 'outcome':
        round_ = replace(round_, success=event.data['success'], end_ns=event.data['end_ns'])
    elif event.kind == RECORDING:
        round_ = _hashed(round_, event.data['sha256'])
    return replace(round_, events=(*round_.events, event))


def _hashed(round_: LedgerRound, sha256: str) -> LedgerRound:
    """A round that knows the hash of its recording."""
    known = {'bag_sha256': sha256}
    record = round_.record and round_.record.model_copy(update=known)
    return replace(round_, start=round_.start.model_copy(update=known), record=record)
