"""How far a fingertip gives, from traces in which it presses on something.

The way: `tips` (what a force element feels) -> `presses` (touch, indentation, force) -> `reading` (rows and their
noise) -> `law` (a spring, a damper and a sensor that lags, press by press) -> `several` (many presses, one interval) ->
`contact` (the model's contact parameters, verified by simulating the press) -> `telling` (quantities, ranges, and what
the presses cannot say).
"""

from transfer_audit.core.calibrate.compliance.fit import fit
from transfer_audit.core.calibrate.compliance.result import Compliance, TipCompliance

__all__ = ['Compliance', 'TipCompliance', 'fit']
