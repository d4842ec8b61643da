"""Traces made by hand: two joints that follow their commands as told, and the real ones."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from transfer_audit.bags.traces import recording_of
from transfer_audit.core.binding import open_hand
from transfer_audit.core.calibrate.traces import Trace
from transfer_audit.core.types import Columns, Round

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / 'shared' / 'data'
T0 = 1_700_000_000_000_000_000


def columns(times_s, values):
    """Events stamped and received at the same time; values of shape (N,) or (N, E)."""
    stamps = T0 + np.rint(np.asarray(times_s) * 1e9).astype(np.int64)
    values = np.asarray(values, np.float64)
    return Columns(stamps, stamps, values[:, None] if values.ndim == 1 else values)


def trace(seconds, command, name='bag', **channels):
    """One round from 0 to `seconds` of (times, values) pairs."""
    channels = {key: columns(*pair) for key, pair in channels.items()}
    end = T0 + round(seconds * 1e9)
    return Trace(name, T0, Round(1, T0, end), columns(*command), channels)


def ramp(times, commanded, speed, delays):
    """A joint that sets out so long after each command (time, target) and moves at a speed, from 0; shape (N,)."""
    value = np.zeros(len(times))
    position = 0.0
    starts = [at + late for (at, _), late in zip(commanded, delays, strict=True)]
    for k, ((_, target), start) in enumerate(zip(commanded, starts, strict=True)):
        until = starts[k + 1] if k + 1 < len(starts) else np.inf
        on = (times >= start) & (times < until)
        way = np.minimum(speed * (times[on] - start), abs(target - position))
        value[on] = position + np.sign(target - position) * way
        moved = min(speed * (until - start), abs(target - position))
        position += np.sign(target - position) * moved
    return value


@pytest.fixture
def make():
    """The makers of this file."""

    class Make:
        trace, ramp, columns = staticmethod(trace), staticmethod(ramp), staticmethod(columns)

    return Make


@cache
def _hand(name, model):
    return open_hand(ROOT / 'config' / name / 'profile.yaml', DATA / model)


@cache
def _recording(path, name, model):
    return recording_of(DATA / path, _hand(name, model))


@pytest.fixture
def real():
    """Real recordings, whole: `real('rh56/…')` gives the binding and a trace for each bag."""
    if not DATA.is_dir():
        pytest.skip('the real traces are not here')

    def read(*paths):
        finger = 'inspire_rh56', 'rh56/model/inspire_right.xml'
        servo = 'xl330_pendulum', 'xl330/pendulum_kp400.xml'
        which = finger if paths[0].startswith('rh56') else servo
        return _hand(*which), [_recording(path, *which) for path in paths]

    return read
