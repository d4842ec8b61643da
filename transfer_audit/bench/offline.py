"""How close an offline audit comes to what it cannot do without: decoding the bag and stepping the simulation."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mujoco.batch import Batch

from transfer_audit.bags.audit import audit_recording
from transfer_audit.bags.reader import open_bag
from transfer_audit.bags.replay import Replay
from transfer_audit.bench.recording import bench_hand, simulate, write_recording
from transfer_audit.core import family as families
from transfer_audit.core.binding import Binding
from transfer_audit.core.shadow import Shadow
from transfer_audit.core.types import Array

SEQUENTIAL, PARALLEL = 1.1, 0.7


@dataclass(frozen=True)
class Figures:
    """Seconds of one run; the ratios are the audit's over decode + bare steps."""

    messages: int
    members: int
    decode_s: float
    steps_s: float
    one_thread_s: float
    two_threads_s: float
    verdict: str
    peak_mib: float

    @property
    def sequential(self) -> float:
        """One thread over the floor."""
        return self.one_thread_s / (self.decode_s + self.steps_s)

    @property
    def parallel(self) -> float:
        """Two threads over the floor of one thread."""
        return self.two_threads_s / (self.decode_s + self.steps_s)


def measure(minutes: float, members: int, storage: str, say: Callable[[str], None]) -> Figures:
    """Make a recording, then time decode, bare steps and the audit of it, in one run."""
    with tempfile.TemporaryDirectory(prefix='transfer_audit_bench_') as name:
        folder = Path(name)
        binding = bench_hand(folder, members)
        say(f'recording {minutes:g} min of a 16-joint hand ({storage})')
        truth = simulate(binding, minutes * 60)
        bag = write_recording(folder, binding, truth, storage)
        say('bulk decode')
        decode_s, messages = _decode(bag, binding)
        say('bare steps, one thread')
        steps_s = _steps(binding, truth.commands)
        say('audit, one thread')
        one_s, document = _timed(lambda: audit_recording(bag, binding, threads=1))
        say('audit, two threads')
        two_s, again = _timed(lambda: audit_recording(bag, binding, threads=2))
        assert document == again, 'one thread and two threads disagree'
        verdicts = ', '.join(f'{round_["verdict"]}: {round_["reason"]}' for round_ in document['rounds'])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Figures(messages, members, decode_s, steps_s, one_s, two_s, verdicts, peak)


def _timed(work: Callable[[], dict[str, Any]]) -> tuple[float, dict[str, Any]]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def _decode(bag: Path, binding: Binding) -> tuple[float, int]:
    """Every message that the profile uses, as columns."""
    began, messages = time.perf_counter(), 0
    with open_bag(bag) as opened:
        for _, sources in Replay(opened, binding).stretches(opened.start_ns, opened.end_ns):
            messages += sum(len(columns) for _, columns in sources)
    return time.perf_counter() - began, messages


def _steps(binding: Binding, commands: Array) -> float:
    """The family stepped through the same commands, sensors read as often, and nothing else."""
    family = families.draw(binding)
    batch = Batch(binding.model, family.members, 1)
    families.apply(binding, family, batch)
    window = Shadow(binding).rows_at_once * binding.steps_per_row
    began = time.perf_counter()
    for first in range(0, len(commands), window):
        controls = np.ascontiguousarray(commands[first : first + window])
        batch.rollout(len(controls), controls[None], record=('sensordata',))
    return time.perf_counter() - began
