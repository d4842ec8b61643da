"""One scene of the emulated hand: what is injected is what is true, and a hand inside the family leaves nothing."""

import numpy as np
import pytest

from transfer_audit.bench.divergence import cases
from transfer_audit.bench.divergence.cases import Case, case_of, scene_of
from transfer_audit.bench.divergence.faults import CATALOGUE
from transfer_audit.bench.divergence.worlds import measured, motion_of

BY_NAME = {fault.name: fault for fault in CATALOGUE}


@pytest.fixture(scope='module')
def scene():
    return scene_of(0)


def case(scene, name, target, at_s=1.5):
    step = 0 if BY_NAME[name].always else round((at_s + 0.5) / 0.002)
    return Case(scene, BY_NAME[name], target, step)


def test_a_number_gives_one_motion_and_another_number_another():
    binding = cases.emulated_hand()
    again, other = motion_of(binding, 0), motion_of(binding, 1)
    np.testing.assert_array_equal(motion_of(binding, 0).controls, again.controls)
    assert len(other.controls) != len(again.controls)


def test_every_noise_starts_the_shadow_from_the_same_pose(scene):
    one, two, none = (measured(scene.binding, scene.motion, scene.sensed, seed) for seed in (1, 2, None))
    for name, columns in one.channels.items():
        before = int(np.searchsorted(columns.stamp_ns, scene.motion.round.start_ns))
        for other in (two, none):
            np.testing.assert_array_equal(columns.values[: before - 1], other.channels[name].values[: before - 1])
        assert (columns.values[before + 1 :] != two.channels[name].values[before + 1 :]).any()


def test_noise_is_as_large_as_declared(scene):
    noisy, clean = (measured(scene.binding, scene.motion, scene.sensed, seed) for seed in (1, None))
    spread = (noisy.channels['joints'].values - clean.channels['joints'].values)[100:].std()
    assert spread == pytest.approx(0.002, rel=0.05)


def test_the_nominal_hand_never_leaves_its_family(scene):
    found = scene.judge(measured(scene.binding, scene.motion, scene.sensed, None))
    assert found.excess.max() == 0.0 and found.verdict['verdict'] == 'agreed'


def test_a_hand_at_the_edge_is_out_half_of_the_time_by_its_noise(scene):
    found = scene.judge(cases.at_the_edge(scene, 0))
    joints = found.excess[5:-5, :16]
    assert (joints > 0).mean() == pytest.approx(0.5, abs=0.03)
    assert joints[joints > 0].mean() == pytest.approx(np.sqrt(2 / np.pi), abs=0.05)


def test_an_offset_parts_the_joint_it_is_put_on_when_it_is(scene):
    truth = case(scene, 'joint_offset', 'ring_2').seen(0.15).truth
    assert truth.elements == {('joints', 'ring_2')} and truth.kinds == {'pose'} and truth.onset in (149, 150, 151)
    assert case(scene, 'joint_offset', 'ring_2').seen(0.005).truth is None


def test_the_smallest_visible_offset_lies_between_a_size_unseen_and_one_seen(scene):
    offset = case(scene, 'joint_offset', 'ring_2')
    truths = {size: offset.seen(size) for size in BY_NAME['joint_offset'].sizes}
    smallest = cases.smallest_visible(offset, truths)
    unseen = max(size for size, found in truths.items() if found.truth is None)
    assert unseen < smallest <= min(size for size, found in truths.items() if found.truth is not None)
    assert offset.seen(smallest).truth is not None
    assert cases.multiple_of(offset, 3 * smallest, smallest) == pytest.approx(3.0)


def test_a_delay_is_timing_at_every_joint_and_parts_later_than_it_begins(scene):
    truth = case(scene, 'delay', 'joints').seen(0.08).truth
    assert truth.kinds == {'timing'} and ('joints', 'index_1') in truth.elements and truth.onset > 30


def test_a_fault_of_stamps_begins_where_it_begins(scene):
    truth = case(scene, 'dropout', 'joints').seen(0.2).truth
    assert truth.kinds == {'timing'} and truth.onset == pytest.approx(150)
    assert case(scene, 'dropout', 'joints').seen(0.05).truth is None


@pytest.mark.parametrize('name', ['friction', 'damping_up', 'gain_drop', 'payload', 'compliance', 'slip_onset'])
def test_a_change_of_the_body_acts_from_its_time_on_and_not_before(scene, name):
    fault = case_of(scene, BY_NAME[name])
    found = fault.sensed(fault.fault.sizes[-1])
    assert (found[: fault.step] == scene.sensed[: fault.step]).all()
    assert (found[fault.step + 1 :] != scene.sensed[fault.step + 1 :]).any()


def test_every_fault_has_rising_sizes_and_does_one_thing():
    for fault in CATALOGUE:
        assert list(fault.sizes) == sorted(set(fault.sizes))
        assert sum(part is not None for part in (fault.body, fault.path, fault.message)) == 1


def test_every_detector_speaks_of_every_size_and_noise(scene):
    pytest.importorskip('river')
    offset = case(scene, 'joint_offset', 'index_1')
    found = list(cases.outcomes(offset, (0.005, 0.15), (1, 2), {'threshold': 2.0, 'page_hinkley': 10.0}))
    assert len(found) == 3 * 2 * 2
    plain = [one for one in found if one.size == 0.15]
    assert all(one.alarmed and one.element == 1.0 and abs(one.onset_error) <= 5 for one in plain)
    assert all(one.multiple is None for one in found if one.size == 0.005)


def test_a_stuck_joint_may_be_called_by_its_pose_or_by_its_frozen_signal(scene):
    found = case(scene, 'stuck', 'index_2', 1.5).seen(2.0)
    assert found.truth.kinds == {'pose', 'timing'} and found.truth.elements == {('joints', 'index_2')}
    assert found.truth.onset > 150 and found.nearest(150.0).kinds == {'timing'}


def test_a_fault_of_stamps_too_small_to_move_anything_may_still_be_told(scene):
    found = case(scene, 'clock_ahead', 'joints').seen(0.005)
    assert found.truth is None and found.nearest(0.0).kinds == {'timing'}
