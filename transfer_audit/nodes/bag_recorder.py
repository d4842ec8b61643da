"""Records the pilot's topics to a bag where `ros2 bag record` is not installed. Messages are written as they arrive."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from transfer_audit.bags.writer import BagWriter
from transfer_audit.core.errors import AuditError
from transfer_audit.nodes import convert
from transfer_audit.nodes.interface import pilot_topics
from transfer_audit.nodes.node import DATA, EVERY_LATCHED, AuditNode, run


class BagRecorder(AuditNode):
    """Writes every topic of the pilot to a new mcap bag at parameter `output`."""

    def __init__(self) -> None:
        super().__init__('bag_recorder')
        output = self.text('output')
        if not output:
            raise AuditError('no output: give the parameter output (-p output:=FOLDER)')
        self._writer = BagWriter(output)
        self._messages = 0
        for topic, (msgtype, latched) in pilot_topics(self.profile).items():
            self._record(self.resolve_topic_name(topic), msgtype, latched)

    def _record(self, topic: str, msgtype: str, latched: bool) -> None:
        self._writer.add_topic(topic, msgtype)

        def take(raw: bytes) -> None:
            self._writer.write_raw(topic, self.now_ns(), raw)
            self._messages += 1

        qos = EVERY_LATCHED if latched else DATA
        self.create_subscription(convert.message_class(msgtype), topic, take, qos, raw=True)

    def close(self) -> None:
        """Finish the bag."""
        self._writer.close()

    def report(self) -> tuple[str, str, Mapping[str, Any]]:
        """How much was written."""
        return 'ok', 'recording', {'messages': self._messages}


def main() -> None:
    """Entry point."""
    sys.exit(run(BagRecorder))


if __name__ == '__main__':
    main()
