"""A scripted motion through the keyframes of a model: the policy of a demo."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from transfer_audit.core.binding import Binding
from transfer_audit.core.errors import UnknownElement
from transfer_audit.core.types import Array


@dataclass(frozen=True)
class Script:
    """Controls of the commanded actuators at each key, shape (S, A), and the time from one key to the next."""

    controls: Array
    segment_s: float

    @property
    def duration_s(self) -> float:
        """From the first key to the last."""
        return (len(self.controls) - 1) * self.segment_s

    def at(self, elapsed_s: float) -> Array:
        """Controls at a time since the start, shape (A,): smooth between keys, at rest before and after."""
        position = float(np.clip(elapsed_s / self.segment_s, 0, len(self.controls) - 1))
        index = min(int(position), len(self.controls) - 2)
        share = position - index
        smooth = share * share * (3 - 2 * share)
        return np.asarray(self.controls[index] + smooth * (self.controls[index + 1] - self.controls[index]))


def script_of(binding: Binding, keys: tuple[str, ...], segment_s: float) -> Script:
    """The script that goes through keyframes of the model.

    :raises UnknownElement: if the model has no such keyframe
    """
    model = binding.model
    known = [model.key(index).name for index in range(model.nkey)]
    for key in keys:
        if key not in known:
            raise UnknownElement(str(binding.profile.model_path), 'keyframe', key, known)
    rows = [model.key_ctrl[mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_KEY, key)] for key in keys]
    return Script(np.array(rows)[:, list(binding.command.actuators)], segment_s)
