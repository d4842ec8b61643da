"""What long work says of itself on stderr, and when it will be over."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable

_PART = re.compile(r'\b(\d+) ?(?:of|/) ?(\d+)\b')
LEAST_S = 2.0
"""A remainder is only told after so much of the work, and if it is longer."""


class Eta:
    """How much longer work takes that says `3 of 12`: as long for each part as for those before."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: dict[tuple[str, int], tuple[float, int]] = {}

    def left(self, text: str) -> str:
        """`, about 40 s left`, or nothing where a sentence does not tell."""
        part = _PART.search(text)
        if part is None:
            return ''
        done, whole = int(part[1]), int(part[2])
        now = self._clock()
        began, first = self._began.setdefault((text[: part.start()], whole), (now, done))
        if not first < done < whole or now - began < LEAST_S:
            return ''
        seconds = (now - began) / (done - first) * (whole - done)
        return f', about {_duration(seconds)} left' if seconds >= LEAST_S else ''


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f'{seconds:.0f} s'
    return f'{seconds / 60:.0f} min' if seconds < 5400 else f'{seconds / 3600:.1f} h'


class Say:
    """A line on stderr for each step, with what is left; nothing while `quiet`."""

    def __init__(self) -> None:
        self.quiet = False
        self._eta = Eta()

    def __call__(self, text: str) -> None:
        """Tell a step."""
        left = self._eta.left(text)
        if not self.quiet:
            print(f'… {text}{left}', file=sys.stderr, flush=True)


say = Say()
"""The voice of the whole command line."""
