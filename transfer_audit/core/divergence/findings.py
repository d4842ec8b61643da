"""What was found, and which of it came first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One element and when it parted from the family; times in ns.

    :param earliest_ns: with `latest_ns` the interval of the onset at `divergence.onset.LEVEL`
    :param evidence: how far outside the element was, in alarm levels, when the first alarm of the round was raised
    :param driven: whether a commanded actuator moves it: of coupled elements that part together it comes first
    :param minor: it cannot make an element part, and comes first only where nothing else was found
    :param phase: free, making contact or in contact; None where no force is measured
    :param motion: what the commanded motion did then: holding, starting, moving, reversing, stopping
    :param explanation: what the departure looks like, in words; may be empty
    """

    channel: str
    kind: str
    element: str
    unit: str
    onset_ns: int
    earliest_ns: int
    latest_ns: int
    flagged_ns: int
    score: float
    real: float
    shadow: tuple[float, float]
    evidence: float = 0.0
    driven: bool = False
    minor: bool = False
    phase: str | None = None
    motion: str | None = None
    explanation: str = ''


def first_of(findings: Sequence[Finding]) -> tuple[Finding | None, list[Finding]]:
    """The finding with the earliest onset, and those whose onset intervals overlap with its own.

    Of overlapping ones the order cannot be told from time, so a cause comes before what it causes: timing before all
    else, a topic's or a driven joint's before that of what follows it, then a pose that is explained by a mix-up, and a
    joint that an actuator drives before a body that it moves. Of equal onsets the one with more evidence at the time of
    the first alarm comes first.
    """
    findings = [finding for finding in findings if not finding.minor] or findings
    if not findings:
        return None, []
    ordered = sorted(findings, key=lambda f: (f.onset_ns, -f.evidence, f.flagged_ns, f.channel, f.element))
    earliest = ordered[0]
    together = [f for f in ordered if f.earliest_ns <= earliest.latest_ns]
    timing = [f for f in together if f.kind == 'timing']
    causes = sorted(timing, key=lambda f: f.element != f.channel and not f.driven)
    causes += [f for f in together if f.kind == 'pose' and f.explanation]
    if earliest.kind == 'pose' and not earliest.driven:
        causes += [f for f in together if f.kind == 'pose' and f.driven]
    first = causes[0] if causes else earliest
    return first, [finding for finding in ordered if finding in together and finding is not first]
