"""A verdict held against the truth of its round."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from transfer_audit.bench.divergence.peers import Call
from transfer_audit.bench.divergence.truth import Seen, Truth


@dataclass(frozen=True)
class Outcome:
    """One judged round of one fault. Rows of the audit clock; None where there is nothing to compare.

    :param multiple: size over the smallest that can be seen in this very round; None if the round shows nothing
    :param kind, element: 1 right, 0.5 right among declared ties only, 0 wrong
    :param covered: the true onset lies in the stated interval
    :param said: the verdict's own words
    """

    method: str
    fault: str
    size: float
    world: str
    target: str
    multiple: float | None
    smallest: float | None
    verdict: str
    alarmed: bool
    onset_error: float | None = None
    delay: float | None = None
    kind: float | None = None
    element: float | None = None
    ties: int = 0
    covered: bool | None = None
    abstained: bool = False
    early: bool = False
    truth: str = ''
    said: str = ''

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def of_verdict(case: dict[str, Any], verdict: dict[str, Any], seen: Seen, rate_hz: float) -> Outcome:
    """The detector's own verdict, scored.

    :param case: fault, size, world, target and multiple of the round
    """
    first = verdict['first_divergence']
    truth = seen.truth if first is None else seen.nearest(first['onset_s'] * rate_hz)
    common = {**case, 'method': 'detector', 'verdict': verdict['verdict'], 'truth': _said(truth)}
    if truth is None or first is None:
        return Outcome(
            **common, alarmed=first is not None, abstained=_abstained(verdict, truth), said=str(verdict['reason'])
        )
    ties = first['ties']
    low, high = first['onset_interval_s']
    true_s = truth.onset / rate_hz
    return Outcome(
        **common,
        alarmed=True,
        onset_error=(first['onset_s'] - true_s) * rate_hz,
        delay=(first['flagged_s'] - true_s) * rate_hz,
        kind=_right([first['kind']], [tie['kind'] for tie in ties], truth.kinds),
        element=_right([_place(first)], [_place(tie) for tie in ties], truth.elements),
        ties=len(ties),
        covered=low - 0.5 / rate_hz <= true_s <= high + 0.5 / rate_hz,
        early=first['flagged_s'] < true_s - 1.0 / rate_hz,
        said=str(verdict['reason']),
    )


def of_call(
    case: dict[str, Any], method: str, call: Call | None, names: tuple[tuple[str, str, str], ...], seen: Seen
) -> Outcome:
    """A peer's alarm, scored; it knows neither ties nor intervals nor timing."""
    truth = seen.truth if call is None else seen.nearest(call.onset)
    common = {**case, 'method': method, 'verdict': '', 'truth': _said(truth), 'alarmed': call is not None}
    if call is None or truth is None:
        return Outcome(**common)
    channel, element, kind = names[call.column]
    return Outcome(
        **common,
        onset_error=float(call.onset - truth.onset),
        delay=float(call.row - truth.onset),
        kind=float(kind in truth.kinds),
        element=float((channel, element) in truth.elements),
        early=call.row < truth.onset,
        said=f'{kind} at {element} ({channel}), row {call.row}',
    )


def _place(found: dict[str, Any]) -> tuple[str, str]:
    return found['channel'], found['element']


def _right(first: list[Any], ties: list[Any], truth: frozenset[Any]) -> float:
    return 1.0 if truth.issuperset(first) else 0.5 if truth.intersection(ties) else 0.0


def _abstained(verdict: dict[str, Any], truth: Truth | None) -> bool:
    """Whether silence is owned up to: the round unauditable, or a true element unaudited."""
    if verdict['verdict'] == 'unauditable':
        return True
    elements = truth.elements if truth else frozenset()
    found = [verdict['channels'].get(channel, {}).get(name, {}).get('verdict') for channel, name in elements]
    return bool(found) and all(said == 'unaudited' for said in found)


def _said(truth: Truth | None) -> str:
    if truth is None:
        return ''
    where = ', '.join(f'{name} ({channel})' for channel, name in sorted(truth.elements)[:6])
    return f'{"/".join(sorted(truth.kinds))} at {where}, row {truth.onset:g}'
