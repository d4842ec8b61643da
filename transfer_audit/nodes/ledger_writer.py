"""Records each round for good, and says so on `round`: nothing is acknowledged before it is durable."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from threading import Thread
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.task import Future
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from transfer_audit.core.errors import LedgerError
from transfer_audit.core.fields import parse_path, walk
from transfer_audit.ledger.courier import Courier
from transfer_audit.ledger.place import is_server, own_book, this_robot
from transfer_audit.ledger.recorder import Named, Recorder
from transfer_audit.ledger.recordings import hashes
from transfer_audit.ledger.store import Ledger
from transfer_audit.ledger.worker import Worker
from transfer_audit.nodes import convert
from transfer_audit.nodes.node import EVERY_LATCHED, LATCHED, AuditNode, run

TICK_S = 0.5
LOOK_S = 0.001
"""How often the executor looks whether what a service waits for is durable."""
LAST_WORDS_S = 10.0
"""How long the disk may take to abort a round when the node ends."""


class LedgerWriter(AuditNode):
    """Rounds begin and end by its services, or by the round topic of the profile; the divergence node's verdict closes
    them. Everything is decided and written in turn by a `Recorder` on a thread of its own; callbacks only hand over.

    Parameters `policy`, `task` and `bag` go into each round and may be set between rounds. Where `ledger` is on a
    server, rounds are recorded in a book of this robot's own, which a `Courier` sends there as the chain of `robot`.
    """

    def __init__(self) -> None:
        super().__init__('ledger_writer')
        self._ledger, self._courier = self._open()
        left = self._ledger.abort_open('the ledger writer ended before the round did')
        for name in ('policy', 'task', 'bag'):
            self.text(name)
        self._publisher = self.create_publisher(DiagnosticStatus, 'round', LATCHED)
        self._recorder = Recorder(self._ledger, self.binding, self._say, self._warn)
        self._worker = Worker(self._written, self._recorder.tick, TICK_S, lambda: self.stop.set_result(None))
        # The callback of a future wakes the single-threaded executor; that of events looks after what waits only when
        # something else is ready.
        self._asked, self._look = 0, self.create_timer(LOOK_S, lambda: None, clock=self.steady)
        self._look.cancel()
        self.create_service(Trigger, 'round/start', self._on_start)
        self.create_service(SetBool, 'round/end', self._on_end)
        self.create_subscription(String, 'divergence/verdict', self._on_verdict, EVERY_LATCHED)
        self.create_subscription(DiagnosticStatus, 'divergence/first', self._on_first, EVERY_LATCHED)
        self.create_subscription(DiagnosticStatus, 'gate/status', self._on_gate, 10)
        if self.profile.round.topic is not None:
            self.listen(self.profile.round.topic, convert.message_class(self.profile.round.type), self._on_mark)
        if self._ledger.lost:
            self.get_logger().error(f'the ledger goes on, but {self._ledger.lost}')
        if left:
            self.get_logger().warning(f'rounds {left} were left open and are aborted now')
        self._recorder.say()
        self._worker.start()
        Thread(target=self._hash_recordings, name='hashes', daemon=True).start()
        if self._courier is not None:
            self._courier.start()

    def _open(self) -> tuple[Ledger, Courier | None]:
        """The book of this robot, and what sends it to the server, if there is one."""
        where, robot = self.text('ledger') or self.profile.ledger, self.text('robot')
        book = own_book(where, robot)
        if not is_server(where):
            return Ledger.open(book, recover=True), None
        try:
            book.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerError(f'{book.parent}: cannot be made: {error.strerror}; set ROS_HOME') from error
        return Ledger.open(book, recover=True), Courier(book, where, robot or this_robot())

    def _hash_recordings(self) -> None:
        """Of earlier rounds, whose recordings are complete by now. A large one takes a while."""
        try:
            with Ledger.open(self._ledger.file(), read_only=True) as ledger:
                for _, numbers, sha256 in hashes(ledger):
                    self._worker.do(partial(self._recorder.recorded, numbers, sha256))
        except LedgerError as error:
            self._warn(str(error))

    def _written(self) -> None:
        """The end of a burst: its events are committed together, and sent."""
        self._recorder.flush()
        if self._courier is not None:
            self._courier.wake()

    def _named(self, task: str) -> Named:
        return Named(task, self.text('policy'), self.text('bag') or None)

    async def _on_start(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        now_ns, named = self.now_ns(), self._named(self.text('task'))
        response.success, response.message = await self._done(lambda: self._recorder.begin(now_ns, named))
        return response

    async def _on_end(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        now_ns, success = self.now_ns(), bool(request.data)
        response.success, response.message = await self._done(lambda: self._recorder.end(now_ns, success))
        return response

    async def _done(self, work: Callable[[], tuple[bool, str]]) -> tuple[bool, str]:
        """What the recorder answers; the executor goes on meanwhile."""
        answer: Any = Future(executor=self.executor)
        answer.add_done_callback(lambda _: None)
        self._worker.do(lambda: answer.set_result(work()))
        self._asked += 1
        self._look.reset()
        done, says = await answer
        self._asked -= 1
        if not self._asked:
            self._look.cancel()
        return done, says

    def _on_mark(self, message: Any, now_ns: int) -> None:
        named = self._named(str(walk(message, parse_path(self.profile.round.field))[0]))
        self._worker.do(lambda: self._recorder.mark(now_ns, named))

    def _on_verdict(self, message: String) -> None:
        self._worker.do(lambda: self._recorder.verdict(message.data))

    def _on_first(self, message: DiagnosticStatus) -> None:
        if message.level == DiagnosticStatus.ERROR:
            self._worker.do(lambda: self._recorder.diverged(message.message, convert.values_of(message)))

    def _on_gate(self, message: DiagnosticStatus) -> None:
        self._worker.do(lambda: self._recorder.gate(message.message, convert.values_of(message)))

    def _say(self, level: str, text: str, values: Mapping[str, Any]) -> None:
        self._publisher.publish(convert.status('round', level, text, values, self.profile.hand))

    def _warn(self, text: str) -> None:
        self.get_logger().warning(text)

    def close(self) -> None:
        """Write what waits and abort the round that is open; send that, if the server is there."""
        self._worker.do(self._last_words)
        ended = self._worker.stop(LAST_WORDS_S)
        if self._courier is not None:
            self._courier.stop()
        if self._worker.failure is not None:
            raise self._worker.failure
        if ended:
            self._ledger.disconnect()

    def _last_words(self) -> None:
        try:
            self._recorder.stop()
        except LedgerError as error:
            print(error, file=sys.stderr)

    def report(self) -> tuple[str, str, Mapping[str, Any]]:
        """Whether rounds can be recorded, and how many entries wait for the server."""
        found, text = self._recorder, self._recorder.state
        values = {'ledger': self._ledger.name, 'round': found.number, 'waiting': found.waiting}
        level = 'ok'
        if self._courier is not None:
            sent, problem = self._courier.sent, self._courier.problem
            values['unsent'] = unsent = self._ledger.last.sequence - (sent.sequence if sent else 0)
            if problem:
                level = 'warn'
                text += f'; {"" if sent else "up to "}{unsent} entries wait to be sent: {problem}'
        return ('error', found.problem, values) if found.problem else (level, text, values)


def main() -> None:
    """Entry point."""
    sys.exit(run(LedgerWriter))


if __name__ == '__main__':
    main()
