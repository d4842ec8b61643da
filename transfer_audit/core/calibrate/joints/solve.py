"""The bounded least-squares fit of a chain's parameters, by `mujoco.sysid`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from types import ModuleType

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from transfer_audit.core.calibrate.joints import terms as t
from transfer_audit.core.calibrate.joints.chain import Chain
from transfer_audit.core.calibrate.joints.simulation import Simulation
from transfer_audit.core.calibrate.joints.windows import Window
from transfer_audit.core.errors import AuditError
from transfer_audit.core.types import Array

DIFFERENCE = 1e-2
"""Step of the finite differences, in natural sizes: about what noise leaves of a parameter.

Friction bends the residual on scales far below, and a slope over less than that is neither one to descend along nor one
to take an interval from.
"""
_TOLERANCE = 5e-4
"""Of the last step, relative to the parameters."""
_POLISHED = 20
_SCAN = np.concatenate([np.arange(0.0, 0.06, 0.01), np.arange(0.06, 0.29, 0.02)])
_SAMPLES = 48
_NOISE_ONLY = 1.05
"""A residual of at most so many times the noise leaves nothing to be found in another valley."""
_Labels = npt.NDArray[np.int64]


def sysid() -> ModuleType:
    """`mujoco.sysid`, whose names are silently absent where its needs are not installed.

    :raises AuditError: if they are
    """
    module = import_module('mujoco.sysid')
    if not hasattr(module, 'optimize'):
        raise AuditError(
            'fitting joint parameters needs mujoco.sysid; install it with: pip install "transfer_audit[calibrate]"'
        )
    return module


@dataclass(frozen=True)
class Fit:
    """The best parameters of one form on some windows.

    :param values: SI units, shape (J, P); `start` where they came from and their bounds
    :param residual: in units of the measurement noise, shape (R,); `jacobian` by natural sizes, shape (R, J * P)
    :param joint: the servo each residual is of, shape (R,); `window` and `time_s` say when it was measured
    """

    chain: Chain
    terms: tuple[t.Term, ...]
    start: t.Start
    values: Array
    residual: Array
    jacobian: Array
    joint: _Labels
    window: _Labels
    time_s: Array

    @property
    def noise(self) -> Array:
        """What changes from sample to sample in each servo's residual, shape (J,), in units of the declared noise."""
        found = np.ones(len(self.values))
        for joint in range(len(found)):
            own = self.joint == joint
            steps = np.diff(self.residual[own])[np.diff(self.window[own]) == 0]
            if len(steps):
                found[joint] = np.sqrt(np.mean(np.square(steps)) / 2.0)
        return found

    @property
    def squares(self) -> Array:
        """The sum of squared residuals of each servo, shape (J,), in units of the declared noise."""
        return np.bincount(self.joint, self.residual**2, len(self.values)).astype(np.float64)

    def left_over(self, times: float) -> bool:
        """Whether the residual of a servo is over so many times its noise."""
        counts = np.bincount(self.joint, minlength=len(self.values))
        return bool((np.sqrt(self.squares / np.maximum(counts, 1)) > times * self.noise).any())


class Problem:
    """The residuals of one form of a chain on some windows, as `mujoco.sysid.optimize` asks for them.

    Its own residual compiles a model per set of parameters and wants windows of one length and measurements on the
    simulation's clock; here a batch simulates all sets, and is read at the measured instants.
    """

    def __init__(self, chain: Chain, windows: Sequence[Window], terms: Sequence[t.Term], start: t.Start) -> None:
        self.simulation = Simulation(chain, windows, terms)
        self.start = start
        self.measured = np.concatenate([window.measured for window in windows])
        self.known = ~np.isnan(self.measured)
        self.noise = np.array([servo.noise for servo in chain.servos])

    def errors(self, values: Array) -> Array:
        """Simulated less measured, shape (M, N, J), rad; 0 where nothing was measured."""
        return np.where(self.known, self.simulation.predicted(values) - self.measured, 0.0)

    def residual(self, x: Array) -> Array:
        """In units of noise, shape (R,) or (R, M), for one or M vectors of parameters in natural sizes."""
        sets = x.reshape(self.start.size.size, -1).T.reshape(-1, *self.start.size.shape) * self.start.size
        found = (self.errors(sets) / self.noise)[:, self.known]
        return np.ascontiguousarray(found.T) if x.ndim > 1 else found[0]

    def labels(self) -> tuple[_Labels, _Labels, Array]:
        """The servo, the window and the time since its start of each residual, shape (R,)."""
        windows = self.simulation.windows
        count = [len(window.times_s) for window in windows]
        joint = np.broadcast_to(np.arange(self.known.shape[1]), self.known.shape)
        window = np.broadcast_to(np.repeat(np.arange(len(windows)), count)[:, None], self.known.shape)
        times = np.broadcast_to(np.concatenate([window.times_s for window in windows])[:, None], self.known.shape)
        return joint[self.known], window[self.known], times[self.known]


