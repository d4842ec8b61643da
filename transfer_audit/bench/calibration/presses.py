"""Presses of tips whose give is known: errors of the stiffness, coverage, and what is declared untold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from transfer_audit.bench.calibration.block import before_a_block, pressing, true_curve
from transfer_audit.core.binding import open_hand
from transfer_audit.core.calibrate import compliance
from transfer_audit.resources import hand_profile

HAND = 'emulated_hand'
COUNTS = (12, 20)
WITHIN, COVERAGE = 0.1, (0.80, 0.97)
TIMECONST_S, DAMPRATIO, IMPEDANCE = (0.016, 0.06), (0.7, 1.2), (0.9, 0.95)
"""What true tips are drawn from: 0.5 to 12 kN/m. Every other one is a straight spring, with one impedance."""


@dataclass(frozen=True)
class Pressing:
    """What the presses of one tip gave.

    :param true: mean slope of force over indentation to the depth of the presses, N/m; `value`, `low`, `high` as found
    :param curve: largest difference of the found from the true curve, as a share of the largest force
    """

    hand: int
    presses: int
    true: float
    value: float
    low: float
    high: float
    told: bool
    curve: float

    @property
    def covered(self) -> bool:
        """Whether the interval contains the truth."""
        return self.low <= self.true <= self.high

    @property
    def off(self) -> float:
        """Error as a share of the truth."""
        return abs(self.value / self.true - 1.0)


@dataclass(frozen=True)
class Presses:
    """Every tip."""

    tips: tuple[Pressing, ...]

    @property
    def told(self) -> list[Pressing]:
        """Those whose stiffness is declared identifiable."""
        return [one for one in self.tips if one.told]

    @property
    def coverage(self) -> float:
        """Share of all intervals that contain the truth."""
        return float(np.mean([one.covered for one in self.tips]))

    @property
    def broken(self) -> list[str]:
        """The figures that do not hold."""
        far = [one for one in self.told if not (one.off <= WITHIN and one.curve <= WITHIN)]
        found = [f'{len(far)} tips of {len(self.told)} told are off by more than {WITHIN:.0%}'] if far else []
        if len(self.tips) >= 10 and self.coverage < COVERAGE[0]:
            found.append(f'90 % intervals of the stiffness cover {100 * self.coverage:.0f} %')
        return found


def measure(hands: int, say: Callable[[str], None]) -> Presses:
    """Tips drawn at random, each pressed some times, with 2 mrad and 0.05 N of noise."""
    found = [_one(hand) for hand in range(hands)]
    say(f'presses: {sum(one.covered for one in found)} of {len(found)} intervals cover')
    return Presses(tuple(found))


def _one(hand: int) -> Pressing:
    binding = open_hand(hand_profile(HAND))
    rng = np.random.default_rng([hand, 5])
    low, high = np.log(TIMECONST_S)
    solref = float(np.exp(rng.uniform(low, high))), float(rng.uniform(*DAMPRATIO))
    first = IMPEDANCE[0] if hand % 2 else IMPEDANCE[1]
    model = before_a_block(binding, solref, (first, IMPEDANCE[1], 0.001, 0.5, 2))
    traces = pressing(binding, model, hand, COUNTS[hand // 2 % len(COUNTS)])
    (tip,) = compliance.fit(traces, binding).tips
    stiffness = tip.quantities[0]
    if tip.contact is None:
        return Pressing(hand, len(traces), np.nan, np.nan, -np.inf, np.inf, False, np.nan)
    curve = true_curve(model)
    depth = tip.contact.deepest
    peak = depth * tip.contact.secant
    true, depths = peak / float(curve.depth(np.array(peak))), np.linspace(0.0, depth, 20)
    off = np.abs(tip.contact.matched.curve.force(depths) - curve.force(depths)).max() / float(curve.force(depths).max())
    told = stiffness.standing == 'measured'
    return Pressing(hand, len(traces), true, stiffness.value, stiffness.low, stiffness.high, told, float(off))
