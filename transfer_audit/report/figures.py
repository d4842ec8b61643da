"""One element of one round, drawn large or small."""

from __future__ import annotations

from typing import Any

from transfer_audit.report import svg
from transfer_audit.report.collect import Collector, Trace
from transfer_audit.report.words import OVER_ROUND

CLIP = 3.0
"""Scores are drawn up to this many alarm levels; the peak is told in words."""
_SECONDS = 's since the round began'
Span = tuple[float, float]


class Figures:
    """Draws the elements of one round; onset, interval and flag come from its first divergence."""

    def __init__(self, collector: Collector, verdict: dict[str, Any]) -> None:
        self._collector = collector
        self._round_ns = (verdict['start_ns'], verdict['end_ns'])
        self._whole: Span = (0.0, max(1e-3, (verdict['end_ns'] - verdict['start_ns']) / 1e9))
        self._first = verdict['first_divergence']

    def large(self, index: int) -> str:
        """What lies around the onset with its score, and the whole round."""
        near = self._near()
        large = self._values(index, near, 230, named=True) + self._score(index, near)
        return large if near == self._whole else large + self._values(index, self._whole, 130, named=False)

    def _near(self) -> Span:
        """What lies around the onset; the whole round where nothing parted, or where it only shows over all of it."""
        if self._first is None or self._first['unit'] in OVER_ROUND:
            return self._whole
        (begin, latest), flagged = self._first['onset_interval_s'], self._first['flagged_s']
        end = max(latest, flagged)
        pad = max(0.4, 2.0 * (end - begin))
        return max(begin - pad, self._whole[0]), min(end + pad, self._whole[1])

    def small(self, index: int, onset_s: float | None) -> str:
        """The whole round in the size of a stamp."""
        trace = self._trace(index, self._whole, 110)
        frame = svg.Frame(44, 8, 238, 92, self._whole, self._span(index, trace))
        onset = '' if onset_s is None else svg.upright(frame, onset_s, 'onset')
        curves = self._curves(index, frame, trace)
        return svg.picture(300, 122, self._label(index), [svg.axes(frame, 4, 4), curves, onset])

    def _values(self, index: int, window: Span, tall: int, named: bool) -> str:
        trace = self._trace(index, window, 900)
        frame = svg.Frame(70, 26, 915, tall, window, self._span(index, trace))
        axes = svg.axes(frame, 10, tall // 40, self._collector.units[index], _SECONDS)
        parts = [
            axes,
            self._interval(frame),
            self._curves(index, frame, trace),
            self._marks(frame, named),
        ]
        return svg.picture(1000, tall + 62, self._label(index), parts)

    def _score(self, index: int, window: Span) -> str:
        trace = self._trace(index, window, 900)
        frame = svg.Frame(70, 30, 915, 90, window, (0.0, CLIP))
        axes = svg.axes(frame, 10, 3, f'score (1 = alarm level, cut off at {CLIP:g})', _SECONDS)
        curve = svg.line(frame, trace.time_s, trace.score[:, None].repeat(2, axis=1), 'score')
        parts = [axes, self._interval(frame), svg.level(frame, 1.0, 'alarm'), curve, self._marks(frame, named=False)]
        return svg.picture(1000, 156, f'Score of {self._label(index)}', parts)

    def _trace(self, index: int, window: Span, columns: int) -> Trace:
        return self._collector.trace(index, self._round_ns, window, columns)

    def _span(self, index: int, trace: Trace) -> Span:
        return svg.span_of(trace.real, trace.envelope + self._collector.tolerance[index] * svg.OUTWARD)

    def _curves(self, index: int, frame: svg.Frame, trace: Trace) -> str:
        wide = trace.envelope + self._collector.tolerance[index] * svg.OUTWARD
        return (
            svg.band(frame, trace.time_s, wide, 'tolerance')
            + svg.band(frame, trace.time_s, trace.envelope, 'family')
            + svg.line(frame, trace.time_s, trace.median, 'median')
            + svg.line(frame, trace.time_s, trace.real, 'real')
        )

    def _interval(self, frame: svg.Frame) -> str:
        return '' if self._first is None else svg.stretch(frame, self._first['onset_interval_s'], 'interval')

    def _marks(self, frame: svg.Frame, named: bool) -> str:
        if self._first is None:
            return ''
        onset, flagged = self._first['onset_s'], self._first['flagged_s']
        said = (f'onset {onset:.3f} s', f'flagged {flagged:.3f} s') if named else ('', '')
        line = svg.upright(frame, onset, 'onset', said[0], 'end')
        return line + svg.upright(frame, flagged, 'flagged', said[1])

    def _label(self, index: int) -> str:
        channel, column = self._collector.names[index]
        return f'{column} ({channel}) in {self._collector.units[index]}: the real hand against the family'
