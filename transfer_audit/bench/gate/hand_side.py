"""What must never reach the hand, judged at the hand alone and by nothing of the gate's own code.

A command carries the time at which the policy made it, and the middleware says when the gate wrote it. The gate decided
in between, so what it may grant between two decisions is at most from the making of the earlier one to the writing of
the later. No tolerance is needed for a busy machine: what was late is granted more, and only by so much.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from transfer_audit.bench.gate.sides import JOINTS
from transfer_audit.core.types import NS, Array

PAUSE_S, START_S = 0.1, 0.01
"""What a pause and a start may buy (see docs/safety.md)."""
TIP, RANGE, TOUCH = JOINTS - 1, 1.5, 0.3
"""The joint that presses the tip, by positive motion; the range of each, rad; the least force of a contact, N."""
APART_NS = 50_000_000
"""Readings and commands come on two topics, which have no order: a reading may come so much after it was sent."""
SLACK = 1e-9
KEPT, ASKED, WORST = 50, 1000, 100


@dataclass(frozen=True)
class Promise:
    """What the profile promises the hand: rad/s, rad/s², s, N, and how old a command may be, s."""

    speed: float
    acceleration: float
    ease_s: float
    force: float
    age_s: float

    @staticmethod
    def of(gate: Mapping[str, Any]) -> Promise:
        """By the section `gate` of a profile that limits all joints alike, and one tip."""
        acceleration = gate.get('acceleration_budget')
        return Promise(
            gate['speed_budget'], acceleration or np.inf, gate['ease_in_s'], gate['force_budget']['tip'],
            gate['stale_s'],
        )  # fmt: skip


@dataclass(frozen=True)
class Left:
    """A command at the hand, shape (JOINTS,): when it was made, and written by the gate; its number; s granted."""

    values: Array
    made_ns: int
    written_ns: int
    number: int
    granted_s: float = 0.0


@dataclass
class Course:
    """The way back from a hold: where it began and when, and how far it may have gone by now, shape (JOINTS,)."""

    anchor: Array
    begun_ns: int
    least: Array
    most: Array


class HandSide:
    """Judges every command that reaches the hand; `broken` says what must not have been.

    Commands that the middleware lost on the way here are counted as `unseen`; where some are missing, the next one is
    judged by speed alone.
    """

    def __init__(self, promise: Promise, wish: Callable[[int], Array | None] | None = None) -> None:
        """`wish`: what the policy asks for in a command of a time, if that can be told; else see `asked`."""
        self.promise, self.count, self.unseen = promise, 0, 0
        self._wish = wish or self._noted
        self.broken: list[str] = []
        self._left: deque[Left] = deque(maxlen=KEPT)
        self._asked: dict[int, Array] = {}
        self._joints: deque[tuple[int, Array]] = deque(maxlen=4 * KEPT)
        self._gate = b''
        self._rising = self._falling = np.zeros(JOINTS)
        self._held: tuple[str, int, int | None] | None = None
        self._over: tuple[int, int | None] | None = None
        self._touched_ns = 0
        self._course: Course | None = None

    @property
    def joints(self) -> Array:
        """Where an ideal hand would be, shape (JOINTS,)."""
        return self._left[-1].values if self._left else np.zeros(JOINTS)

    @property
    def written_ns(self) -> int:
        """When the gate wrote the last command."""
        return self._left[-1].written_ns if self._left else 0

    # what happens around the gate

    def asked(self, stamp_ns: int, position: Array) -> None:
        """The policy asks for this."""
        self._asked[stamp_ns] = position
        if len(self._asked) > ASKED:
            del self._asked[next(iter(self._asked))]

    def _noted(self, stamp_ns: int) -> Array | None:
        return self._asked.get(stamp_ns)

    def measured(self, now_ns: int, joints: Array) -> None:
        """The driver says where the joints are."""
        self._joints.append((now_ns, joints))

    def felt(self, now_ns: int, force: float) -> None:
        """A reading of the tip was sent."""
        if abs(force) > TOUCH:
            self._touched_ns = now_ns
        over = abs(force) >= self.promise.force
        if over and (self._over is None or self._over[1] is not None):
            self._over = (now_ns, None)
        elif not over and self._over is not None and self._over[1] is None:
            self._over = (self._over[0], now_ns)

    def hold(self, now_ns: int, why: str) -> None:
        """The gate says that it holds; from its own word on nothing may move."""
        self._held = (why, now_ns, None)
        for before, after in pairwise(self._left):
            if after.written_ns > now_ns:
                self._must(bool((before.values == after.values).all()), f'moved while held: {why}')

    def release(self, now_ns: int) -> None:
        """The cause of the hold ends."""
        if self._held is not None:
            self._held = (*self._held[:2], now_ns)

    # what reaches the hand

    def take(self, message: Any, info: Mapping[str, Any]) -> None:
        """A command, and what the middleware says of it."""
        self.count += 1
        values = np.array(message.position, np.float64)
        if values.shape != (JOINTS,) or not np.isfinite(values).all() or np.abs(values).max() > RANGE:
            self._must(False, f'no command for this hand: {values}')
            return
        stamp = message.header.stamp
        number = int(info['publication_sequence_number'])
        left = Left(values, stamp.sec * NS + stamp.nanosec, int(info['source_timestamp']), number)
        self._judge(left, bytes(info['publisher_gid']['data']))

    def _judge(self, now: Left, gate: bytes) -> None:
        self._stamped(now)
        if gate != self._gate:
            self._gate = gate
            self._begun(now)
            self._left.clear()
        else:
            now = self._went(now)
        self._eased(now)
        self._left.append(now)

    def _must(self, good: bool, what: str) -> None:
        if not good and len(self.broken) < WORST:
            self.broken.append(what)

    def _stamped(self, now: Left) -> None:
        """Neither old nor of the future; twice the age, for the gate writes some time after it decided."""
        age_s = (now.written_ns - now.made_ns) / NS
        self._must(0.0 <= age_s <= 2.0 * self.promise.age_s, f'a command {age_s:.3g} s old')

    def _begun(self, now: Left) -> None:
        """The first command of a gate starts at measured joints, and no further from the last one than a pause buys."""
        self._course = Course(now.values, now.made_ns, np.zeros(JOINTS), np.zeros(JOINTS))
        self._any_speed()
        if self._held is not None:
            self._must(self._held[2] is not None, f'a new gate began though held: {self._held[0]}')
        self._held = None
        if now.number > 1:
            self.unseen, self._course = self.unseen + now.number - 1, None
            return
        fresh_ns = now.made_ns - round(self.promise.age_s * NS)
        seen = np.array([joints for at_ns, joints in self._joints if at_ns >= fresh_ns])
        if len(seen):
            reach = self.promise.speed * START_S + SLACK
            near = (now.values >= seen.min(0) - reach) & (now.values <= seen.max(0) + reach)
            self._must(bool(near.all()), 'a gate began away from the measured joints')
        if self._left:
            step = float(np.abs(now.values - self._left[-1].values).max())
            self._must(step <= self.promise.speed * PAUSE_S + SLACK, f'a new gate began with a step of {step:.3g} rad')

    def _went(self, now: Left) -> Left:
        """Everything between two commands of the same gate; the later one with its grant."""
        last = self._left[-1]
        missing = now.number - last.number - 1
        time_s = float(np.clip((now.written_ns - last.made_ns) / NS, 0.0, PAUSE_S * (1 + missing)))
        now = replace(now, granted_s=last.granted_s + time_s)
        moved = now.values - last.values
        self._still(now, bool(moved.any()))
        self._fast(now)
        if missing:
            self.unseen, self._course = self.unseen + missing, None
            self._any_speed()
            return now
        self._sudden(moved, time_s, (now.made_ns - last.written_ns) / NS)
        self._toward(now, last)
        self._pressed(now, float(moved[TIP]))
        return now

    def _still(self, now: Left, moved: bool) -> None:
        """Nothing moves while held; what follows begins from standstill."""
        if self._held is None:
            return
        why, from_ns, to_ns = self._held
        if now.written_ns > from_ns and (to_ns is None or now.written_ns < to_ns):
            self._must(not moved, f'moved while held: {why}')
        elif to_ns is not None and now.written_ns >= to_ns:
            self._held = None
            self._course = Course(self.joints, now.made_ns, np.zeros(JOINTS), np.zeros(JOINTS))
            self._rising = self._falling = np.zeros(JOINTS)

    def _any_speed(self) -> None:
        """How fast the last motion was is not known."""
        self._rising, self._falling = np.full(JOINTS, self.promise.speed), np.full(JOINTS, -self.promise.speed)

    def _fast(self, now: Left) -> None:
        """No step, and no way over many steps, is longer than the speed budget grants."""
        ways = np.abs(now.values - np.array([each.values for each in self._left])).max(axis=1)
        spans = [min(now.granted_s - each.granted_s, max(now.written_ns - each.made_ns, 0) / NS) for each in self._left]
        over = ways - self.promise.speed * np.array(spans)
        worst = int(np.argmax(over))
        self._must(over[worst] <= SLACK, f'{ways[worst]:.3g} rad in {spans[worst]:.3g} s')

    def _sudden(self, moved: Array, most_s: float, least_s: float) -> None:
        """Speed builds up within the acceleration budget.

        :param most_s: the time that the gate may have granted; `least_s` what it must have seen pass
        """
        if not np.isfinite(self.promise.acceleration):
            return
        gain = self.promise.acceleration * most_s
        over = np.maximum(moved - (self._rising + gain) * most_s, (self._falling - gain) * most_s - moved)
        self._must(bool((over <= SLACK).all()), f'sped up too suddenly, by {over.max():.3g} rad')
        speed = moved / min(max(least_s, 1e-4), PAUSE_S)
        self._rising = np.clip(speed, 0.0, self.promise.speed)
        self._falling = np.clip(speed, -self.promise.speed, 0.0)

    def _toward(self, now: Left, last: Left) -> None:
        """A command stays between the last one and what was asked for."""
        asked = self._wish(now.made_ns)
        if asked is None:
            self._must(bool((now.values == last.values).all()), 'nobody asked for this command')
            return
        beyond = (now.values - last.values) * (now.values - asked)
        self._must(bool((beyond <= SLACK**2).all()), 'a command went beyond what was asked for')

    def _pressed(self, now: Left, closed: float) -> None:
        """While a measured force is over its budget, the joint that presses may not close."""
        if self._over is None:
            return
        from_ns, to_ns = self._over
        if now.made_ns > from_ns + APART_NS and (to_ns is None or now.written_ns < to_ns):
            self._must(closed <= 0.0, f'closed by {closed:.3g} rad while a force was over its budget')

    def _eased(self, now: Left) -> None:
        """After a hold the hand follows s(u) = 10u³ - 15u⁴ + 6u⁵ of the way to what is asked for, or less."""
        course, asked = self._course, self._wish(now.made_ns)
        if course is None or self.promise.ease_s <= 0 or self._opens(now):
            self._course = None
            return
        u = (now.written_ns - course.begun_ns) / NS / self.promise.ease_s
        if u >= 1.0 or asked is None:
            self._course = None
            return
        way = u**3 * (10.0 - 15.0 * u + 6.0 * u**2) * (asked - course.anchor)
        course.least, course.most = np.minimum(course.least, way), np.maximum(course.most, way)
        gone = now.values - course.anchor
        inside = (gone >= course.least - SLACK) & (gone <= course.most + SLACK)
        self._must(bool(inside.all()), f'a release began with a jump of {np.abs(gone).max():.3g} rad')

    def _opens(self, now: Left) -> bool:
        """A tip was touched within a second: what opens while a force is over or foretold does not wait."""
        return now.made_ns - self._touched_ns < NS
