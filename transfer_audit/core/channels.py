"""One channel, bound to a model: how a message's numbers and a simulation's sensors become the same columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transfer_audit.core.errors import FieldError
from transfer_audit.core.types import Array, Kind

CONTACTS = 4
"""Contacts read per fingertip, strongest first."""


def slip_speed(tangential_speed: Array, normal_force: Array, floor: float) -> Array:
    """Slip: the tangential speed at a contact while its normal force is over a floor, 0 otherwise.

    The same for a simulated contact, a recorded simulation and a measured tip.

    :param tangential_speed: shape (...), m/s
    :param normal_force: same shape, N
    :param floor: N; below it two bodies may slide past each other without bearing a load
    :returns: same shape, m/s; NaN where either is NaN
    """
    unknown = np.isnan(tangential_speed) | np.isnan(normal_force)
    return np.where(unknown, np.nan, np.where(normal_force > floor, np.abs(tangential_speed), 0.0))


def rotation_angle(quaternion: Array, home: Array) -> Array:
    """How far an orientation is turned away from `home`.

    :param quaternion: shape (..., 4), w x y z
    :param home: shape (4,)
    :returns: shape (...), rad, in [0, pi]; 2 * atan2(|v|, |w|) of home^-1 * q (well behaved at both ends)
    """
    scalar = np.abs(quaternion @ home)
    norm = np.linalg.norm(quaternion, axis=-1)
    vector = np.sqrt(np.maximum(norm**2 - scalar**2, 0.0))
    return np.where(norm > 0, 2.0 * np.arctan2(vector, scalar), np.nan)


def component_of(vectors: Array, component: str) -> Array:
    """The norm or one component of vectors, shape (..., 3) -> (...)."""
    return np.linalg.norm(vectors, axis=-1) if component == 'norm' else vectors[..., 'xyz'.index(component)]


@dataclass(frozen=True)
class Element:
    """One thing measured: its name in verdicts, its target in the model and where the simulation senses it.

    :param sense: `scalar` (1 number at `address`), `vector` (3), `pose` (3 + 4 numbers) or `contact`
        (CONTACTS blocks of contact force and relative velocity, each in the contact's frame)
    """

    name: str
    target: str
    sense: str
    address: int
    home: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it becomes: one, or position and turning angle of a body."""
        if self.sense != 'pose':
            return (self.name,)
        return tuple(f'{self.name}.{part}' for part in ('x', 'y', 'z', 'angle'))


@dataclass(frozen=True)
class ChannelPlan:
    """A channel after it was checked against the model.

    :param noise: standard deviation of the measurement, shape (C,), channel units; `tolerance` likewise
    :param scale: model units per message unit, shape (E,); `offset` likewise
    :param stamped: the messages carry stamps, of a clock of their own; else they count from when they were received
    :param correlation: time over which the noise stays alike, s; 0: white
    """

    name: str
    kind: Kind
    unit: str
    topic: str
    elements: tuple[Element, ...]
    noise: Array
    tolerance: Array
    scale: Array
    offset: Array
    component: str
    floor: float
    hold: bool
    required: bool = True
    correlation: float = 0.0
    stamped: bool = True

    @property
    def correlation_s(self) -> Array:
        """Correlation time of the measurement noise, shape (C,), s."""
        return np.full(len(self.columns), self.correlation)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns, in order."""
        return tuple(column for element in self.elements for column in element.columns)

    @property
    def units(self) -> tuple[str, ...]:
        """The unit of each column."""
        return tuple('rad' if column.endswith('.angle') else self.unit for column in self.columns)

    @property
    def carried(self) -> int:
        """Columns that a measurement carries: 7 for a body's pose (x y z qw qx qy qz), else one per element."""
        return sum(7 if element.sense == 'pose' else 1 for element in self.elements)

    def measured(self, raw: Array) -> Array:
        """Message numbers -> what is carried to the audit clock.

        :param raw: shape (N, E, w): one row per message and element, w numbers each
        :returns: shape (N, M), M = `carried`, model units
        :raises FieldError: if the messages hold another count of numbers per element than the channel needs
        """
        if self.elements[0].sense == 'pose':
            return self._poses(raw)
        if raw.shape[2] not in (1, 3) or (raw.shape[2] == 3 and self.kind == 'pose'):
            wanted = '1 number' if self.kind == 'pose' else '1 or 3 numbers'
            raise FieldError(f'channel {self.name}: {wanted} per element expected, the messages hold {raw.shape[2]}')
        values = raw[:, :, 0] if raw.shape[2] == 1 else component_of(raw, self.component)
        return values * self.scale + self.offset

    def _poses(self, raw: Array) -> Array:
        if raw.shape[2] != 7:
            raise FieldError(f'channel {self.name}: a pose (x y z qx qy qz qw) expected, found {raw.shape[2]} numbers')
        columns = []
        for index, element in enumerate(self.elements):
            quaternion = raw[:, index, [6, 3, 4, 5]]
            near = np.where(quaternion @ np.asarray(element.home) < 0, -1.0, 1.0)
            columns += [raw[:, index, :3] * self.scale[index], quaternion * near[:, None]]
        return np.concatenate(columns, axis=1)

    def compared(self, carried: Array) -> Array:
        """What is carried -> the columns that are compared, shape (N, M) -> (N, C)."""
        if self.elements[0].sense != 'pose':
            return carried
        columns = []
        for index, element in enumerate(self.elements):
            block = carried[:, 7 * index : 7 * index + 7]
            columns += [block[:, :3], rotation_angle(block[:, 3:], np.asarray(element.home))[:, None]]
        return np.concatenate(columns, axis=1)

    def simulated(self, sensordata: Array) -> Array:
        """Sensor values of simulations -> channel columns, shape (..., S) -> (..., C)."""
        if all(element.sense == 'scalar' for element in self.elements):
            return sensordata[..., [element.address for element in self.elements]]
        return np.concatenate([self._sense(element, sensordata) for element in self.elements], axis=-1)

    def _sense(self, element: Element, sensordata: Array) -> Array:
        at = element.address
        if element.sense == 'scalar':
            return sensordata[..., at : at + 1]
        if element.sense == 'vector':
            return component_of(sensordata[..., at : at + 3], self.component)[..., None]
        if element.sense == 'pose':
            angle = rotation_angle(sensordata[..., at + 3 : at + 7], np.asarray(element.home))
            return np.concatenate([sensordata[..., at : at + 3], angle[..., None]], axis=-1)
        return self._slip(sensordata[..., at : at + 6 * CONTACTS])[..., None]

    def _slip(self, block: Array) -> Array:
        """Slip of the strongest contacts of a tip, weighted by their normal forces; contact frames, x = normal."""
        contacts = block.reshape(*block.shape[:-1], CONTACTS, 6)
        normal = np.abs(contacts[..., 0])
        total = normal.sum(axis=-1)
        speeds = np.hypot(contacts[..., 4], contacts[..., 5])
        mean = (speeds * normal).sum(axis=-1) / np.maximum(total, 1e-12)
        return slip_speed(mean, total, self.floor)
