"""`transfer-audit profile`: a first profile of a hand, and whether one is right, alone, with its model and a bag."""

from __future__ import annotations

import argparse
from pathlib import Path

from transfer_audit.cli import profile_new
from transfer_audit.cli.output import write_json

NAME = 'profile'
HELP = 'write the first profile of a hand, or check one'
EXAMPLES = """examples:
  transfer-audit profile new --model hand.xml --bag my_bag
  transfer-audit profile check config/emulated_hand/profile.yaml
  transfer-audit profile check P --model hand.xml --bag my_bag"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    verbs = parser.add_subparsers(dest='profile_verb', metavar='new|check', required=True)
    text = 'write a commented profile from a model and a bag, and ask where they do not settle it'
    new = verbs.add_parser(
        'new',
        help=text,
        description=text,
        epilog=profile_new.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    profile_new.add_arguments(new)
    new.set_defaults(profile_run=profile_new.run)
    text = 'name everything that is wrong, with its line'
    check = verbs.add_parser('check', help=text, description=text)
    check.set_defaults(profile_run=_check)
    check.add_argument('profile', type=Path)
    check.add_argument('--model', type=Path, help='MJCF or URDF that replaces the model of the profile')
    check.add_argument('--bag', type=Path, help='also match topics, types and elements with this bag')
    check.add_argument('--json', metavar='OUT', help='as JSON, problems too, to a file or - (stdout alone)')


def run(arguments: argparse.Namespace) -> int:
    """Do what the verb says."""
    return int(arguments.profile_run(arguments))


def _check(arguments: argparse.Namespace) -> int:
    """0 if all is well; a profile with problems raises."""
    from transfer_audit.core.errors import ProfileError

    try:
        found = _counted(arguments)
    except ProfileError as error:
        write_json(arguments.json, {'profile': str(arguments.profile), 'good': False, 'problems': error.problems})
        raise
    write_json(arguments.json, {'profile': str(arguments.profile), 'good': True, 'problems': [], **found})
    if arguments.json != '-':
        print(
            f'{arguments.profile}: good. {found["hand"]}: {found["actuators"]} actuators, {found["channels"]} channels '
            f'with {found["elements"]} elements, {found["members"]} members over {found["parameters"]} parameters'
        )
    return 0


def _counted(arguments: argparse.Namespace) -> dict[str, str | int]:
    """What a good profile holds, by numbers.

    :raises ProfileError: if it is not good
    """
    from transfer_audit.bags.reader import open_bag
    from transfer_audit.bags.replay import Replay
    from transfer_audit.core.binding import open_hand

    binding = open_hand(arguments.profile, arguments.model)
    if arguments.bag is not None:
        with open_bag(arguments.bag) as bag:
            Replay(bag, binding).rounds()
    return {
        'hand': binding.profile.hand,
        'actuators': len(binding.command.actuators),
        'channels': len(binding.channels),
        'elements': sum(len(plan.columns) for plan in binding.channels),
        'members': binding.profile.family.members,
        'parameters': len(binding.profile.family.parameters),
    }
