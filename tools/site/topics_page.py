"""The topics of a pilot, from the function that the recorder and the launch file use."""

from __future__ import annotations

import re

import tables

from transfer_audit.core.profile import load_profile
from transfer_audit.nodes.interface import pilot_topics
from transfer_audit.resources import hand_profile

MEANINGS = {
    'policy_command': ('policy', 'what the policy asks for'),
    'shadow/joint_states': ('shadow_sim', 'the median of every joint of the family'),
    'divergence/scores': ('divergence', 'the score of each element, 1.0 = alarm level; names are `channel/element`'),
    'divergence/pose': ('divergence', 'the worst score of an element of this kind, 1.0 = alarm level'),
    'divergence/force': ('divergence', 'the same'),
    'divergence/slip': ('divergence', 'the same'),
    'divergence/timing': ('divergence', 'the same'),
    'divergence/first': ('divergence', 'the first divergence of the round: channel, element, onset, interval, values'),
    'divergence/watching': ('divergence', '20 Hz: rows are compared (true), or no round runs (false)'),
    'divergence/verdict': ('divergence', 'the verdict of the round, as JSON'),
    'gate/status': ('safety_gate', 'state, reason, budgets, latency, overshoot to expect'),
    'gate/budget/force': ('safety_gate', 'the smallest share of a force budget that is left, 0 to 1'),
    'gate/budget/speed': ('safety_gate', 'the share of the speed budgets that is left, 0 to 1'),
    'gate/budget/failures': ('safety_gate', 'the share of the failed rounds that is still allowed, 0 to 1'),
    'round': ('ledger_writer', 'id, state, task, outcome'),
    '/diagnostics': ('every node', '1 Hz'),
}
SERVICES = (
    ('gate/stop', 'std_srvs/srv/Trigger', 'safety_gate', 'stop, durably: survives restarts'),
    ('gate/rearm', 'std_srvs/srv/Trigger', 'safety_gate', 'the only way out of a stop; not while its cause persists'),
    ('gate/pause', 'std_srvs/srv/Trigger', 'safety_gate', 'hold until `gate/resume`'),
    ('gate/resume', 'std_srvs/srv/Trigger', 'safety_gate', 'go on after a pause'),
    ('round/start', 'std_srvs/srv/Trigger', 'ledger_writer', 'start a round'),
    ('round/end', 'std_srvs/srv/SetBool', 'ledger_writer', 'end it; data: the task succeeded'),
)


def page() -> str:
    """The whole page, with the emulated hand as the example."""
    profile = load_profile(hand_profile('emulated_hand'))
    own = {profile.command.topic: ('safety_gate', 'the command topic of the profile: what reaches the hand')}
    own |= {channel.topic: ('driver', f'channel `{name}` of the profile') for name, channel in profile.channels.items()}
    own |= {f'shadow/{name}': ('shadow_sim', 'points: median, lower, upper') for name in profile.channels}
    rows = []
    for topic, (msgtype, latched) in pilot_topics(profile).items():
        by, meaning = own.get(topic) or MEANINGS[topic]
        rows.append((f'`{topic}`', msgtype, by, meaning + (' (transient local)' if latched else '')))
    return (
        tables.HEAD + '# Topics and services of a pilot\n\n'
        'Names are relative, but for `/diagnostics`; all types are standard, so every tool can plot, echo and record '
        'them. The hand here is the emulated one; command and channels are those of its profile.\n\n'
        + tables.table(('topic', 'type', 'published by', 'meaning'), rows)
        + '\n## Services\n\n'
        + tables.table(('service', 'type', 'by', 'meaning'), [(f'`{name}`', *rest) for name, *rest in SERVICES])
    )


def services_in(source: str) -> set[str]:
    """The services that a node's source offers, as far as their names stand in it."""
    return set(re.findall(r"create_service\(\w+, '([\w/]+)'", source))
