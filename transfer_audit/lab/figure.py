"""One picture of the lab: what each family believes, where the hand is, and the two sides of both gaps."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from transfer_audit.core.errors import AuditError
from transfer_audit.lab.profiles import FRICTION
from transfer_audit.lab.run import Found, Stage
from transfer_audit.ledger.panels import Interval
from transfer_audit.report.style import LIGHT
from transfer_audit.report.svg import Frame, axes, picture, upright

WIDTH, HEIGHT = 860.0, 300.0
NO_TICKS = (0.05, 0.95)
"""A range without a round number."""
STYLE = (
    f'<style>svg{{{LIGHT}background:#fff;font:12px system-ui,sans-serif}}text{{fill:var(--ink)}}'
    '.axes text{fill:var(--soft)}.grid{stroke:var(--rule)}.real{stroke:var(--real);fill:var(--real)}'
    '.sim{stroke:var(--sim);fill:var(--sim)}.bar{stroke-width:9;stroke-linecap:round;stroke-opacity:.35}'
    '.error{stroke-width:1.6}.truth{stroke:var(--real);stroke-width:2;stroke-dasharray:5 3}</style>'
)


def write_figure(path: Path, found: Found) -> None:
    """Write the picture as SVG.

    :raises AuditError: if it cannot be written
    """
    try:
        path.write_text(figure(found), encoding='utf-8')
    except OSError as error:
        raise AuditError(f'{path}: cannot be written: {error.strerror}') from error


def figure(found: Found) -> str:
    """The picture as SVG that stands alone."""
    stages = [found.before] + ([] if found.after is None else [found.after])
    parts = [STYLE, *_families(found, stages), *_sides('success', 360.0, stages), *_sides('slip_rate', 620.0, stages)]
    drawn = picture(WIDTH, HEIGHT, f'transfer-audit lab, seed {found.lab.seed}', parts)
    return drawn.replace('<svg ', f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH:g}" height="{HEIGHT:g}" ', 1)


def _families(found: Found, stages: list[Stage]) -> Iterator[str]:
    """The range of friction in each family, the settings that were trained, and the hand."""
    top = 1.2 * max(found.lab.friction, *(float(stage.trained.settings.max()) for stage in stages))
    frame = Frame(20.0, 56.0, 270.0, 190.0, (0.0, top), NO_TICKS)
    yield axes(frame, 5, 0, x_label=FRICTION)
    yield _heading(frame, 'families, trained at the dots, and the hand')
    for number, (stage, place) in enumerate(zip(stages, (0.65, 0.25), strict=False)):
        low, high = stage.binding.profile.family.parameters[FRICTION].range
        left, right, y = float(frame.x(low)), float(frame.x(high)), float(frame.y(place))
        yield f'<line class="sim bar" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        for setting in stage.trained.settings.tolist():
            yield f'<circle class="sim" cx="{float(frame.x(setting)):.1f}" cy="{y:.1f}" r="3.5"/>'
        yield f'<text x="{right:.1f}" y="{y - 14:.1f}" text-anchor="end">family {number + 1}</text>'
    yield upright(frame, found.lab.friction, 'truth', 'the hand', 'middle')


def _sides(name: str, left: float, stages: list[Stage]) -> Iterator[str]:
    """Both sides of a gap for each family; lines span the 95 % interval, where the panel knows it."""
    panels = [stage.transferred.panel for stage in stages]
    values = [getattr(panel, f'{side}_{name}') or 0.0 for panel in panels for side in ('sim', 'real')]
    top = 1.0 if name == 'success' else 1.3 * max(0.01, *values)
    frame = Frame(left, 56.0, 190.0, 190.0, NO_TICKS, (0.0, top))
    yield axes(frame, 0, 5)
    yield _heading(frame, name.replace('_', ' '))
    for number, (panel, place) in enumerate(zip(panels, (0.28, 0.72), strict=False)):
        middle, gap = float(frame.x(place)), getattr(panel, f'{name.removesuffix("_rate")}_gap')
        said = (f'family {number + 1}', '' if gap is None else f'gap {gap:+.3f}')
        for line, text in enumerate(said):
            yield f'<text x="{middle:.1f}" y="{frame.top + 210 + 16 * line:g}" text-anchor="middle">{text}</text>'
        for side, x in (('sim', middle - 12), ('real', middle + 12)):
            value = getattr(panel, f'{side}_{name}')
            if value is not None:
                yield _point(frame, x, value, getattr(panel, f'{side}_{name}_interval', None), side)


def _point(frame: Frame, x: float, value: float, interval: Interval | None, side: str) -> str:
    y, said = float(frame.y(value)), 'hand' if side == 'real' else 'sim'
    span = '' if interval is None else (
        f'<line class="{side} error" x1="{x:.1f}" x2="{x:.1f}" y1="{float(frame.y(interval[0])):.1f}" '
        f'y2="{float(frame.y(interval[1])):.1f}"/>'
    )  # fmt: skip
    label = (
        f'<text x="{x + (8 if side == "real" else -8):.1f}" y="{y + 4:.1f}" text-anchor="{_SIDE[side]}">{said}</text>'
    )
    return f'{span}<circle class="{side}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>{label}'


_SIDE = {'sim': 'end', 'real': 'start'}


def _heading(frame: Frame, text: str) -> str:
    return f'<text x="{frame.left:g}" y="{frame.top - 30:g}" font-weight="600">{escape(text)}</text>'
