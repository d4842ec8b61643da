"""What the gate says, and the one thing it asks of others: a memory that outlives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from transfer_audit.core.types import Array

Action = Literal['passed', 'clamped', 'held']
Level = Literal['ok', 'warn', 'error', 'stale']


class Decision(NamedTuple):
    """What becomes of a command.

    :param values: what to send now, shape (A,), model units, read-only; None: send nothing
    :param reason: a sentence; empty where the command passed as it came
    """

    values: Array | None
    action: Action
    reason: str = ''


class Hold(NamedTuple):
    """Why nothing may move: the rule that says so, and the sentence for people."""

    rule: str
    reason: str


class BudgetsLeft(NamedTuple):
    """Shares of the declared budgets that are left, each 0..1. Without a budget of a kind its share is 1."""

    force: float
    speed: float
    failures: float


@dataclass(frozen=True)
class Change:
    """The last change of the budgets, as the ledger keeps it: shares of what is declared, failures still allowed."""

    force_before: float
    speed_before: float
    failures_before: int
    force_after: float
    speed_after: float
    failures_after: int
    why: str


@dataclass(frozen=True)
class GateStatus:
    """The gate in words and figures.

    :param message: one sentence: what the gate does now and why
    :param reason: of the last command that was altered or held
    :param trips: how often a budget or a stop made the gate hold, since start
    :param passed: commands that left as they came; `clamped` altered; `held` kept back
    :param force_budget: by force element, N, as cut now
    :param speed_budget: the smallest over the actuators, model units per second, as cut now; None without one
    :param failures_left: failed rounds in a row still allowed; `trips_left` trips in this round; None without a budget
    :param cut: why the budgets are cut; empty where they are not
    :param tightened: which budgets were lowered at run time, and to what; empty where none was
    :param change: the last change of the budgets; None before the first
    :param latency_s: from a command to the motion it causes; None: not known
    :param expected_overshoot: by force element, how far it may press past its budget before the gate can act, N; None
        where that is not known yet
    :param overshoot: the same in a sentence, with what was seen
    """

    level: Level
    message: str
    latched: bool
    reason: str
    trips: int
    passed: int
    clamped: int
    held: int
    force_budget: dict[str, float]
    speed_budget: float | None
    failures_left: int
    trips_left: int | None
    cut: str
    tightened: tuple[str, ...]
    change: Change | None
    latency_s: float | None
    expected_overshoot: dict[str, float | None]
    overshoot: str


class Latch(Protocol):
    """A stop that is remembered where a restart does not reach."""

    def read(self) -> str | None:
        """Why the gate is stopped, or None. In doubt it is stopped."""

    def set(self, reason: str) -> None:
        """Remember a stop.

        :raises OSError: if it cannot be made durable
        """

    def clear(self) -> None:
        """Forget the stop.

        :raises OSError: if that cannot be made durable
        """
