"""What a hold sends: the last target, nothing, or what brakes; and how it opens a hand that presses too long."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.gate.limits import Limits
from transfer_audit.core.gate.motion import PAUSE_NS
from transfer_audit.core.gate.rates import Rates
from transfer_audit.core.gate.servos import Servos
from transfer_audit.core.gate.watch import Watch, wanted
from transfer_audit.core.types import NS, Array


class Holding:
    """How each actuator is held: `position`, the last target sent; `zero`; or `damping`, -gain * joint speed.

    Where the profile does not say, the model does: torque motors and velocity servos go to zero, all others keep their
    target. A joint that is not measured is not damped: its actuator goes to zero.
    """

    def __init__(self, binding: Binding, servos: Servos, stale_ns: int) -> None:
        spec, names = binding.profile.gate, binding.command.names
        rules = [spec.hold.get(name) if isinstance(spec.hold, dict) else spec.hold for name in names]
        by_model = ['zero' if forceless else 'position' for forceless in servos.forceless]
        rule = np.array([said or own for said, own in zip(rules, by_model, strict=True)])
        self._servos = servos
        self.keeps = rule == 'position'
        gains = Limits('damping', names, spec.damping).declared
        self._gain = np.where((rule == 'damping') & np.isfinite(gains), gains, 0.0)
        self._joints = _damped(binding, self._gain, stale_ns)
        columns = self._joints.columns
        self._rates = Rates(np.array([column.noise for column in columns]))
        driven = [binding.model.joint(j).name if j >= 0 else '' for j in binding.command.joints]
        places = {column.target: index for index, column in enumerate(columns)}
        self._column = np.array([places.get(name, -1) for name in driven], np.intp)
        self.acts = not bool(self.keeps.all())

    @property
    def channels(self) -> frozenset[str]:
        """Where the joint speeds come from."""
        return self._joints.channels

    def restart(self) -> None:
        """ROS time stepped."""
        self._joints.restart()

    def measured(self, channel: str, values: Array, stamp_ns: int, now_ns: int, steady_ns: int) -> None:
        """Note a measurement, as `Watch.take` does."""
        if self._joints.take(channel, values, stamp_ns, now_ns, steady_ns):
            self._rates.see(self._joints.values, self._joints.born_ns)

    def values(self, sent: Array, steady_ns: int) -> Array:
        """What to send to hold, shape (A,), control units; `sent` the last command sent, likewise."""
        if not self.acts:
            return sent
        fresh = not self._joints.silent(steady_ns)
        speeds = np.append(self._rates.now, 0.0) if fresh else np.zeros(len(self._joints) + 1)
        held = np.where(self.keeps, sent, -self._gain * speeds[self._column])
        return np.minimum(np.maximum(held, self._servos.least), self._servos.most)


def _damped(binding: Binding, gain: Array, stale_ns: int) -> Watch:
    joints = [
        binding.model.joint(j).name for j, g in zip(binding.command.joints, gain, strict=True) if j >= 0 and g > 0
    ]
    return Watch(binding, wanted(binding, 'pose', targets=joints), stale_ns)


class BackOff:
    """Opens position servos while a force has been over its budget for too long."""

    def __init__(self, binding: Binding, servos: Servos, keeps: np.ndarray) -> None:
        self._spec = binding.profile.gate.back_off
        self._servos, self._keeps = servos, keeps

    def due(self, spent: bool, since_ns: int, steady_ns: int) -> bool:
        """Whether a force that is measured over its budget since `since_ns` was so for too long."""
        return self._spec is not None and spent and steady_ns - since_ns > self._spec.after_s * NS

    def step(self, sent: Array, away: Array, elapsed_ns: int, speed: Array) -> Array:
        """The next target, shape (A,): each actuator on its way to `away`, at most to the edge of its range.

        :param away: where letting go leads, inf: without bounds; `sent` likewise
        :param elapsed_ns: since `sent` was sent
        :param speed: the speed budgets in force, model units per second
        """
        assert self._spec is not None
        reach = np.where(
            self._keeps, np.minimum(self._spec.speed, speed) * (min(max(elapsed_ns, 0), PAUSE_NS) / NS), 0.0
        )
        opened = np.minimum(np.maximum(away, sent - reach), sent + reach)
        low, high = np.minimum(self._servos.low, sent), np.maximum(self._servos.high, sent)
        return np.minimum(np.maximum(opened, low), high)
