"""Small worlds: a model of ten lines, a profile written next to it, and events made by hand."""

from copy import deepcopy

import numpy as np
import pytest
import yaml

from transfer_audit.core import family as families
from transfer_audit.core.binding import open_hand
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.shadow import Shadow
from transfer_audit.core.types import Columns, Round

T0 = 1_700_000_000_000_000_000
MS = 1_000_000

ARMS = """
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <option timestep="0.002" integrator="implicitfast" gravity="0 0 0"/>
  <default><geom contype="0" conaffinity="0"/></default>
  <worldbody>
    <body name="arm_a"><joint name="a" type="hinge" axis="0 1 0" damping="0.02" armature="0.002"/>
      <geom name="rod_a" type="capsule" fromto="0 0 0 0.1 0 0" size="0.01" mass="0.02"/></body>
    <body name="arm_b" pos="0 0.2 0"><joint name="b" type="hinge" axis="0 1 0" damping="0.02" armature="0.002"/>
      <geom name="rod_b" type="capsule" fromto="0 0 0 0.1 0 0" size="0.01" mass="0.02"/></body>
  </worldbody>
  <actuator>
    <position name="act_a" joint="a" kp="1" kv="0.05"/>
    <position name="act_b" joint="b" kp="1" kv="0.05"/>
  </actuator>
</mujoco>
"""

JOINTS = {
    'kind': 'pose', 'topic': 'joint_states', 'type': 'sensor_msgs/msg/JointState', 'field': 'position',
    'stamp': 'header', 'elements': {'a': 'a', 'b': 'b'}, 'unit': 'rad', 'noise': 0.001, 'tolerance': 0.01,
}  # fmt: skip
COMMAND = {
    'topic': 'hand_command', 'type': 'sensor_msgs/msg/JointState', 'field': 'position', 'stamp': 'header',
    'elements': {'a': 'act_a', 'b': 'act_b'},
}  # fmt: skip
PROFILE = {
    'hand': 'arms',
    'model': 'model.xml',
    'clock': {'rate_hz': 100, 'hold_back_s': 0.05, 'max_gap_s': 0.1},
    'command': COMMAND,
    'channels': {'joints': JOINTS},
    'family': {'members': 1, 'seed': 0, 'parameters': {}},
}


def merged(base, changes):
    """`base` with nested changes; a value of None takes a key out."""
    out = deepcopy(base)
    for key, value in changes.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict) and key not in ('elements', 'parameters'):
            out[key] = merged(out[key], value)
        else:
            out[key] = deepcopy(value)
    return out


class World:
    """Writes models and profiles to a folder, and makes events."""

    t0, ms, arms = T0, MS, ARMS

    def __init__(self, folder):
        self.folder = folder

    def write(self, model=ARMS, text=None, **changes):
        """A profile (YAML text, or the two arms with `changes`) beside its model; returns its path."""
        (self.folder / 'model.xml').write_text(model)
        path = self.folder / 'profile.yaml'
        path.write_text(yaml.safe_dump(merged(PROFILE, changes), sort_keys=False) if text is None else text)
        return path

    def hand(self, model=ARMS, **changes):
        """The two arms with `changes`, bound."""
        return open_hand(self.write(model, **changes))

    @staticmethod
    def columns(stamps, values, arrives_after=0):
        """Events in order of arrival; times in ns, relative to t0."""
        stamps = np.asarray(stamps, np.int64)
        values = np.asarray(values, np.float64)
        values = values[:, None] if values.ndim == 1 else values
        return Columns(T0 + stamps + arrives_after, T0 + stamps, values)

    @staticmethod
    def times(seconds, rate_hz, start_s=0.0):
        """Stamps at a rate, ns relative to t0."""
        return np.rint((start_s + np.arange(round((seconds - start_s) * rate_hz)) / rate_hz) * 1e9).astype(np.int64)

    @staticmethod
    def simulate(shadow, until_s, start_ns=T0, step_s=None):
        """Run a started shadow up to a time, at once or in steps of the watermark; channel -> Envelope."""
        parts = {}
        marks = [until_s] if step_s is None else np.append(np.arange(0.0, until_s, step_s), until_s)
        for mark in marks:
            while True:
                found = shadow.advance(start_ns + round(mark * 1e9))
                if not found:
                    break
                for name, rows in found.items():
                    parts.setdefault(name, []).append(rows)
        return {
            name: type(rows[0])(
                *(np.concatenate([getattr(r, f) for r in rows]) for f in ('row_ns', 'median', 'lower', 'upper'))
            )
            for name, rows in parts.items()
        }

    def shadow(self, binding, command=None, measured=None, threads=1, family=None):
        """A shadow fed with commands (stamps, values) and measurements {channel: (stamps, values)}, started at t0."""
        shadow = Shadow(binding, threads, family)
        if command is not None:
            shadow.command(self.columns(*command))
        for name, (stamps, values) in (measured or {}).items():
            shadow.measured(name, self.columns(stamps, values))
        shadow.start(T0)
        return shadow

    def trace(self, binding, truth, commands, seconds, number=1, noise=0.001):
        """A round of the two arms with their parameters at `truth`, measured at every row of the audit clock."""
        names = tuple(variation.name for variation in binding.variations)
        one, told = families.Family(names, np.array([[truth[name] for name in names]])), []
        shadow = Shadow(binding, 1, one, lambda _, rows, values: told.append((rows, values[0])))
        shadow.command(commands)
        shadow.measured('joints', Columns(commands.receive_ns, commands.stamp_ns, np.zeros((len(commands), 2))))
        shadow.start(T0)
        end = T0 + round(seconds * 1e9)
        while shadow.advance(end, end):
            pass
        rows = np.concatenate([rows for rows, _ in told]) - T0
        values = np.concatenate([values for _, values in told])
        values = values + noise * np.random.default_rng([number, 9]).standard_normal(values.shape)
        return Trace('made', T0, Round(number, T0, end), commands, {'joints': self.columns(rows, values)})


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)
