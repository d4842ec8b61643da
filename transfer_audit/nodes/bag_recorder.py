"""Records the pilot's topics to a bag where `ros2 bag record` is not installed. Messages are written as they arrive."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from transfer_audit.bags.writer import BagWriter
from transfer_audit.core.errors import AuditError
from transfer_audit.nodes import convert
from transfer_audit.nodes.interface import pilot_topics
from transfer_audit.nodes.node import AuditNode, run

PERIOD_S = 0.05


class BagRecorder(AuditNode):
    """Writes every topic of the pilot to a new mcap bag at parameter `output`."""

    at_turns = True

    def __init__(self) -> None:
        super().__init__('bag_recorder')
        output = self.text('output')
        if not output:
            raise AuditError('no output: give the parameter output (-p output:=FOLDER)')
        self._writer = BagWriter(output)
        self._messages = 0
        self._arrived: list[tuple[int, str, bytes]] = []
        for topic, (msgtype, latched) in pilot_topics(self.profile).items():
            self._record(self.resolve_topic_name(topic), msgtype, latched)
        self.every(PERIOD_S, lambda _: self._write())

    def _record(self, topic: str, msgtype: str, latched: bool) -> None:
        self._writer.add_topic(topic, msgtype)

        def take(raw: bytes, arrived_ns: int) -> None:
            self._arrived.append((arrived_ns, topic, raw))

        self.listen(topic, convert.message_class(msgtype), take, latched, raw=True)

    def _write(self) -> None:
        """Write what has arrived, in the order in which it did."""
        for arrived_ns, topic, raw in sorted(self._arrived, key=itemgetter(0)):
            self._writer.write_raw(topic, arrived_ns, raw)
        self._messages += len(self._arrived)
        self._arrived.clear()

    def close(self) -> None:
        """Finish the bag."""
        self._write()
        self._writer.close()

    def report(self) -> tuple[str, str, Mapping[str, Any]]:
        """How much was written."""
        return 'ok', 'recording', {'messages': self._messages}


def main() -> None:
    """Entry point."""
    sys.exit(run(BagRecorder))


if __name__ == '__main__':
    main()
