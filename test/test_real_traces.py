"""What is known of traces from real hardware is found in them."""

import csv
from pathlib import Path

import numpy as np
import pytest

from transfer_audit.bags.audit import audit_recording
from transfer_audit.bags.reader import open_bag
from transfer_audit.bags.replay import Replay
from transfer_audit.core.binding import open_hand

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / 'shared' / 'data'
XL330, RH56 = DATA / 'xl330', DATA / 'rh56'

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f'the real traces are not at {DATA}')


def servo(gain=400):
    return open_hand(ROOT / 'config' / 'xl330_pendulum' / 'profile.yaml', XL330 / f'pendulum_kp{gain}.xml')


def audited(bag, binding):
    return audit_recording(bag, binding)['rounds']


def test_a_twin_without_a_gap_agrees():
    (found,) = audited(XL330 / 'twin_nominal_kp400_sinsin', servo())
    assert found['verdict'] == 'agreed', found['reason']
    assert found['channels']['joints']['servo']['rms'] < 0.005
    assert found['channels']['joints']['servo']['coverage'] > 0.98
    assert found['timing']['joints']['delay_ms']['servo'][0] == pytest.approx(0.0, abs=1.5)


def test_a_twin_with_35_ms_more_delay_is_told_by_how_much():
    (found,) = audited(XL330 / 'twin_delay35ms_kp400_sinsin', servo())
    assert found['verdict'] == 'diverged'
    assert found['first_divergence']['kind'] == 'timing'
    delay, low, high = found['timing']['joints']['delay_ms']['servo']
    assert delay == pytest.approx(35.0, abs=0.3)
    assert low <= delay <= high and high - low < 3.0
    assert low < 35.0 < high


@pytest.mark.parametrize('gain', [100, 400])
@pytest.mark.parametrize('motion', ['sin_sin', 'sin_time_square', 'up_and_down'])
def test_the_real_servo_leaves_a_model_that_is_too_simple_in_pose(gain, motion):
    (found,) = audited(XL330 / f'kp{gain}_{motion}', servo(gain))
    assert found['verdict'] == 'diverged', found['reason']
    first = found['first_divergence']
    assert (first['channel'], first['kind'], first['element']) == ('joints', 'pose', 'servo')
    assert found['timing']['joints']['rate_hz'] == pytest.approx(188, abs=2) and found['timing']['joints']['drops'] == 0


@pytest.mark.parametrize('bag', ['kp400_sin_sin', 'kp100_up_and_down'])
def test_a_state_is_stamped_3_5_ms_after_its_command(bag):
    with open_bag(XL330 / bag) as opened:
        replay = Replay(opened, servo())
        stamps = {}
        for _, sources in replay.stretches(opened.start_ns, opened.end_ns):
            for plan, columns in sources:
                stamps.setdefault('state' if plan else 'command', []).append(columns.stamp_ns)
    command, state = (np.concatenate(stamps[side]) for side in ('command', 'state'))
    after = state[np.searchsorted(state, command).clip(max=len(state) - 1)] - command
    assert np.median(after) / 1e6 == pytest.approx(3.54, abs=0.15)
    assert np.percentile(after, 5) / 1e6 == pytest.approx(3.44, abs=0.3)


def labelled_rounds(bag, least_s=0.0, most_s=0.3):
    """(labelled onset, first divergence) of the rounds in which the hand moved so long after it was told to."""
    with (RH56 / 'contact_onsets.csv').open() as file:
        labels = {row['trial']: row for row in csv.DictReader(file) if row['bag'] == bag}
    hand = open_hand(ROOT / 'config' / 'inspire_rh56' / 'profile.yaml', RH56 / 'model' / 'inspire_right.xml')
    rounds = audited(RH56 / bag, hand)
    assert len(rounds) == 20 and [r['task'] for r in rounds] == [f'trial {n}' for n in range(1, 21)]
    found = []
    for round_ in rounds:
        label = labels[round_['task'].removeprefix('trial ')]
        if least_s <= float(label['command_to_motion_s']) < most_s:
            found.append((float(label['onset_s']), round_['first_divergence']))
    return found


def test_contacts_of_a_real_finger_that_the_model_lacks_are_named_when_they_begin():
    rounds = labelled_rounds('contact_speed500_force500') + labelled_rounds('contact_speed100_force500')
    assert len(rounds) >= 20
    hits = [
        first is not None and first['kind'] in ('force', 'pose') and abs(first['onset_s'] - onset) <= 0.06
        for onset, first in rounds
    ]
    assert np.mean(hits) >= 0.9
    errors = [first['onset_s'] - onset for (onset, first), hit in zip(rounds, hits, strict=True) if hit]
    assert abs(np.median(errors)) < 0.04


def test_rounds_of_a_real_finger_that_start_late_are_timing():
    bags = 'contact_speed100_force100', 'contact_speed500_force100'
    rounds = [round_ for bag in bags for round_ in labelled_rounds(bag, 0.5, 99.0)]
    assert len(rounds) >= 4
    assert [first['kind'] for _, first in rounds] == ['timing'] * len(rounds)
