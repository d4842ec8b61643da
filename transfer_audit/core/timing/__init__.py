"""Timing is a channel of its own: when messages came, by which clock, and how late a motion follows."""

from transfer_audit.core.timing.clock import ClockStep, Drift
from transfer_audit.core.timing.delay import MAX_DELAY_S, Delay, delay_between
from transfer_audit.core.timing.explain import Explanation, explain
from transfer_audit.core.timing.faults import Fault, Gap
from transfer_audit.core.timing.frozen import frozen
from transfer_audit.core.timing.regularity import Timing, TimingReport

__all__ = [
    'MAX_DELAY_S',
    'ClockStep',
    'Delay',
    'Drift',
    'Explanation',
    'Fault',
    'Gap',
    'Timing',
    'TimingReport',
    'delay_between',
    'explain',
    'frozen',
]
