"""What rounds and divergences leave of the budgets."""

from __future__ import annotations

from transfer_audit.core.gate.words import Change
from transfer_audit.core.profile import GateSpec, Shares

KINDS = ('force', 'pose', 'slip', 'timing')


class Budgets:
    """The cuts after divergences, the rounds failed in a row, and the trips of one round.

    A cut is a state, not a product: several divergences of one kind, in one round or in many, leave what the profile
    says for that kind; of several kinds the smallest shares count. `restore_after_rounds` agreeing rounds in a row
    end it.
    """

    def __init__(self, spec: GateSpec) -> None:
        self._spec = spec
        self._cuts: dict[str, str] = {}
        self._fresh: set[str] = set()
        self.failures = self.trips = 0
        self._agreed = 0
        self.failure_budget, self.trip_budget = spec.failure_budget, spec.trip_budget
        self.change: Change | None = None

    @property
    def cut(self) -> str:
        """Why the budgets are cut, the first reason of each kind; empty if they are not."""
        return '; '.join(self._cuts.values())

    @property
    def force_share(self) -> float:
        """The share of the declared force budget in force now."""
        return min(shares.force for shares in self._shares()) if self._cuts else 1.0

    @property
    def speed_share(self) -> float:
        """The share of the declared speed budget in force now."""
        return min(shares.speed for shares in self._shares()) if self._cuts else 1.0

    def _shares(self) -> list[Shares]:
        """Of a kind that nobody named, every kind's shares count."""
        kinds = KINDS if '' in self._cuts else tuple(self._cuts)
        return [getattr(self._spec.cut, kind) for kind in kinds]

    @property
    def failures_left(self) -> int:
        """Failed rounds in a row that are still allowed, the last of which stops the hand."""
        return max(0, self.failure_budget - self.failures)

    @property
    def trips_left(self) -> int | None:
        """Trips that this round is still allowed, the last of which stops the hand; None without a budget."""
        return None if self.trip_budget is None else max(0, self.trip_budget - self.trips)

    def diverged(self, kind: str, why: str) -> None:
        """Cut the budgets as the profile says for that kind; the first reason of a kind in a round is kept."""
        before, known = self._figures(), kind if kind in KINDS else ''
        if known not in self._fresh:
            self._cuts[known] = why or 'divergence'
        self._fresh.add(known)
        self._agreed = 0
        self._changed(before, why or 'divergence')

    def round_ended(self, success: bool | None, diverged: bool) -> None:
        """Count a round. An unknown outcome neither fails nor clears earlier failures."""
        if diverged and not self._fresh:
            self.diverged('', 'the round diverged')
        before = self._figures()
        if success is not None:
            self.failures = 0 if success else self.failures + 1
        self._agreed = 0 if self._fresh else self._agreed + 1
        self._fresh.clear()
        self.trips = 0
        restored = bool(self._cuts) and self._agreed >= self._spec.cut.restore_after_rounds
        if restored:
            self._cuts.clear()
        why = f'{self._agreed} rounds agreed' if restored else f'a round ended, success: {success}'
        self._changed(before, why)

    def spent(self) -> str:
        """Why no budget of failures or trips is left; empty if some is."""
        if self.failures_left == 0:
            return f'{self.failures} rounds failed in a row, budget {self.failure_budget}'
        if self.trips_left == 0:
            return f'{self.trips} trips in one round, budget {self.trip_budget}'
        return ''

    def tighten(self, kind: str, value: float) -> str:
        """Allow fewer failures or trips; returns why not, empty if it was done."""
        allowed = self.failure_budget if kind == 'failure_budget' else self.trip_budget
        if value != int(value) or value < 1:
            return f'{kind} is a whole number, 1 or more; found {value:g}'
        if allowed is not None and value >= allowed:
            return f'{kind} is {allowed} and may only become less; only rearm gives more'
        setattr(self, kind, int(value))
        return ''

    def rearmed(self) -> None:
        """Count failures and trips anew, against what the profile allows."""
        before = self._figures()
        self.failures = self.trips = 0
        self.failure_budget, self.trip_budget = self._spec.failure_budget, self._spec.trip_budget
        self._changed(before, 'rearmed')

    def _figures(self) -> tuple[float, float, int]:
        return self.force_share, self.speed_share, self.failures_left

    def _changed(self, before: tuple[float, float, int], why: str) -> None:
        after = self._figures()
        if after != before:
            self.change = Change(*before, *after, why)
