"""A thread that does one job after the other, so that whoever gives them never waits for a disk."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

Job = Callable[[], object]
MOST = 1000
"""Jobs that make one burst at most."""


class Worker(threading.Thread):
    """Does jobs in their order, then, whenever a burst of them is done, what belongs to its end; and something from
    time to time.

    `failure` is what ended it against its will.
    """

    def __init__(self, burst_over: Job, tick: Job, period_s: float, failed: Job) -> None:
        """Start with `start()`.

        :param tick: done every `period_s`, between bursts
        :param failed: called when a job raised what it should not have; nothing is done after that
        """
        super().__init__(name='worker', daemon=True)
        self._burst_over, self._tick, self._period_s, self._failed = burst_over, tick, period_s, failed
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.failure: BaseException | None = None

    def do(self, job: Job) -> None:
        """Have a job done; returns at once."""
        self._jobs.put(job)

    def stop(self, patience_s: float) -> bool:
        """End after the jobs that were given; whether it did in time."""
        self._jobs.put(None)
        self.join(patience_s)
        return not self.is_alive()

    def run(self) -> None:
        """Work until it is stopped."""
        try:
            self._work()
        except BaseException as error:
            self.failure = error
            self._failed()
            raise

    def _work(self) -> None:
        due_s = time.monotonic() + self._period_s
        while True:
            try:
                job = self._jobs.get(timeout=max(0.0, due_s - time.monotonic()))
            except queue.Empty:
                self._tick()
                due_s = time.monotonic() + self._period_s
                continue
            for _ in range(MOST):
                if job is None:
                    self._burst_over()
                    return
                job()
                if self._jobs.empty():
                    break
                job = self._jobs.get()
            self._burst_over()
            if time.monotonic() > due_s:
                self._tick()
                due_s = time.monotonic() + self._period_s
