"""`transfer-audit family`: does the family contain reality, and what should the next one be?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transfer_audit.cli.output import write_json
from transfer_audit.cli.progress import say
from transfer_audit.core.errors import AuditError

if TYPE_CHECKING:
    from transfer_audit.core.binding import Binding
    from transfer_audit.core.calibrate.traces import Trace
    from transfer_audit.core.coverage import Coverage
    from transfer_audit.core.propose import Change

NAME = 'family'
HELP = 'judge the family of a profile by recorded rounds, and propose the next one'
EXAMPLES = """examples:
  transfer-audit family coverage bags/* --profile P
  transfer-audit family propose --profile P --ledger ledger.db --write P2
  transfer-audit family propose bags/* --profile P --held-out other_bag

Exit codes of coverage: 0 covered, 1 not covered, 2 cannot tell. Of propose: 0 no changes, 1 changes, 2 cannot."""
EXPLAINED = 0.9
"""Share of the gap that changes must explain together; else it is said what they leave."""
CODES = {'covered': 0, 'not covered': 1, 'cannot tell': 2}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verbs under `family` and their options."""
    verbs = parser.add_subparsers(dest='family_verb', metavar='coverage|propose', required=True)
    coverage = verbs.add_parser('coverage', help='does the family contain what was measured? per element and phase')
    coverage.add_argument('bags', metavar='BAG', nargs='+', type=Path, help='bag folder, .mcap or .db3 file')
    coverage.set_defaults(family_run=_coverage)
    propose = verbs.add_parser('propose', help='which ranges to widen, shift, narrow, and which parameters to add')
    propose.add_argument('bags', metavar='BAG', nargs='*', type=Path, help='bags, besides those of the ledger')
    propose.add_argument('--ledger', metavar='L', help='judge by the recorded rounds of this ledger, a file or a URL')
    propose.add_argument('--held-out', metavar='BAG', nargs='+', type=Path, default=[],
                         help='bags that take no part: their coverage before and after is shown')  # fmt: skip
    propose.add_argument('--write', type=Path, metavar='P2', help='write the profile with the changes, comments kept')
    propose.set_defaults(family_run=_propose)
    for verb in (coverage, propose):
        verb.add_argument('--profile', required=True, type=Path, help="the hand's profile.yaml")
        verb.add_argument('--model', type=Path, help='MJCF or URDF that replaces the model of the profile')
        verb.add_argument('--json', metavar='OUT', help='as JSON, to a file or - (stdout alone)')
        verb.add_argument('--threads', type=int, default=1, help='threads of the simulation (1)')


def run(arguments: argparse.Namespace) -> int:
    """Do what the verb says."""
    if arguments.threads < 1:
        raise AuditError(f'--threads must be 1 or more, found {arguments.threads}')
    return int(arguments.family_run(arguments))


def _coverage(arguments: argparse.Namespace) -> int:
    from transfer_audit.core.binding import open_hand
    from transfer_audit.core.coverage import cover

    binding = open_hand(arguments.profile, arguments.model)
    found = cover(_traces(arguments.bags, binding), binding, arguments.threads)
    document = {'profile': str(arguments.profile), 'bags': [str(bag) for bag in arguments.bags], **found.as_json()}
    if arguments.json != '-':
        print('\n'.join(_lines(found)))
    write_json(arguments.json, document)
    return CODES[found.verdict]


def _propose(arguments: argparse.Namespace) -> int:
    from transfer_audit.cli.profile_edit import write_edited
    from transfer_audit.core.binding import open_hand
    from transfer_audit.core.propose import apply_to, propose

    binding = open_hand(arguments.profile, arguments.model)
    traces = _traces(arguments.bags, binding)
    if arguments.ledger is not None:
        traces += _ledger_traces(arguments.ledger, binding)
    if not traces:
        raise AuditError('no rounds to judge the family by: give bags, or a ledger whose bags are still there')
    changes = propose(traces, binding, arguments.threads, say)
    document: dict[str, Any] = {'schema': 1, 'profile': str(arguments.profile), 'changes': [_plain(c) for c in changes]}
    lines = [_sentence(change) for change in changes] or ['nothing to change: the rounds ask for no other family']
    explained = sum(change.explained for change in changes if change.parameter is not None)
    if 0 < explained < EXPLAINED:
        lines.append(f'{1 - explained:.0%} of the gap is left by all of them')
    if arguments.held_out:
        before, after = _held_out(arguments, binding, changes)
        document['held_out'] = {'before': before.as_json(), 'after': after.as_json()}
        lines += [f'held out, before: {_headline(before)}', f'held out, after:  {_headline(after)}']
    if arguments.json != '-':
        print('\n'.join(lines))
    write_json(arguments.json, document)
    if arguments.write is not None:
        write_edited(arguments.profile, arguments.write, lambda profile: apply_to(profile, changes), arguments.model)
    return 1 if changes else 0


def _held_out(arguments: argparse.Namespace, binding: Binding, changes: Sequence[Change]) -> tuple[Coverage, Coverage]:
    from transfer_audit.core.binding import bind
    from transfer_audit.core.coverage import cover
    from transfer_audit.core.propose import applied

    traces = _traces(arguments.held_out, binding)
    say(f'judging {len(traces)} rounds held out')
    after = bind(applied(binding.profile, changes))
    return cover(traces, binding, arguments.threads), cover(traces, after, arguments.threads)


def _traces(bags: Sequence[Path], binding: Binding) -> list[Trace]:
    from transfer_audit.bags.traces import traces_of

    return [trace for bag in bags for trace in traces_of(bag, binding)]


def _ledger_traces(where: str, binding: Binding) -> list[Trace]:
    """The recorded rounds of a ledger that are rounds of this hand; bags that are gone are named and left out."""
    from transfer_audit.bags.traces import traces_of
    from transfer_audit.ledger.store import Ledger

    with Ledger.open(where, read_only=True) as ledger:
        records = [one.record for one in ledger.rounds() if one.record is not None]
    wanted = {(one.bag, one.start_ns) for one in records if one.bag and one.hand == binding.profile.hand}
    found: list[Trace] = []
    for bag in sorted({bag for bag, _ in wanted}):
        if not Path(bag).exists():
            say(f'{bag}: gone; its rounds are left out')
            continue
        found += [trace for trace in traces_of(Path(bag), binding) if (bag, trace.start_ns) in wanted]
    return found


def _lines(found: Coverage) -> list[str]:
    """The verdict, then a sentence for each parameter and each element."""
    out = [_headline(found)]
    for one in found.parameters:
        low, high = one.interval
        out.append(
            f'  {one.name}: {one.standing}; {one.estimate:.3g} ({low:.3g} to {high:.3g}), '
            f'range {one.low:.3g} to {one.high:.3g}'
        )
    for element in found.elements:
        where = f'{element.element} ({element.channel})' + (f', {element.phase}' if element.phase else '')
        ranks = '' if element.p is None else f'; ranks this uneven by chance: {element.p:.2g}'
        out.append(
            f'  {where}: {element.inside:.0%} between the members (one more: {element.expected:.0%}){ranks}; '
            f'the ranges explain {element.explained:.0%}' + ('' if element.excited else '; not excited')
        )
    return out + [f'  left out: {sentence}' for sentence in found.left_out]


def _headline(found: Coverage) -> str:
    shares = [one.inside * one.samples for one in found.elements if one.excited]
    samples = sum(one.samples for one in found.elements if one.excited)
    share = f'; {sum(shares) / samples:.0%} of the samples between the members' if samples else ''
    return (
        f'{found.verdict}: {found.reason}{share}; the best parameters within the ranges leave {found.rms_inside:.3g} '
        f'times the noise'
    )


def _sentence(change: Change) -> str:
    if change.parameter is None:
        return f'{change.kind} {change.name} ({change.explained:.0%} of the gap): {change.reason}'
    old = '' if change.old is None else f'{change.old[0]:.3g} to {change.old[1]:.3g} -> '
    return f'{change.kind} {change.name}: {old}{change.new[0]:.3g} to {change.new[1]:.3g}: {change.reason}'


def _plain(change: Change) -> dict[str, Any]:
    from transfer_audit.core.propose.change import entry

    return {
        'parameter': change.name,
        'kind': change.kind,
        'old': None if change.old is None else list(change.old),
        'new': list(change.new),
        'explained': change.explained,
        'reason': change.reason,
        'entry': None if change.parameter is None else entry(change.parameter),
    }
