"""Fits to recordings of a real servo, beside brute force and beside what its source identified."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transfer_audit.bags.traces import traces_of
from transfer_audit.bench.calibration.brute import brute_force, plain
from transfer_audit.core.binding import Binding, open_hand
from transfer_audit.core.calibrate.joints import JointFit
from transfer_audit.core.calibrate.joints import terms as t
from transfer_audit.core.calibrate.joints.chain import Chain, chains_of
from transfer_audit.core.calibrate.joints.fit import best, fit_chain
from transfer_audit.core.calibrate.joints.held_out import squares_of
from transfer_audit.core.calibrate.joints.solve import fit
from transfer_audit.core.calibrate.joints.windows import Window, windows_of
from transfer_audit.core.types import Array
from transfer_audit.resources import hand_profile

HAND = 'xl330_pendulum'
MOTIONS = ('sin_sin', 'sin_time_square', 'up_and_down')
TWIN_NOMINAL, TWIN_LATE = 'twin_nominal_kp400_sinsin', 'twin_delay35ms_kp400_sinsin'
TWIN_MS, TWIN_WITHIN_MS, TWIN_WITHIN = 35.0, 0.5, 0.05
AS_BRUTE = 1.05
"""The fit may leave so many times what brute force leaves on the recordings left out."""


@dataclass(frozen=True)
class Rivalry:
    """One recording left out: what fits to the others leave of it, rad RMS."""

    gain: str
    left_out: str
    fitted: float
    brute: float

    @property
    def ratio(self) -> float:
        """What the fit leaves over what brute force leaves."""
        return self.fitted / self.brute


@dataclass(frozen=True)
class Twins:
    """Simulated recordings of a known model, without and with more command delay.

    :param later_ms: how much later the late one is found to be
    :param off: by how much the nominal one's friction, damping, gain or armature is off its model's at most, relative
    """

    later_ms: float
    off: float


@dataclass(frozen=True)
class Servo:
    """Everything that is said of the servo."""

    rivalries: tuple[Rivalry, ...]
    fits: tuple[tuple[str, JointFit], ...]
    published: tuple[tuple[str, Array], ...]
    twins: Twins

    @property
    def left(self) -> tuple[float, float]:
        """What the fits and brute force leave of all recordings left out, rad RMS."""
        fitted, brute = (
            float(np.sqrt(np.mean([getattr(one, side) ** 2 for one in self.rivalries]))) for side in ('fitted', 'brute')
        )
        return fitted, brute

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            'left_out': [asdict(one) for one in self.rivalries],
            'fits': {gain: asdict(one) for gain, one in self.fits},
            'published': {gain: values.tolist() for gain, values in self.published},
            'left': self.left,
            'twins': asdict(self.twins),
        }

    @property
    def broken(self) -> list[str]:
        """The figures that do not hold."""
        found = [
            f'{one.gain} without {one.left_out}: {one.ratio:.3f} times what brute force leaves, over {AS_BRUTE}'
            for one in self.rivalries
            if not one.ratio <= AS_BRUTE
        ]
        if not abs(self.twins.later_ms - TWIN_MS) <= TWIN_WITHIN_MS:
            found.append(f'the late twin is {self.twins.later_ms:.2f} ms late, not {TWIN_MS}')
        if not self.twins.off <= TWIN_WITHIN:
            found.append(f'the nominal twin is fitted {100 * self.twins.off:.1f} % off its model')
        for gain, one in self.fits:
            if not one.missing or one.missing[0].form != t.LOAD.name:
                found.append(f'{gain}: load-dependent friction is not what is named as missing')
        return found


def measure(folder: Path, say: Callable[[str], None]) -> Servo:
    """Every recording left out once, both fits; then the fit of all; then the twins."""
    rivalries: list[Rivalry] = []
    fits, published = [], []
    for gain in ('kp100', 'kp400'):
        binding = open_hand(hand_profile(HAND), folder / f'pendulum_{gain}.xml')
        (chain,) = chains_of(binding)
        windows = [_window(folder / f'{gain}_{motion}', binding, chain) for motion in MOTIONS]
        for one in _rivalries(gain, chain, windows):
            left = f'{one.fitted:.4f} rad left, brute force {one.brute:.4f}'
            say(f'{one.gain} without {one.left_out}: {left}')
            rivalries.append(one)
        fits.append((gain, fit_chain(chain, windows)[0]))
        say(f'{gain}: {"; ".join(fits[-1][1].warnings) or "nothing missing"}')
        published.append((gain, _published(binding)))
    return Servo(tuple(rivalries), tuple(fits), tuple(published), _twins(folder))


def _window(path: Path, binding: Binding, chain: Chain) -> Window:
    (window,) = windows_of(traces_of(path, binding), binding, chain)
    return window


def _rivalries(gain: str, chain: Chain, windows: list[Window]) -> Iterator[Rivalry]:
    errors = plain(chain)
    for index, motion in enumerate(MOTIONS):
        seen, unseen = [*windows[:index], *windows[index + 1 :]], [windows[index]]
        own = best(chain, seen)
        squares, counts = squares_of(own.chain, unseen, own.terms, own.values)
        theirs = errors(unseen, brute_force(seen, errors)[None])
        yield Rivalry(gain, motion, float(np.sqrt(squares[0] / counts[0])), float(np.sqrt(np.mean(theirs**2))))


def _published(binding: Binding) -> Array:
    """What the source identified, as the model holds it, in the order of `terms.PLAIN`."""
    model = binding.model
    return np.array(
        [0.0, model.dof_frictionloss[0], model.dof_damping[0], model.actuator_gainprm[0, 0], model.dof_armature[0], 0.0]
    )


def _twins(folder: Path) -> Twins:
    binding = open_hand(hand_profile(HAND), folder / 'pendulum_kp400.xml')
    (chain,) = chains_of(binding)
    late, nominal = (
        fit(chain, [_window(folder / name, binding, chain)], t.PLAIN).values[0] for name in (TWIN_LATE, TWIN_NOMINAL)
    )
    sizes = slice(t.PLAIN.index(t.FRICTION), t.PLAIN.index(t.ARMATURE) + 1)
    off = float(np.max(np.abs(nominal[sizes] / _published(binding)[sizes] - 1)))
    return Twins(float(1000 * (late[0] - nominal[0])), off)
