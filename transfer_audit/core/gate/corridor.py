"""What the next command may be so that every rule lets it pass as it is, in plain numbers that are at hand."""

from __future__ import annotations

from collections.abc import Sequence

from transfer_audit.core.gate.motion import PAUSE_NS
from transfer_audit.core.gate.parts import Parts
from transfer_audit.core.gate.watch import NEVER
from transfer_audit.core.types import NS


class Corridor:
    """A first look at a command, which only says *yes* or *not sure*; what is not sure is left to the rules.

    Between two commands a hand's processes push each other out of the processor's caches, and fetching the code of all
    the rules takes longer than running it. So what they need is laid out here when a command has left, while nobody
    waits for it. Whoever changes anything that a rule looks at shuts the corridor first.
    """

    __slots__ = (
        '_allowed_ns', '_build_up', '_high', '_low', '_now_ns', '_origin', '_sent_ns', '_speeds', '_stale_ns',
        '_stamp_ns', '_steady_ns', '_until_ns',
    )  # fmt: skip

    def __init__(self, stale_ns: int, allowed_ns: int) -> None:
        """
        :param stale_ns: how far a stamp may lie from the present
        :param allowed_ns: how far ROS time may run from the steady clock between two events
        """
        self._stale_ns, self._allowed_ns = stale_ns, allowed_ns
        self._until_ns = NEVER
        self._now_ns = self._steady_ns = self._stamp_ns = self._sent_ns = 0
        self._low: Sequence[float] = ()
        self._high: Sequence[float] = ()
        self._speeds: Sequence[float] = ()
        self._build_up: Sequence[tuple[float, float]] = ()
        self._origin: Sequence[float] = ()

    def shut(self) -> None:
        """Not sure of anything."""
        self._until_ns = NEVER

    def open(self, parts: Parts, origin: Sequence[float], sent_ns: int, stamp_ns: int) -> None:
        """After an event, unless some rule holds or alters the next command whatever it says.

        :param origin: the last command sent, length A, at `sent_ns` on the steady clock
        :param stamp_ns: the newest stamp of a command
        """
        self._now_ns, self._steady_ns = parts.clock.last
        self._until_ns = parts.free_until(self._steady_ns)
        self._origin, self._sent_ns, self._stamp_ns = origin, sent_ns, stamp_ns
        self._low, self._high = parts.motion.low, parts.motion.high
        self._speeds, self._build_up = parts.motion.speeds(parts.budgets.speed_share), parts.motion.build_up

    def admits(self, values: Sequence[float], stamp_ns: int, now_ns: int, steady_ns: int) -> bool:
        """Whether every rule lets a command of A numbers pass as it is; False where only the rules can tell."""
        if not (
            self._steady_ns <= steady_ns <= self._until_ns
            and -self._allowed_ns <= now_ns - self._now_ns - (steady_ns - self._steady_ns) <= self._allowed_ns
            and self._stamp_ns <= stamp_ns
            and -self._stale_ns <= now_ns - stamp_ns <= self._stale_ns
            and len(values) == len(self._origin)
        ):
            return False
        time_s = min(steady_ns - self._sent_ns, PAUSE_NS) / NS
        if self._build_up:
            return self._within_build_up(values, time_s)
        for value, start, low, high, speed in zip(
            values, self._origin, self._low, self._high, self._speeds, strict=True
        ):
            reach = speed * time_s
            if not (low <= value <= high and start - reach <= value <= start + reach):
                return False
        return True

    def _within_build_up(self, values: Sequence[float], time_s: float) -> bool:
        """The same where the speed has to build up."""
        each = zip(values, self._origin, self._low, self._high, self._speeds, self._build_up, strict=True)
        for value, start, low, high, speed, (now, gain) in each:
            up = start + min(speed, max(now, 0.0) + gain * time_s) * time_s
            down = start + max(-speed, min(now, 0.0) - gain * time_s) * time_s
            if not (low <= value <= high and down <= value <= up):
                return False
        return True
