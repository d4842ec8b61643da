"""What the presses of the tips say."""

from __future__ import annotations

from dataclasses import dataclass

from transfer_audit.core.calibrate.compliance.contact import Contact
from transfer_audit.core.calibrate.quantities import Quantity
from transfer_audit.core.calibrate.ranges import Ranged


@dataclass(frozen=True)
class TipCompliance:
    """One tip. Residuals are root mean squares of the force on presses that the fit did not see, N.

    :param before: with the model's own contact parameters; `after`: with the fitted ones, simulated
    :param noise: of the measured force
    :param contact: None where the presses do not say enough
    """

    of: str
    quantities: tuple[Quantity, ...]
    ranges: tuple[Ranged, ...]
    contact: Contact | None
    before: float
    after: float
    noise: float
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Compliance:
    """Every tip that pressed on something."""

    tips: tuple[TipCompliance, ...]
    warnings: tuple[str, ...]

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The quantities of all tips."""
        return tuple(quantity for tip in self.tips for quantity in tip.quantities)

    @property
    def ranges(self) -> tuple[Ranged, ...]:
        """What the family should range over."""
        return tuple(one for tip in self.tips for one in tip.ranges)
