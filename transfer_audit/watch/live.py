"""Listening to a running pilot. Nothing is spun: what the middleware has kept is taken when a frame is due."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import rclpy
from rclpy.exceptions import InvalidNamespaceException
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from transfer_audit.core.errors import AuditError
from transfer_audit.nodes import convert
from transfer_audit.watch.pilot import Pilot
from transfer_audit.watch.topics import Wanted

DEEP = 200
"""Messages kept of a topic of which each counts: more than come between two frames."""


class Ears:
    """Subscriptions to the wanted topics, in a namespace. Best effort where a driver publishes: it hears both kinds."""

    def __init__(self, topics: Sequence[Wanted], namespace: str = '') -> None:
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        name = f'transfer_audit_watch_{os.getpid()}'
        try:
            self._node = rclpy.create_node(name, namespace=namespace or None, context=self._context)
        except InvalidNamespaceException as error:
            self._context.try_shutdown()
            raise AuditError(f'--namespace {namespace!r} is none: {" ".join(str(error).split())}') from error
        self._heard: list[tuple[Wanted, Any, Any]] = []
        for each in topics:
            made = convert.message_class(each.type)
            subscription = self._node.create_subscription(made, each.topic, lambda _: None, _quality(each))
            self._heard.append((each, made, subscription))

    def read(self, pilot: Pilot) -> int:
        """Hand over what has arrived; the number of messages."""
        pilot.now_ns = time.time_ns()
        count = 0
        for each, made, subscription in self._heard:
            handle = subscription.handle
            with handle:
                while (taken := handle.take_message(made, False)) is not None:
                    pilot.take(each.key, taken[0], pilot.now_ns)
                    count += 1
        return count

    def __enter__(self) -> Ears:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._node.destroy_node()
        self._context.try_shutdown()


def _quality(each: Wanted) -> QoSProfile:
    reliable = ReliabilityPolicy.RELIABLE if each.latched else ReliabilityPolicy.BEST_EFFORT
    durable = DurabilityPolicy.TRANSIENT_LOCAL if each.latched else DurabilityPolicy.VOLATILE
    return QoSProfile(depth=DEEP if each.every else 1, reliability=reliable, durability=durable)
