"""The topics that a watcher listens to."""

from __future__ import annotations

from dataclasses import dataclass

from transfer_audit.core.binding import Binding
from transfer_audit.nodes.interface import own_topics, pilot_topics

REAL = 'evidence/real'
"""The real side in a bag of evidence, in place of the hand's own topics."""


@dataclass(frozen=True)
class Wanted:
    """One topic.

    :param key: what `Pilot.take` calls it
    :param every: each message counts; else the newest is enough
    :param own: this package publishes it; else the hand's driver does
    """

    key: str
    topic: str
    type: str
    latched: bool
    every: bool
    own: bool = True


def wanted(binding: Binding | None) -> list[Wanted]:
    """What to listen to; without a profile there are no forces."""
    every = {name for name, (msgtype, _) in own_topics().items() if msgtype != 'sensor_msgs/msg/JointState'}
    found = [
        Wanted(name, name, msgtype, latched, name in every) for name, (msgtype, latched) in own_topics().items()
    ]  # fmt: skip
    if binding is None:
        return found
    topics = pilot_topics(binding.profile)
    for plan in binding.channels:
        if plan.kind == 'force':
            msgtype, _ = topics[plan.topic]
            found.append(Wanted(f'real/{plan.name}', plan.topic, msgtype, False, False, own=False))
            shadow = f'shadow/{plan.name}'
            found.append(Wanted(shadow, shadow, topics[shadow][0], False, False))
    return found
