"""The names of a model, and which of its fields can vary."""

from __future__ import annotations

import fnmatch
from pathlib import Path

import mujoco
import numpy as np

from transfer_audit.core.errors import ModelError
from transfer_audit.core.types import Array

GAINS = {'actuator_kp': 'actuator_gainprm', 'actuator_kv': 'actuator_biasprm'}
"""Gains of position servos, which stand in two fields: kp in gainprm[0] and -biasprm[1], kv in -biasprm[2]."""

OBJECTS = {
    'actuator': 'actuators',
    'body': 'bodies',
    'dof': 'joints',
    'eq': 'equalities',
    'geom': 'geoms',
    'jnt': 'joints',
    'pair': 'pairs',
    'sensor': 'sensors',
    'site': 'sites',
    'tendon': 'tendons',
}


def load_spec(path: Path) -> mujoco.MjSpec:
    """Parse an MJCF or URDF file.

    :raises ModelError: if it does not exist or does not compile
    """
    if not path.is_file():
        raise ModelError(f'{path}: no such model file')
    try:
        spec = mujoco.MjSpec.from_file(str(path))
        spec.compile()
    except ValueError as error:
        raise ModelError(f'{path}: the model does not compile: {" ".join(str(error).split())}') from error
    return spec


class Names:
    """The named objects of a model that is still open for changes."""

    def __init__(self, spec: mujoco.MjSpec) -> None:
        self.spec = spec

    def of(self, kind: str) -> list[str]:
        """All names of one kind of object (`joints`, `geoms`, `actuators` …)."""
        return [item.name for item in getattr(self.spec, kind) if item.name]

    def selected(self, kind: str, pattern: str) -> list[str | int]:
        """The objects of one kind that a pattern means: by name, or by id where they may have none."""
        if kind == 'geoms' and pattern.startswith('body:'):
            bodies = set(fnmatch.filter(self.of('bodies'), pattern.removeprefix('body:')))
            return [geom.id for geom in self.spec.geoms if geom.parent.name in bodies]
        if pattern == '*':
            return [item.id for item in getattr(self.spec, kind)]
        return list(fnmatch.filter(self.of(kind), pattern))


def values_of(model: mujoco.MjModel, field: str) -> Array:
    """A field of a model, `opt.…` included."""
    holder, _, name = field.rpartition('.')
    return np.asarray(getattr(getattr(model, holder) if holder else model, name))


def continuous(model: mujoco.MjModel, field: str) -> bool:
    """Whether a field holds quantities that can vary, and not the grid's own step."""
    return field != 'opt.timestep' and bool(np.issubdtype(values_of(model, field).dtype, np.floating))
