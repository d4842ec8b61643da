"""The stages joined: one object, fed events in order of arrival, that hands out the verdict of each round."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from transfer_audit.core.align import interpolate
from transfer_audit.core.binding import Binding
from transfer_audit.core.divergence import Law
from transfer_audit.core.judge import Judge, Scored
from transfer_audit.core.shadow import Shadow
from transfer_audit.core.shadow.shadow import grid
from transfer_audit.core.timeline import Timeline
from transfer_audit.core.types import Columns, Envelope, Round, Stamps, to_ns

Watcher = Callable[[Scored], None]


class Audit:
    """Shadow, alignment, divergence and rounds over one stream of events.

    The simulated side is the profile's family, or, with `recorded`, a recording that is fed to `simulated`. Verdicts do
    not depend on how the events were cut into calls.
    """

    def __init__(
        self, binding: Binding, threads: int = 1, recorded: bool = False, watch: Watcher | None = None,
        law: Law | None = None,
    ) -> None:  # fmt: skip
        self.judge = Judge(binding, modelled=not recorded, law=law)
        self._shadow = None if recorded else Shadow(binding, threads)
        self._recorded = _Recorded(binding) if recorded else None
        self._rounds: deque[Round] = deque()
        self._watch = watch
        self._max_gap_ns = to_ns(binding.profile.clock.max_gap_s)

    def command(self, columns: Columns) -> None:
        """Take commands that reached the hand."""
        self.judge.command(columns)
        if self._shadow is not None:
            self._shadow.command(columns)

    def measured(self, channel: str, columns: Columns) -> None:
        """Take measurements of the real hand."""
        self.judge.measured(channel, columns)
        if self._shadow is not None:
            self._shadow.measured(channel, columns)

    def simulated(self, channel: str, columns: Columns) -> None:
        """Take measurements of a recorded simulation, stamped on the real hand's clock."""
        assert self._recorded is not None
        self._recorded.add(channel, columns)

    def add_round(self, round_: Round) -> None:
        """Judge this round; its end may still be open (see `end_round`)."""
        self._rounds.append(round_)

    def end_round(self, end_ns: int, success: bool | None = None) -> None:
        """End the last round that was added."""
        last = replace(self._rounds[-1], end_ns=end_ns, success=success)
        self._rounds[-1] = last
        if self.judge.round is not None and self.judge.round.number == last.number:
            self.judge.end(end_ns, success)

    def advance(self, watermark_ns: int) -> Iterator[dict[str, Any]]:
        """Work up to the watermark: every event stamped before it has been fed.

        :returns: the verdict of each round that is complete
        """
        while self._rounds and self._rounds[0].start_ns <= watermark_ns:
            if self.judge.round is None:
                self._start(self._rounds[0])
            while self._advance_shadow(watermark_ns):
                self._compare(watermark_ns)
            self._compare(watermark_ns)
            problem = self._shadow.problem if self._shadow is not None else ''
            ended = self._rounds[0].end_ns
            over = problem and ended is not None and ended + self._max_gap_ns < watermark_ns
            if not (self.judge.complete(watermark_ns) or over):
                return
            yield self.judge.verdict(problem)
            self._rounds.popleft()
            self.judge.round = None
            self._forget(watermark_ns if not self._rounds else min(watermark_ns, self._rounds[0].start_ns))
        if not self._rounds:
            self._forget(watermark_ns)

    def _start(self, round_: Round) -> None:
        self.judge.start(round_)
        if self._shadow is not None:
            self._shadow.start(round_.start_ns, round_.number)
        if self._recorded is not None:
            self._recorded.start(round_.start_ns)

    def _advance_shadow(self, watermark_ns: int) -> bool:
        source = self._shadow if self._shadow is not None else self._recorded
        assert source is not None
        envelopes = source.advance(watermark_ns, self._rounds[0].end_ns)
        for channel, rows in (envelopes or {}).items():
            if channel in self.judge.aligner.lanes:
                self.judge.shadow(channel, rows)
        return bool(envelopes)

    def _compare(self, watermark_ns: int) -> None:
        for scored in self.judge.advance(watermark_ns):
            if self._watch is not None:
                self._watch(scored)

    def _forget(self, before_ns: int) -> None:
        self.judge.forget(before_ns)
        if self._shadow is not None:
            self._shadow.forget(before_ns)
        if self._recorded is not None:
            self._recorded.forget(before_ns)


class _Recorded:
    """A recorded simulation as the other side: no spread, so the envelope is the recording itself."""

    def __init__(self, binding: Binding) -> None:
        clock = binding.profile.clock
        self._binding = binding
        self._max_gap_ns = to_ns(clock.max_gap_s)
        self._timelines = {plan.name: Timeline(plan.carried, to_ns(1e6)) for plan in binding.channels}
        self._start_ns = self._row = 0

    def add(self, channel: str, columns: Columns) -> None:
        self._timelines[channel].add(columns)

    def start(self, start_ns: int) -> None:
        self._start_ns, self._row = start_ns, 0

    def forget(self, before_ns: int) -> None:
        for timeline in self._timelines.values():
            timeline.forget(before_ns)

    def advance(self, watermark_ns: int, end_ns: int | None) -> dict[str, Envelope] | None:
        row_ns = self._due(watermark_ns, end_ns)
        if len(row_ns) == 0:
            return None
        self._row += len(row_ns)
        found = {}
        for plan in self._binding.channels:
            values = plan.compared(interpolate(self._timelines[plan.name], row_ns, self._max_gap_ns, plan.hold))
            found[plan.name] = Envelope(row_ns, values, values, values)
        return found

    def _due(self, watermark_ns: int, end_ns: int | None) -> Stamps:
        last_ns = watermark_ns - self._max_gap_ns
        last_ns = last_ns if end_ns is None else min(last_ns, end_ns - 1)
        rows = grid(self._start_ns, self._binding.profile.clock.rate_hz, self._row, self._row + 1024)
        return rows[rows <= last_ns]
