"""Traces of a hand -> everything that they say of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate import compliance
from transfer_audit.core.calibrate import joints as fits
from transfer_audit.core.calibrate.delay import delay_range, delays
from transfer_audit.core.calibrate.drag import drags
from transfer_audit.core.calibrate.driven import Driven, driven
from transfer_audit.core.calibrate.lag import force_to_pose, log_to_command
from transfer_audit.core.calibrate.noise import noise_of, sensor
from transfer_audit.core.calibrate.quantities import Quantity
from transfer_audit.core.calibrate.ranges import Ranged, Setting
from transfer_audit.core.calibrate.speed import dead_band, speed_law
from transfer_audit.core.calibrate.starts import Starts, starts_of
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.errors import AuditError
from transfer_audit.core.profile import Key
from transfer_audit.core.types import to_ns

Progress = Callable[[str], None]
FITTED_S, PRESSED_S = 30.0, 60.0
"""Motion that the fits of joints and of fingertips are given at most: more adds hours and little else."""
ONE_DELAY_S = 0.03
"""Delays that spread by more are no single one."""
ALIKE = 1.5
"""Elements of a channel whose numbers differ by less than this factor share one."""
CORRELATED_AT_LEAST = 0.5
"""Noise that stays alike for less than so many rows of the audit clock is white to an audit."""


@dataclass(frozen=True)
class Residual:
    """What a fit leaves, root mean square on stretches that it did not see: before with the profile's own values."""

    of: str
    before: float
    after: float
    noise: float
    unit: str


@dataclass(frozen=True)
class Calibration:
    """What the traces of a hand say.

    :param ranges: what the family should range over; `settings`: numbers of command and channels
    """

    quantities: tuple[Quantity, ...]
    ranges: tuple[Ranged, ...]
    settings: tuple[Setting, ...]
    residuals: tuple[Residual, ...]
    warnings: tuple[str, ...]


def calibrate(
    traces: Sequence[Trace],
    binding: Binding,
    recordings: Sequence[Trace] | None = None,
    progress: Progress = lambda _: None,
    fit: bool = True,
) -> Calibration:
    """Measure and fit what the traces can tell.

    :param traces: rounds, of any number of recordings
    :param recordings: the same recordings whole, so that what is between their rounds counts as well
    :param progress: is told what comes next; `fit`: whether to fit models, which takes longest
    """
    recordings = traces if recordings is None else recordings
    hand = driven(binding)
    progress('starts and delays')
    joints = [(joint, starts_of(recordings, binding, joint)) for joint in hand]
    parts = [_motions(recordings, binding, joints), *_channels(recordings, binding, joints, progress)]
    if fit:
        parts.append(_joints(traces, binding, parts[0].ranges, progress))
        if any(plan.kind == 'force' for plan in binding.channels):
            progress('compliance of the tips')
            parts.append(_tips(traces, binding))
    return Calibration(
        tuple(quantity for part in parts for quantity in part.quantities),
        tuple(one for part in parts for one in part.ranges),
        tuple(setting for part in parts for setting in part.settings),
        tuple(residual for part in parts for residual in part.residuals),
        tuple(warning for part in parts for warning in part.warnings),
    )


def _motions(
    recordings: Sequence[Trace], binding: Binding, joints: Sequence[tuple[Driven, Starts]]
) -> Calibration:  # fmt: skip
    """Delays, dead bands and speed laws of the joints."""
    found: list[Quantity] = []
    ranges: list[Ranged] = []
    for joint, starts in joints:
        ramps = binding.command.speed_scale is not None
        found += [*delays(joint, starts, ramps), *speed_law(recordings, binding, joint, starts)]
        found.append(dead_band(binding, joint, starts))
        one = delay_range(joint, starts, binding)
        ranges += [one] if one is not None else []
    settings, warnings = _speed(binding, found)
    settings += _latency(found)
    return Calibration(tuple(found), tuple(ranges), tuple(settings), (), tuple(warnings))


