"""Where an actuator of any kind exerts no force."""

import mujoco
import numpy as np

from transfer_audit.core.gate.servos import Servos

MORE = """  <motor name="torque" joint="c" gear="3" ctrlrange="-1 1"/>
    <velocity name="speed" joint="c" kv="1"/>
    <position name="geared" joint="c" gear="2" kp="5"/>
    <position name="pair" tendon="both" kp="1"/>
    <general name="law" joint="c" biastype="affine" gainprm="4" biasprm="1 -2 0"/>
    <muscle name="muscle" joint="c" lengthrange="0.1 1"/>
  </actuator>
  <tendon><fixed name="both"><joint joint="b" coef="1"/><joint joint="c" coef="-0.5"/></fixed></tendon>"""


def test_the_rest_of_every_kind_of_actuator(hand, mjcf):
    names = ('torque', 'speed', 'geared', 'pair', 'law', 'muscle')
    binding = hand(mjcf=mjcf.replace('</actuator>', MORE), elements=names, joints=('b', 'c'))
    servos = Servos(binding)
    assert [column.target for column in servos.joints] == ['b', 'c']
    rest = servos.rest(np.array([0.3, 0.2]))
    np.testing.assert_allclose(rest, [0.0, 0.0, 0.4, 0.2, (2 * 0.2 - 1) / 4, np.nan])
    data = mujoco.MjData(binding.model)
    data.joint('b').qpos, data.joint('c').qpos = 0.3, 0.2
    known = [index for index in range(6) if np.isfinite(rest[index])]
    for index in known:
        data.ctrl[binding.command.actuators[index]] = rest[index]
    mujoco.mj_forward(binding.model, data)
    np.testing.assert_allclose(data.actuator_force[[binding.command.actuators[i] for i in known]], 0.0, atol=1e-12)
    unknown = servos.rest(np.array([np.nan, 0.2]))
    assert list(np.isnan(unknown)) == [False, False, False, True, False, True]
