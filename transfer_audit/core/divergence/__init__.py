"""Rows -> scores -> the first divergence: excess, threshold, detector, onset, findings, all joined in `Comparison`."""

from transfer_audit.core.divergence.comparison import Comparison
from transfer_audit.core.divergence.detector import Alarm, Detector
from transfer_audit.core.divergence.excess import departures, excess
from transfer_audit.core.divergence.findings import Finding, first_of
from transfer_audit.core.divergence.threshold import Law, law_of

__all__ = ['Alarm', 'Comparison', 'Detector', 'Finding', 'Law', 'departures', 'excess', 'first_of', 'law_of']
