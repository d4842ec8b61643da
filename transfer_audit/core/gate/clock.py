"""ROS time held against the steady clock."""

from __future__ import annotations

from transfer_audit.core.types import NS


class Clock:
    """Notices steps of ROS time and its standing still: age by stamp means nothing then.

    A step holds the gate for `settle_ns`, in which stamps of before and after it are both about.

    `last`: ROS time and steady clock at the last event.

    :param allowed_ns: how far ROS time may run from the steady clock between two events, or stand still
    """

    def __init__(self, allowed_ns: int, settle_ns: int) -> None:
        self._allowed_ns, self._settle_ns = allowed_ns, settle_ns
        self.last: tuple[int, int] = (0, 0)
        self._first = True
        self._moved_ns = 0
        self._step = ''
        self._until_ns = 0

    def see(self, now_ns: int, steady_ns: int) -> bool:
        """Both clocks at one event, whether ROS time stepped; `steady_ns` never goes back."""
        last = (now_ns - 1, steady_ns) if self._first else self.last
        self.last, self._first = (now_ns, steady_ns), False
        if now_ns == last[0]:
            return False
        self._moved_ns = steady_ns
        step_ns = (now_ns - last[0]) - (steady_ns - last[1])
        if -self._allowed_ns <= step_ns <= self._allowed_ns:
            return False
        self._step = f'ROS time stepped by {step_ns / NS:+.3g} s against the steady clock'
        self._until_ns = steady_ns + self._settle_ns
        return True

    @property
    def good_until_ns(self) -> int:
        """Until when it may stand still."""
        return self._moved_ns + self._allowed_ns

    def fault(self, steady_ns: int) -> str:
        """A sentence while ROS time cannot be trusted; empty if it can."""
        if self._step:
            if steady_ns < self._until_ns:
                return self._step
            self._step = ''
        still_ns = steady_ns - self._moved_ns
        if not self._first and still_ns > self._allowed_ns:
            return f'ROS time has stood still for {still_ns / NS:.3g} s'
        return ''
