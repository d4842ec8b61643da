"""Stands in for hardware: a MuJoCo hand whose true parameters may differ from the shadow's. Nothing depends on it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np
from std_srvs.srv import Trigger

from transfer_audit.core import family as families
from transfer_audit.core.binding import Binding, bind, parse_parameters, with_parameters
from transfer_audit.core.channels import ChannelPlan
from transfer_audit.core.errors import AuditError
from transfer_audit.core.profile import load_profile
from transfer_audit.core.shadow.placement import place, start_at_rest
from transfer_audit.core.types import NS, Array, Columns
from transfer_audit.nodes import convert
from transfer_audit.nodes.node import DATA, AuditNode, run

MOST_AT_ONCE_S = 0.1


class HandEmulator(AuditNode):
    """Runs the hand in real time, does what it is commanded, and publishes what its driver would."""

    def __init__(self) -> None:
        super().__init__('hand_emulator')
        self._rng = np.random.default_rng(int(self.number('seed', 1)))
        self._model = self._true_model()
        self._noise = families.noise_of(self.binding, families.nominal(self.binding))
        self._data = mujoco.MjData(self._model)
        self._publishers_of = {
            name: self.create_publisher(convert.message_class(channel.type), channel.topic, DATA)
            for name, channel in self.profile.channels.items()
        }
        self._reset()
        self.listen_to_commands(self._on_command)
        self.create_service(Trigger, 'hand_emulator/reset', self._on_reset)
        self.create_timer(1.0 / self.profile.clock.rate_hz, self._advance)

    def open_hand(self, profile: str, model: str) -> Binding:
        """The hand with its true parameters: the centre of the family but for the mismatch."""
        if not profile:
            raise AuditError('no profile: give the parameter profile (-p profile:=PATH)')
        return bind(with_parameters(load_profile(profile, model or None), parse_parameters(self.text('mismatch'))))

    def _true_model(self) -> mujoco.MjModel:
        simulation = mujoco.batch.Batch(self.binding.model, 1, 1)
        families.apply(self.binding, families.nominal(self.binding), simulation)
        return simulation.get_model(0)

    def _reset(self) -> None:
        """Back to the home pose, controls at rest."""
        self._data = place(self.binding, {})
        start_at_rest(self.binding, self._data)
        self._step = self._told = 0
        self._epoch_ns = self.now_ns()

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._reset()
        response.success, response.message = True, 'the hand is at home'
        return response

    def _on_command(self, columns: Columns) -> None:
        self._step_to(self.now_ns())
        plan = self.binding.command
        values = columns.values[0, : len(plan.actuators)] * plan.scale + plan.offset
        for actuator, value in zip(plan.actuators, values, strict=True):
            if np.isfinite(value):
                self._data.ctrl[actuator] = value

    def _step_to(self, now_ns: int) -> None:
        """Run up to the present; after a long pause the hand goes on from where it was."""
        step_ns = self._model.opt.timestep * NS
        due = int((now_ns - self._epoch_ns) / step_ns)
        if not 0 <= due - self._step <= MOST_AT_ONCE_S * NS / step_ns:
            self._epoch_ns += round((due - self._step) * step_ns)
            return
        if due > self._step:
            mujoco.mj_step(self._model, self._data, due - self._step)
            self._step = due

    def _advance(self) -> None:
        self._step_to(self.now_ns())
        if self._step > self._told:
            self._told = self._step
            stamp_ns = self._epoch_ns + round((self._step - 1) * self._model.opt.timestep * NS)
            for plan in self.binding.channels:
                self._publish(plan, stamp_ns)

    def _publish(self, plan: ChannelPlan, stamp_ns: int) -> None:
        channel = self.profile.channels[plan.name]
        message = convert.compose(channel.type, plan, channel.keys, self._raw(plan), stamp_ns)
        self._publishers_of[plan.name].publish(message)

    def _raw(self, plan: ChannelPlan) -> Array:
        """What the driver of a channel would read, message units, shape (E, w)."""
        if plan.elements[0].sense == 'pose':
            return np.stack([self._body_pose(plan, index) for index in range(len(plan.elements))])
        values = plan.simulated(self._data.sensordata)
        own = self._noise[self.binding.channels.index(plan)]
        noisy = values + (plan.noise if own is None else own[0]) * self._rng.standard_normal(len(values))
        return ((noisy - plan.offset) / plan.scale)[:, None]

    def _body_pose(self, plan: ChannelPlan, index: int) -> Array:
        at = plan.elements[index].address
        position, (w, x, y, z) = self._data.sensordata[at : at + 3], self._data.sensordata[at + 3 : at + 7]
        noise = plan.noise[4 * index : 4 * index + 3] * self._rng.standard_normal(3)
        return np.concatenate([(position + noise) / plan.scale[index], [x, y, z, w]])

    def report(self) -> tuple[str, str, Mapping[str, Any]]:
        """What this hand is made of."""
        truth = families.nominal(self.binding)
        values = dict(zip(truth.names, truth.draws[0].tolist(), strict=True))
        return 'ok', 'an emulated hand, no hardware', values


def main() -> None:
    """Entry point."""
    sys.exit(run(HandEmulator, priority=2))


if __name__ == '__main__':
    main()
