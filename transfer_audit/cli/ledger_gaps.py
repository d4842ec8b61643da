"""`transfer-audit ledger gaps`: panels as tables, of all rounds, by group, and from family to family."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from transfer_audit.cli.ledger_output import table, write_json
from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.intervals import Interval
from transfer_audit.ledger.panels import Panel, gaps
from transfer_audit.ledger.store import Ledger
from transfer_audit.ledger.trend import Step, trend

_PANEL_HEADINGS = (
    'rounds',
    'pairs',
    'success sim',
    'success real',
    'success gap',
    'visible from',
    'slip sim→real',
    'slip gap',
    'visible from',
    'parted first',
)


def show_gaps(ledger: Ledger, arguments: argparse.Namespace) -> int:
    """Print the panels."""
    if arguments.trend:
        return _trend(ledger, arguments)
    panels = gaps(ledger.rounds(), arguments.by, ledger.simulated())
    if arguments.json:
        write_json(arguments.json, [panel.as_json() for panel in panels])
    else:
        table((arguments.by or 'group', *_PANEL_HEADINGS), (_row(panel) for panel in panels))
    return 0


def _trend(ledger: Ledger, arguments: argparse.Namespace) -> int:
    if arguments.by not in (None, 'profile'):
        raise LedgerError(f'--trend goes from family to family, so not by {arguments.by}; leave out --by')
    steps = trend(ledger.rounds(), ledger.simulated())
    if arguments.json:
        write_json(arguments.json, [step.as_json() for step in steps])
    else:
        table(('profile', *_PANEL_HEADINGS, 'change of success gap', 'of slip gap'), map(_step_row, steps))
    return 0


def _step_row(step: Step) -> Sequence[str]:
    changes = (
        (step.success_change, step.success_change_interval, step.success_course),
        (step.slip_change, step.slip_change_interval, step.slip_course),
    )
    said = (
        f'{_number(change, interval)} {course}' if change is not None else '–' for change, interval, course in changes
    )
    return (*_row(step.panel), *said)


def _row(panel: Panel) -> Sequence[str]:
    return (
        'all' if panel.group is None else panel.group,
        str(panel.rounds),
        str(max(panel.success_pairs, panel.slip_pairs)),
        _number(panel.sim_success, panel.sim_success_interval),
        _number(panel.real_success, panel.real_success_interval),
        _number(panel.success_gap, panel.success_gap_interval),
        _number(panel.smallest_success_gap),
        f'{_number(panel.sim_slip_rate)} → {_number(panel.real_slip_rate)}',
        _number(panel.slip_gap, panel.slip_gap_interval),
        _number(panel.smallest_slip_gap),
        ', '.join(f'{name} {count}' for name, count in (panel.divergences | panel.elements).items()) or '–',
    )


def _number(value: float | None, interval: Interval | None = None) -> str:
    if value is None:
        return '–'
    return f'{value:.2f}' + (f' [{interval[0]:.2f}, {interval[1]:.2f}]' if interval else '')
