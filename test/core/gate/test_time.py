"""Keep-alive, silence, and the status in words."""

import numpy as np


def test_keep_alive_repeats_the_last_safe_command_and_nothing_else(hand, bench_of):
    bench = bench_of(hand(keep_alive_hz=20)).sense(0.0, 0.0)
    assert bench.gate.tick(bench.now, bench.steady).values is None
    bench.ask(0.01, 0.0)
    assert bench.gate.tick(bench.wait(49).now, bench.steady) is None
    again = bench.gate.tick(bench.wait(1).now, bench.steady)
    assert again.action == 'held' and again.reason == 'keep alive'
    np.testing.assert_array_equal(again.values, [0.01, 0.0])
    assert bench.gate.tick(bench.wait(10).now, bench.steady) is None
    refused = bench.sense(0.0, 0.0).ask(np.nan, 0.0)
    assert refused.action == 'held'
    np.testing.assert_array_equal(refused.values, [0.01, 0.0])
    bench.gate.stop('stop')
    np.testing.assert_array_equal(bench.gate.tick(bench.wait(60).now, bench.steady).values, [0.01, 0.0])


def test_silence_of_commands_is_said_once(bench):
    bench.ask(0.0, 0.0)
    said = [bench.gate.tick(bench.wait(30).sense(0.0, 0.0).now, bench.steady) for _ in range(10)]
    assert [index for index, decision in enumerate(said) if decision] == [3]
    assert said[3].values is None and 'no command for 0.12 s' in said[3].reason
    assert bench.gate.status().level == 'stale'
    bench.ask(0.0, 0.0)
    assert bench.gate.tick(bench.now, bench.steady) is None and bench.gate.status().level == 'ok'


def test_the_status_in_words(bench):
    assert bench.gate.status().level == 'stale' and bench.gate.status().message == 'no command yet'
    bench.ask(0.0, 0.0)
    assert bench.gate.status().message == 'passing'
    bench.gate.divergence('slip', 'tip', '')
    assert bench.gate.status().level == 'warn' and 'slip of tip' in bench.gate.status().message
    bench.wait(50).force(5.0, age_ms=30)
    status = bench.gate.status()
    assert status.level == 'error' and 'only opening: tip presses 5 N' in status.message
    assert 'tip by 3 N' in status.overshoot
    bench.wait(5).sense(0.0, 0.0, force=0.0)
    bench.wait(20).ask(0.0, 0.0)
    assert 'up to 20.0 ms old, 0.01 rad or m' in bench.gate.status().overshoot


# how long each may be silent


def test_each_side_has_its_own_age_limit(hand, bench_of, held):
    limits = {'policy': 0.5, 'joints': 0.2, 'force': 0.3}
    bench = bench_of(hand(age_limits=limits)).sense(0.0, 0.0)
    assert bench.ask(0.0, 0.0, age_ms=400).action == 'passed'
    held(bench.ask(0.0, 0.0, age_ms=501), 'allowed 0.5 s')
    held(bench.wait(201).ask(0.0, 0.0), 'a of channel joints silent for 0.201 s')
    assert bench.joints(0.0, 0.0).ask(0.0, 0.0).action == 'passed'
    held(bench.wait(100).joints(0.0, 0.0).ask(0.0, 0.0), 'tip of channel tips silent for 0.301 s')
    assert bench.gate.tick(bench.wait(400).now, bench.steady).reason.startswith('tip of channel tips')


def test_the_divergence_is_waited_for_if_it_has_a_limit(hand, bench_of, held):
    bench = bench_of(hand(age_limits={'divergence': 1.0})).sense(0.0, 0.0)
    held(bench.ask(0.0, 0.0), 'no word of the divergence yet')
    assert 'no word of the divergence' in bench.gate.rearm()[1]
    bench.gate.compared(bench.steady)
    assert bench.ask(0.0, 0.0).action == 'passed'
    for _ in range(20):
        bench.wait(50).sense(0.0, 0.0)
    assert bench.ask(0.0, 0.0).action == 'passed'
    held(bench.wait(1).ask(0.0, 0.0), 'no word of the divergence for 1 s')
    assert bench.gate.status().level == 'stale'
