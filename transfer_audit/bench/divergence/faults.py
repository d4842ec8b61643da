"""The catalogue: every fault with its sizes, from below what can be seen to many times that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from transfer_audit.bench.divergence import changes
from transfer_audit.bench.divergence.changes import Edit
from transfer_audit.bench.divergence.worlds import Change
from transfer_audit.core.binding import Binding
from transfer_audit.core.types import Array

Body = Callable[[Binding, str, float], Change]
Path = Callable[[Binding, Array, str, float, int], Array]
Message = Callable[[Binding, str, float], Edit]


@dataclass(frozen=True)
class Fault:
    """One kind of mismatch, larger with its size. Exactly one of `body`, `path`, `message` is set.

    :param targets: what it may befall: joints, fingertips or the clock of a channel
    :param sizes: rising; a single size is a fault that is there or is not
    :param kinds: the kinds a verdict may give it; empty: those of the elements that part first
    :param body: changes the hand, `path` the controls on their way, shape (T, A), `message` what is reported
    :param always: there from the start, else from some time within the round
    """

    name: str
    unit: str
    targets: str
    sizes: tuple[float, ...]
    body: Body | None = None
    path: Path | None = None
    message: Message | None = None
    kinds: frozenset[str] = frozenset()
    always: bool = False
    least: float | None = None

    @property
    def of_stamps(self) -> bool:
        """Whether it is the messages' timing that is at fault: it begins where it begins, whatever moves."""
        return self.targets == 'clock'


def _column(binding: Binding, target: str) -> int:
    """Where an element stands among its channel's columns."""
    plan = next(plan for plan in binding.channels if target in plan.columns)
    return plan.columns.index(target)


def _driving(binding: Binding, joint: str) -> int:
    """Which commanded actuator drives a joint."""
    return binding.command.joints.index(binding.model.joint(joint).id)


def _steps(binding: Binding, seconds: float) -> int:
    return round(seconds / binding.model.opt.timestep)


def _all_late(binding: Binding, controls: Array, target: str, size: float, at_step: int) -> Array:
    return changes.delayed(controls, _steps(binding, size), at_step, list(range(controls.shape[1])))


def _one_late(binding: Binding, controls: Array, target: str, size: float, at_step: int) -> Array:
    return changes.delayed(controls, _steps(binding, size), at_step, [_driving(binding, target)])


def _play(binding: Binding, controls: Array, target: str, size: float, at_step: int) -> Array:
    return changes.with_backlash(controls, size, _driving(binding, target))


def partner(target: str) -> str:
    """The joint that a joint is mistaken for: its next one on the same finger."""
    finger, number = target.rsplit('_', 1)
    return f'{finger}_{(int(number) + 1) % 4}'


def _swap(binding: Binding, target: str, size: float) -> Edit:
    return changes.swapped(_column(binding, target), _column(binding, partner(target)))


TIMING = frozenset({'timing'})
DELAYS = (0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.12, 0.2)
DEGREE = np.pi / 180

