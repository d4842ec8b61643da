"""The whole bench of calibrations."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transfer_audit.bench.calibration import presses, servo, synthetic
from transfer_audit.bench.calibration.table import press_table, servo_table, synthetic_table
from transfer_audit.core.calibrate.joints.solve import sysid


def measure(hands: int, traces: Path | None, out: Path | None, say: Callable[[str], None]) -> int:
    """Print the figures; 0 if all are within their bounds.

    :raises AuditError: if `mujoco.sysid` is not installed, or the traces cannot be read
    """
    sysid()
    outcomes: dict[str, Any] = {}
    broken: list[str] = []
    if hands:
        known = synthetic.measure(hands, say)
        print(synthetic_table(known))
        pressed = presses.measure(hands, say)
        print(press_table(pressed))
        outcomes |= {'synthetic': asdict(known), 'presses': asdict(pressed)}
        broken = known.broken + pressed.broken
    if traces is not None:
        real = servo.measure(traces, say)
        print(servo_table(real))
        outcomes['servo'], broken = real.as_dict(), broken + real.broken
    for one in broken:
        print(f'not met: {one}')
    if out is not None:
        out.write_text(json.dumps(outcomes, indent=1, allow_nan=False), encoding='utf-8')
    return 1 if broken else 0
