"""What a fit of joint parameters says, and what it cannot say."""

from __future__ import annotations

from dataclasses import dataclass

from transfer_audit.core.calibrate.quantities import Quantity


@dataclass(frozen=True)
class Fitted:
    """A quantity of a joint, and which parameter of the family it is.

    :param field: the field of `family.parameters`, '' where the family has none such
    :param select: the joint or actuator that the field is of
    """

    quantity: Quantity
    field: str
    select: str


@dataclass(frozen=True)
class Missing:
    """A form that the model lacks, and what it would do for what the best fit leaves.

    :param share: of the squared residual on held-out stretches, that vanishes with it; below 0 if it makes things
        worse; where it is next to nothing even on the stretches of the fit, the share of those
    :param value: its size, the median over the fits that left some stretches out; `low`, `high`: their range
    """

    form: str
    share: float
    value: float
    low: float
    high: float
    unit: str


@dataclass(frozen=True)
class JointFit:
    """One joint. Residuals are root mean squares on stretches that the fit did not see, rad.

    :param before: with the profile's own values; `after`: with the fitted ones
    :param noise: of the measurement, what changes from sample to sample
    :param condition: condition number of its Jacobian, columns scaled to unit length
    :param correlated: pairs of parameters that the motion hardly tells apart, |r| > 0.95
    :param missing: what was tried beyond the model's form, the most telling first; empty where nothing was left
    """

    of: str
    fitted: tuple[Fitted, ...]
    before: float
    after: float
    noise: float
    condition: float
    correlated: tuple[tuple[str, str, float], ...]
    missing: tuple[Missing, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class JointFits:
    """Every joint that could be fitted; `warnings` say which could not."""

    joints: tuple[JointFit, ...]
    warnings: tuple[str, ...]

    @property
    def fitted(self) -> tuple[Fitted, ...]:
        """The quantities of all joints, each with its parameter of the family."""
        return tuple(fitted for joint in self.joints for fitted in joint.fitted)

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The quantities of all joints."""
        return tuple(fitted.quantity for fitted in self.fitted)