def _latency(found: Sequence[Quantity]) -> list[Setting]:
    """How long the gate must expect the hand to go on after a hold: from a command that opens to the motion seen.

    What closes may be held back by other things than the loop: by a grip, or by a line that is busy.
    """
    for way in ('opening', 'closing'):
        known = [q.value for q in found if q.name == f'command to first seen motion, {way}, p50']
        if known:
            return [Setting(('gate', 'latency_s'), max(known), f'command to first seen motion, {way}, p50')]
    return []


def _speed(binding: Binding, found: Sequence[Quantity]) -> tuple[list[Setting], list[str]]:
    """The speed law as the profile says it: one for all joints."""
    speed = binding.profile.command.speed
    scales = [q for q in found if q.name == 'speed scale' and q.standing == 'measured']
    if speed is None or not scales:
        return [], []
    value = sum(q.value for q in scales) / len(scales)
    low, high = min(q.low for q in scales), max(q.high for q in scales)
    settings = [Setting(('command', 'speed', 'scale'), value, f'measured {low:.4g} to {high:.4g}')]
    limits = [q for q in found if q.name == 'speed limit']
    known = [q.value for q in limits if q.standing == 'measured']
    top = max((q.low for q in limits), default=0.0)
    if known:
        settings.append(Setting(('command', 'speed', 'limit'), max(known), 'measured'))
    elif speed.limit is not None and speed.limit < top:
        why = f'speed follows the command up to {top:g}, the profile says to {speed.limit:g} only'
        return [*settings, Setting(('command', 'speed', 'limit'), top, why)], [why]
    return settings, []


def _channels(
    recordings: Sequence[Trace], binding: Binding, joints: Sequence[tuple[Driven, Starts]], progress: Progress
) -> Iterator[Calibration]:
    """Lags between the streams, and noise and drag of every channel."""
    progress('lags and drag')
    lags = [log_to_command(recordings, plan.name) for plan in binding.channels if plan.kind == 'pose']
    pressed = [*force_to_pose(recordings, binding, joints), *drags(recordings, binding, joints)]
    yield Calibration((*lags, *pressed), (), tuple(_tolerances(binding, pressed)), (), ())
    for plan in binding.channels:
        progress(f'noise of {plan.name}')
        found = [sensor(recordings, plan, column, name) for name, column in _carried(plan)]
        settings = _noise(binding, plan, found)
        yield Calibration(tuple(q for one in found for q in one), (), tuple(settings), (), ())


def _carried(plan: ChannelPlan) -> list[tuple[str, int]]:
    """The carried columns whose noise is measured: each element, or the position of each body."""
    if plan.elements[0].sense != 'pose':
        return [(name, column) for column, name in enumerate(plan.columns)]
    return [(f'{e.name}.{axis}', 7 * i + k) for i, e in enumerate(plan.elements) for k, axis in enumerate('xyz')]


def _noise(binding: Binding, plan: ChannelPlan, found: Sequence[Sequence[Quantity]]) -> Iterator[Setting]:
    keys = binding.profile.channels[plan.name].keys
    each = len(found) // len(keys)
    noise = [noise_of(one) for one in found]
    per_key = [noise[i * each : (i + 1) * each] for i in range(len(keys))]
    values = {key: max(n for n in part if n is not None) for key, part in zip(keys, per_key, strict=True) if any(part)}
    if len(values) == len(keys):
        yield Setting(('channels', plan.name, 'noise'), _one_or_each(values), 'at rest, or a step of its quantisation')
    memory = [q.value for one in found for q in one if q.name == 'noise correlation time' and q.standing == 'measured']
    if memory:
        usual = float(np.median(memory))
        white = usual * binding.profile.clock.rate_hz < CORRELATED_AT_LEAST
        why = f'the median of {len(memory)} at rest' + (', less than a row of the audit clock' if white else '')
        yield Setting(('channels', plan.name, 'noise_correlation_s'), 0.0 if white else usual, why)


