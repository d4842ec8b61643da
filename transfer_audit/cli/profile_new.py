"""`transfer-audit profile new`: a model, and a bag of nobody knows what, become the first profile of a hand."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from transfer_audit.core.errors import AuditError

if TYPE_CHECKING:
    from transfer_audit.core.interview import Ask, Draft, Question

_NUMBER = re.compile(r'[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?')
EXAMPLES = """examples:
  transfer-audit profile new --model hand.xml --bag my_bag
  transfer-audit profile new --model hand.xml --bag my_bag --to config/my_hand/profile.yaml --yes
  transfer-audit profile new --model hand.xml --bag my_bag --to - --yes > profile.yaml
then:
  transfer-audit audit my_bag --profile profile.yaml"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument('--model', required=True, type=Path, help='MJCF of the hand (a URDF has no actuators)')
    parser.add_argument(
        '--bag', type=Path, help='recording with commands and measured joints (without one: an outline)'
    )
    parser.add_argument('--to', metavar='P', default='profile.yaml', help='file to write, - for stdout (%(default)s)')
    parser.add_argument('--hand', metavar='NAME', help='name of the hand (that of the model file)')
    parser.add_argument('--yes', action='store_true', help='ask nothing: take every guess, and mark it in the file')
    parser.add_argument('--force', action='store_true', help='replace P if it exists')
    parser.add_argument('--quiet', action='store_true', help='print nothing but errors')


def run(arguments: argparse.Namespace) -> int:
    """Interview, write, hold against model and bag, and say what was guessed."""
    target = None if arguments.to == '-' else Path(arguments.to)
    _check(target, arguments.force)
    folder = Path.cwd() if target is None else target.resolve().parent
    draft = _drafted(arguments, os.path.relpath(arguments.model.resolve(), folder))
    text = _text(draft, arguments)
    _hold(text, folder, arguments.bag)
    if target is None:
        sys.stdout.write(text)
    else:
        target.write_text(text, encoding='utf-8')
    if not arguments.quiet:
        _tell(draft, target, arguments)
    return 0


def _drafted(arguments: argparse.Namespace, model: str) -> Draft:
    """The interview, with questions on a terminal."""
    from transfer_audit.bags.interview import recording_in
    from transfer_audit.core.interview import interview, read_things, without_recording

    asks = not arguments.yes and sys.stdin.isatty() and sys.stderr.isatty()
    console = Console(stderr=True, quiet=arguments.quiet)
    things = read_things(arguments.model)
    name = arguments.hand or _name(arguments.model)
    if arguments.bag is None:
        return without_recording(name, model, things)
    with console.status(f'reading {arguments.bag.name}'):
        recording = recording_in(arguments.bag)
    return interview(name, model, things, recording, _asker(console) if asks else None)


def _check(target: Path | None, force: bool) -> None:
    if target is None:
        return
    if target.exists() and not force:
        raise AuditError(f'{target}: exists; name another file with --to, or give --force to replace it')
    if not os.access(target.resolve().parent, os.W_OK):
        raise AuditError(f'{target}: cannot be written: make the folder {target.resolve().parent} first')


def _name(model: Path) -> str:
    """The model's file as a name; its folder where the file is called like any other."""
    path = model.resolve()
    return path.parent.name if path.stem in ('hand', 'model', 'robot', 'scene') else path.stem


def _text(draft: Draft, arguments: argparse.Namespace) -> str:
    from transfer_audit.core.interview.text import text_of

    heading = (
        f'From {arguments.model.name} and {arguments.bag.name if arguments.bag else "no bag"}. '
        'What could not be told for sure says `guessed:` and why.\n'
        'Go through those, then measure: transfer-audit calibrate BAG --profile THIS --write NEXT'
    )
    return text_of(draft, heading)


def _hold(text: str, folder: Path, bag: Path | None) -> None:
    """Hold a profile against its model and bag before anything is written.

    :raises AuditError: if it does not fit them
    """
    from transfer_audit.bags.reader import open_bag
    from transfer_audit.bags.replay import Replay
    from transfer_audit.core.binding import open_hand

    with tempfile.NamedTemporaryFile('w', suffix='.yaml', dir=folder, prefix='.profile_', encoding='utf-8') as held:
        held.write(text)
        held.flush()
        binding = open_hand(held.name)
        if bag is not None:
            with open_bag(bag) as opened:
                Replay(opened, binding).rounds()


def _tell(draft: Draft, target: Path | None, arguments: argparse.Namespace) -> None:
    """What was guessed, what was left out, and what comes next."""
    guesses = draft.guesses()
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 200, highlight=False, markup=False)
    for place, said in guesses:
        console.print(f'guessed  {place}: {said}', style='yellow')
    for line in draft.left_out:
        console.print(f'note     {line}')
    if target is not None:
        console.print(
            f'{target}: written, {len(guesses)} guesses; it fits {arguments.model.name} and the bag', style='green'
        )
        console.print(f'next: transfer-audit audit {arguments.bag} --profile {target}')


def _asker(console: Console) -> Ask:
    """Puts questions on the terminal; an empty answer, or the end of input, is the guess."""

    def ask(question: Question) -> str:
        console.print(f'\n{question.text}', style='bold', markup=False, highlight=False)
        console.print(f'  {question.why}', style='dim', markup=False, highlight=False)
        for number, choice in enumerate(question.choices, 1):
            console.print(f'  {number} {choice}', markup=False, highlight=False)
        while True:
            console.print(f'[{question.best}] ', end='', markup=False, highlight=False)
            answer = _line()
            picked = _picked(answer, question)
            if picked is not None:
                return picked
            said = f'  {answer!r} is no answer; give a number or one of the names, or Enter for {question.best}'
            console.print(said, markup=False, highlight=False)

    return ask


def _line() -> str:
    try:
        return input().strip()
    except EOFError:
        return ''


def _picked(answer: str, question: Question) -> str | None:
    """The choice that an answer means; None if it means none."""
    if not answer:
        return question.best
    if not question.choices:
        return answer if _NUMBER.fullmatch(answer) else None
    if answer in question.choices:
        return answer
    if answer.isdigit() and 1 <= int(answer) <= len(question.choices):
        return question.choices[int(answer) - 1]
    return None
