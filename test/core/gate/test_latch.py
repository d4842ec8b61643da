"""A stop that stays, and rounds that cannot be recorded."""

import pytest


def test_a_stop_survives_a_restart_and_only_rearm_opens_it(binding, bench_of, held):
    first = bench_of(binding).sense(0.0, 0.0)
    first.gate.stop('an operator said so')
    held(first.ask(0.0, 0.0), 'an operator said so')
    second = bench_of(binding, latch=first.latch).sense(0.0, 0.0)
    second.gate.round_ended(True, False)
    held(second.ask(0.0, 0.0), 'an operator said so')
    assert second.gate.status().latched and second.gate.status().level == 'error'
    assert second.gate.rearm()[0] and second.latch.reason is None
    assert second.ask(0.0, 0.0).action == 'passed'
    assert not bench_of(binding, latch=second.latch).gate.status().latched


def test_removing_the_latch_behind_its_back_does_not_open_the_gate(bench, held):
    bench.gate.stop('stop')
    bench.latch.clear()
    held(bench.ask(0.0, 0.0), 'stop')


def test_the_first_reason_is_kept(bench):
    bench.gate.stop('first')
    bench.gate.stop('second')
    assert bench.latch.reason == 'first' and bench.gate.status().trips == 1


def test_a_stop_that_cannot_be_written_stops_anyway(bench, held):
    def full(_reason):
        raise OSError('no space left')

    bench.latch.set = full
    bench.gate.stop('stop')
    held(bench.ask(0.0, 0.0), 'a restart would forget this: no space left')


def test_a_latch_that_cannot_be_cleared_stays(bench, held):
    def stuck():
        raise OSError('read-only')

    bench.latch.clear = stuck
    bench.gate.stop('stop')
    assert bench.gate.rearm() == (False, 'not rearmed: the latch cannot be cleared: read-only')
    held(bench.ask(0.0, 0.0), 'stop')


@pytest.mark.parametrize(
    ('cause', 'word'),
    [
        (lambda bench: bench.force(9.0), 'tip presses 9 N'),
        (lambda bench: bench.gate.recording(False, 'disk full'), 'disk full'),
        (lambda bench: bench.gate.tick(bench.wait(500).now, bench.steady), 'silent'),
    ],
)
def test_no_rearming_while_the_cause_persists(bench, cause, word, held):
    bench.gate.stop('stop')
    cause(bench)
    armed, why = bench.gate.rearm()
    assert not armed and word in why
    held(bench.ask(0.0, 0.0), 'stop')


def test_unrecorded_rounds_hold_and_so_does_a_recorder_not_heard(binding, bench_of, held):
    bench = bench_of(binding, recorded=False).sense(0.0, 0.0)
    held(bench.ask(0.0, 0.0), 'not been heard')
    bench.gate.recording(True)
    assert bench.ask(0.0, 0.0).action == 'passed'
    bench.gate.recording(False, 'disk full')
    held(bench.ask(0.0, 0.0), 'disk full')
    assert 'disk full' in bench.gate.status().message


def test_unrecorded_pass_does_not_wait_for_the_recorder(hand, bench_of):
    bench = bench_of(hand(unrecorded='pass'), recorded=False).sense(0.0, 0.0)
    bench.gate.recording(False, 'disk full')
    assert bench.ask(0.0, 0.0).action == 'passed' and bench.gate.rearm()[0]