def fit(
    chain: Chain,
    windows: Sequence[Window],
    terms: Sequence[t.Term],
    begin: Fit | None = None,
    most: int = 40,
) -> Fit:
    """Fit every servo of a chain on some windows.

    :param begin: a fit, of this or a simpler form, to start from; else the profile's values with the delay of a scan,
        and, where that leaves more than noise, the best of a sample around them as well: where friction holds a joint,
        least squares has several valleys
    :param most: iterations at most
    """
    start, terms = t.start_of(chain, windows, terms), tuple(terms)
    problem = Problem(chain, windows, terms, start)
    if begin is not None:
        return _descended(problem, terms, _from(start, begin, terms), most)
    scanned = replace(start, value=_scanned(problem, start, terms))
    found = _descended(problem, terms, scanned, most)
    if not found.left_over(_NOISE_ONLY):
        return found
    other = _descended(problem, terms, replace(start, value=_sampled(problem, scanned, terms)), most)
    return better(found, other)


def better(one: Fit, other: Fit) -> Fit:
    """The fit that leaves less, of two to the same windows."""
    return min(one, other, key=lambda fit: float(fit.residual @ fit.residual))


def polished(found: Fit, windows: Sequence[Window]) -> Fit:
    """A fit that leaves more than noise, taken on along the flat valley that friction makes, by slopes over less.

    It leaves hardly less of these windows, but others can tell the difference. The slopes stay those of the fit.
    """
    problem = Problem(found.chain, windows, found.terms, found.start)
    start = replace(found.start, value=found.values)
    fine = _descended(problem, found.terms, start, _POLISHED, 0.1 * DIFFERENCE, 0.2 * _TOLERANCE)
    return better(found, replace(fine, jacobian=found.jacobian))


def _descended(
    problem: Problem,
    terms: tuple[t.Term, ...],
    start: t.Start,
    most: int,
    difference: float = DIFFERENCE,
    tolerance: float = _TOLERANCE,
) -> Fit:
    chain, module = problem.simulation.chain, sysid()
    _, result = module.optimize(
        _parameters(module, chain, terms, start), lambda x, _: ([problem.residual(x)], None, None),
        optimizer='mujoco', verbose=False, max_iters=most, x_scale='jac', eps=difference, mu_max=1e4, mu_factor=10.0,
        xtol=tolerance, output=io.StringIO(),
    )  # fmt: skip
    x = np.asarray(result.x, np.float64).ravel()
    values = x.reshape(start.size.shape) * start.size
    return Fit(chain, terms, start, values, problem.residual(x), np.asarray(result.jac), *problem.labels())


def _from(start: t.Start, begin: Fit, terms: Sequence[t.Term]) -> t.Start:
    value = start.value.copy()
    for index, term in enumerate(terms):
        if term in begin.terms:
            value[:, index] = begin.values[:, begin.terms.index(term)]
    return replace(start, value=np.clip(value, start.low, start.high))


def _scanned(problem: Problem, start: t.Start, terms: tuple[t.Term, ...]) -> Array:
    """The start with the delay of each joint that fits it best."""
    sets = np.tile(start.value, (len(_SCAN), 1, 1))
    sets[:, :, terms.index(t.DELAY)] = _SCAN[:, None]
    squares = np.square(problem.errors(sets)).sum(axis=1)
    value = start.value.copy()
    value[:, terms.index(t.DELAY)] = _SCAN[np.nanargmin(squares, axis=0)]
    return value


def _sampled(problem: Problem, start: t.Start, terms: tuple[t.Term, ...]) -> Array:
    """The best of a Latin hypercube around a start, for each joint by itself."""
    shares = qmc.LatinHypercube(start.value.size, seed=0).random(_SAMPLES).reshape(_SAMPLES, *start.value.shape)
    sets = start.value * 8.0 ** (2 * shares - 1)
    for index, term in enumerate(terms):
        if term in (t.DELAY, t.OFFSET):
            sets[:, :, index] = start.value[:, index]
        if term is t.FRICTION:
            sets[:, :, index] = start.size[:, index] * 20.0 ** (2 * shares[:, :, index] - 1)
        if term is t.GAIN:
            sets[:, :, index] = start.value[:, index] * 2.0 ** (2 * shares[:, :, index] - 1)
    sets = np.clip(sets, start.low, start.high)
    best = np.square(problem.errors(sets)).sum(axis=1).argmin(axis=0)
    return np.asarray(sets[best, np.arange(len(best))])


def _parameters(module: ModuleType, chain: Chain, terms: Sequence[t.Term], start: t.Start):  # type: ignore[no-untyped-def]
    """The parameters in natural sizes, none of them in a corner of its bounds."""
    found = module.ParameterDict()
    for joint, servo in enumerate(chain.servos):
        for index, term in enumerate(terms):
            value, low, high = (
                part[joint, index] / start.size[joint, index] for part in (start.value, start.low, start.high)
            )
            found.add(module.Parameter(f'{servo.element}: {term.name}', value, low, high))
    return found.move_off_bounds(2e-3)
