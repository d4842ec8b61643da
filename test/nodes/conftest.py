"""Messages as drivers, policies and the ledger send them."""

import json
import time

import pytest


class Messages:
    """Makes messages; stamps in ns."""

    def __init__(self):
        from builtin_interfaces.msg import Time
        from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
        from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
        from sensor_msgs.msg import JointState
        from std_msgs.msg import Float64, Float64MultiArray, String
        from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

        self.Time, self.Status, self.KeyValue = Time, DiagnosticStatus, KeyValue
        self.JointState, self.Array, self.Number, self.String = JointState, Float64MultiArray, Float64, String
        self.Rows, self.Point = JointTrajectory, JointTrajectoryPoint
        self.latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.latched_all = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.best_effort = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)

    def time(self, stamp_ns):
        return self.Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)

    def ns(self, header):
        return header.stamp.sec * 10**9 + header.stamp.nanosec

    def joints(self, stamp_ns, positions, names=('a', 'b'), effort=None):
        message = self.JointState(name=list(names), position=[float(value) for value in positions])
        message.header.stamp = self.time(stamp_ns)
        message.header.frame_id = 'palm'
        message.velocity = [0.0] * len(names)
        message.effort = [0.0] * len(names) if effort is None else list(effort)
        return message

    def array(self, *values):
        return self.Array(data=[float(value) for value in values])

    def rows(self, stamp_ns, names, median, spread=0.0):
        """A row of a shadow: median, lower, upper."""
        message = self.Rows(joint_names=list(names))
        message.header.stamp = self.time(stamp_ns)
        sides = (0.0, -spread, spread)
        message.points = [self.Point(positions=[float(value) + side for value in median]) for side in sides]
        return message

    def round(self, state, number=None, start_ns=None, end_ns=None, level=b'\0', **values):
        """What the ledger writer says of a round."""
        told = {'state': state, 'verdict': '', **values}
        if number is not None:
            told |= {'id': number, 'task': '', 'start_ns': start_ns, 'end_ns': end_ns, **values}
        pairs = [self.KeyValue(key=k, value=v if isinstance(v, str) else json.dumps(v)) for k, v in told.items()]
        return self.Status(level=level, name='round', message=state, values=pairs)


@pytest.fixture
def ros(stage):
    return Messages()


@pytest.fixture
def told():
    """The values of a status, as they were before they became text."""

    def value(text):
        try:
            return json.loads(text)
        except ValueError:
            return text

    return lambda status: {pair.key: value(pair.value) for pair in status.values}


@pytest.fixture
def soon():
    """A round number of milliseconds that is still to come, ns."""

    def at(seconds):
        return (time.time_ns() // 10**6) * 10**6 + round(seconds * 1e9)

    return at
