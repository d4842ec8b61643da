"""What happens on a robot -> its ledger: rounds as they begin, end and are judged, and what the gate does meanwhile."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from transfer_audit.core.binding import Binding
from transfer_audit.core.errors import LedgerError
from transfer_audit.core.types import Round, to_ns
from transfer_audit.ledger.backend import Unwritable
from transfer_audit.ledger.document import start_of
from transfer_audit.ledger.events import gate_events
from transfer_audit.ledger.files import sha256_of
from transfer_audit.ledger.record import Budgets, RoundRecord, StartRecord, round_record
from transfer_audit.ledger.recordings import keep
from transfer_audit.ledger.store import Ledger

VERDICT_S = 10.0
"""How long the verdict of an ended round is waited for."""
BURST = 500
"""Events that are committed at once."""


@dataclass(frozen=True)
class Named:
    """What a round is of, as its operator says."""

    task: str
    policy: str
    bag: str | None


class Recorder:
    """Writes what it is told, in that order, and says after each change how things stand. For one thread.

    :param say: told level (ok, error: rounds cannot be recorded), a sentence and values; `warn`: told what was dropped
    """

    def __init__(
        self,
        ledger: Ledger,
        binding: Binding,
        say: Callable[[str, str, Mapping[str, Any]], None],
        warn: Callable[[str], None],
    ) -> None:
        self._ledger, self._binding, self._say_to, self._warn = ledger, binding, say, warn
        self.state, self.problem = 'idle', ''
        self._verdict = ''
        self._round: Round | None = None
        self._start: StartRecord | None = None
        self._ended_ns = 0
        self._policy = ('', '')
        self._unwritten: deque[Callable[[], Any]] = deque()
        self._next: tuple[int, Named] | None = None
        self._gate: dict[str, str] = {}
        self._before: Budgets | None = None
        self._judged: RoundRecord | None = None

    @property
    def number(self) -> int | None:
        """The round that runs, or the last one."""
        return None if self._round is None else self._round.number

    @property
    def waiting(self) -> int:
        """Events that are not written yet."""
        return len(self._unwritten)

    def begin(self, start_ns: int, named: Named) -> tuple[bool, str]:
        """Open a round; whether it is recorded, and its number or why not."""
        if self.state in ('open', 'ended'):
            return False, f'round {self.number} is {self.state}'
        self.flush()
        binding, digest = self._binding, self._sha256(named.policy)
        start = start_of(
            binding, start_ns, task=named.task, policy=named.policy, bag=named.bag, policy_sha256=digest
        )  # fmt: skip
        written, found = self._write(lambda: self._ledger.start(start))
        if written:
            self._start, self._before, self._verdict = start, self._budgets(), ''
            self._round = Round(int(found), start_ns, None, named.task)
            self.state = 'open'
            self.say()
        return written, str(found)

    def end(self, end_ns: int, success: bool | None) -> tuple[bool, str]:
        """End the open round; whether that is recorded, and a sentence. Its verdict closes it."""
        if self.state != 'open' or self._round is None:
            return False, f'no round is open (state: {self.state})'
        self.flush()
        number = self._round.number
        if success is None:
            written, found = self._write(lambda: self._ledger.event(number, 'ended', {'end_ns': end_ns}))
        else:
            written, found = self._write(lambda: self._ledger.outcome(number, success, end_ns))
        if written:
            self._round = replace(self._round, end_ns=end_ns, success=success)
            self.state, self._ended_ns = 'ended', time.monotonic_ns()
            self.say()
        return written, f'round {number} ended' if written else str(found)

    def mark(self, now_ns: int, named: Named) -> None:
        """The hand says which task it is at: a new one ends the running round and, unless empty, starts the next."""
        if self.state == 'open' and self._round is not None and named.task != self._round.task:
            self.end(now_ns, None)
        if named.task and self.state == 'ended':
            self._next = (now_ns, named)
        elif named.task and self.state != 'open':
            self.begin(now_ns, named)

    def verdict(self, text: str) -> None:
        """A verdict as JSON, which closes the round if it is of the one that ended."""
        if self.state != 'ended':
            return
        try:
            verdict = json.loads(text)
            record = self._record(verdict) if verdict['round'] == self.number else None
        except (ValueError, KeyError, TypeError, LedgerError) as error:
            self._warn(f'divergence/verdict: no verdict of a round: {error}')
            return
        if record is not None:
            self._judged = record
            self._close(record)

    def diverged(self, says: str, values: Mapping[str, str]) -> None:
        """The first divergence of the running round."""
        if self.state in ('open', 'ended'):
            self._keep('divergence', {'says': says, **values})

    def gate(self, says: str, values: dict[str, str]) -> None:
        """A status of the gate."""
        for kind in gate_events(self._gate, values):
            self._keep(kind, {'says': says, **values})
        self._gate = values

    def recorded(self, numbers: Sequence[int], sha256: str) -> None:
        """The hash of the recording of earlier rounds."""
        self._write(lambda: keep(self._ledger, numbers, sha256))

    def flush(self) -> None:
        """Write the events that wait, together; what the ledger itself refuses is said and dropped."""
        while self._unwritten:
            burst = list(islice(self._unwritten, BURST))
            try:
                refused = self._together(burst)
            except Unwritable as error:
                self.problem = str(error)
                return
            for _ in burst:
                self._unwritten.popleft()
            for said in refused:
                self._warn(said)

    def tick(self) -> None:
        """A heartbeat, on which the gate relies; a round without a verdict is aborted; a full disk is tried again."""
        waited_ns = time.monotonic_ns() - self._ended_ns
        if self.problem:
            self._write(lambda: self._ledger.event(None, 'writable again', {'after': self.problem}))
        if not self.problem:
            self.flush()
        if self._judged is not None:
            self._close(self._judged)
        elif self.state == 'ended' and waited_ns > to_ns(VERDICT_S) and self._round is not None:
            number = self._round.number
            written, _ = self._write(lambda: self._ledger.abort(number, f'no verdict came within {VERDICT_S:g} s'))
            if written:
                self._over('aborted')
        self.say()

    def stop(self) -> None:
        """A round that is open now will never be judged.

        :raises LedgerError: if that cannot be written
        """
        self.flush()
        if self.state in ('open', 'ended') and self._round is not None:
            self._ledger.abort(self._round.number, 'the ledger writer was stopped')

    def say(self) -> None:
        """Tell state and round; an error level means that rounds cannot be recorded."""
        found = self._round
        values: dict[str, Any] = {'state': self.state, 'verdict': self._verdict}
        if found is not None:
            values |= {'id': found.number, 'task': found.task, 'start_ns': found.start_ns}
            values |= {'end_ns': found.end_ns, 'success': found.success}
        level, text = ('error', self.problem) if self.problem else ('ok', self.state)
        self._say_to(level, text, values)

    def _write(self, action: Callable[[], Any]) -> tuple[bool, Any]:
        """Do something to the ledger; a failure becomes a state that the gate can see."""
        try:
            found = action()
        except LedgerError as error:
            self.problem = str(error)
            self.say()
            return False, self.problem
        self.problem = ''
        return True, found

    def _keep(self, kind: str, data: Mapping[str, Any]) -> None:
        """Keep an event, in its order, at the end of the burst or as soon as the ledger can be written."""
        number = self.number if self.state in ('open', 'ended') else None
        self._unwritten.append(lambda: self._ledger.event(number, kind, data))

    def _together(self, actions: list[Callable[[], Any]]) -> list[str]:
        """Commit actions at once; what was refused of them."""
        refused: list[str] = []
        with self._ledger.together():
            for action in actions:
                try:
                    action()
                except LedgerError as error:
                    refused.append(str(error))
        return refused

    def _sha256(self, policy: str) -> str:
        """That of a policy which is a file, read when it is first named."""
        if self._policy[0] != policy:
            self._policy = (policy, sha256_of(Path(policy)))
        return self._policy[1]

    def _record(self, verdict: dict[str, Any]) -> RoundRecord:
        assert self._round is not None and self._start is not None
        return round_record(
            self._round.number,
            self._start,
            verdict,
            budgets_before=self._before,
            budgets_after=self._budgets(),
            budgets_why=self._gate.get('cut', ''),
        )

    def _close(self, record: RoundRecord) -> None:
        self.flush()
        if self._unwritten:
            return
        written, _ = self._write(lambda: self._ledger.close(record.round, record))
        if written:
            self._judged = None
            self._verdict = record.verdict
            self._over('closed')

    def _over(self, state: str) -> None:
        """A round is done; one that waited for that begins."""
        self.state = state
        self.say()
        following, self._next = self._next, None
        if following is not None:
            self.begin(*following)

    def _budgets(self) -> Budgets | None:
        if not self._gate:
            return None
        return Budgets(
            force=json.loads(self._gate['force_budget']),
            speed=json.loads(self._gate['speed_budget']),
            failures=json.loads(self._gate['failures_left']),
        )
