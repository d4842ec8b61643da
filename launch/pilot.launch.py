"""A pilot: four nodes beside the hand's driver, each in its own process. A dead gate ends the pilot."""

import os
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.action import Action
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, SetEnvironmentVariable, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from transfer_audit.core.profile import load_profile
from transfer_audit.nodes.interface import pilot_topics

PACKAGE = 'transfer_audit'
MIDDLEWARE = 'FASTDDS_DEFAULT_PROFILES_FILE'
ARGUMENTS = {
    'profile': ('', "the hand's profile.yaml; empty: the emulated hand"),
    'model': ('', 'MJCF or URDF that replaces the model of the profile'),
    'emulate': ('false', 'start an emulated hand instead of using hardware'),
    'mismatch': ('', 'true parameters of the emulated hand: actuator_delay=0.06,tip_friction=0.2'),
    'policy': ('none', 'scripted: start the scripted in-hand motion as policy and operator'),
    'rounds': ('0', 'rounds of the scripted policy; 0: until stopped'),
    'ledger': ('', 'the ledger: a file, or the URL of a server; empty: the one of the profile'),
    'robot': ('', 'name of this robot in a ledger on a server; empty: that of the machine'),
    'record': ('', 'record the topics of the pilot to this new bag folder'),
    'namespace': ('', 'namespace of all nodes and relative topics'),
    'use_sim_time': ('false', 'follow /clock, to replay a bag with `ros2 bag play --clock`'),
}


def generate_launch_description() -> LaunchDescription:
    """The pilot as launch sees it."""
    declared = [DeclareLaunchArgument(name, default_value=d, description=h) for name, (d, h) in ARGUMENTS.items()]
    return LaunchDescription([*declared, OpaqueFunction(function=pilot)])


def pilot(context: LaunchContext) -> list[Action]:
    """The processes that the arguments ask for."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    share = Path(get_package_share_directory(PACKAGE))
    profile = given['profile'] or str(share / 'config' / 'emulated_hand' / 'profile.yaml')
    common = {'profile': profile, 'model': given['model'], 'use_sim_time': is_true(given['use_sim_time'])}

    def node(executable: str, ends_pilot: bool = False, **parameters: object) -> Node:
        return Node(
            package=PACKAGE,
            executable=executable,
            name=executable,
            namespace=given['namespace'],
            parameters=[{**common, **parameters}],
            output='screen',
            on_exit=[Shutdown(reason=f'{executable} ended')] if ends_pilot else None,
        )

    nodes = [
        node('safety_gate', ends_pilot=True, ledger=given['ledger'], robot=given['robot']),
        node('shadow_sim'),
        node('divergence'),
        node('ledger_writer', ledger=given['ledger'], robot=given['robot'], bag=given['record']),
    ]
    if is_true(given['emulate']):
        nodes.append(node('hand_emulator', mismatch=given['mismatch']))
    if given['policy'] == 'scripted':
        nodes.append(node('scripted_policy', ends_pilot=True, rounds=int(given['rounds'])))
    if given['record']:
        nodes.append(recorder(given['record'], profile, given['namespace'], node))
    return [*forgets_the_dead_soon(share), *nodes]


def forgets_the_dead_soon(share: Path) -> list[Action]:
    """Fast DDS lists a process that died without a word for 20 s, and as long the gate takes its successor for a second
    one; for 3 s if told so here. Whoever has a profile of their own keeps it."""
    if MIDDLEWARE in os.environ:
        return []
    return [SetEnvironmentVariable(MIDDLEWARE, str(share / 'config' / 'fastdds.xml'))]


def recorder(output: str, profile: str, namespace: str, node) -> Action:
    """`ros2 bag record` where it is installed, else the package's own recorder."""
    try:
        get_package_share_directory('ros2bag')
    except PackageNotFoundError:
        return node('bag_recorder', output=output)
    prefix = f'/{namespace.strip("/")}/' if namespace.strip('/') else '/'
    topics = [topic if topic.startswith('/') else prefix + topic for topic in pilot_topics(load_profile(profile))]
    return ExecuteProcess(cmd=['ros2', 'bag', 'record', '-o', output, *topics], output='screen')


def is_true(text: str) -> bool:
    """A launch argument as a boolean."""
    return text.strip().lower() in ('true', '1', 'yes', 'on')
