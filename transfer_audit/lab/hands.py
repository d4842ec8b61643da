"""Many hands at once: what their sensors read while they are commanded, one row for each row of the audit clock."""

from __future__ import annotations

import numpy as np
from mujoco.batch import Batch

from transfer_audit.core import family as families
from transfer_audit.core.binding import Binding
from transfer_audit.core.family import Family
from transfer_audit.core.shadow.placement import place, start_at_rest, state_of
from transfer_audit.core.types import Array


class Hands:
    """One simulated hand for each member of a family, with a cube in its palm.

    :param threads: 0: one for each core
    """

    def __init__(self, binding: Binding, family: Family, threads: int = 0) -> None:
        self._binding = binding
        self._batch = Batch(binding.model, family.members, threads)
        families.apply(binding, family, self._batch)
        self._sensed = self._batch.bind('sensordata')
        self._controls = self._batch.bind('ctrl')
        self._home = _home_state(binding)

    def play(self, starts: Array, controls: Array) -> Array:
        """Put the hands at home and command them.

        :param starts: where the cube lies at first, shape (K, 7): x y z, m, and orientation w x y z
        :param controls: of the commanded actuators, row by row of the audit clock, shape (K, T, A)
        :returns: what the sensors read at the end of each row, shape (K, T, S)
        """
        self._batch.state[:] = self._home
        cube = self._binding.model.joint('cube')
        self._batch.bind('qpos')[:, cube.qposadr[0] : cube.qposadr[0] + 7] = starts
        sensed = np.empty((*controls.shape[:2], self._sensed.shape[1]))
        columns = list(self._binding.command.actuators)
        for row in range(controls.shape[1]):
            self._controls[:, columns] = controls[:, row]
            self._batch.step(nstep=self._binding.steps_per_row)
            sensed[:, row] = self._sensed
        return sensed


def _home_state(binding: Binding) -> Array:
    """A hand at rest in the keyframe `home`, with its delay buffers filled, shape (S,)."""
    data = place(binding, {})
    start_at_rest(binding, data)
    return state_of(binding.model, data)
