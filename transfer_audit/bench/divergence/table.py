"""The figures for a person, in lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from transfer_audit.bench.divergence import summary
from transfer_audit.bench.divergence.noise import ROW_BOUND_MS
from transfer_audit.bench.divergence.run import Found
from transfer_audit.bench.divergence.summary import BOUNDS, Group, group

HEADS = (
    ('fault', -15), ('visible', 9), ('rounds', 6), ('miss', 5), ('abst', 5), ('onset |e|', 9), ('p95', 5),
    ('signed', 6), ('delay', 6), ('kind', 5), ('elem', 5), ('ties', 5), ('cover', 5), ('early', 5), ('loud', 5),
)  # fmt: skip
HEAD = ' '.join(f'{name:{"<" if width < 0 else ">"}{abs(width)}s}' for name, width in HEADS)
"""`visible`: median of the smallest visible size; `loud`: called though nothing of the fault can be seen."""


def table(found: Found) -> str:
    """Everything: per fault, against the bounds, against the peers."""
    return '\n'.join([*_faults(found), '', *_bounds(found), '', *_peers(found), '', *_noise(found), *_traces(found)])


def _faults(found: Found) -> Iterator[str]:
    yield f'Faults at {summary.PLAIN:g} times the smallest visible size and over (rows of the audit clock; shares in %)'
    yield HEAD
    for fault, ones in summary.by(found.of('detector'), lambda one: one.fault).items():
        line = _line(group(summary.plain(ones)))
        yield f'{fault:15s} {_number(summary.smallest(ones), 9, 4)} {line} {_share(summary.loud(ones))}'
    yield f'{"all of these":15s} {"":9s} {_line(found.plain)}'
    every = found.of('detector')
    yield f'{"every size":15s} {"":9s} {_line(group(every))} {_share(summary.loud(every))}'


def _line(figures: Group) -> str:
    f = figures
    return (
        f'{f.runs:6d} {_share(f.misses)} {_share(f.abstained)} {_number(f.onset_median, 9)} {_number(f.onset_p95, 5)} '
        f'{_number(f.onset_signed, 6)} {_number(f.delay_median, 6)} {_share(f.kind)} {_share(f.element)} '
        f'{_share(f.ties)} {_share(f.coverage)} {_share(f.early)}'
    )


def _number(value: float | None, width: int, digits: int = 1) -> str:
    return f'{"-":>{width}s}' if value is None else f'{value:{width}.{digits}f}'


def _share(value: float | None) -> str:
    return f'{"-":>5s}' if value is None else f'{100 * value:5.0f}'


def _bounds(found: Found) -> Iterator[str]:
    f = found.plain
    for name, bound in BOUNDS.items():
        value = getattr(f, name)
        side = '>=' if name in ('kind', 'element') else '<='
        held = 'holds' if name not in found.broken else 'BROKEN'
        yield f'{name:13s} {"-" if value is None else format(value, ".3f"):>7s}   bound {side} {bound:g}   {held}'
    for calm in (found.inside, found.edge):
        held = 'BROKEN' if calm.name in found.broken else 'holds'
        low, high = calm.interval
        yield (
            f'false alarms  {calm.alarms} [{low:.1f}, {high:.1f}] in {calm.hours:.2f} h {calm.what}   '
            f'bound <= {found.budget_per_hour:g} an hour   {held}'
        )
        for one in [one for one in calm.rounds if one.alarm][:10]:
            yield f'  {one.world}: {one.alarm}'


def _peers(found: Found) -> Iterator[str]:
    levels = ', '.join(f'{name} at {level:.3g}' for name, level in found.levels.items())
    yield f'Peers on the same rows, each at the lowest level with no more false alarms in these hours: {levels}'
    for peer in found.levels:
        yield f'{"fault":15s} {"detector":>9s} {peer:>13s}   onset error, median rows over all visible sizes; misses %'
        theirs = summary.by(found.of(peer), lambda one: one.fault)
        for fault, ones in summary.by(found.of('detector'), lambda one: one.fault).items():
            mine, other = group(ones), group(theirs[fault])
            yield (
                f'{fault:15s} {_number(mine.onset_median, 9)} {_number(other.onset_median, 13)}   '
                f'{_share(mine.misses)} {_share(other.misses)}   ahead: {summary.ahead(mine, other)}'
            )


def _noise(found: Found) -> Iterator[str]:
    for one in found.noise:
        yield (
            f'noise at the edge, {one.colour}, {one.elements} elements, {one.hours:g} h: {one.counted} alarms '
            f'[{one.low:.1f}, {one.high:.1f}], budget {one.expected:.1f}'
        )
    if found.row_ms is not None:
        yield f'a row of 60 elements compared in {found.row_ms:.3f} ms   bound {ROW_BOUND_MS:g} ms'
    yield f'{found.cpu_s:.0f} s of processor time'


def _traces(found: Found) -> Iterator[str]:
    if not found.traces:
        return
    yield from ('', 'Faults in real traces, every size that can be seen', HEAD)
    mine = [one for one in found.traces if one.method == 'detector']
    for fault, ones in summary.by(mine, lambda one: one.fault).items():
        yield f'{fault:16s}{_number(summary.smallest(ones), 8, 4)} {_line(group(ones))} {_share(summary.loud(ones))}'
    yield f'{"at 3 times":15s} {"":9s} {_line(group(summary.plain(mine)))}'
