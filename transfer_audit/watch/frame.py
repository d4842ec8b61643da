"""A pilot -> the lines of a frame, at least 80 wide and 24 high. No colour says what a word does not say too."""

from __future__ import annotations

from math import isfinite, isnan

from rich.text import Text

from transfer_audit.core.types import NS
from transfer_audit.watch.bars import Glyphs, force_bar, history, score_bar
from transfer_audit.watch.pilot import HISTORY, KINDS, Pilot, Tip

ALARM, WARN, GOOD, DIM = 'bold red', 'yellow', 'green', 'dim'
STYLES = {'ok': GOOD, 'warn': WARN, 'error': ALARM, 'stale': WARN}
SILENT_S = 2.0
FIXED_LINES = 18
"""Lines of a frame beside those of the tips, and the one below it that a terminal needs."""
GATE = '/safety_gate'
"""The node whose status has lines of its own."""
CELLS, FORCE_CELLS = 24, 20


def frame(pilot: Pilot, glyphs: Glyphs, width: int = 80, height: int = 24) -> Text:
    """The whole frame; no line is longer than `width`."""
    lines = [_head(pilot, width), Text(), *_scores(pilot, glyphs), Text()]
    if pilot.tips:
        lines += [*_forces(pilot, glyphs, max(1, height - FIXED_LINES)), Text()]
    lines += [_budgets(pilot), *_gate(pilot, width), *_first(pilot, width), _rounds(pilot, width), _nodes(pilot)]
    for line in lines:
        line.truncate(width, overflow='ellipsis')
    return Text('\n').join(lines[:height])


def _head(pilot: Pilot, width: int) -> Text:
    left = Text(f' {pilot.hand or "a hand"} ', 'bold')
    told = pilot.round
    if told is None:
        left.append(' no round heard of', DIM)
    elif told.values.get('state') == 'idle':
        left.append(' no round runs', DIM)
    else:
        task = told.values.get('task', '')
        left.append(f' round {told.values.get("id", "?")} {told.values.get("state", "")}')
        left.append(f', {pilot.round_s:.1f} s' if isfinite(pilot.round_s) else '')
        left.append(f', {task}' if task else '')
    if told is not None and told.level != 'ok':
        left.append(f'  {told.level.upper()}: {told.text}', ALARM)
    right = pilot.source
    left.truncate(max(0, width - len(right) - 1), overflow='ellipsis', pad=True)
    return left.append(right, DIM)


def _scores(pilot: Pilot, glyphs: Glyphs) -> list[Text]:
    state, style = _comparison(pilot)
    title = Text(' scores  ', 'bold').append(f'{"alarm at 1.0":>{CELLS // 2 + 6}}', DIM)
    title.append(f'{"":>{CELLS // 2 + 9}}{f"last {HISTORY} s":<17}', DIM).append(state, style)
    return [title, *(_score(pilot, kind, glyphs) for kind in KINDS)]


def _comparison(pilot: Pilot) -> tuple[str, str]:
    silent = min((s for kind in KINDS if (s := pilot.silent_s(f'divergence/{kind}')) is not None), default=None)
    if silent is None:
        return 'no score yet', WARN if pilot.running else DIM
    if pilot.running and silent > SILENT_S:
        return f'silent for {silent:.0f} s', ALARM
    return ('', '') if pilot.running else ('not comparing', DIM)


def _score(pilot: Pilot, kind: str, glyphs: Glyphs) -> Text:
    score = pilot.scores[kind]
    alarm = score.now >= 1
    line = Text(f'  {kind:<7}').append(score_bar(score.now, CELLS, glyphs), ALARM if alarm else GOOD)
    line.append(_figure(score.now, 7, 2)).append(' ALARM ' if alarm else '       ', ALARM)
    line.append(f'{history(score.history(pilot.now_ns // NS), glyphs)} ')
    return line.append(score.element, '' if alarm else DIM)


def _forces(pilot: Pilot, glyphs: Glyphs, room: int) -> list[Text]:
    """The tips nearest to their budgets or farthest from their families, in the order of the profile."""
    budgets = pilot.force_budget
    ranked = sorted(pilot.tips, key=lambda tip: -_urgency(tip, budgets.get(tip.name)))
    shown = {tip.name for tip in ranked[:room]}
    units = ', '.join(dict.fromkeys(tip.unit for tip in pilot.tips))
    part = f', {len(shown)} of {len(pilot.tips)}' if len(shown) < len(pilot.tips) else ''
    title = Text(f' {f"forces, {units}{part}":<20}', 'bold')
    silent = f'SILENT for {pilot.force_silent_s:.0f} s' if pilot.running and pilot.force_silent_s > SILENT_S else ''
    title.append(f'{"real":>6}  {"shadow":<15}', DIM).append(f'{silent:<{FORCE_CELLS + 1}} ', ALARM)
    title.append('budget' if pilot.gate else 'profile', DIM)
    return [title, *(_tip(tip, budgets.get(tip.name), glyphs) for tip in pilot.tips if tip.name in shown)]


def _urgency(tip: Tip, budget: float | None) -> float:
    real = 0.0 if isnan(tip.real) else tip.real
    beyond = max(real - tip.upper - tip.tolerance, tip.lower - tip.tolerance - real, 0.0)
    return real / (budget or 1.0) + (beyond if isfinite(beyond) else 0.0)