CATALOGUE: tuple[Fault, ...] = (
    Fault('delay', 's', 'all', DELAYS, path=_all_late, kinds=TIMING, always=True),
    Fault('delay_of_joint', 's', 'joint', DELAYS, path=_one_late, kinds=TIMING, always=True),
    Fault('delay_step', 's', 'all', DELAYS, path=_all_late, kinds=TIMING),
    Fault(
        'friction', 'N m', 'joint', (0.01, 0.03, 0.06, 0.12, 0.2, 0.3),
        body=lambda b, t, s: changes.added(b, 'dof_frictionloss', t, s),
    ),
    Fault(
        'damping_up', 'times', 'joint', (1.5, 2.0, 3.0, 5.0, 8.0, 12.0),
        body=lambda b, t, s: changes.scaled(b, 'dof_damping', t, s),
    ),
    Fault(
        'damping_down', 'times less', 'joint', (1.5, 3.3, 6.0, 12.0, 25.0, 50.0),
        body=lambda b, t, s: changes.scaled(b, 'dof_damping', t, 1 / s),
    ),
    Fault(
        'compliance', 'times', 'tip', (1.5, 2.0, 3.0, 5.0, 8.0, 12.0),
        body=lambda b, t, s: changes.scaled(b, 'geom_solref', t, s, slice(0, 1)),
    ),
    Fault('backlash', 'rad', 'joint', (0.01, 0.02, 0.04, 0.06, 0.1, 0.16), path=_play, always=True),
    Fault(
        'gain_drop', 'times less', 'joint', (1.1, 1.43, 2.0, 4.0, 10.0, 30.0),
        body=lambda b, t, s: changes.weakened(b, t, 1 - 1 / s),
    ),
    Fault(
        'payload', 'kg', 'distal', (0.005, 0.01, 0.03, 0.06, 0.12, 0.25),
        body=lambda b, t, s: changes.added(b, 'body_mass', t, s),
    ),
    Fault(
        'slip_onset', 'times less friction', 'tip', (1.2, 1.6, 2.5, 4.0, 8.0, 16.0),
        body=lambda b, t, s: changes.slippery(b, t, 0.8 / s),
    ),
    Fault(
        'joint_offset', 'rad', 'joint', (0.005, 0.012, 0.02, 0.04, 0.08, 0.15),
        message=lambda b, t, s: changes.affine(_column(b, t), 1.0, s),
    ),
    Fault(
        'force_gain', 'share', 'tip', (0.1, 0.3, 0.6, 1.0, 2.0),
        message=lambda b, t, s: changes.affine(_column(b, t), 1.0 + s, 0.0),
    ),
    Fault(
        'force_lag', 's', 'tip', (0.01, 0.03, 0.1, 0.3, 1.0),
        message=lambda b, t, s: changes.lagging(_column(b, t), s),
    ),
    Fault('joint_swap', '', 'joint', (1.0,), message=_swap),
    Fault('sign_flip', '', 'joint', (1.0,), message=lambda b, t, s: changes.affine(_column(b, t), -1.0, 0.0)),
    Fault(
        'degrees', '', 'joint', (1.0,),
        message=lambda b, t, s: changes.affine(_column(b, t), 1 / DEGREE, 0.0),
    ),
    Fault(
        'stuck', 's', 'joint', (0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
        message=lambda b, t, s: changes.stuck(_column(b, t), s),
        kinds=TIMING | {'pose'},
    ),
    Fault(
        'dropout', 's', 'clock', (0.05, 0.09, 0.13, 0.2, 0.5, 1.0),
        message=lambda b, t, s: changes.dropped(s), kinds=TIMING, least=0.1,
    ),
    Fault(
        'clock_back', 's', 'clock', (0.005, 0.015, 0.03, 0.06, 0.12, 0.5),
        message=lambda b, t, s: changes.stepped(-s), kinds=TIMING, least=0.05,
    ),
    Fault(
        'clock_ahead', 's', 'clock', (0.005, 0.015, 0.03, 0.06, 0.12, 0.5),
        message=lambda b, t, s: changes.stepped(s), kinds=TIMING, least=0.1,
    ),
    Fault(
        'clock_drift', 's/s', 'clock', (0.001, 0.003, 0.01, 0.03, 0.1),
        message=lambda b, t, s: changes.drifting(s), kinds=TIMING,
    ),
    Fault(
        'disorder', 's', 'clock', (0.015, 0.03, 0.045, 0.08, 0.2),
        message=lambda b, t, s: changes.disordered(s), kinds=TIMING, least=0.05,
    ),
)  # fmt: skip
"""`least`: where what can be seen follows from the profile (max_gap_s, hold_back_s), not from motion."""

PICKED = {
    'joint': tuple(f'{finger}_{number}' for finger in ('index', 'middle', 'ring', 'thumb') for number in (1, 2, 3)),
    'tip': ('tip_index', 'tip_middle', 'tip_ring', 'tip_thumb'),
    'distal': ('index_distal', 'middle_distal', 'ring_distal', 'thumb_distal'),
    'all': ('joints',),
    'clock': ('joints',),
}


def channel_of(binding: Binding, fault: Fault, target: str) -> str:
    """The channel whose messages a fault of messages is in."""
    if fault.of_stamps:
        return target
    wanted = 'force' if fault.targets == 'tip' else 'pose'
    return next(plan.name for plan in binding.channels if plan.kind == wanted and target in plan.columns)
