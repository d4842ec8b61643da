"""Traces of a hand -> the parameters of its joints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate.joints import held_out as h
from transfer_audit.core.calibrate.joints import terms as t
from transfer_audit.core.calibrate.joints.chain import Chain, Servo, chains_of, in_mjcf, sticking
from transfer_audit.core.calibrate.joints.result import Fitted, JointFit, JointFits, Missing
from transfer_audit.core.calibrate.joints.solve import Fit, better, polished, sysid
from transfer_audit.core.calibrate.joints.solve import fit as solve
from transfer_audit.core.calibrate.joints.spread import Spread, spread_of
from transfer_audit.core.calibrate.joints.telling import correlated, motion_for, why_not
from transfer_audit.core.calibrate.joints.windows import Window, windows_of
from transfer_audit.core.calibrate.quantities import Quantity, Standing
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.types import Array

EXPLAINS = 0.02
"""A fit that takes less than this off the root mean square of the held-out residual explains nothing."""
STILL = 0.9
"""So does one that leaves this share of what a joint that holds still would leave."""
LEFT_OVER = 1.3
"""Other forms are tried where the residual is over this many times the noise."""


def fit(
    traces: Sequence[Trace], binding: Binding, forms: bool = True, progress: Callable[[str], None] = lambda _: None
) -> JointFits:
    """Fit friction, damping, gain, armature, offset and delay of every joint that is commanded and measured.

    Only free motion is used. Joints that move each other are fitted together, chain by chain.

    :param forms: try other forms where the model's own leaves something: load-dependent friction, breakaway, play
    :param progress: is told which joints come next
    :raises AuditError: if `mujoco.sysid` is not installed
    """
    sysid()
    joints: list[JointFit] = []
    warnings = list(_unfitted(binding))
    chains = chains_of(binding)
    for number, chain in enumerate(chains, 1):
        windows = windows_of(traces, binding, chain)
        names = ', '.join(servo.element for servo in chain.servos)
        if windows:
            progress(f'fit {number} of {len(chains)}: {names}')
            joints += fit_chain(chain, windows, forms)
        else:
            warnings.append(f'{names}: no stretch of free motion that is long enough and measured without gaps')
    return JointFits(tuple(joints), tuple(warnings))


def _unfitted(binding: Binding) -> list[str]:
    done = {servo.command for chain in chains_of(binding) for servo in chain.servos}
    left = [name for index, name in enumerate(binding.command.names) if index not in done]
    return [f'{", ".join(left)}: not fitted, no position servo of a joint that is measured'] if left else []


def fit_chain(chain: Chain, windows: Sequence[Window], forms: bool = True) -> list[JointFit]:
    """Fit the servos of one chain together; each stretch a window."""
    fits = plain(chain, windows)
    whole = better(fits[0], fits[-1])
    spread, base = spread_of(whole), h.held_out(windows, whole)
    squares, counts = h.squares_of(chain, windows, t.PLAIN, _nominal(chain, t.start_of(chain, windows, t.PLAIN)))
    left_over = bool((np.sqrt(base.square) > LEFT_OVER * spread.noise).any())
    rivals = _rivals(windows, fits[0], whole, base) if forms and left_over else []
    before = np.sqrt(squares / np.maximum(counts, 1))
    found = [_joint(whole, spread, base, rivals, float(before[joint]), windows, joint) for joint in range(len(before))]
    return found if whole is fits[0] else [_firmer(one, chain) for one in found]


def plain(chain: Chain, windows: Sequence[Window]) -> tuple[Fit, ...]:
    """The fit with the model's own friction and, where that leaves more than noise, one with friction that does not
    creep."""
    own = solve(chain, windows, t.PLAIN)
    if not own.left_over(LEFT_OVER):
        return (own,)
    fits = own, solve(sticking(chain), windows, t.PLAIN, own)
    return tuple(polished(one, windows) if one is better(*fits) else one for one in fits)


def best(chain: Chain, windows: Sequence[Window]) -> Fit:
    """The fit with the kind of friction that leaves less."""
    fits = plain(chain, windows)
    return better(fits[0], fits[-1])


def _rivals(windows: Sequence[Window], own: Fit, whole: Fit, base: h.HeldOut) -> list[h.Rival]:
    """Other forms, with the model's own friction, which they were found to be fitted with best.

    What they are worth is counted against the better of both kinds of plain friction.
    """
    return h.rivals(base if whole is own else h.held_out(windows, own), h.saturated(own.chain, windows))


def _firmer(found: JointFit, chain: Chain) -> JointFit:
    """A joint whose friction holds more firmly than that of the model."""
    said = (
        f'{found.of}: friction holds it more firmly than the model does, where a joint that sticks creeps; '
        f'a firmer one fits better ({in_mjcf(chain.model)} at the joint)'
    )
    return replace(found, warnings=(*found.warnings, said))


def _nominal(chain: Chain, start: t.Start) -> Array:
    """The profile's own values, also where a fit does not start from them."""
    values, dofs = start.value.copy(), list(chain.dofs)
    for index, term in enumerate(t.PLAIN):
        if term.field.startswith('dof_'):
            values[:, index] = getattr(chain.model, term.field)[dofs]
    return values


