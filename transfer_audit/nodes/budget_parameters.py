"""Budgets as ROS parameters: `gate.speed_budget.<actuator>`, `gate.force_budget.<tip>`, … that may only shrink."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from transfer_audit.core.errors import AuditError
from transfer_audit.core.gate import Gate

PREFIX = 'gate.'


class BudgetParameters:
    """The parameters show what the gate allows, inf where it does not limit; setting one asks the gate for less.

    `gate.<kind>` sets all of a kind that have more, and shows the largest. What the start gives is asked for, too.

    :raises AuditError: if more is asked for at the start
    """

    def __init__(self, node: Node, gate: Gate) -> None:
        self._node, self._gate, self._stale, self._showing = node, gate, True, False
        asked = []
        for name, value in self._shown().items():
            given: Any = node.declare_parameter(name, value, ParameterDescriptor(dynamic_typing=True)).value
            asked += [Parameter(name, value=given)] if given != value else []
        result = self._ask(asked)
        if not result.successful:
            raise AuditError(f'parameter {result.reason}')
        node.add_on_set_parameters_callback(self._ask)
        self.show()

    def changed(self) -> None:
        """The gate was rearmed: what it allows may have grown."""
        self._stale = True

    def show(self) -> None:
        """Bring the parameters to what the gate allows, if that has changed."""
        if not self._stale:
            return
        self._stale, self._showing = False, True
        self._node.set_parameters([Parameter(name, value=value) for name, value in self._shown().items()])
        self._showing = False

    def _shown(self) -> dict[str, float]:
        values: dict[str, float] = {}
        for kind, each in self._gate.limits().items():
            if each:
                values[f'{PREFIX}{kind}'] = max(each.values())
            values.update({f'{PREFIX}{kind}.{name}': value for name, value in each.items() if name})
        return values

    def _ask(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        """One refusal refuses the call; what was lowered before it stays lowered."""
        if self._showing:
            return SetParametersResult(successful=True)
        for parameter in parameters:
            if not parameter.name.startswith(PREFIX):
                continue
            self._stale = True
            kind, _, name = parameter.name.removeprefix(PREFIX).partition('.')
            if isinstance(parameter.value, bool) or not isinstance(parameter.value, (int, float)):
                return SetParametersResult(successful=False, reason=f'{parameter.name}: a number was expected')
            done, sentence = self._gate.tighten(kind, float(parameter.value), name or None)
            if not done:
                return SetParametersResult(successful=False, reason=f'{parameter.name}: {sentence}')
        return SetParametersResult(successful=True)
