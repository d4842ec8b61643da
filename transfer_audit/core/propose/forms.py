"""What no family can have: friction and play that MuJoCo has no parameter for, judged by fits of the joints."""

from __future__ import annotations

from collections.abc import Sequence

from transfer_audit.core.binding import Binding
from transfer_audit.core.calibrate import joints as fits
from transfer_audit.core.calibrate.calibration import spread_out
from transfer_audit.core.calibrate.joints.result import JointFit
from transfer_audit.core.calibrate.joints.terms import BACKLASH, LOAD, STRIBECK
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.errors import AuditError
from transfer_audit.core.propose.change import Change
from transfer_audit.core.propose.ideas import LEAST

FITTED_S = 20.0
"""Motion that the joints are fitted to at most."""
PAYS = 0.05
"""A form is missing if it takes this share off the squared residual on held-out stretches."""
FORMS = (LOAD, STRIBECK, BACKLASH)


def forms(traces: Sequence[Trace], binding: Binding, left: float) -> list[Change]:
    """Load-dependent friction, breakaway and backlash, where they pay on stretches that the fits did not see.

    Nothing where the joints cannot be fitted: too little free motion, no position servos, or no `mujoco.sysid`.

    :param left: share of the gap that changes of the family leave, of which these explain their share
    """
    try:
        found = fits.fit(spread_out(traces, FITTED_S), binding).joints
    except AuditError:
        return []
    changes = (_change(form.name, found, left) for form in FORMS)
    return [change for change in changes if change is not None and change.explained >= LEAST]


def _change(form: str, joints: Sequence[JointFit], left: float) -> Change | None:
    """The sentence about a form, over the joints where it pays."""
    parts = [(joint, one) for joint in joints for one in joint.missing if one.form == form and one.share >= PAYS]
    if not parts:
        return None
    whole = sum(joint.after**2 for joint in joints)
    share = sum(joint.after**2 * one.share for joint, one in parts) / whole
    low, high = min(one.low for _, one in parts), max(one.high for _, one in parts)
    reason = f'{low:.2g} to {high:.2g} {parts[0][1].unit} at {", ".join(joint.of for joint, _ in parts)} would explain '
    reason += f'{share:.0%} of what the best fit of the joints leaves on stretches it did not see; MuJoCo has no '
    reason += 'parameter for it: it cannot be written into the family'
    return Change(form, 'missing', None, (low, high), share * max(0.0, left), reason, None)
