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


OTHERS = ('z', 'b', 'a')
"""The policy names one joint more than the profile, and in another order."""


class Bench:
    """A gate with a driver and a ledger around it that speak ten times a second, as long as they are told to."""

    def __init__(self, stage, ros, fingers, msgtype=None, **changes):
        self.stage, self.ros = stage, ros
        self.ledger = fingers.folder / 'ledger.db'
        self.path = fingers.write(**changes)
        self.joints, self.force, self.recorder = (0.0, 0.0), 0.0, ros.round('idle')
        self.sent = stage.hear(msgtype or ros.JointState, 'hand_command')
        self.said = stage.hear(ros.Status, 'gate/status')
        self.budgets = {name: stage.hear(ros.Number, f'gate/budget/{name}') for name in ('force', 'speed', 'failures')}
        self.gate = self.start()
        self.policy = stage.speak(msgtype or ros.JointState, 'policy_command')
        rounds = stage.speak(ros.Status, 'round', ros.latched)
        self.ledger_says = rounds.publish
        self._drivers = (
            stage.speak(ros.JointState, 'joint_states'), stage.speak(ros.Array, 'fingertip_force'), rounds,
        )  # fmt: skip
        stage.node.create_timer(0.1, self._drive)

    def start(self):
        return self.stage.start('safety_gate', profile=self.path, ledger=self.ledger)

    def now_ns(self):
        return int(self.stage.node.get_clock().now().nanoseconds)

    def _drive(self):
        messages = (self.ros.joints(self.now_ns(), self.joints), self.ros.array(self.force), self.recorder)
        for publisher, message in zip(self._drivers, messages, strict=True):
            if message is not None:
                publisher.publish(message)

    def status(self, what, condition):
        """The first status from now on that fulfils a condition."""
        seen = len(self.said)
        return self.stage.wait_for(lambda: next(filter(condition, self.said[seen:]), None), f'a gate that {what}')

    def ready(self):
        """Wait until nothing but commands is missing."""
        self.status('only lacks commands', lambda status: status.message == 'no command yet')
        return self

    def command(self, a, b, **changes):
        """A command of the policy, stamped now."""
        values = {'a': a, 'b': b, 'z': 9.0}
        message = self.ros.joints(self.now_ns(), [values[name] for name in OTHERS], OTHERS, effort=[1.0, 2.0, 3.0])
        for field, value in changes.items():
            setattr(message, field, value)
        self.policy.publish(message)
        return message

    def passes(self, a, b):
        """Send a command; what left the gate for it."""
        before, asked = len(self.sent), self.command(a, b)
        self.stage.wait_for(lambda: len(self.sent) > before, 'a command to leave the gate')
        return asked, self.sent[before]

    def holds(self, why, *given, **changes):
        """Send a command; nothing leaves, and the status says why."""
        before, held = len(self.sent), self._held()
        if given:
            self.command(*given, **changes)
        else:
            self.policy.publish(changes['message'])
        status = self.status(f'holds for {why!r}', lambda status: self._held(status) > held)
        assert why in status.message or why in self.reason(status), status
        assert len(self.sent) == before
        return status

    def hears_again(self):
        """Wait until a gate that was started again holds what the policy says. The dead one is still listed."""

        def held():
            self.command(0.0, 0.0)
            return self._held(self.said[-1]) > 0

        self.said.clear()
        self.status('speaks', lambda _: True)
        self.stage.wait_for(held, 'the new gate to hold')

    def rearmed(self):
        """Rearm as soon as the gate knows its sensors."""
        from std_srvs.srv import Trigger

        return self.stage.wait_for(
            lambda: (answer := self.stage.call(Trigger, 'gate/rearm')).success and answer, 'the gate to be rearmed'
        )

    def _held(self, status=None):
        status = status or self.stage.wait_for(lambda: self.said and self.said[-1], 'a status')
        return int(next(pair.value for pair in status.values if pair.key == 'held'))

    @staticmethod
    def reason(status):
        return next(pair.value for pair in status.values if pair.key == 'reason')


@pytest.fixture
def bench(stage, ros, fingers):
    """Makes a bench around a gate."""
    return lambda msgtype=None, **changes: Bench(stage, ros, fingers, msgtype, **changes)
