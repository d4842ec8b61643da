"""Small hands to attack a gate with: every budget, every way to hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from transfer_audit.core.binding import Binding, open_hand

MODEL = """
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <worldbody>
    <body name="finger"><joint name="a" axis="0 0 1"/>
      <geom name="tip" type="capsule" fromto="0 0 0 0.1 0 0" size="0.01" mass="0.05"/></body>
    <body name="thumb" pos="0 -1 0"><joint name="b" axis="0 0 1"/>
      <geom name="thumb" type="capsule" fromto="0 0 0 0.1 0 0" size="0.01" mass="0.05"/>
      <body pos="0.1 0 0"><joint name="c" axis="0 0 1"/>
        <geom type="capsule" fromto="0 0 0 0.05 0 0" size="0.01" mass="0.02"/></body></body>
  </worldbody>
  <actuator>
    <position name="act_a" joint="a" kp="2" ctrlrange="-1 1"/>
    <position name="act_b" joint="b" kp="2" ctrlrange="-1 1"/>
    <motor name="torque" joint="b" ctrlrange="-1 1"/>
    <velocity name="speed" joint="c" kv="1" ctrlrange="-2 2"/>
  </actuator>
</mujoco>
"""
CUT = {
    'force': {'force': 0.5, 'speed': 0.5},
    'pose': {'force': 1.0, 'speed': 0.25},
    'slip': {'force': 0.75, 'speed': 1.0},
    'timing': {'force': 0.5, 'speed': 0.1},
    'restore_after_rounds': 2,
}
GATES: dict[str, dict[str, Any]] = {
    'plain': {'force_budget': {'tip': 4.0}, 'speed_budget': 2.0, 'ease_in_s': 0.0, 'stale_s': 0.1},
    'every budget': {
        'position_limits': {'act_a': [-0.6, 0.9]},
        'speed_budget': {'act_a': 2.0, 'act_b': 0.5},
        'acceleration_budget': 15.0,
        'ease_in_s': 0.15,
        'force_budget': {'tip': 4.0},
        'force_rate_budget': {'tip': 150.0},
        'latency_s': 0.05,
        'trip_budget': 12,
        'stale_s': 0.1,
        'age_limits': {'policy': 0.15, 'joints': 0.08, 'force': 0.12, 'divergence': 1.0},
        'keep_alive_hz': 50,
        'back_off': {'after_s': 0.1, 'speed': 0.3},
        'cut': CUT,
    },
    'a long latency': {
        'speed_budget': 2.0,
        'ease_in_s': 0.0,
        'force_budget': {'tip': 4.0},
        'latency_s': 0.4,
        'stale_s': 0.1,
        'back_off': {'after_s': 0.1, 'speed': 0.3},
    },
    'torque and velocity': {
        'speed_budget': 4.0,
        'ease_in_s': 0.1,
        'stale_s': 0.1,
        'keep_alive_hz': 50,
        'hold': {'torque': 'damping'},
        'damping': {'torque': 0.05},
    },
}
ACTUATORS = {'torque and velocity': ('act_a', 'torque', 'speed')}


def hand(folder: Path, name: str) -> Binding:
    """One of the hands of `GATES`, written to a folder and bound."""
    joint_state = {'type': 'sensor_msgs/msg/JointState', 'field': 'position'}
    actuators = ACTUATORS.get(name, ('act_a', 'act_b'))
    profile = {
        'hand': 'attacked',
        'model': 'hand.xml',
        'command': {**joint_state, 'topic': 'command', 'elements': {each: each for each in actuators}},
        'channels': {
            'joints': {
                **joint_state, 'kind': 'pose', 'topic': 'joint_states', 'unit': 'rad', 'noise': 0.002,
                'tolerance': 0.02, 'elements': {'a': 'a', 'b': 'b', 'c': 'c'},
            },
            'tips': {
                'kind': 'force', 'topic': 'force', 'type': 'std_msgs/msg/Float64MultiArray', 'field': 'data',
                'stamp': 'receive', 'elements': {0: 'tip'}, 'unit': 'N', 'noise': 0.05, 'tolerance': 0.3,
            },
        },
        'gate': GATES[name],
    }  # fmt: skip
    (folder / 'hand.xml').write_text(MODEL, encoding='utf-8')
    path = folder / f'{name.replace(" ", "_")}.yaml'
    path.write_text(yaml.safe_dump(profile, sort_keys=False), encoding='utf-8')
    return open_hand(path)
