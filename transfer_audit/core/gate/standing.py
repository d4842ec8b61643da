"""The gate in words and figures."""

from __future__ import annotations

import math

from transfer_audit.core.gate import overshoot
from transfer_audit.core.gate.parts import Parts
from transfer_audit.core.gate.words import GateStatus, Level
from transfer_audit.core.types import NS


def standing(parts: Parts, steady_ns: int) -> GateStatus:
    """The gate as of `steady_ns`."""
    level, message = _level(parts, steady_ns)
    budgets, forces, speed = parts.budgets, parts.forces, parts.motion.speed.smallest
    fastest = None if speed is None else speed * budgets.speed_share
    pressing = zip(forces.labels, forces.budget.tolist(), strict=True)
    return GateStatus(
        level=level,
        message=message,
        latched=parts.stop.why is not None,
        reason=parts.reason,
        trips=parts.trips,
        passed=parts.passed,
        clamped=parts.clamped,
        held=parts.held,
        force_budget={label: budget for label, budget in pressing if math.isfinite(budget)},
        speed_budget=fastest,
        failures_left=budgets.failures_left,
        trips_left=budgets.trips_left,
        cut=budgets.cut,
        tightened=tuple(f'{place}: {value:g}' for place, value in parts.tightened.items()),
        change=budgets.change,
        latency_s=parts.latency.ns / NS if parts.latency.known else None,
        expected_overshoot=overshoot.expected(forces, parts.latency),
        overshoot=overshoot.sentence(forces, parts.latency, fastest),
    )


def _level(parts: Parts, steady_ns: int) -> tuple[Level, str]:
    hold = parts.forbidden(steady_ns)
    if hold is not None:
        return ('stale' if hold.rule == 'silent' else 'error'), f'holding: {hold.reason}'
    if parts.forces.any_over:
        return 'error', f'only opening: {parts.forces.said()}'
    silence = parts.silence(steady_ns)
    if silence or parts.last is None:
        return 'stale', silence
    if parts.last.action != 'passed':
        return 'warn', f'{parts.last.action}: {parts.last.reason}'
    cut = parts.budgets.cut
    return ('warn', f'passing, budgets cut: {cut}') if cut else ('ok', 'passing')
