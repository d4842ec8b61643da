"""A bag's rounds as traces: the same numbers the replay gives, cut to the rounds."""

from pathlib import Path

import numpy as np
import pytest

from transfer_audit.bags.traces import recording_of, traces_of
from transfer_audit.core.binding import open_hand
from transfer_audit.core.calibrate.traces import positions

SHARED = Path(__file__).parents[3] / 'shared' / 'data'
CONFIG = Path(__file__).parents[2] / 'config'
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason='the real traces are not here')


def test_a_bag_without_marks_is_one_round_with_every_message():
    binding = open_hand(CONFIG / 'xl330_pendulum' / 'profile.yaml', SHARED / 'xl330' / 'pendulum_kp400.xml')
    (trace,) = traces_of(SHARED / 'xl330' / 'kp400_sin_sin', binding)
    assert len(trace.command) == len(trace.channels['joints']) == 1125
    assert 0 <= trace.since_recording_s(trace.start_ns) < 0.1
    assert np.abs(positions(trace.command, binding.command)).max() < np.pi


def test_each_closing_holds_its_command_from_open_to_closed():
    binding = open_hand(CONFIG / 'inspire_rh56' / 'profile.yaml', SHARED / 'rh56' / 'model' / 'inspire_right.xml')
    traces = traces_of(SHARED / 'rh56' / 'contact_speed500_force500', binding)
    assert [trace.round.number for trace in traces] == list(range(1, 21))
    for trace in traces:
        assert trace.command.values[-1].tolist() == [0.0, 500.0]
        assert positions(trace.command, binding.command)[-1] == pytest.approx([1.5])
        assert set(trace.channels) == {'joints', 'fingers'} and len(trace.channels['fingers']) > 20
        assert trace.command.receive_ns[-1] <= trace.end_ns


def test_a_whole_recording_holds_what_is_between_its_rounds():
    binding = open_hand(CONFIG / 'inspire_rh56' / 'profile.yaml', SHARED / 'rh56' / 'model' / 'inspire_right.xml')
    bag = SHARED / 'rh56' / 'contact_speed500_force500'
    whole, rounds = recording_of(bag, binding), traces_of(bag, binding)
    opened = whole.command.values[:, 0] == 1000.0  # before the first round and between them
    assert len(whole.command) == 2 * len(rounds) and opened.sum() == len(rounds)
    assert whole.start_ns == whole.recording_start_ns and whole.end_ns >= rounds[-1].end_ns
