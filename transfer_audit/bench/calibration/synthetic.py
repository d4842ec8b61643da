"""Fits to hands whose joints are known: errors, coverage of the intervals, and what is declared untold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from transfer_audit.bench.calibration.worlds import Truth, lively, slow, trace_of, truth_of
from transfer_audit.core.binding import Binding, open_hand
from transfer_audit.core.calibrate.joints import terms as t
from transfer_audit.core.calibrate.joints.chain import Chain, chains_of
from transfer_audit.core.calibrate.joints.solve import fit
from transfer_audit.core.calibrate.joints.spread import spread_of
from transfer_audit.core.calibrate.joints.telling import why_not
from transfer_audit.core.calibrate.joints.windows import windows_of
from transfer_audit.resources import hand_profile

HAND = 'emulated_hand'
LOGS, SECONDS = 3, 10.0
WITHIN, COVERAGE = 0.05, (0.80, 0.97)
DELAY_S = 0.001
"""A tenth of a sample of joint states at 100 Hz."""


@dataclass(frozen=True)
class Outcome:
    """One parameter of one joint of one hand, SI units."""

    motion: str
    hand: int
    joint: str
    term: str
    true: float
    value: float
    low: float
    high: float
    told: bool

    @property
    def covered(self) -> bool:
        """Whether the interval contains the truth."""
        return self.low <= self.true <= self.high

    @property
    def near(self) -> bool:
        """Whether the value is as close as it is to be."""
        if self.term == t.DELAY.name:
            return abs(self.value - self.true) <= DELAY_S
        return abs(self.value - self.true) <= WITHIN * abs(self.true)


@dataclass(frozen=True)
class Synthetic:
    """Every outcome."""

    outcomes: tuple[Outcome, ...]

    def of(self, motion: str, term: str) -> list[Outcome]:
        """The outcomes of one parameter under one motion."""
        return [one for one in self.outcomes if one.motion == motion and one.term == term]

    @property
    def coverage(self) -> float:
        """Share of the intervals of the lively motion that contain the truth."""
        return float(np.mean([one.covered for one in self.outcomes if one.motion == 'lively']))

    @property
    def near(self) -> float:
        """Share of what is declared told under the lively motion that is near the truth."""
        told = [one for one in self.outcomes if one.motion == 'lively' and one.told and one.term != t.OFFSET.name]
        return float(np.mean([one.near for one in told])) if told else float('nan')

    @property
    def broken(self) -> list[str]:
        """The figures that do not hold."""
        found = []
        if not COVERAGE[0] <= self.coverage <= COVERAGE[1]:
            found.append(f'90 % intervals cover {100 * self.coverage:.1f} %')
        if not self.near >= 0.95:
            found.append(f'only {100 * self.near:.1f} % of what is declared identifiable is near the truth')
        wrongly = [one for one in self.of('slow', t.ARMATURE.name) if one.told]
        if wrongly:
            found.append(f'armature is declared identifiable in {len(wrongly)} slow motions')
        return found


def measure(hands: int, say: Callable[[str], None]) -> Synthetic:
    """Hands drawn at random, one finger of each; every third moves slowly as well."""
    binding = open_hand(hand_profile(HAND))
    chains = chains_of(binding)
    outcomes: list[Outcome] = []
    for hand in range(hands):
        chain, truth = chains[hand % len(chains)], truth_of(binding, hand)
        for motion, make in (('lively', lively), ('slow', slow)) if hand % 3 == 0 else (('lively', lively),):
            commands = [make(binding, LOGS * hand + log, SECONDS) for log in range(LOGS)]
            traces = [trace_of(binding, truth, one, LOGS * hand + log) for log, one in enumerate(commands)]
            found = _outcomes(motion, hand, chain, truth, fit_of(binding, chain, traces))
            outcomes += found
            say(f'hand {hand}, {motion}: {sum(one.covered for one in found)} of {len(found)} intervals cover')
    return Synthetic(tuple(outcomes))


def fit_of(binding: Binding, chain: Chain, traces: list) -> tuple:
    """The fit of a chain and its spread."""
    found = fit(chain, windows_of(traces, binding, chain), t.PLAIN)
    return found, spread_of(found)


def _outcomes(motion: str, hand: int, chain: Chain, truth: Truth, found: tuple) -> list[Outcome]:
    whole, spread = found
    outcomes = []
    for joint, servo in enumerate(chain.servos):
        for index, term in enumerate(whole.terms):
            true = float(truth.values[term.field][servo.command]) if term.field else 0.0
            outcomes.append(
                Outcome(
                    motion, hand, servo.element, term.name, true, float(whole.values[joint, index]),
                    float(spread.low[joint, index]), float(spread.high[joint, index]),
                    not why_not(whole, spread, joint, index),
                )
            )  # fmt: skip
    return outcomes
