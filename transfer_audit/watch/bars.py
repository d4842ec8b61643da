"""Bars and short histories as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isnan


@dataclass(frozen=True)
class Glyphs:
    """What bars are made of: eighths of a cell for scores, steps for histories, marks for forces."""

    eighths: str
    empty: str
    alarm: str
    steps: str
    over: str
    band: str
    real: str
    end: str


BLOCKS = Glyphs(' ▏▎▍▌▋▊▉█', '·', '│', '▁▂▃▄▅▆▇', '█', '░', '◆', '┤')
PLAIN = Glyphs(' #######=', '.', '|', '_.-~=+*', '!', '-', 'o', '|')


def glyphs_for(encoding: str | None) -> Glyphs:
    """Blocks where the terminal can show them, else plain ASCII."""
    try:
        ''.join(vars(BLOCKS).values()).encode(encoding or 'ascii')
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return BLOCKS


def score_bar(score: float, cells: int, glyphs: Glyphs) -> str:
    """0 to twice the alarm level, with the level in the middle: `cells` + 1 characters."""
    share = 0.0 if isnan(score) else min(max(score, 0.0) / 2, 1.0)
    eighths = floor(share * cells * 8)
    full, rest = divmod(eighths, 8)
    bar = glyphs.eighths[8] * full + (glyphs.eighths[rest] if rest and full < cells else '')
    bar += glyphs.empty * (cells - len(bar))
    return bar[: cells // 2] + glyphs.alarm + bar[cells // 2 :]


def history(scores: Sequence[float], glyphs: Glyphs) -> str:
    """One character each: how near to the alarm level, or over it; a blank where nothing was published."""
    steps = glyphs.steps
    return ''.join(
        ' ' if isnan(score) else glyphs.over if score >= 1 else steps[floor(max(score, 0.0) * len(steps))]
        for score in scores
    )


def force_bar(real: float, lower: float, upper: float, budget: float, cells: int, glyphs: Glyphs) -> str:
    """0 to the budget: where the family's envelope lies, and where the real tip is on it. `cells` + 1 characters."""
    bar = [glyphs.empty] * cells
    if not (isnan(lower) or isnan(upper)):
        for cell in range(_cell(lower, budget, cells), _cell(upper, budget, cells) + 1):
            bar[cell] = glyphs.band
    if not isnan(real):
        bar[_cell(real, budget, cells)] = glyphs.real
    return ''.join(bar) + glyphs.end


def _cell(force: float, budget: float, cells: int) -> int:
    return min(cells - 1, max(0, floor(force / budget * cells)))
