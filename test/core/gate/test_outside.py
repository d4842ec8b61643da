"""What only the caller of the gate sees, and what it may ask."""

import math


def test_what_is_seen_outside_holds_under_its_own_reason_until_it_is_over(bench, held):
    assert bench.ask(0.0, 0.0).action == 'passed'
    bench.gate.outside('publishers', '/rogue publishes, too')
    bench.gate.outside('paused', 'paused')
    held(bench.ask(0.0, 0.0), '/rogue publishes, too')
    assert bench.gate.rearm() == (False, 'not rearmed: /rogue publishes, too; paused')
    bench.gate.outside('publishers', '')
    held(bench.ask(0.0, 0.0), 'paused')
    bench.gate.outside('paused', '')
    bench.gate.outside('never said', '')
    assert bench.ask(0.0, 0.0).action == 'passed'


def test_a_stop_says_whether_a_restart_would_forget_it(bench):
    assert bench.gate.stop('first') == ''

    def full(_reason):
        raise OSError('no space left')

    bench.latch.set = full
    assert bench.gate.stop('second') == 'no space left'


def test_the_limits_name_every_budget_that_may_shrink(bench):
    assert bench.gate.limits()['speed_budget'] == {'act_a': 2.0, 'act_b': 2.0}
    bench.gate.tighten('speed_budget', 1.0, 'act_a')
    limits = bench.gate.limits()
    assert limits['speed_budget'] == {'act_a': 1.0, 'act_b': 2.0} and limits['force_budget'] == {'tip': 4.0}
    assert limits['failure_budget'] == {'': 3.0} and limits['trip_budget'] == {'': math.inf}
