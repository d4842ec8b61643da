"""`transfer-audit profile check`: is this profile right, by itself, with its model and with a bag?"""

from __future__ import annotations

import argparse
from pathlib import Path

NAME = 'profile'
HELP = 'check the profile of a hand'
EXAMPLES = """examples:
  transfer-audit profile check config/emulated_hand/profile.yaml
  transfer-audit profile check P --model hand.xml --bag my_bag"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    verbs = parser.add_subparsers(dest='profile_verb', metavar='check', required=True)
    check = verbs.add_parser('check', help='name everything that is wrong, with its line')
    check.add_argument('profile', type=Path)
    check.add_argument('--model', type=Path, help='MJCF or URDF that replaces the model of the profile')
    check.add_argument('--bag', type=Path, help='also match topics, types and elements with this bag')


def run(arguments: argparse.Namespace) -> int:
    """0 if all is well; a profile with problems raises."""
    from transfer_audit.bags.reader import open_bag
    from transfer_audit.bags.replay import Replay
    from transfer_audit.core.binding import open_hand

    binding = open_hand(arguments.profile, arguments.model)
    if arguments.bag is not None:
        with open_bag(arguments.bag) as bag:
            Replay(bag, binding).rounds()
    columns = sum(len(plan.columns) for plan in binding.channels)
    family = binding.profile.family
    print(
        f'{arguments.profile}: good. {binding.profile.hand}: {len(binding.command.actuators)} actuators, '
        f'{len(binding.channels)} channels with {columns} elements, '
        f'{family.members} members over {len(family.parameters)} parameters'
    )
    return 0
