"""Who publishes on a topic that has room for one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy

from transfer_audit.core.errors import AuditError


def publisher_id(info: Any) -> str:
    """What discovery calls a publisher, as text."""
    return bytes(info.endpoint_gid).hex()


def said_of(info: Any) -> str:
    """A publisher as people call it."""
    return f'{info.node_namespace.rstrip("/")}/{info.node_name}'


def created(node: Node, topic: str, create: Callable[[], Any]) -> tuple[Any, str]:
    """A new publisher of this node, and what discovery calls it.

    :raises AuditError: if discovery does not tell it from others
    """
    name = node.resolve_topic_name(topic)
    before = {publisher_id(info) for info in node.get_publishers_info_by_topic(name)}
    publisher = create()
    mine = [
        found
        for info in node.get_publishers_info_by_topic(name)
        if said_of(info) == node.get_fully_qualified_name() and (found := publisher_id(info)) not in before
    ]
    if len(mine) != 1:
        raise AuditError(f'{name}: {len(mine)} publishers appeared at once under the name of this node; start it again')
    return publisher, mine[0]


class Publishers:
    """The publishers of a topic, without those that are `known` to belong there or to be dead.

    :param allowed: how many others may publish there
    """

    def __init__(self, node: Node, topic: str, msgtype: str, known: Collection[str], allowed: int) -> None:
        self._node, self._topic, self._msgtype = node, node.resolve_topic_name(topic), msgtype
        self._known, self._allowed = frozenset(known), allowed

    def fault(self) -> str:
        """What is wrong with them, each named; empty if nothing is."""
        found = self._node.get_publishers_info_by_topic(self._topic)
        others = [info for info in found if publisher_id(info) not in self._known]
        if len(others) > self._allowed:
            names = ', '.join(sorted(map(said_of, others)))
            return f'{self._topic} has room for {self._allowed or "no"} publisher beside the gate, found: {names}'
        for info in others:
            if info.topic_type != self._msgtype:
                return f'{said_of(info)} publishes {info.topic_type} on {self._topic}, {self._msgtype} expected'
            if info.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT:
                return f'{said_of(info)} publishes {self._topic} as best effort, reliable expected'
        return ''
