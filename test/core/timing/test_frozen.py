"""A stuck sensor is told from a jammed joint by its noise."""

import numpy as np
import pytest

from transfer_audit.core.align import interpolate
from transfer_audit.core.timeline import Timeline
from transfer_audit.core.timing import frozen
from transfer_audit.core.types import Columns

RATE, NOISE, TOLERANCE = 100.0, 0.001, 0.01
FREEZES = 300


def sides(kind='frozen', quantum=None, rows=600, seed=0):
    """A slow swing on a grid of rows; from row 300 on its sensor is stuck, its joint jammed, or nothing happens."""
    rng = np.random.default_rng(seed)
    truth = 0.3 * np.sin(2 * np.pi * 0.4 * np.arange(rows) / RATE)
    real = truth.copy()
    if kind == 'jammed':
        real[FREEZES:] = real[FREEZES]
    real += rng.normal(0, NOISE, rows)
    if quantum is not None:
        real = np.round(real / quantum) * quantum
    if kind == 'frozen':
        real[FREEZES:] = real[FREEZES]
    onset = FREEZES + int(np.argmax(np.abs(real - truth)[FREEZES:] > TOLERANCE))
    return real, truth - TOLERANCE, truth + TOLERANCE, onset


@pytest.mark.parametrize('seed', range(10))
def test_a_stuck_sensor_is_found_from_its_first_row_to_its_last(seed):
    assert frozen(*sides(seed=seed), NOISE) == (FREEZES, 600)


@pytest.mark.parametrize('seed', range(10))
def test_a_jammed_joint_goes_on_with_its_noise(seed):
    assert frozen(*sides('jammed', seed=seed), NOISE) is None


def test_a_sensor_that_comes_back_was_frozen_until_then():
    real, lower, upper, onset = sides()
    real[400:] = (lower + upper)[400:] / 2
    assert frozen(real, lower, upper, onset, NOISE) == (FREEZES, 400)


@pytest.mark.parametrize('kind', ['frozen', 'jammed'])
def test_where_an_encoder_is_coarser_than_the_noise_nothing_is_said(kind):
    assert frozen(*sides(kind, quantum=4 * NOISE), NOISE) is None


def test_a_fine_quantum_does_not_hide_a_stuck_sensor():
    assert frozen(*sides(quantum=NOISE / 10), NOISE) == (FREEZES, 600)
    assert frozen(*sides('jammed', quantum=NOISE / 10), NOISE) is None


def test_what_was_never_alive_is_not_frozen():
    _, lower, upper, _ = sides()
    assert frozen(np.zeros(600), lower, upper, 40, NOISE) is None
    assert frozen(np.full(600, np.nan), lower, upper, 40, NOISE) is None


def test_a_few_equal_rows_are_chance():
    real, lower, upper, onset = sides('jammed')
    real[onset : onset + 8] = real[onset]
    assert frozen(real, lower, upper, onset, NOISE) is None


def test_what_had_parted_before_it_froze_did_not_part_because_of_it():
    real, lower, upper, onset = sides()
    assert frozen(real, lower + 1.0, upper + 1.0, onset, NOISE) is None


def test_a_freeze_of_raw_messages_survives_their_interpolation():
    rng = np.random.default_rng(3)
    stamps = np.rint(np.arange(1200) * 1e9 / 187).astype(np.int64)
    values = 0.3 * np.sin(2 * np.pi * 0.4 * stamps / 1e9) + rng.normal(0, NOISE, 1200)
    values[561:] = values[560]
    timeline = Timeline(1, 10**9)
    timeline.add(Columns(stamps, stamps, values[:, None]))
    rows = np.arange(600) * 10**7
    real = interpolate(timeline, rows, 10**8)[:, 0]
    truth = 0.3 * np.sin(2 * np.pi * 0.4 * rows / 1e9)
    found = frozen(real, truth - TOLERANCE, truth + TOLERANCE, 310, NOISE)
    assert found is not None and abs(found[0] - 300) <= 1 and found[1] >= 599
