"""When a hand was in contact and what its motion did: what is said of a divergence besides its time."""

from transfer_audit.core.phases.contacts import ContactMap
from transfer_audit.core.phases.motion import Motion, motion_phase
from transfer_audit.core.phases.phases import AROUND_S, BOUNCE_S, KEPT, PHASES, Phase, Phases

__all__ = ['AROUND_S', 'BOUNCE_S', 'KEPT', 'PHASES', 'ContactMap', 'Motion', 'Phase', 'Phases', 'motion_phase']
