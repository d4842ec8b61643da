"""One round through the judge: its verdict, and the excess of the real hand row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from transfer_audit.bench.divergence.worlds import Streams
from transfer_audit.core.binding import Binding
from transfer_audit.core.judge import Judge, Scored
from transfer_audit.core.types import NS, Array, Envelope, Round


@dataclass(frozen=True)
class Judged:
    """A round's verdict and its aligned rows.

    :param names: (channel, element, kind) of each column
    :param excess: distance to the envelope widened by the tolerance in units of noise, 0 inside, shape (N, C)
    """

    verdict: dict[str, Any]
    names: tuple[tuple[str, str, str], ...]
    excess: Array


def names_of(binding: Binding) -> tuple[tuple[str, str, str], ...]:
    """(channel, element, kind) of every column of a hand."""
    return tuple((plan.name, column, plan.kind) for plan in binding.channels for column in plan.columns)


def judge(binding: Binding, streams: Streams, envelopes: Mapping[str, Envelope], round_: Round) -> Judged:
    """Feed one round to a judge.

    :param envelopes: the shadow's rows of the whole round, by channel
    """
    judge, excess = _fed(binding, streams, envelopes, round_)
    return Judged(judge.verdict(), names_of(binding), excess)


def excess_of(binding: Binding, streams: Streams, envelopes: Mapping[str, Envelope], round_: Round) -> Array:
    """The aligned rows of a round alone, as in `Judged`: its verdict costs more and is not asked for."""
    return _fed(binding, streams, envelopes, round_)[1]


def real_of(binding: Binding, streams: Streams, envelopes: Mapping[str, Envelope], round_: Round) -> dict[str, Array]:
    """The measurements on the audit clock, by channel, shape (N, C); NaN in gaps."""
    found = {name: np.full(rows.median.shape, np.nan) for name, rows in envelopes.items()}
    for scored in _fed_judge(binding, streams, envelopes, round_).advance(_until_ns(streams, round_)):
        first = _row_of(scored, binding, round_)
        for plan in binding.channels:
            part = scored.rows.real[plan.name]
            found[plan.name][first : first + len(part)] = part
    return found


def _fed(binding: Binding, streams: Streams, envelopes: Mapping[str, Envelope], round_: Round) -> tuple[Judge, Array]:
    judge = _fed_judge(binding, streams, envelopes, round_)
    excess = np.zeros((len(next(iter(envelopes.values()))), len(names_of(binding))))
    for scored in judge.advance(_until_ns(streams, round_)):
        first = _row_of(scored, binding, round_)
        part = _excess(binding, scored.rows.real, scored.rows.shadow)
        excess[first : first + len(part)] = part
    return judge, excess


def _fed_judge(binding: Binding, streams: Streams, envelopes: Mapping[str, Envelope], round_: Round) -> Judge:
    judge = Judge(binding)
    judge.start(round_)
    judge.command(streams.command)
    for name, columns in streams.channels.items():
        judge.measured(name, columns)
    for name, rows in envelopes.items():
        judge.shadow(name, rows)
    return judge


def _until_ns(streams: Streams, round_: Round) -> int:
    assert round_.end_ns is not None
    return max(round_.end_ns, *(int(columns.receive_ns.max()) for columns in streams.channels.values())) + NS


def _row_of(scored: Scored, binding: Binding, round_: Round) -> int:
    return round((int(scored.rows.row_ns[0]) - round_.start_ns) * binding.profile.clock.rate_hz / NS)


def _excess(binding: Binding, real: Mapping[str, Array], shadow: Mapping[str, Envelope]) -> Array:
    parts = []
    for plan in binding.channels:
        rows = shadow[plan.name]
        low, high = rows.lower - plan.tolerance, rows.upper + plan.tolerance
        outside = np.maximum(np.maximum(low - real[plan.name], real[plan.name] - high), 0.0)
        parts.append(np.nan_to_num(outside / plan.noise, nan=0.0))
    return np.concatenate(parts, axis=1)
