"""What fits are worth on stretches they did not see, and whether another form would be worth more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.calibrate.joints import terms as t
from transfer_audit.core.calibrate.joints.chain import Chain
from transfer_audit.core.calibrate.joints.solve import Fit, Problem, fit
from transfer_audit.core.calibrate.joints.windows import Window, halved
from transfer_audit.core.types import Array

_FOLDS = 3
_ITERATIONS = 8
"""Of a fit that starts from one on nearly the same windows."""
PAYS = 0.05
"""A form is missing if it takes this share off the squared residual on held-out stretches."""
Folds = tuple[tuple[tuple[Window, ...], tuple[Window, ...]], ...]
"""The windows that are fitted, and those that are left out."""
FORMS = (t.LOAD, t.STRIBECK, t.BACKLASH)


@dataclass(frozen=True)
class HeldOut:
    """The windows in folds, each with a fit of one form to all others.

    :param whole: the fit of this form to all windows, from which those of the folds start
    :param square: mean squared error of each servo on the windows left out, shape (J,), rad^2
    """

    folds: Folds
    whole: Fit
    fits: tuple[Fit, ...]
    square: Array

    def values(self, term: t.Term) -> Array:
        """A parameter as each of the fits has it, shape (F, J)."""
        return np.array([one.values[:, one.terms.index(term)] for one in self.fits])


def held_out(windows: Sequence[Window], whole: Fit) -> HeldOut:
    """Leave windows out in turn, at most _FOLDS times; a lone window is halved."""
    windows = list(windows) if len(windows) > 1 else halved(windows[0])
    count = min(_FOLDS, len(windows))
    folds = []
    for fold in range(count):
        seen = tuple(window for index, window in enumerate(windows) if index % count != fold)
        folds.append((seen, tuple(windows[fold::count])))
    return _fitted(tuple(folds), whole)


@dataclass(frozen=True)
class Rival:
    """A form with one term more than its base, on the same folds."""

    form: t.Term
    base: HeldOut
    richer: HeldOut


def rivals(base: HeldOut, saturated: bool) -> list[Rival]:
    """The fit with each form that the model lacks.

    Where a servo reaches its torque limit, that is freed first: it would pass for friction under load.
    """
    found = []
    if saturated:
        found.append(Rival(t.LIMIT, base, with_form(base, t.LIMIT)))
        base = found[0].richer
    return found + [Rival(form, base, with_form(base, form)) for form in FORMS]


def saturated(chain: Chain, windows: Sequence[Window]) -> bool:
    """Whether the torque that the profile's gain asks for reaches the limit of a servo, in one sample of a hundred."""
    for joint, actuator in enumerate(chain.actuators):
        if not chain.model.actuator_forcelimited[actuator]:
            continue
        limit = chain.model.actuator_forcerange[actuator, 1] / chain.model.actuator_gainprm[actuator, 0]
        errors = [_command_errors(chain, window, joint) for window in windows]
        if np.nanmean(np.abs(np.concatenate(errors)) > 0.95 * limit) > 0.01:
            return True
    return False


def _command_errors(chain: Chain, window: Window, joint: int) -> Array:
    step = (window.times_s / chain.model.opt.timestep).astype(np.intp) + window.history
    return np.asarray(window.commands[step, joint] - window.measured[:, joint])


def with_form(base: HeldOut, form: t.Term) -> HeldOut:
    """The same folds, fitted with one term more.

    Where that takes less than PAYS off what the fit to all windows leaves, the folds are not fitted: on what they leave
    out it would take off less still.
    """
    windows = [window for _, unseen in base.folds for window in unseen]
    chain, terms = base.whole.chain, (*base.whole.terms, form)
    richer = fit(chain, windows, terms, base.whole, _ITERATIONS)
    ratio = richer.squares / base.whole.squares
    if (ratio > 1 - PAYS).all():
        return HeldOut(base.folds, richer, (richer,), base.square * ratio)
    return _fitted(base.folds, richer)


def _fitted(folds: Folds, whole: Fit) -> HeldOut:
    chain, terms = whole.chain, whole.terms
    fits = tuple(fit(chain, seen, terms, whole, _ITERATIONS) for seen, _ in folds)
    parts = [squares_of(chain, unseen, one.terms, one.values) for (_, unseen), one in zip(folds, fits, strict=True)]
    sums, counts = (np.sum(part, axis=0) for part in zip(*parts, strict=True))
    return HeldOut(folds, whole, fits, sums / np.maximum(counts, 1))


def squares_of(
    chain: Chain, windows: Sequence[Window], terms: tuple[t.Term, ...], values: Array
) -> tuple[Array, Array]:
    """The sum of squared errors of each servo, and of how many samples, each of shape (J,)."""
    problem = Problem(chain, windows, terms, t.start_of(chain, windows, terms))
    return np.square(problem.errors(values[None])[0]).sum(axis=0), problem.known.sum(axis=0)