def _tip(tip: Tip, budget: float | None, glyphs: Glyphs) -> Text:
    over = budget is not None and tip.real > budget
    word = 'OVER' if over else 'above' if tip.real > tip.upper + tip.tolerance else (
        'below' if tip.real < tip.lower - tip.tolerance else ''
    )  # fmt: skip
    shadow = '-' if isnan(tip.lower) else f'{tip.lower:.2f} to {tip.upper:.2f}'
    style = ALARM if over else WARN if word else ''
    line = Text(f'  {tip.name[:18]:<18} ').append(_figure(tip.real, 6, 2), style).append(f'  {shadow:<15}')
    full = budget or 2 * max(1.0, *(v for v in (tip.real, tip.upper) if isfinite(v)), 1.0)
    line.append(force_bar(tip.real, tip.lower, tip.upper, full, FORCE_CELLS, glyphs), style)
    return line.append(f'{f"{budget:.1f}" if budget else "none":>6} ').append(word, style)


def _budgets(pilot: Pilot) -> Text:
    line = Text(' budgets  ', 'bold')
    for name in ('force', 'speed'):
        share = pilot.shares[name]
        cut = round(share, 2) < 1 if isfinite(share) else False
        told = f'{share:.0%}' if isfinite(share) else 'not heard'
        line.append(f'{name} {told}{" CUT" if cut else ""}   ', WARN if cut else '')
    if pilot.gate is not None:
        left, trips = pilot.gate.values.get('failures_left', '?'), pilot.gate.values.get('trips', '?')
        line.append(f'failures left {left}   ', ALARM if left == '0' else '').append(f'trips {trips}')
    return line


def _gate(pilot: Pilot, width: int) -> list[Text]:
    silent = pilot.silent_s('gate/status')
    if pilot.gate is None or silent is None:
        return _two_lines('gate', 'not heard', DIM, width)
    lost = f'SILENT for {silent:.0f} s; last: ' if silent > SILENT_S else ''
    style = ALARM if lost else STYLES[pilot.gate.level]
    return _two_lines('gate', f'{lost}{pilot.gate.level.upper()}: {pilot.gate.text}', style, width)


def _first(pilot: Pilot, width: int) -> list[Text]:
    told = pilot.first
    if told is None or told.level != 'error':
        return _two_lines('first', told.text if told else 'none heard of', DIM, width)
    return _two_lines('first', f'round {told.values.get("round", "?")}: {told.text}', ALARM, width)


def _two_lines(label: str, words: str, style: str, width: int) -> list[Text]:
    """A sentence behind its label, cut between words."""
    start = Text(f' {label:<9}', 'bold')
    room = max(20, width - len(start))
    cut = words.rfind(' ', 0, room + 1) if len(words) > room else len(words)
    cut = cut if cut > 0 else room
    return [start.append(words[:cut], style), Text(' ' * 10).append(words[cut:].strip(), style)]


def _rounds(pilot: Pilot, width: int) -> Text:
    line = Text(' rounds   ', 'bold')
    if not pilot.verdicts:
        return line.append('no verdict yet', DIM)
    told = [f'{number} {verdict}' for number, verdict in sorted(pilot.verdicts.items())]
    while len('  '.join(told)) > width - len(line) - 4 and len(told) > 1:
        told.pop(0)
    line.append('... ' if len(told) < len(pilot.verdicts) else '')
    for index, each in enumerate(told):
        line.append('  ' if index else '').append(each, ALARM if each.endswith('diverged') else '')
    return line


def _nodes(pilot: Pilot) -> Text:
    line = Text(' nodes    ', 'bold')
    if not pilot.nodes:
        hint = '' if pilot.heard_ns else ': is a pilot running in this ROS domain and namespace?'
        return line.append(f'none heard{hint}', DIM)
    gone = [name for name, (_, at_ns) in pilot.nodes.items() if pilot.now_ns - at_ns > 2 * SILENT_S * NS]
    here = [(name, each) for name, (each, _) in pilot.nodes.items() if name not in gone and not name.endswith(GATE)]
    bad = [(name, each) for name, each in here if each.level != 'ok']
    line.append(f'{len(pilot.nodes) - len(gone)} report')
    if gone:
        line.append(f'; SILENT: {", ".join(name.strip("/") for name in gone)}', ALARM)
    for name, each in bad[:1]:
        line.append(f'; {name.strip("/")} {each.level.upper()}: {each.text}', STYLES[each.level])
    return line.append('' if gone or bad else ', all well')


def plain(pilot: Pilot) -> str:
    """One line that says the same, for logs."""
    told = pilot.round
    parts = [f'round {told.values.get("id", "-")} {told.values.get("state", "")}' if told else 'no round']
    for kind, score in pilot.scores.items():
        parts.append(f'{kind} {_figure(score.now, 0, 2)}{" ALARM" if score.now >= 1 else ""}')
    parts.append(f'gate {pilot.gate.level}: {pilot.gate.text}' if pilot.gate else 'gate not heard')
    if pilot.first is not None and pilot.first.level == 'error':
        parts.append(f'first: {pilot.first.text}')
    return ' | '.join(parts)


def _figure(value: float, width: int, digits: int) -> str:
    return f'{"-":>{width}}' if isnan(value) else f'{min(value, 999.0):>{width}.{digits}f}'