def _tolerances(binding: Binding, found: Sequence[Quantity]) -> Iterator[Setting]:
    """What a force reads in free motion is no difference that matters."""
    for plan in binding.channels:
        keys = binding.profile.channels[plan.name].keys
        drag = {q.of: q for q in found if q.name == 'drag, p99'}
        known = {key: drag.get(f'{plan.name}/{name}') for key, name in zip(keys, plan.columns, strict=False)}
        values = {key: q.high for key, q in known.items() if q is not None and math.isfinite(q.high)}
        if plan.kind == 'force' and values and len(values) == len(keys):
            why = 'the drag that is read in free motion: p99, upper end of its interval'
            yield Setting(('channels', plan.name, 'tolerance'), _one_or_each(values), why)


def _one_or_each(values: dict[Key, float]) -> float | dict[Key, float]:
    """One number for all where they are much alike: their root mean square."""
    several = np.array(list(values.values()))
    alike = bool(several.max() <= ALIKE * several.min())
    return float(np.sqrt(np.mean(several**2))) if alike else values


def _joints(traces: Sequence[Trace], binding: Binding, delayed: Sequence[Ranged], progress: Progress) -> Calibration:
    """The parameters of the joints, by fits; `delayed`: the delays of their starts.

    A fit has one delay for all rounds. Where delays differ from start to start, friction and damping take on what the
    delays do, and nothing of the fit goes into the family.
    """
    some = spread_out(traces, FITTED_S)
    try:
        found = fits.fit(some, binding, progress=progress)
    except AuditError as error:
        return Calibration((), (), (), (), (f'the joints are not fitted: {error}',))
    wide = [one.of for one in delayed if one.high - one.low > ONE_DELAY_S]
    kept = [fit for fit in found.fitted if fit.field and fit.quantity.standing == 'measured']
    ranges = [_range_of(fit) for fit in kept if fit.quantity.of not in wide]
    if binding.command.speed_scale is not None:
        known = [one.of for one in delayed]
        ranges = [one for one in ranges if one.field != 'actuator_delay' or one.of not in known]
    residuals = [Residual(joint.of, joint.before, joint.after, joint.noise, 'rad') for joint in found.joints]
    warnings = [*_few('the joints are', some, traces), *found.warnings]
    warnings += [warning for joint in found.joints for warning in joint.warnings]
    warnings += [f'{of}: its delay differs from start to start, so that its fit is not written' for of in wide]
    return Calibration(found.quantities, tuple(ranges), (), tuple(residuals), tuple(warnings))


def _tips(traces: Sequence[Trace], binding: Binding) -> Calibration:
    """How far the fingertips give, from presses."""
    some = spread_out(traces, PRESSED_S)
    found = compliance.fit(some, binding)
    residuals = [Residual(tip.of, tip.before, tip.after, tip.noise, 'N') for tip in found.tips]
    warnings = [*found.warnings, *(warning for tip in found.tips for warning in tip.warnings)]
    few = _few('the compliance is', some, traces) if found.tips else []
    return Calibration(found.quantities, found.ranges, (), tuple(residuals), (*few, *warnings))


def _few(what: str, some: Sequence[Trace], traces: Sequence[Trace]) -> list[str]:
    return [f'{what} fitted to {len(some)} of {len(traces)} rounds, spread over all'] if len(some) < len(traces) else []


def spread_out(traces: Sequence[Trace], most_s: float) -> list[Trace]:
    """As many rounds, evenly spread over all, as last no longer than `most_s` together; at least one."""
    lasts = sum(trace.end_ns - trace.start_ns for trace in traces) / to_ns(1)
    count = max(1, min(len(traces), int(len(traces) * most_s / max(lasts, 1e-9))))
    return [traces[(2 * index + 1) * len(traces) // (2 * count)] for index in range(count)] if traces else []


def _range_of(fit: fits.Fitted) -> Ranged:
    found = fit.quantity
    low = max(0.0, found.low)
    return Ranged(
        f'{found.of}_{fit.field}', fit.field, (fit.select,), low, found.high, of=found.of,
        why=f'{found.name} of {found.of}, fitted',
    )  # fmt: skip