def _joint(
    whole: Fit,
    spread: Spread,
    base: h.HeldOut,
    rivals: Sequence[h.Rival],
    before: float,
    windows: Sequence[Window],
    joint: int,
) -> JointFit:
    servo = whole.chain.servos[joint]
    after, noise = float(np.sqrt(base.square[joint])), float(spread.noise[joint])
    missing = sorted((_missing(rival, base, joint) for rival in rivals), key=lambda m: -m.share)
    nothing = after > LEFT_OVER * noise and (after > (1 - EXPLAINS) * before or after > STILL * _swing(windows, joint))
    fitted = [_fitted(whole, spread, windows, joint, index, nothing) for index in range(len(whole.terms))]
    fitted += [_beyond(whole.chain, joint, form, missing, fitted[0]) for form in (t.STRIBECK, t.BACKLASH)]
    fitted += _velocity_gain(whole.chain, joint, fitted[0])
    return JointFit(
        servo.element, tuple(fitted), before, after, noise, float(spread.condition[joint]),
        correlated(whole, spread, joint), tuple(missing),
        tuple(_warnings(servo, before, after, noise, missing, nothing)),
    )  # fmt: skip


def _swing(windows: Sequence[Window], joint: int) -> float:
    """What a joint that held still would leave, rad RMS."""
    values = [window.measured[:, joint] - np.nanmean(window.measured[:, joint]) for window in windows]
    return float(np.sqrt(np.nanmean(np.square(np.concatenate(values)))))


def _missing(rival: h.Rival, base: h.HeldOut, joint: int) -> Missing:
    form, values = rival.form, rival.richer.values(rival.form)[:, joint]
    left = min(float(rival.base.square[joint]), float(base.square[joint]))
    share = 1.0 - float(rival.richer.square[joint]) / left
    return Missing(form.name, share, float(np.median(values)), float(values.min()), float(values.max()), form.unit)


def _fitted(whole: Fit, spread: Spread, windows: Sequence[Window], joint: int, index: int, nothing: bool) -> Fitted:
    term, servo = whole.terms[index], whole.chain.servos[joint]
    standing: Standing = 'measured'
    why = why_not(whole, spread, joint, index)
    if nothing:
        standing, why = (
            'explains nothing',
            'on stretches it did not see, the fit is no better than the profile or a joint that holds still',
        )
    elif why:
        standing = 'not identifiable'
    quantity = Quantity(
        term.name, servo.element, float(whole.values[joint, index]), float(spread.low[joint, index]),
        float(spread.high[joint, index]), term.unit, int(np.count_nonzero(whole.joint == joint)),
        tuple(window.stretch for window in windows), standing, why,
    )  # fmt: skip
    return Fitted(quantity, term.field, servo.joint if term.field.startswith('dof_') else servo.actuator)


def _beyond(chain: Chain, joint: int, form: t.Term, missing: Sequence[Missing], like: Fitted) -> Fitted:
    """Breakaway and backlash: measured only where they pay on stretches that the fit did not see."""
    found = next((one for one in missing if one.form == form.name), None)
    servo = chain.servos[joint]
    if found is not None and found.share >= h.PAYS:
        values, why = (found.value, found.low, found.high), ''
    else:
        values = (0.0, 0.0, found.high if found else 0.0)
        why = f'it does not show in this motion; it needs {motion_for(form, chain, joint)}'
    quantity = replace(
        like.quantity, name=form.name, value=values[0], low=values[1], high=values[2], unit=form.unit,
        standing='not identifiable' if why else 'measured', why=why,
    )  # fmt: skip
    return Fitted(quantity, '', servo.joint)


def _velocity_gain(chain: Chain, joint: int, like: Fitted) -> list[Fitted]:
    """The servo's own damping, which below its torque limit nothing tells from that of the joint."""
    gain = -float(chain.model.actuator_biasprm[chain.actuators[joint], 2])
    if gain == 0:
        return []
    why = (
        f'it acts like viscous damping, which is fitted with it held at {gain:.3g}; only a reached torque limit differs'
    )
    quantity = replace(
        like.quantity, name='velocity gain', value=gain, low=gain, high=gain, unit=t.DAMPING.unit,
        standing='not identifiable', why=why,
    )  # fmt: skip
    return [Fitted(quantity, 'actuator_kv', chain.servos[joint].actuator)]


def _warnings(
    servo: Servo, before: float, after: float, noise: float, missing: Sequence[Missing], nothing: bool
) -> list[str]:
    found = []
    if nothing:
        found.append(
            f'{servo.element}: the fit explains nothing: {before:.3g} rad before, {after:.3g} rad after, '
            'on stretches it did not see'
        )
    paying = [one for one in missing if one.share >= h.PAYS]
    if paying:
        said = '; '.join(f'{one.form} would explain {100 * one.share:.0f} %' for one in paying)
        found.append(f'{servo.element}: the form is too simple, {after:.3g} rad are left (noise {noise:.2g}): {said}')
    elif after > LEFT_OVER * 2 * noise:
        found.append(
            f'{servo.element}: {after:.3g} rad are left (noise {noise:.2g}), and no form that was tried explains them'
        )
    return found
