"""One servo whose real side leaves the simulated one at a known time, judged by the real judge."""

import numpy as np
import pytest

from transfer_audit.core.binding import open_hand
from transfer_audit.core.judge import Judge
from transfer_audit.core.types import Columns, Envelope, Round
from transfer_audit.core.verdict import document
from transfer_audit.report.collect import Collector

MODEL = """<mujoco><worldbody><body name="link">
<joint name="hinge" axis="0 1 0"/><geom size=".01"/><body name="tip" pos=".1 0 0">
<joint name="bend" axis="0 1 0"/><geom size=".01"/></body></body></worldbody>
<actuator><position name="servo" joint="hinge"/></actuator></mujoco>"""
PROFILE = """
hand: {hand}
model: hand.xml
clock: {{rate_hz: 100, hold_back_s: 0.05, max_gap_s: 0.1}}
command: {{topic: c, type: sensor_msgs/msg/JointState, field: position, elements: {{servo: servo}}}}
channels:
  joints: {{kind: pose, topic: j, type: sensor_msgs/msg/JointState, field: position, unit: rad, noise: 0.002,
           tolerance: 0.02, elements: {{'{name}': hinge, bend: bend}}}}
family: {{members: 2, seed: 0, parameters: {{}}}}
false_alarms_per_hour: 1.0
"""
START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 10_000_000
PARTED_S = 2.0


@pytest.fixture
def hand(tmp_path):
    """Binds the hand; its first joint is called as one likes."""

    def bind(name='hinge', hand='<i>hand</i>'):
        (tmp_path / 'hand.xml').write_text(MODEL)
        (tmp_path / 'profile.yaml').write_text(PROFILE.format(name=name, hand=hand))
        return open_hand(tmp_path / 'profile.yaml')

    return bind


@pytest.fixture
def audited(hand):
    """Document and collector of one round of four seconds; the first joint steps away at PARTED_S if it parts."""

    def audit(name='hinge', task='', parts=True, gap=False):
        binding = hand(name)
        judge, collector = Judge(binding, modelled=False), Collector(binding)
        stamps = START_NS + PERIOD_NS * np.arange(400)
        median = np.sin(np.arange(400) / 30)[:, None].repeat(2, axis=1)
        real = median.copy()
        real[200:, 0] += 0.3 if parts else 0.0
        kept = np.ones(400, bool)
        kept[100:150] = not gap
        judge.start(Round(1, START_NS, None, task))
        judge.measured('joints', Columns(stamps[kept], stamps[kept], real[kept]))
        judge.shadow('joints', Envelope(stamps, median, median - 0.01, median + 0.01))
        judge.end(int(stamps[-1]) + PERIOD_NS)
        for scored in judge.advance(int(stamps[-1]) + 10**9):
            collector.watch(scored)
        return document('profile.yaml', 'bags/<b>bag</b>', [judge.verdict()]), collector

    return audit
