"""The topics of a pilot, by name and type; no ROS needed to read this."""

from __future__ import annotations

from transfer_audit.core.profile import Profile

STATUS = 'diagnostic_msgs/msg/DiagnosticStatus'


def pilot_topics(profile: Profile) -> dict[str, tuple[str, bool]]:
    """Every topic of the live interface: its type and whether it is latched (transient local)."""
    topics = {'policy_command': (profile.command.type, False), profile.command.topic: (profile.command.type, False)}
    for name, channel in profile.channels.items():
        topics[channel.topic] = (channel.type, False)
        topics[f'shadow/{name}'] = ('trajectory_msgs/msg/JointTrajectory', False)
    topics['shadow/joint_states'] = ('sensor_msgs/msg/JointState', False)
    return topics | own_topics()


def own_topics() -> dict[str, tuple[str, bool]]:
    """Those of them that have the same name and type for every hand."""
    number = 'std_msgs/msg/Float64'
    topics: dict[str, tuple[str, bool]] = {}
    topics['divergence/scores'] = ('sensor_msgs/msg/JointState', False)
    for kind in ('pose', 'force', 'slip', 'timing'):
        topics[f'divergence/{kind}'] = (number, False)
    topics['divergence/first'] = (STATUS, True)
    topics['divergence/watching'] = ('std_msgs/msg/Bool', False)
    topics['divergence/verdict'] = ('std_msgs/msg/String', True)
    topics['gate/status'] = (STATUS, False)
    for budget in ('force', 'speed', 'failures'):
        topics[f'gate/budget/{budget}'] = (number, False)
    topics['round'] = (STATUS, True)
    topics['/diagnostics'] = ('diagnostic_msgs/msg/DiagnosticArray', False)
    return topics
