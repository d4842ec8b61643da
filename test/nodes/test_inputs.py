"""When messages arrived is the middleware's word: a node that had to wait for its machine sees no gap in them."""

import time

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='live tests need ROS 2: rclpy is not installed')


@pytest.fixture
def node(domain, fingers):
    """A node of this process that nobody spins."""
    import rclpy

    from transfer_audit.nodes.node import AuditNode

    class Waiting(AuditNode):
        at_turns = True

    rclpy.init(args=['--ros-args', '-p', f'profile:={fingers.path}'])
    made = Waiting('waiting')
    yield made
    made.destroy_node()
    rclpy.try_shutdown()


def test_what_waited_for_a_turn_keeps_its_time_of_arrival(node, stage, ros, fingers):
    from transfer_audit.nodes.node import spin

    taken, columns = [], []
    node.listen('fingertip_force', ros.Array, lambda message, arrived_ns: taken.append((message.data[0], arrived_ns)))
    node.listen_to_hand(lambda channel, found: columns.append(found))
    tips = stage.speak(ros.Array, 'fingertip_force', listeners=2)
    sent_ns = []
    start_ns = time.time_ns()
    for k in range(40):
        stage.spin_until(start_ns + k * 10_000_000)
        sent_ns.append(time.time_ns())
        tips.publish(ros.array(k))
    stage.spin_until(start_ns + 600_000_000)
    assert not taken
    awake_ns = time.time_ns()

    def turn(_):
        if len(columns) == 40:
            node.stop.set_result(None)

    node.every(0.005, turn)
    spin(node, node.stop)
    assert [value for value, _ in taken] == list(range(40))
    arrived_ns = np.array([at for _, at in taken])
    assert (np.diff(arrived_ns) >= 0).all() and arrived_ns[-1] < awake_ns
    assert abs(np.median(arrived_ns - sent_ns)) < 20_000_000
    stamps = np.array([found.stamp_ns[0] for found in columns])
    assert abs(np.median(stamps - arrived_ns)) < 20_000_000 and stamps[-1] < awake_ns


def test_data_that_is_not_left_to_turns_is_handled_at_once(node, stage, ros):
    from transfer_audit.nodes.node import spin

    node.at_turns = False
    heard = []

    def take(message, arrived_ns):
        heard.append((message.data[0], time.time_ns() - arrived_ns))
        node.stop.set_result(None)

    node.listen('fingertip_force', ros.Array, take)
    stage.speak(ros.Array, 'fingertip_force').publish(ros.array(5))
    spin(node, node.stop)
    assert heard[0][0] == 5.0 and 0 <= heard[0][1] < 1_000_000_000
