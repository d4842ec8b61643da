"""Faults in a recording of a real servo."""

from pathlib import Path

import numpy as np
import pytest

from transfer_audit.bench.divergence import traces

DATA = Path(__file__).parents[4] / 'shared' / 'data' / 'xl330'

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f'the real traces are not at {DATA}')


@pytest.fixture(scope='module')
def recordings():
    return {found.name: found for found in traces.recordings(DATA)}


def test_every_recording_agrees_at_its_own_tolerance_with_its_noise_left(recordings):
    assert len(recordings) == 7
    for found in recordings.values():
        judged = found.judge(found.streams)
        assert judged.verdict['verdict'] == 'agreed' and judged.excess.max() == pytest.approx(0.0, abs=1e-9)
        assert found.binding.channel('joints').tolerance[0] == pytest.approx(0.02, abs=0.005)
        assert 0.0002 < judged.verdict['channels']['joints']['servo']['rms'] < 0.01


def test_a_reading_that_jumps_is_true_from_there_on(recordings):
    twin = recordings['twin_nominal_kp400_sinsin']
    offset = next(case for case in traces.cases(twin) if case.fault.name == 'joint_offset')
    truth = offset.seen(0.15).truth
    begins = (offset.begins_ns - twin.round.start_ns) * 200 / 1e9
    assert truth.kinds == {'pose'} and abs(truth.onset - begins) <= 2
    assert offset.seen(0.005).truth is None


def test_late_motion_is_what_was_measured_a_while_ago(recordings):
    twin = recordings['twin_nominal_kp400_sinsin']
    late = next(case for case in traces.cases(twin) if case.fault.name == 'late_motion')
    before, after = twin.streams.channels['joints'], late.noisy(np.empty(0), 0.1, None).channels['joints']
    expected = np.interp(before.stamp_ns - 100_000_000, before.stamp_ns, before.values[:, 0])
    np.testing.assert_allclose(after.values[:, 0], expected, atol=1e-6)
