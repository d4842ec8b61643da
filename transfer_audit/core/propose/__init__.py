"""Rounds -> the next family: which ranges to widen, shift or narrow, and which parameters to add."""

from transfer_audit.core.propose.change import Change, applied, apply_to
from transfer_audit.core.propose.propose import propose

__all__ = ['Change', 'applied', 'apply_to', 'propose']
