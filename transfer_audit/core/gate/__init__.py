"""Command + measurement -> allowed command. Not a certified safety device."""

from transfer_audit.core.gate.gate import Gate
from transfer_audit.core.gate.words import BudgetsLeft, Decision, GateStatus, Latch, Level

__all__ = ['BudgetsLeft', 'Decision', 'Gate', 'GateStatus', 'Latch', 'Level']
