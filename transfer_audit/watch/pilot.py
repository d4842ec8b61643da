"""What is known of a pilot that is watched: fed messages, asked for figures."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any

from transfer_audit.core.binding import Binding
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.errors import FieldError
from transfer_audit.core.types import NS
from transfer_audit.watch.topics import REAL

KINDS = ('pose', 'force', 'slip', 'timing')
HISTORY = 16
"""Seconds of each score that are kept."""
LEVELS = ('ok', 'warn', 'error', 'stale')


@dataclass
class Score:
    """The score of one kind: now, and the highest of each second, newest last."""

    now: float = nan
    element: str = ''
    seconds: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=HISTORY))

    def take(self, value: float, second: int) -> None:
        """A score that was published in a second."""
        self.now = value
        if self.seconds and self.seconds[-1][0] == second:
            value = max(value, self.seconds.pop()[1])
        self.seconds.append((second, value))

    def history(self, second: int) -> list[float]:
        """The last HISTORY seconds, NaN where none was published."""
        known = dict(self.seconds)
        return [known.get(each, nan) for each in range(second - HISTORY + 1, second + 1)]


@dataclass
class Tip:
    """A force element: measured, simulated and allowed; NaN where unknown."""

    name: str
    unit: str
    tolerance: float
    real: float = nan
    lower: float = nan
    upper: float = nan


@dataclass(frozen=True)
class Said:
    """A status: its level, its sentence and its values."""

    level: str
    text: str
    values: Mapping[str, str]

    def number(self, key: str) -> float:
        """A value that is a number, else NaN."""
        try:
            return float(self.values.get(key, ''))
        except ValueError:
            return nan


def said(status: Any) -> Said:
    """A DiagnosticStatus, of rclpy or of rosbags."""
    level = status.level[0] if isinstance(status.level, bytes) else int(status.level)
    return Said(LEVELS[level], status.message, {pair.key: pair.value for pair in status.values})


class Pilot:
    """Everything a frame shows. `now_ns` is the time of the pilot's clock, or of the bag."""

    def __init__(self, binding: Binding | None, source: str) -> None:
        self._binding = binding
        self.hand = binding.profile.hand if binding else ''
        self.source = source
        self.now_ns = 0
        self.scores = {kind: Score() for kind in KINDS}
        self.tips = [tip for plan in self._forces() for tip in _tips(plan)]
        self.shares = {'force': nan, 'speed': nan, 'failures': nan}
        self.gate: Said | None = None
        self.round: Said | None = None
        self.first: Said | None = None
        self.verdicts: dict[int, str] = {}
        self.nodes: dict[str, tuple[Said, int]] = {}
        self.heard_ns: dict[str, int] = {}
        self._kind_of = {plan.name: plan.kind for plan in binding.channels} if binding else {}

    def _forces(self) -> list[ChannelPlan]:
        return [plan for plan in self._binding.channels if plan.kind == 'force'] if self._binding else []

    def silent_s(self, key: str) -> float | None:
        """How long a topic has been silent; None if it was never heard."""
        heard = self.heard_ns.get(key)
        return None if heard is None else max(0.0, (self.now_ns - heard) / NS)

    @property
    def running(self) -> bool:
        """Whether a round runs."""
        return self.round is not None and self.round.values.get('state') == 'open'

    @property
    def force_silent_s(self) -> float:
        """How long the quietest force channel has been silent; 0 if none was ever heard."""
        keys = [REAL, *(f'real/{plan.name}' for plan in self._forces())]
        return max((silent for key in keys if (silent := self.silent_s(key)) is not None), default=0.0)

    @property
    def round_s(self) -> float:
        """How long the round runs or ran; NaN without one."""
        if self.round is None:
            return nan
        end = self.round.number('end_ns')
        return ((end if isfinite(end) else self.now_ns) - self.round.number('start_ns')) / NS

    @property
    def force_budget(self) -> dict[str, float]:
        """What the gate allows each tip now, N; what the profile declares as long as no gate was heard."""
        if self.gate is None:
            return dict(self._binding.profile.gate.force_budget) if self._binding else {}
        try:
            found = json.loads(self.gate.values.get('force_budget', '{}'))
        except ValueError:
            return {}
        return {str(name): float(value) for name, value in found.items()}

    def take(self, key: str, message: Any, at_ns: int) -> None:
        """A message of one of the wanted topics."""
        self.heard_ns[key] = at_ns
        family, _, name = key.rpartition('/')
        if family == 'divergence' and name in self.scores:
            self.scores[name].take(float(message.data), at_ns // NS)
        elif family == 'gate/budget':
            self.shares[name] = float(message.data)
        elif family == 'shadow':
            self._shadowed(message)
        elif family == 'real':
            self._felt(name, message)
        else:
            self._told(key, message, at_ns)

    def _told(self, key: str, message: Any, at_ns: int) -> None:
        if key == 'gate/status':
            self.gate = said(message)
            self.hand = self.hand or message.hardware_id
        elif key == 'round':
            self._on_round(said(message))
        elif key == 'divergence/first':
            self.first = said(message)
        elif key == 'divergence/verdict':
            verdict = json.loads(message.data)
            self.verdicts[int(verdict['round'])] = str(verdict['verdict'])
        elif key == 'divergence/scores':
            self._name_worst(message)
        elif key == REAL:
            self._measured(message)
        elif key == '/diagnostics':
            self.nodes |= {status.name: (said(status), at_ns) for status in message.status}

    def _on_round(self, told: Said) -> None:
        if self.round is None or self.round.values.get('id') != told.values.get('id'):
            self.scores['timing'] = Score()
        self.round = told

    def _name_worst(self, message: Any) -> None:
        """Which element has the highest score of its kind."""
        best: dict[str, float] = {}
        for name, score in zip(message.name, message.position, strict=False):
            kind = self._kind_of.get(name.partition('/')[0])
            if kind and score > best.get(kind, 0.0):
                best[kind], self.scores[kind].element = float(score), name.partition('/')[2]
        for kind in set(self._kind_of.values()) - best.keys():
            self.scores[kind].element = ''

    def _shadowed(self, message: Any) -> None:
        lower, upper = (point.positions for point in message.points[1:3])
        for name, low, high in zip(message.joint_names, lower, upper, strict=False):
            for tip in self.tips:
                if tip.name == name:
                    tip.lower, tip.upper = float(low), float(high)

    def _felt(self, channel: str, message: Any) -> None:
        """A message of the hand, read as the audit reads it; one that does not fit the profile is not shown."""
        assert self._binding is not None
        plan = self._binding.channel(channel)
        try:
            values = plan.measured(self._binding.profile.channels[channel].selector.values(message)[None])[0]
        except FieldError:
            return
        self._put(dict(zip(plan.columns, values.tolist(), strict=True)))

    def _measured(self, message: Any) -> None:
        """The real side of an evidence bag."""
        names = (name.partition('/')[2] for name in message.name)
        self._put({name: float(value) for name, value in zip(names, message.position, strict=False)})

    def _put(self, values: Mapping[str, float]) -> None:
        for tip in self.tips:
            tip.real = values.get(tip.name, tip.real)


def _tips(plan: ChannelPlan) -> list[Tip]:
    numbers = zip(plan.columns, plan.units, plan.tolerance.tolist(), strict=True)
    return [Tip(name, unit, tolerance) for name, unit, tolerance in numbers]
