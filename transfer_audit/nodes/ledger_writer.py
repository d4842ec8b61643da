"""Records each round for good, and says so on `round`: nothing is acknowledged before it is durable."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from transfer_audit.core.errors import LedgerError
from transfer_audit.core.fields import parse_path, walk
from transfer_audit.core.types import Round, to_ns
from transfer_audit.ledger.backend import Unwritable
from transfer_audit.ledger.document import start_of
from transfer_audit.ledger.events import gate_events
from transfer_audit.ledger.files import sha256_of
from transfer_audit.ledger.record import Budgets, RoundRecord, StartRecord, round_record
from transfer_audit.ledger.store import Ledger
from transfer_audit.nodes import convert
from transfer_audit.nodes.node import EVERY_LATCHED, LATCHED, AuditNode, run

VERDICT_S = 10.0
"""How long the verdict of an ended round is waited for."""


class LedgerWriter(AuditNode):
    """Rounds begin and end by its services, or by the round topic of the profile; the divergence node's verdict closes
    them.

    Parameters `policy`, `task` and `bag` go into each round and may be set between rounds.
    """

    def __init__(self) -> None:
        super().__init__('ledger_writer')
        self._ledger = Ledger.open(self.text('ledger') or self.profile.ledger, recover=True)
        left = self._ledger.abort_open('the ledger writer ended before the round did')
        for name in ('policy', 'task', 'bag'):
            self.text(name)
        self._state = 'idle'
        self._verdict = ''
        self._round: Round | None = None
        self._start: StartRecord | None = None
        self._ended_ns = 0
        self._policy = ('', '')
        self._problem = ''
        self._unwritten: deque[Callable[[], Any]] = deque()
        self._next: tuple[int, str] | None = None
        self._gate: dict[str, str] = {}
        self._before: Budgets | None = None
        self._judged: RoundRecord | None = None
        self._publisher = self.create_publisher(DiagnosticStatus, 'round', LATCHED)
        self.create_service(Trigger, 'round/start', self._on_start)
        self.create_service(SetBool, 'round/end', self._on_end)
        self.create_subscription(String, 'divergence/verdict', self._on_verdict, EVERY_LATCHED)
        self.create_subscription(DiagnosticStatus, 'divergence/first', self._on_first, EVERY_LATCHED)
        self.create_subscription(DiagnosticStatus, 'gate/status', self._on_gate, 10)
        if self.profile.round.topic is not None:
            self.listen(self.profile.round.topic, convert.message_class(self.profile.round.type), self._on_mark)
        self.create_timer(0.5, self._tick)
        if self._ledger.lost:
            self.get_logger().error(f'the ledger goes on, but {self._ledger.lost}')
        if left:
            self.get_logger().warning(f'rounds {left} were left open and are aborted now')
        self._say()

    def _write(self, action: Callable[[], Any]) -> tuple[bool, Any]:
        """Do something to the ledger; a failure becomes a state that the gate can see."""
        try:
            found = action()
        except LedgerError as error:
            self._problem = str(error)
            self._say()
            return False, self._problem
        self._problem = ''
        return True, found

    def _keep(self, kind: str, data: Mapping[str, Any]) -> None:
        """Keep an event, in its order, at once or as soon as the ledger can be written."""
        number = self._round_number() if self._state in ('open', 'ended') else None
        self._unwritten.append(lambda: self._ledger.event(number, kind, data))
        self._catch_up()

    def _catch_up(self) -> None:
        """Write what waits; what the ledger itself refuses is said and dropped."""
        while self._unwritten:
            try:
                self._unwritten[0]()
            except Unwritable as error:
                self._problem = str(error)
                return
            except LedgerError as error:
                self.get_logger().warning(str(error))
            self._unwritten.popleft()

    def _on_start(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._state in ('open', 'ended'):
            response.success, response.message = False, f'round {self._round_number()} is {self._state}'
            return response
        response.success, response.message = self._begin(self.now_ns(), self.text('task'))
        return response

    def _on_end(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        if self._state != 'open':
            response.success, response.message = False, f'no round is open (state: {self._state})'
            return response
        response.success, response.message = self._end(self.now_ns(), bool(request.data))
        return response

    def _on_mark(self, message: Any, now_ns: int) -> None:
        """A value of the round topic: a new one ends the running round and, unless empty, starts the next."""
        value = str(walk(message, parse_path(self.profile.round.field))[0])
        if self._state == 'open' and self._round is not None and value != self._round.task:
            self._end(now_ns, None)
        if value and self._state == 'ended':
            self._next = (now_ns, value)
        elif value and self._state != 'open':
            self._begin(now_ns, value)

    def _begin(self, start_ns: int, task: str) -> tuple[bool, str]:
        """Open a round; whether it is recorded, and its number or why not."""
        policy, bag = self.text('policy'), self.text('bag') or None
        start = start_of(self.binding, start_ns, task=task, policy=policy, bag=bag, policy_sha256=self._sha256(policy))
        written, found = self._write(lambda: self._ledger.start(start))
        if written:
            self._start, self._before, self._verdict = start, self._budgets(), ''
            self._round = Round(int(found), start_ns, None, task)
            self._state = 'open'
            self._say()
        return written, str(found)

    def _sha256(self, policy: str) -> str:
        """That of a policy which is a file, read when it is first named."""
        if self._policy[0] != policy:
            self._policy = (policy, sha256_of(Path(policy)))
        return self._policy[1]

    def _end(self, end_ns: int, success: bool | None) -> tuple[bool, str]:
        """End the open round; whether that is recorded, and a sentence. Its verdict closes it."""
        assert self._round is not None
        number = self._round.number
        if success is None:
            written, found = self._write(lambda: self._ledger.event(number, 'ended', {'end_ns': end_ns}))
        else:
            written, found = self._write(lambda: self._ledger.outcome(number, success, end_ns))
        if written:
            self._round = replace(self._round, end_ns=end_ns, success=success)
            self._state, self._ended_ns = 'ended', time.monotonic_ns()
            self._say()
        return written, f'round {number} ended' if written else str(found)

    def _on_verdict(self, message: String) -> None:
        if self._state != 'ended':
            return
        try:
            verdict = json.loads(message.data)
            record = self._record(verdict) if verdict['round'] == self._round_number() else None
        except (ValueError, KeyError, TypeError, LedgerError) as error:
            self.get_logger().warning(f'divergence/verdict: no verdict of a round: {error}')
            return
        if record is not None:
            self._judged = record
            self._close(record)

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
        self._catch_up()
        if self._unwritten:
            return
        written, _ = self._write(lambda: self._ledger.close(record.round, record))
        if written:
            self._judged = None
            self._verdict = record.verdict
            self._over('closed')

    def _over(self, state: str) -> None:
        """A round is done; one that waited for that begins."""
        self._state = state
        self._say()
        following, self._next = self._next, None
        if following is not None:
            self._begin(*following)

    def _on_first(self, message: DiagnosticStatus) -> None:
        values = convert.values_of(message)
        if message.level == DiagnosticStatus.ERROR and self._state in ('open', 'ended'):
            self._keep('divergence', {'says': message.message, **values})

    def _on_gate(self, message: DiagnosticStatus) -> None:
        values = convert.values_of(message)
        for kind in gate_events(self._gate, values):
            self._keep(kind, {'says': message.message, **values})
        self._gate = values

    def _budgets(self) -> Budgets | None:
        if not self._gate:
            return None
        return Budgets(
            force=json.loads(self._gate['force_budget']),
            speed=json.loads(self._gate['speed_budget']),
            failures=json.loads(self._gate['failures_left']),
        )

    def _round_number(self) -> int | None:
        return None if self._round is None else self._round.number

    def _tick(self) -> None:
        """A heartbeat, on which the gate relies; a round without a verdict is aborted; a full disk is tried again."""
        waited_ns = time.monotonic_ns() - self._ended_ns
        if self._problem:
            self._write(lambda: self._ledger.event(None, 'writable again', {'after': self._problem}))
        if not self._problem:
            self._catch_up()
        if self._judged is not None:
            self._close(self._judged)
        elif self._state == 'ended' and waited_ns > to_ns(VERDICT_S) and self._round is not None:
            number = self._round.number
            written, _ = self._write(lambda: self._ledger.abort(number, f'no verdict came within {VERDICT_S:g} s'))
            if written:
                self._over('aborted')
        self._say()

    def _say(self) -> None:
        """Publish state and round; an error level means that rounds cannot be recorded."""
        found = self._round
        values: dict[str, Any] = {'state': self._state, 'verdict': self._verdict}
        if found is not None:
            values |= {'id': found.number, 'task': found.task, 'start_ns': found.start_ns}
            values |= {'end_ns': found.end_ns, 'success': found.success}
        level, text = ('error', self._problem) if self._problem else ('ok', self._state)
        self._publisher.publish(convert.status('round', level, text, values, self.profile.hand))

    def close(self) -> None:
        """A round that is open now will never be judged."""
        if self._state in ('open', 'ended') and self._round is not None:
            number = self._round.number
            self._write_last(lambda: self._ledger.abort(number, 'the ledger writer was stopped'))
        self._ledger.disconnect()

    def _write_last(self, action: Callable[[], None]) -> None:
        try:
            action()
        except LedgerError as error:
            print(error, file=sys.stderr)

    def report(self) -> tuple[str, str, Mapping[str, Any]]:
        """Whether rounds can be recorded."""
        values = {
            'ledger': str(self._ledger.name),
            'round': self._round_number(),
            'waiting': len(self._unwritten),
        }
        return ('error', self._problem, values) if self._problem else ('ok', self._state, values)


def main() -> None:
    """Entry point."""
    sys.exit(run(LedgerWriter))


if __name__ == '__main__':
    main()
