"""The shadow over DDS is the shadow of the core: same messages, same rows, to the last bit."""

import numpy as np
import pytest

from transfer_audit.core.shadow import Shadow
from transfer_audit.core.types import Columns

pytest.importorskip('rclpy', reason='live tests need ROS 2: rclpy is not installed')

ROUND_S = 1.2
PATIENT = {'clock': {'hold_back_s': 1.0}}
"""A machine that is busy elsewhere must not make a message late."""


def perform(stage, ros, fingers, soon):
    """A driver and a policy play a round of 1.2 s; what was sent, and what the shadow said."""
    fingers.path = fingers.write(**PATIENT)
    heard = {name: stage.hear(ros.Rows, f'shadow/{name}') for name in ('joints', 'tips')}
    states = stage.hear(ros.JointState, 'shadow/joint_states')
    stage.start('shadow_sim', profile=fingers.path)
    commands = stage.speak(ros.JointState, 'hand_command')
    joints = stage.speak(ros.JointState, 'joint_states')
    rounds = stage.speak(ros.Status, 'round', ros.latched)
    rng = np.random.default_rng(4)
    sent = {'command': [], 'joints': []}
    start_ns, end_ns = (begin := soon(0.5)), begin + round(ROUND_S * 1e9)
    for k in range(-20, 140):
        due_ns = start_ns + k * 10_000_000 + int(rng.integers(0, 4_000_000))
        stage.spin_until(due_ns)
        if k == 3:
            rounds.publish(ros.round('open', 7, start_ns))
        angle = 0.8 * np.sin(0.06 * max(k, 0))
        for publisher, name, values in ((commands, 'command', [angle, -angle]), (joints, 'joints', [0.01, -0.01])):
            publisher.publish(ros.joints(due_ns, values))
            sent[name].append((due_ns, values))
    rounds.publish(ros.round('ended', 7, start_ns, end_ns))
    stage.wait_for(
        lambda: stage.diagnostics['shadow_sim'].message.startswith('waiting for a round'), 'the end of the round'
    )
    stage.wait_for(lambda: all(len(rows) >= 120 for rows in (*heard.values(), states)), 'all rows')
    return start_ns, end_ns, sent, heard, states


def test_rows_are_those_of_the_core_bit_for_bit(stage, ros, fingers, soon, told):
    start_ns, end_ns, sent, heard, states = perform(stage, ros, fingers, soon)
    check_the_grid(ros, start_ns, heard, states)
    assert told(stage.diagnostics['shadow_sim'])['late_commands'] == 0
    shadow = Shadow(fingers.binding())
    columns = {
        name: Columns(stamps := np.array([at for at, _ in events]), stamps, np.array([values for _, values in events]))
        for name, events in sent.items()
    }
    shadow.command(columns['command'])
    shadow.measured('joints', columns['joints'])
    shadow.start(start_ns, 7)
    expected = []
    while found := shadow.advance(end_ns, end_ns):
        expected.append(found)
    for name, rows in heard.items():
        assert len(rows) == 120
        for side, index in (('median', 0), ('lower', 1), ('upper', 2)):
            live = np.array([row.points[index].positions for row in rows])
            core = np.concatenate([getattr(part[name], side) for part in expected])
            assert live.tobytes() == core.tobytes(), (name, side)
    medians = np.array([row.points[0].positions for row in heard['joints']])
    assert np.ptp(medians, axis=0).min() > 0.5
    assert np.array([state.position for state in states]).tobytes() == medians.tobytes()


def check_the_grid(ros, start_ns, heard, states):
    """Rows are stamped on the grid, named, and complete."""
    grid = [start_ns + k * 10_000_000 for k in range(120)]
    for rows, names in ((heard['joints'], ['a', 'b']), (heard['tips'], ['tip_a'])):
        assert [ros.ns(row.header) for row in rows] == grid
        assert all(row.joint_names == names for row in rows)
        median, lower, upper = (np.array([row.points[k].positions for row in rows]) for k in range(3))
        assert (lower <= median).all() and (median <= upper).all()
        assert (lower < upper).any()
    assert [ros.ns(state.header) for state in states] == grid
    assert all(list(state.name) == ['a', 'b'] for state in states)


def test_without_joints_at_the_start_it_says_so(stage, ros, fingers, soon):
    rows = stage.hear(ros.Rows, 'shadow/joints')
    stage.start('shadow_sim', profile=fingers.path)
    rounds = stage.speak(ros.Status, 'round', ros.latched)
    rounds.publish(ros.round('open', 1, soon(0)))
    status = stage.wait_for(
        lambda: (s := stage.diagnostics['shadow_sim']).level == ros.Status.ERROR and s, 'the shadow to complain'
    )
    assert 'no measurement of joints within 0.1 s of the start' in status.message
    assert not rows
