"""A calibration as a table for people and as JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.calibration import Calibration
from transfer_audit.core.calibrate.changes import FamilyChange, family_changes
from transfer_audit.core.calibrate.quantities import Quantity, Stretch
from transfer_audit.core.verdict import as_json

_DIGITS = 4
_STYLES = {'measured': '', 'not identifiable': 'yellow', 'explains nothing': 'red'}


def tables(calibration: Calibration) -> Iterator[Table]:
    """One table for each joint, tip and channel, in the order in which they were measured."""
    for of in dict.fromkeys(quantity.of for quantity in calibration.quantities):
        table = Table(title=of, title_justify='left', title_style='bold', expand=False)
        for name, justify in (('what', 'left'), ('value', 'right'), ('90 % interval', 'left'), ('unit', 'left'),
                              ('from', 'left'), ('standing', 'left')):  # fmt: skip
            table.add_column(name, justify=justify, overflow='fold')  # type: ignore[arg-type]
        for quantity in calibration.quantities:
            if quantity.of == of:
                table.add_row(*_row(quantity), style=_STYLES[quantity.standing])
        yield table


def _row(quantity: Quantity) -> tuple[str, ...]:
    known = math.isfinite(quantity.low) or math.isfinite(quantity.high)
    interval = f'{number(quantity.low)} to {number(quantity.high)}' if known else ''
    standing = quantity.standing if not quantity.why else f'{quantity.standing}: {quantity.why}'
    unit = '' if quantity.unit == '1' else quantity.unit
    return quantity.name, number(quantity.value), interval, unit, source(quantity), standing


def number(value: float) -> str:
    """A number for people; nothing where it is unknown."""
    return f'{value:.{_DIGITS}g}' if math.isfinite(value) else '' if math.isnan(value) else '∞'


def source(quantity: Quantity) -> str:
    """From how much of which recordings: `3 of bag_a 1.2–1.5 s, …`."""
    count = f'{quantity.count}' if quantity.count else 'nothing'
    if not quantity.stretches:
        return count
    bags = list(dict.fromkeys(Path(stretch.recording).name for stretch in quantity.stretches))
    more = f' and {len(bags) - 1} more bags' if len(bags) > 1 else ''
    return f'{count}, as in {_said(quantity.stretches[0])}{more}'


def _said(stretch: Stretch) -> str:
    return f'{Path(stretch.recording).name} {stretch.start_s:.2f}–{stretch.end_s:.2f} s'


def changed(calibration: Calibration, binding: Binding) -> Table:
    """What a calibration changes in a profile."""
    table = Table(title='for the profile', title_justify='left', title_style='bold')
    for name in ('where', 'was', 'measured', 'why'):
        table.add_column(name, overflow='fold')
    for change in family_changes(calibration, binding):
        was = '' if change.old is None else _range(change.old)
        table.add_row(f'family.parameters.{change.name}', was, _range(change.entry['range']), change.why)
    for setting in calibration.settings:
        table.add_row('.'.join(setting.at), _was(binding, setting.at), _value(setting.value), setting.why)
    return table


def _range(bounds: Sequence[float]) -> str:
    return f'{number(bounds[0])} to {number(bounds[1])}'


def _was(binding: Binding, at: tuple[str, ...]) -> str:
    holder: Any = binding.profile
    for key in at:
        holder = holder[key] if isinstance(holder, dict) else getattr(holder, key)
    return '' if holder is None else _value(holder)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ', '.join(f'{key}: {number(one)}' for key, one in value.items())
    return number(value)


def document(calibration: Calibration, binding: Binding, bags: Sequence[Path]) -> dict[str, Any]:
    """A calibration as JSON: numbers, `null` where unknown."""
    found = {
        'schema': 1,
        'profile': str(binding.profile.path),
        'bags': [str(bag) for bag in bags],
        'quantities': [asdict(quantity) for quantity in calibration.quantities],
        'family': [_change(change) for change in family_changes(calibration, binding)],
        'settings': [{'at': '.'.join(s.at), 'value': s.value, 'why': s.why} for s in calibration.settings],
        'residuals': [asdict(residual) for residual in calibration.residuals],
        'warnings': list(calibration.warnings),
    }
    return dict(as_json(found))


def _change(change: FamilyChange) -> dict[str, Any]:
    return {'name': change.name, 'old': change.old, 'entry': change.entry, 'why': change.why}
