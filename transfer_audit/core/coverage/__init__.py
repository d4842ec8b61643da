"""Does the family contain what was measured? Per element and phase, and which parameter is to blame where not.

The way: `members` (both sides at the stamps of the measurement) -> `ranks` (where it lies among them) and `places`
(the best parameters within the ranges and beyond, by `search`, `emulator`, `misfit` in a `space`) -> `coverage`.
"""

from transfer_audit.core.coverage.coverage import Coverage, ElementCoverage, ParameterCoverage, cover

__all__ = ['Coverage', 'ElementCoverage', 'ParameterCoverage', 'cover']
