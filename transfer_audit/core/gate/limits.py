"""One kind of budget: a number for each name, that may shrink at run time and never grow by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from transfer_audit.core.errors import choices
from transfer_audit.core.types import Array


class Limits:
    """Budgets of N actuators or tips; inf where there is none.

    :param kind: what the profile calls it, for sentences
    """

    def __init__(self, kind: str, names: Sequence[str], declared: float | Mapping[str, float] | None) -> None:
        each = [declared.get(name) if isinstance(declared, Mapping) else declared for name in names]
        self.kind, self.names = kind, tuple(names)
        self.declared: Array = np.array([np.inf if value is None else value for value in each], np.float64)
        self.now: Array = self.declared.copy()
        self._look()

    def _look(self) -> None:
        self.none = np.isinf(self.now)
        self.any = not bool(self.none.all())
        self.listed: list[float] = self.now.tolist()
        self.smallest: float | None = float(self.now.min()) if self.any else None

    def tighten(self, name: str | None, value: float) -> str:
        """Lower the budget of one name, or of all that have more; returns why not, empty if it was done."""
        if name is not None and name not in self.names:
            return f'{self.kind} has no {name!r}{choices(name, self.names)}'
        if not 0.0 <= value < np.inf:
            return f'a budget is a number, 0 or more; found {value}'
        rows = [self.names.index(name)] if name is not None else list(range(len(self.names)))
        if not (self.now[rows] > value).any():
            return f'{self.kind} is {self.now[rows].max(initial=0.0):g} and may only become less; only rearm gives more'
        self.now[rows] = np.minimum(self.now[rows], value)
        self._look()
        return ''

    def reset(self) -> None:
        """Back to what the profile declares."""
        self.now[:] = self.declared
        self._look()
