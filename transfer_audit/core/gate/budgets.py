"""What rounds and divergences leave of the budgets."""

from __future__ import annotations

from transfer_audit.core.profile import GateSpec


class Budgets:
    """The cut after a divergence, and the rounds failed in a row.

    The cut is a state, not a product: several divergences, in one round or in many, leave `cut.force` and `cut.speed`
    of what the profile declares. `restore_after_rounds` agreeing rounds in a row end it.
    """

    def __init__(self, spec: GateSpec) -> None:
        self._spec = spec
        self.cut = ''
        self.failures = 0
        self._agreed = 0
        self._diverged_now = False

    @property
    def force_share(self) -> float:
        """The share of the declared force budget in force now."""
        return self._spec.cut.force if self.cut else 1.0

    @property
    def speed_share(self) -> float:
        """The share of the declared speed budget in force now."""
        return self._spec.cut.speed if self.cut else 1.0

    @property
    def failures_left(self) -> int:
        """Failed rounds in a row that are still allowed, the last of which stops the hand."""
        return max(0, self._spec.failure_budget - self.failures)

    def diverged(self, why: str) -> None:
        """Cut the budgets; the first reason of a round is kept."""
        if not self._diverged_now:
            self.cut = why or 'divergence'
        self._diverged_now, self._agreed = True, 0

    def round_ended(self, success: bool | None, diverged: bool) -> None:
        """Count a round. An unknown outcome neither fails nor clears earlier failures."""
        if diverged and not self._diverged_now:
            self.diverged('the round diverged')
        if success is not None:
            self.failures = 0 if success else self.failures + 1
        self._agreed = 0 if self._diverged_now else self._agreed + 1
        self._diverged_now = False
        if self._agreed >= self._spec.cut.restore_after_rounds:
            self.cut = ''

    def forgive(self) -> None:
        """Begin to count failures anew."""
        self.failures = 0
