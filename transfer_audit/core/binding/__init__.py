"""A profile bound to its model: names are matched here, once; after this, column order is law."""

from transfer_audit.core.binding.hand import bind, open_hand, parse_parameters, with_parameters
from transfer_audit.core.binding.names import GAINS, load_spec
from transfer_audit.core.binding.plans import Binding, CommandPlan, Variation

__all__ = [
    'GAINS',
    'Binding',
    'CommandPlan',
    'Variation',
    'bind',
    'load_spec',
    'open_hand',
    'parse_parameters',
    'with_parameters',
]
