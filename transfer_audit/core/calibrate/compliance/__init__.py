"""How far a fingertip gives, from traces in which it presses on something.

The way: `tips` (what a force element feels) -> `presses` (touch, indentation, force) -> `reading` (rows that count, and
the force of the spring behind them) -> `law` (how far readings run ahead of it) -> `contact` (the model's own law,
fitted to all presses by simulating one) -> `several` (many presses, one interval) -> `telling` (quantities, ranges, and
what the presses cannot say).
"""

from transfer_audit.core.calibrate.compliance.fit import fit
from transfer_audit.core.calibrate.compliance.result import Compliance, TipCompliance

__all__ = ['Compliance', 'TipCompliance', 'fit']
