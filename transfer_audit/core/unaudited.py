"""Unaudited is not agreed: what could have been seen at all."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.divergence import Comparison

UNSEEN = {
    'missing': 'was not measured',
    'still': 'never moved',
    'untouched': 'never touched',
    'wide': 'moved less than the smallest mismatch that would have been seen',
}


def unseen(plan: ChannelPlan, index: int, comparison: Comparison, touched: bool | None) -> str:
    """Why nothing could be said about an element, a key of `UNSEEN`; '' if it was audited.

    :param index: of the element among `comparison.names`
    :param touched: whether its tip was in contact on either side; None where no force tells
    """
    if comparison.covered[index] == 0:
        return 'untouched' if touched is False else 'missing'
    low, high = comparison.span[:, 0, index], comparison.span[:, 1, index]
    tolerance = float(comparison.tolerance[index])
    if plan.kind == 'slip':
        slipped = float(np.max(high)) > max(tolerance, 1e-9)
        return '' if touched or (touched is None and slipped) else 'untouched'
    reach = float(np.max(high - low if plan.kind == 'pose' else np.maximum(np.abs(low), np.abs(high))))
    if reach <= max(tolerance, 1e-9):
        return 'still' if plan.kind == 'pose' else 'untouched'
    return 'wide' if reach < comparison.smallest_visible[index] else ''
