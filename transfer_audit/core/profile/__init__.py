"""One hand's YAML -> checked, frozen objects. Every problem is collected and named with its place in the file."""

from transfer_audit.core.profile.checks import by_itself
from transfer_audit.core.profile.places import Loc, Places, Problem
from transfer_audit.core.profile.read import load_profile, places_of, read_profile
from transfer_audit.core.profile.schema import (
    COMMAND,
    UNITS,
    Channel,
    Clock,
    Command,
    Cut,
    FamilySpec,
    GateSpec,
    Key,
    Parameter,
    Part,
    PerElement,
    Profile,
    Resync,
    RoundSpec,
    Source,
    Speed,
    element_name,
)

__all__ = [
    'COMMAND',
    'UNITS',
    'Channel',
    'Clock',
    'Command',
    'Cut',
    'FamilySpec',
    'GateSpec',
    'Key',
    'Loc',
    'Parameter',
    'Part',
    'PerElement',
    'Places',
    'Problem',
    'Profile',
    'Resync',
    'RoundSpec',
    'Source',
    'Speed',
    'by_itself',
    'element_name',
    'load_profile',
    'places_of',
    'read_profile',
]
