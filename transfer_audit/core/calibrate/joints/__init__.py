"""The parameters of the joints, fitted to what was commanded and measured in free motion.

The way: `chain` (joints that move each other) and `windows` (stretches of free motion) -> `simulation` of `terms` ->
`solve` by `mujoco.sysid` -> `spread` (how sure), `telling` (what the motion cannot say), `held_out` (what the fit is
worth on stretches it did not see, and which form is missing) -> `result`.
"""

from transfer_audit.core.calibrate.joints.fit import fit
from transfer_audit.core.calibrate.joints.result import Fitted, JointFit, JointFits, Missing

__all__ = ['Fitted', 'JointFit', 'JointFits', 'Missing', 'fit']
