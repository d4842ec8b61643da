"""Figures over the size of the fault, as PNG."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt

from transfer_audit.bench.divergence import summary
from transfer_audit.bench.divergence.run import Found
from transfer_audit.bench.divergence.score import Outcome
from transfer_audit.bench.divergence.summary import BINS, group

COLOURS = {'detector': '#0b6e99', 'threshold': '#c46a1b', 'page_hinkley': '#7a7a7a'}
NAMES = {'detector': 'detector', 'threshold': 'threshold held 50 ms', 'page_hinkley': 'Page-Hinkley (river)'}
LABELS = [*(f'{low:g}–{high:g}' for low, high in pairwise(BINS)), f'{BINS[-1]:g}–']
PANELS = (
    ('onset_median', 'onset error, median (rows)', 1.0),
    ('onset_p95', 'onset error, 95 % (rows)', 5.0),
    ('delay_median', 'detection delay, median (rows)', None),
    ('misses', 'misses (%)', 1.0),
    ('kind', 'kind right (%)', 95.0),
    ('element', 'element right (%)', 95.0),
    ('ties', 'ties declared (%)', None),
    ('coverage', 'true onset inside the interval (%)', 90.0),
)
SHARES = {'misses', 'kind', 'element', 'ties', 'coverage'}


def draw(found: Found, folder: Path) -> list[Path]:
    """Write the pictures; returns them."""
    folder.mkdir(parents=True, exist_ok=True)
    plt.rcParams.update({'font.size': 9, 'axes.spines.top': False, 'axes.spines.right': False, 'axes.grid': True,
                         'grid.alpha': 0.25, 'figure.facecolor': 'white'})  # fmt: skip
    return [
        _overall(found, folder / 'divergence_by_size.png'),
        _per_fault(found, folder / 'divergence_onset_by_fault.png', 'onset_error'),
        _naming(found, folder / 'divergence_naming_by_fault.png'),
    ]


def _overall(found: Found, path: Path) -> Path:
    figure, axes = plt.subplots(2, 4, figsize=(15, 6.4), layout='constrained')
    for axis, (name, title, bound) in zip(axes.flat, PANELS, strict=True):
        for method, colour in COLOURS.items():
            if method != 'detector' and name in ('ties', 'coverage'):
                continue
            values = [getattr(group(ones), name) for ones in summary.binned(found.of(method)).values()]
            scale = 100.0 if name in SHARES else 1.0
            points = [(x, scale * y) for x, y in enumerate(values) if y is not None]
            axis.plot(*zip(*points, strict=True), 'o-', color=colour, label=NAMES[method]) if points else None
        if bound is not None:
            axis.axhline(bound, color='black', lw=0.8, ls='--')
        axis.set_xticks(range(len(BINS)), LABELS)
        axis.set_title(title, loc='left')
        if name in SHARES:
            axis.set_ylim(-4, 104)
        elif 'onset' in name:
            axis.set_yscale('symlog', linthresh=1.0)
            axis.set_ylim(0, 200)
            axis.set_yticks([0, 1, 3, 10, 30, 100], ['0', '1', '3', '10', '30', '100'])
            axis.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    for axis in axes[1]:
        axis.set_xlabel('size / smallest visible size')
    axes[0, 0].legend(frameon=False)
    figure.suptitle(
        f'{len(found.of("detector"))} faulty rounds of the emulated hand; dashed: the bound for sizes of '
        f'{summary.PLAIN:g} and over', x=0.01, ha='left',
    )  # fmt: skip
    return _saved(figure, path)


def _faults(found: Found) -> dict[str, list[Outcome]]:
    groups: dict[str, list[Outcome]] = summary.by(found.of('detector'), lambda one: one.fault)
    return {fault: ones for fault, ones in groups.items() if any(one.multiple is not None for one in ones)}


def _per_fault(found: Found, path: Path, name: str) -> Path:
    """Each round's onset error over its size, one panel a fault."""
    faults = _faults(found)
    columns = 6
    lines = -(-len(faults) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(16, 2.3 * lines), sharey=True, layout='constrained')
    for axis, fault in zip(axes.flat, faults, strict=False):
        for method, colour in reversed(COLOURS.items()):
            ones = [one for one in found.of(method) if one.fault == fault and one.onset_error is not None]
            axis.plot([max(one.multiple or 1.0, 1.0) for one in ones], [getattr(one, name) for one in ones], '.',
                      color=colour, ms=7 if method == 'detector' else 4, alpha=0.7, label=NAMES[method])  # fmt: skip
        axis.axhspan(-5, 5, color='black', alpha=0.06, lw=0)
        axis.set_xscale('log')
        axis.set_yscale('symlog', linthresh=5.0)
        axis.set_ylim(-400, 400)
        axis.set_xlim(0.85, 150)
        axis.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
        axis.set_yticks([-100, -10, 0, 10, 100], ['−100', '−10', '0', '10', '100'])
        axis.xaxis.set_major_locator(matplotlib.ticker.FixedLocator([1, 3, 10, 30, 100]))
        axis.xaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter('%g'))
        axis.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
        axis.set_title(fault.replace('_', ' '), loc='left')
    for axis in list(axes.flat)[len(faults) :]:
        axis.axis('off')
    for line in axes.reshape(lines, columns):
        line[0].set_ylabel('onset error (rows)')
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc='outside upper right', ncols=3, frameon=False)
    figure.suptitle(
        'Stated minus true onset of each round over size / smallest visible; grey: ±5 rows', x=0.01, ha='left'
    )
    return _saved(figure, path)


def _naming(found: Found, path: Path) -> Path:
    """Shares per fault, as bars, for what is well above visible."""
    faults = {fault: group(summary.plain(ones)) for fault, ones in _faults(found).items()}
    shown = {fault: figures for fault, figures in faults.items() if figures.runs}
    parts: tuple[tuple[str, str, Any], ...] = (
        ('misses', 'misses (%)', '#b3392f'), ('kind', 'kind right (%)', '#0b6e99'),
        ('element', 'element right (%)', '#0b6e99'), ('coverage', 'onset inside interval (%)', '#5d8a3a'),
    )  # fmt: skip
    figure, axes = plt.subplots(1, 4, figsize=(13, 0.5 + 0.3 * len(shown)), sharey=True, layout='constrained')
    for axis, (name, title, colour) in zip(axes, parts, strict=True):
        values = [getattr(figures, name) for figures in shown.values()]
        axis.barh(range(len(shown)), [100 * (value or 0.0) for value in values], color=colour, height=0.65)
        for place, value in enumerate(values):
            axis.text(102, place, '-' if value is None else f'{100 * value:.0f}', va='center', fontsize=8)
        axis.set_xlim(0, 112)
        axis.margins(y=0.02)
        axis.set_title(title, loc='left')
        axis.grid(axis='y', visible=False)
    axes[0].set_yticks(range(len(shown)), [f'{name.replace("_", " ")} ({f.runs})' for name, f in shown.items()])
    axes[0].invert_yaxis()
    figure.suptitle(
        f'At {summary.PLAIN:g} times the smallest visible size and over (rounds in brackets)', x=0.01, ha='left'
    )
    return _saved(figure, path)


def _saved(figure: Any, path: Path) -> Path:
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
