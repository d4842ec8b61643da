"""What a bench of calibrations found, as text."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from transfer_audit.bench.calibration.presses import WITHIN, Presses
from transfer_audit.bench.calibration.servo import Servo
from transfer_audit.bench.calibration.synthetic import Synthetic
from transfer_audit.core.calibrate.joints import terms as t


def synthetic_table(found: Synthetic) -> str:
    """Errors and coverage by parameter."""
    return '\n'.join(_synthetic(found))


def _synthetic(found: Synthetic) -> Iterator[str]:
    yield f'{"motion":8s}{"parameter":20s}{"joints":>7s}{"told":>6s}{"cover":>8s}{"median err":>12s}{"worst told":>12s}'
    for motion in dict.fromkeys(one.motion for one in found.outcomes):
        for term in t.PLAIN:
            own = found.of(motion, term.name)
            absolute = term in (t.DELAY, t.OFFSET)
            scale, unit = (1000.0, ' m' + term.unit) if absolute else (100.0, ' %')
            errors = np.array([scale * abs(one.value - one.true) / (1 if absolute else one.true) for one in own])
            told = errors[[one.told for one in own]]
            worst = f'{told.max():.2f}{unit}' if len(told) else '-'
            covered, median = 100 * np.mean([one.covered for one in own]), f'{np.median(errors):.2f}{unit}'
            yield f'{motion:8s}{term.name:20s}{len(own):7d}{len(told):6d}{covered:6.0f} %{median:>12s}{worst:>12s}'
    covered, near = 100 * found.coverage, 100 * found.near
    yield f'90 % intervals cover {covered:.1f} %; {near:.1f} % of what is told is near the truth'


def press_table(found: Presses) -> str:
    """What presses of known tips gave, from the softest to the stiffest."""
    return '\n'.join(_presses(found))


def _presses(found: Presses) -> Iterator[str]:
    yield f'{"presses":>7s}{"true, N/m":>11s}{"found":>9s}   {"90 % interval":20s}{"curve off":>10s}'
    for one in sorted(found.tips, key=lambda one: one.true):
        ends = f'{one.low:.0f} … {one.high:.0f}'
        standing = 'told' if one.told else 'not told'
        yield f'{one.presses:7d}{one.true:11.0f}{one.value:9.0f}   {ends:20s}{100 * one.curve:8.1f} %  {standing}'
    near = np.mean([one.off <= WITHIN for one in found.told]) if found.told else float('nan')
    yield (
        f'90 % intervals cover {100 * found.coverage:.0f} %; {len(found.told)} of {len(found.tips)} tips are told, '
        f'{100 * near:.0f} % of them within {100 * WITHIN:.0f} % of the truth'
    )


def servo_table(found: Servo) -> str:
    """Held-out residuals beside brute force, and parameters beside the published ones."""
    return '\n'.join(_servo(found))


def _servo(found: Servo) -> Iterator[str]:
    yield f'{"gain":8s}{"left out":18s}{"fit, rad":>10s}{"brute, rad":>12s}{"ratio":>8s}'
    for one in found.rivalries:
        yield f'{one.gain:8s}{one.left_out:18s}{one.fitted:10.4f}{one.brute:12.4f}{one.ratio:8.3f}'
    left, left_by_brute = found.left
    yield f'{"all":8s}{"each once":18s}{left:10.4f}{left_by_brute:12.4f}{left / left_by_brute:8.3f}'
    for (gain, joint), (_, published) in zip(found.fits, found.published, strict=True):
        yield f'{gain}, on recordings left out: {joint.before:.4f} rad as published, {joint.after:.4f} rad fitted'
        yield f'  {"parameter":22s}{"published":>11s}{"fitted":>11s}   90 % interval'
        for known, fitted in zip(published, joint.fitted, strict=False):
            q = fitted.quantity
            yield f'  {q.name:22s}{known:11.5f}{q.value:11.5f}   {q.low:.5f} … {q.high:.5f} {q.unit}  {q.standing}'
        for form in joint.missing:
            yield (
                f'  {form.form}: {100 * form.share:.0f} % of what is left; '
                f'{form.value:.3g} ({form.low:.3g} … {form.high:.3g}) {form.unit}'
            )
    yield f'the late twin is {found.twins.later_ms:.2f} ms later than the nominal one,'
    yield f'whose friction, damping, gain and armature are within {100 * found.twins.off:.1f} % of its model'
