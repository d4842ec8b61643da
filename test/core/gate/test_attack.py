"""Whatever comes, nothing bad leaves."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer_audit.core.types import NS

MS = 1_000_000


numbers = st.one_of(st.floats(-3, 3), st.floats(allow_nan=True, allow_infinity=True), st.just(float('nan')))
ages = st.sampled_from([0, 0, 0, 5, 30, 99, 150, -50, -150, 10**7])
event = st.one_of(
    st.tuples(st.just('command'), st.lists(st.one_of(st.floats(-2, 2), numbers), min_size=2, max_size=2), ages),
    st.tuples(st.just('command'), st.lists(numbers, max_size=3), ages),
    st.tuples(st.just('sense'), st.lists(st.floats(-1.5, 1.5), min_size=2, max_size=2), st.floats(-6, 6)),
    st.tuples(st.just('good'), st.lists(st.floats(-1.5, 1.5), min_size=2, max_size=2), st.floats(-4.5, 4.5)),
    st.tuples(st.just('joints'), st.lists(numbers, max_size=3), ages),
    st.tuples(st.just('tips'), st.lists(numbers, max_size=2), ages),
    st.tuples(st.just('wait'), st.sampled_from([0, 1e-6, 1, 10, 20, 90, 110, 5000, -20]), st.just(0)),
    st.tuples(st.just('other'), st.sampled_from(['tick', 'cut', 'good', 'bad', 'stop', 'rearm', 'mute', 'hear']), ages),
)


@settings(max_examples=400, deadline=None)
@given(
    kept=st.booleans(),
    events=st.lists(event, min_size=20, max_size=80),
    start=st.lists(st.floats(-1, 1), min_size=2, max_size=2),
)
def test_whatever_comes_nothing_bad_leaves(hands, bench_of, kept, events, start):
    bench = bench_of(hands[kept])
    speed = np.array([2.0, 0.5]) if kept else np.array([2.0, 2.0])
    bench.sense(*start)
    last, last_steady, latest = None, 0, bench.steady
    for kind, what, extra in events:
        decision = _play(bench, kind, what, extra)
        if kind not in ('wait', 'other') or what == 'tick':  # the gate was told the time
            latest = max(latest, bench.steady)
        stopped = bench.latch.reason is not None
        assert not (stopped and decision is not None and decision.action != 'held')
        if decision is None or decision.values is None:
            continue
        assert np.isfinite(decision.values).all()
        assert (np.abs(decision.values) <= 1.0).all()
        if last is not None:
            moved = np.abs(decision.values - last)
            assert (moved <= speed * min(latest - last_steady, 0.1 * NS) / NS + 1e-12).all()
        if decision.action == 'held':
            np.testing.assert_array_equal(decision.values, last)
        else:
            last, last_steady = decision.values, latest
    assert all(0.0 <= share <= 1.0 for share in bench.gate.budgets())
    bench.gate.status()


def _play(bench, kind, what, extra):
    gate = bench.gate
    if kind == 'good':
        return bench.wait(10).sense(*what, force=extra).ask(*reversed(what))
    if kind == 'command':
        return bench.ask(*what, age_ms=extra)
    if kind == 'sense':
        bench.sense(*what, force=extra)
    elif kind in ('joints', 'tips'):
        gate.measured(kind, np.array(what, float), bench.now - extra * MS, bench.now, bench.steady)
    elif kind == 'wait':
        bench.wait(what)
    elif what == 'tick':
        return gate.tick(bench.now, bench.steady)
    else:
        {
            'cut': lambda: gate.divergence('pose', 'a', ''),
            'good': lambda: gate.round_ended(True, False),
            'bad': lambda: gate.round_ended(False, True),
            'stop': lambda: gate.stop('stop'),
            'rearm': gate.rearm,
            'mute': lambda: gate.recording(False),
            'hear': lambda: gate.recording(True),
        }[what]()
    return None
