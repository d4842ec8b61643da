"""Subscriptions that follow what publishers offer, and know when each message arrived."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

DEPTH = 1000
"""What may wait while the machine does something else: a second at 1 kHz."""
Taken = Callable[[Any, int], None]


class Input:
    """A subscription: reliable and deep, or best effort where a publisher offers no better.

    One that is read `at_turns` is kept from the executor. Its messages are then told with the time at which the
    middleware received them, however long they waited for the process; others with the time they are handled.
    """

    def __init__(
        self, node: Any, topic: str, msgtype: Any, callback: Taken, at_turns: bool, latched: bool = False,
        raw: bool = False,
    ) -> None:  # fmt: skip
        self.topic, self.heard = topic, False
        self._quiet = True
        self._node, self._msgtype, self._callback = node, msgtype, callback
        self._at_turns, self._raw = at_turns, raw
        self._durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
        self._reliability = ReliabilityPolicy.RELIABLE
        self._subscription = self._subscribe()

    def _subscribe(self) -> Any:
        qos = QoSProfile(depth=DEPTH, reliability=self._reliability, durability=self._durability)
        made = self._node.create_subscription(self._msgtype, self.topic, self._handle, qos, raw=self._raw)
        if self._at_turns:
            self._node.waiting.append(made)
        return made

    def _handle(self, message: Any) -> None:
        self._take(message, self._node.now_ns())

    def _take(self, message: Any, arrived_ns: int) -> None:
        self.heard, self._quiet = True, False
        self._callback(message, arrived_ns)

    def read(self) -> None:
        """Take what has arrived, if that is left to the node's turns."""
        if not self._at_turns:
            return
        handle = self._subscription.handle
        with handle:
            while (taken := handle.take_message(self._msgtype, self._raw)) is not None:
                message, info = taken
                self._take(message, self._node.arrived_ns(int(info['received_timestamp'])))

    def adapt(self) -> None:
        """If nothing came since the last time, take what the weakest publisher offers: a reliable subscription hears
        nothing of a best-effort publisher. Asking takes milliseconds, so it is not done while data flow."""
        quiet, self._quiet = self._quiet, True
        if not quiet:
            return
        offers = self._node.get_publishers_info_by_topic(self._node.resolve_topic_name(self.topic))
        weak = any(offer.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT for offer in offers)
        wanted = ReliabilityPolicy.BEST_EFFORT if weak else ReliabilityPolicy.RELIABLE
        if offers and wanted != self._reliability:
            if self._at_turns:
                self._node.waiting.remove(self._subscription)
            self._node.destroy_subscription(self._subscription)
            self._reliability = wanted
            self._subscription = self._subscribe()
