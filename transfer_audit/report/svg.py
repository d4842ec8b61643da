"""Traces -> inline SVG: lines, bands and axes. Colours are classes, which the style sheet of the page defines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from transfer_audit.core.types import Array

OUTWARD = np.array([-1.0, 1.0])
"""Signs that widen a lower and an upper bound."""


@dataclass(frozen=True)
class Frame:
    """A plot's rectangle in pixels and what its edges mean."""

    left: float
    top: float
    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: Array | float) -> Array:
        """Pixels from the left."""
        return self._place(value, self.x_range) * self.width + self.left

    def y(self, value: Array | float) -> Array:
        """Pixels from the top; what lies outside of the frame is drawn on its edge."""
        return self.top + self.height * (1.0 - np.clip(self._place(value, self.y_range), 0.0, 1.0))

    @staticmethod
    def _place(value: Array | float, span: tuple[float, float]) -> Array:
        return np.asarray((np.asarray(value, np.float64) - span[0]) / (span[1] - span[0]))


def ticks(span: tuple[float, float], about: int) -> list[float]:
    """Round numbers within a span, in steps of 1, 2 or 5 times a power of ten."""
    rough = (span[1] - span[0]) / max(about, 1)
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    found = np.arange(np.ceil(span[0] / step - 1e-9), np.floor(span[1] / step + 1e-9) + 1) * step
    return [float(f'{value:.10g}') + 0.0 for value in found]


def span_of(*values: Array) -> tuple[float, float]:
    """A range that holds every finite value, with a margin."""
    known = np.concatenate([value.ravel() for value in values])
    known = known[np.isfinite(known)]
    if len(known) == 0:
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    margin = 0.06 * (high - low) or max(1e-3, 0.1 * abs(high))
    return low - margin, high + margin


def line(frame: Frame, time_s: Array, pair: Array, name: str) -> str:
    """A line through the extremes of every bucket, shape (N, 2), broken where they are NaN."""
    parts = []
    for run in _runs(time_s, pair):
        x, y = np.repeat(frame.x(time_s[run]), 2), frame.y(pair[run]).ravel()
        fresh = np.concatenate(([True], (np.diff(x) != 0) | (np.diff(y) != 0)))
        parts.append('M' + _points(x[fresh], y[fresh]) + ('h.01' if fresh.sum() == 1 else ''))
    return f'<path class="{name}" d="{"".join(parts)}"/>'


def band(frame: Frame, time_s: Array, pair: Array, name: str) -> str:
    """The area between two curves, shape (N, 2)."""
    parts = []
    for run in _runs(time_s, pair):
        x, low, high = frame.x(time_s[run]), frame.y(pair[run, 0]), frame.y(pair[run, 1])
        parts.append('M' + _points(np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]])) + 'Z')
    return f'<path class="{name}" d="{"".join(parts)}"/>'


def upright(frame: Frame, at: float, name: str, label: str = '', side: str = 'start') -> str:
    """A vertical line through the frame at a time, with a label above."""
    x, bottom = float(frame.x(at)), frame.top + frame.height
    text = f'<text x="{x:.1f}" y="{frame.top - 6:.1f}" text-anchor="{side}">{escape(label)}</text>' if label else ''
    return f'<line class="{name}" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.top:.1f}" y2="{bottom:.1f}"/>{text}'


def level(frame: Frame, at: float, name: str) -> str:
    """A horizontal line through the frame at a value."""
    y = float(frame.y(at))
    return f'<line class="{name}" x1="{frame.left:g}" x2="{frame.left + frame.width:g}" y1="{y:.1f}" y2="{y:.1f}"/>'


def stretch(frame: Frame, span: Sequence[float], name: str) -> str:
    """A shaded stretch of time, at least two pixels wide."""
    begin, end = (float(frame.x(min(max(at, frame.x_range[0]), frame.x_range[1]))) for at in span)
    width = max(2.0, end - begin)
    return f'<rect class="{name}" x="{begin:.1f}" y="{frame.top:g}" width="{width:.1f}" height="{frame.height:g}"/>'


def axes(frame: Frame, x_ticks: int, y_ticks: int, y_label: str = '', x_label: str = '') -> str:
    """Grid lines with their numbers, and what they count."""
    bottom, right, parts = frame.top + frame.height, frame.left + frame.width, []
    for value in ticks(frame.y_range, y_ticks):
        y = float(frame.y(value)) + 4
        parts.append(level(frame, value, 'grid'))
        parts.append(f'<text x="{frame.left - 6:g}" y="{y:.1f}" text-anchor="end">{value:.6g}</text>')
    for value in ticks(frame.x_range, x_ticks):
        x = float(frame.x(value))
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom:g}" y2="{bottom + 4:g}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16:g}" text-anchor="middle">{value:.6g}</text>')
    parts.append(f'<text x="4" y="{frame.top - 11:g}">{escape(y_label)}</text>' if y_label else '')
    parts.append(f'<text x="{right:g}" y="{bottom + 30:g}" text-anchor="end">{escape(x_label)}</text>')
    return f'<g class="axes">{"".join(parts)}</g>'


def picture(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    """A whole SVG with a title for those who cannot see it."""
    inside = ''.join(parts)
    return f'<svg viewBox="0 0 {width:g} {height:g}" role="img"><title>{escape(title)}</title>{inside}</svg>'


def _points(x: Array, y: Array) -> str:
    return 'L'.join(f'{a:.1f},{b:.1f}' for a, b in zip(x.tolist(), y.tolist(), strict=True))


def _runs(time_s: Array, pair: Array) -> Iterator[slice]:
    """Stretches without NaN."""
    good = np.isfinite(time_s) & np.isfinite(pair).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], good.astype(np.int8), [0]))))
    return (slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True))
