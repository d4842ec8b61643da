"""A finger that presses a block of known give, and the traces it leaves."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np

from transfer_audit.bench.calibration.worlds import EPOCH_NS
from transfer_audit.core.binding import Binding, load_spec
from transfer_audit.core.calibrate.compliance.curves import Curve
from transfer_audit.core.calibrate.compliance.reading import lagged
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.types import NS, Array, Columns, Round

FINGER = 'index'
START, REACH = np.array([0.0, 0.5, 0.5, 0.5]), np.array([0.0, 0.45, 0.3, 0.15])
"""Joints of the finger before a press, and how far they close, rad."""
GAP_M = 0.003
PERIOD_S = 0.01
_RADIUS, _THICK = 0.0085, 0.01
_APART_S = 20.0


def before_a_block(binding: Binding, solref: Sequence[float], solimp: Sequence[float]) -> mujoco.MjModel:
    """The emulated hand without its cube, a block GAP_M from its index tip, and the tip's contact parameters."""
    spec = load_spec(binding.profile.model_path)
    for key in list(spec.keys):
        spec.delete(key)
    spec.delete(spec.body('cube'))
    tip = spec.geom(f'tip_{FINGER}')
    tip.solref[:2], tip.solimp = solref, solimp
    tip.contype = tip.conaffinity = 3
    model = spec.compile()
    here, ahead = (_tip_at(model, START + share * REACH) for share in (0.0, 0.1))
    normal = (here - ahead) / np.linalg.norm(here - ahead)
    turn = np.zeros(4)
    mujoco.mju_quatZ2Vec(turn, normal)
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.03, 0.03, _THICK], pos=here - normal * (_RADIUS + GAP_M + _THICK),
        quat=turn, contype=2, conaffinity=2,
    )  # fmt: skip
    return spec.compile()


def true_curve(model: mujoco.MjModel) -> Curve:
    """Force against indentation at rest of the index tip on something fixed: see `compliance.contact`."""
    tip = model.geom(f'tip_{FINGER}')
    timeconst, dampratio = tip.solref[:2]
    least, most, width, middle, power = tip.solimp
    depths = np.linspace(0.0, 0.02, 4001)
    share = np.minimum(depths / width, 1.0)
    rising = np.where(share < middle, share**power / middle ** (power - 1.0), 1.0)
    falling = 1.0 - (1.0 - share) ** power / (1.0 - middle) ** (power - 1.0)
    impedance = least + (most - least) * np.where(share < middle, rising, falling)
    weight = float(model.body(f'{FINGER}_distal').invweight0[0])
    stiffness = 1.0 / (timeconst * dampratio * most) ** 2
    return Curve(depths, stiffness * impedance**2 / ((1.0 - impedance) * weight) * depths)


def _tip_at(model: mujoco.MjModel, joints: Array) -> Array:
    data = mujoco.MjData(model)
    data.qpos[_places(model)] = joints
    mujoco.mj_kinematics(model, data)
    return np.array(data.geom(f'tip_{FINGER}').xpos)


def _places(model: mujoco.MjModel) -> list[int]:
    return [int(model.joint(f'{FINGER}_{i}').qposadr[0]) for i in range(4)]


def pressing(
    binding: Binding, model: mujoco.MjModel, seed: int, count: int = 6, joint_noise: float = 0.002,
    force_noise: float = 0.05, lag_s: float = 0.0, closing_s: float = 2.0,
) -> list[Trace]:  # fmt: skip
    """Traces in which the index closes slowly, holds for 0.7 s and opens again, to a random depth each time.

    :param joint_noise: rad; `force_noise` N; `lag_s` time constant of the force sensor
    """
    rng = np.random.default_rng(seed)
    data = mujoco.MjData(model)
    servos = [model.actuator(f'act_{FINGER}_{i}').id for i in range(4)]
    data.qpos[_places(model)] = data.ctrl[servos] = START
    mujoco.mj_step(model, data, 400)
    times = np.arange(0.0, 2.5 + closing_s, model.opt.timestep)
    way = np.interp(times, np.cumsum([0.5, closing_s, 0.7, 1.0]), [0, 1, 1, 0])
    step = round(PERIOD_S / model.opt.timestep)
    traces = []
    for number in range(count):
        poses, forces = _press(model, data, servos, rng.uniform(0.5, 1.0) * way)
        stamps = EPOCH_NS + np.rint((times[::step] + _APART_S * number) * NS).astype(np.int64)
        places = [model.joint(element.target).qposadr[0] for element in binding.channel('joints').elements]
        measured = poses[::step][:, places]
        measured = measured + rng.normal(0, joint_noise, measured.shape)
        tips = rng.normal(0, force_noise, (len(stamps), 4))
        tips[:, 0] += lagged(forces, lag_s, model.opt.timestep)[::step]
        channels = {
            'joints': Columns(stamps, stamps, measured), 'tips': Columns(stamps, stamps, tips),
            'cube': Columns.empty(7), 'slip': Columns.empty(4),
        }  # fmt: skip
        round_ = Round(number + 1, int(stamps[0]), int(stamps[-1]))
        nothing = Columns.empty(len(binding.command.actuators))
        traces.append(Trace('presses', EPOCH_NS, round_, nothing, channels))
    return traces


def _press(model: mujoco.MjModel, data: mujoco.MjData, servos: Sequence[int], way: Array) -> tuple[Array, Array]:
    """Positions of all joints, shape (N, nq), and the force of the tip, N, shape (N,), along a way of the servos."""
    poses, forces = np.empty((len(way), model.nq)), np.empty(len(way))
    for at, share in enumerate(way):
        data.ctrl[servos] = START + share * REACH
        mujoco.mj_step(model, data)
        poses[at], forces[at] = data.qpos, data.sensor(f'tip_{FINGER}').data[0]
    return poses, forces
