"""Functions and classes that a program may call, from their signatures and docstrings."""

from __future__ import annotations

import importlib
import inspect
import re

import tables

ENTRIES = (
    'core.binding.open_hand',
    'core.profile.load_profile',
    'bags.audit.audit_recording',
    'bags.audit.agreeing_law',
    'core.audit.Audit',
    'bags.traces.traces_of',
    'core.calibrate.calibration.calibrate',
    'core.coverage.cover',
    'core.propose.propose',
    'core.gate.Gate',
    'ledger.store.Ledger',
    'report.collect.Collector',
    'report.html.write_report',
    'bags.writer.BagWriter',
    'core.errors.AuditError',
)
METHODS = {
    'core.audit.Audit': ('command', 'measured', 'simulated', 'add_round', 'end_round', 'advance'),
    'core.gate.Gate': ('command', 'measured', 'divergence', 'round_ended', 'tick', 'stop', 'rearm', 'status'),
    'ledger.store.Ledger': ('open', 'start', 'outcome', 'close', 'abort'),
    'report.collect.Collector': ('watch',),
    'bags.writer.BagWriter': ('add_topic', 'write', 'close'),
}
EXAMPLE = """from pathlib import Path

from transfer_audit.bags.audit import audit_recording
from transfer_audit.core.binding import open_hand
from transfer_audit.core.errors import AuditError

try:
    document = audit_recording(Path('my_bag'), open_hand('my_hand/profile.yaml'))
except AuditError as error:
    raise SystemExit(f'cannot audit: {error}') from error
for verdict in document['rounds']:
    print(verdict['round'], verdict['verdict'], verdict['reason'])
"""


def page() -> str:
    """The whole page."""
    text = (
        f'{tables.HEAD}# From Python\n\n'
        'The command line is a thin layer over these. `transfer_audit.core` needs neither ROS nor files of bags, '
        'asks no clock and starts no thread: time is an argument. Whatever a person can mend is an `AuditError`.\n\n'
        f'{tables.fenced(EXAMPLE, "python")}'
    )
    return text + ''.join(_entry(name) for name in ENTRIES)


def _entry(name: str) -> str:
    module, _, attribute = name.rpartition('.')
    found = getattr(importlib.import_module(f'transfer_audit.{module}'), attribute)
    text = f'\n## `transfer_audit.{name}`\n\n{_signed(attribute, found)}{_said(found)}'
    for method in METHODS.get(name, ()):
        called = getattr(found, method)
        text += f'\n### `{attribute}.{method}`\n\n{_signed(method, called)}{_said(called)}'
    return text


def _signed(name: str, found: object) -> str:
    if isinstance(found, type) and issubclass(found, Exception):
        return ''
    signature = re.sub(r"(: |-> )'([^']*)'", r'\1\2', str(inspect.signature(found)))
    signature = re.sub(r'<function [^=]*>(?=[,)])', '…', signature)
    return tables.fenced(name + signature.replace('(self, ', '(').replace('(self)', '()'), 'python')


def _said(found: object) -> str:
    """A docstring, its `:param x:` lines as a list."""
    lines = inspect.cleandoc(found.__doc__ or '').splitlines()
    text = ''
    for line in lines:
        field = re.match(r':(?:param )?(\w+)(?: (\w+))?: (.*)', line)
        if field:
            name, error, rest = field.groups()
            text = text.rstrip('\n') + '\n' + ('\n' if not text.rstrip().rpartition('\n')[2].startswith('- ') else '')
            text += f'- *{name}* {f"`{error}` " if error else ""}{rest}\n'
        else:
            text += line + '\n'
    return f'\n{text}'
