"""transfer_audit: name the first divergence between a real hand and its simulation."""

__version__ = '0.1.0'
