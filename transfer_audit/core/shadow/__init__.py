"""Commands -> where the simulated hands are."""

from transfer_audit.core.shadow.shadow import Shadow

__all__ = ['Shadow']
