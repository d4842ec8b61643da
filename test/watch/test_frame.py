"""Frames: what a person reads in them, at 80 x 24 and without colour."""

from types import SimpleNamespace as Message

import pytest

from transfer_audit.watch.bars import BLOCKS, PLAIN, force_bar, glyphs_for, history, score_bar
from transfer_audit.watch.frame import frame, plain
from transfer_audit.watch.pilot import Pilot

NOW_NS = 1_700_000_020_000_000_000
NAN = float('nan')
FIRST = 'force at tip_a (tips), 3.10 s, in contact: real 1.7 N, family 0.9 to 1.1 N'


def number(value):
    return Message(data=value)


def status(level, text, name='x', **values):
    pairs = [Message(key=key, value=value) for key, value in values.items()]
    return Message(level=bytes([level]), name=name, message=text, hardware_id='fingers', values=pairs)


@pytest.fixture
def pilot(fingers):
    """A pilot in the fourth second of round 7; finger a presses harder than its family."""
    pilot = Pilot(fingers.binding(), 'live, domain 3')
    started = str(NOW_NS - 4_000_000_000)
    budget = '{"tip_a": 2.0}'
    for key, message in {
        'round': status(0, 'open', state='open', id='7', task='turn', start_ns=started, end_ns='null'),
        'gate/status': status(1, 'passing, budgets cut', force_budget=budget, failures_left='2', trips='1'),
        'gate/budget/force': number(0.5),
        'gate/budget/speed': number(1.0),
        'shadow/tips': Message(
            joint_names=['tip_a'], points=[Message(positions=[each]) for each in (1.0, 0.9, 1.1)]
        ),
        'real/tips': Message(data=[1.7]),
        'divergence/pose': number(0.4),
        'divergence/force': number(3.1),
        'divergence/scores': Message(name=['joints/a', 'joints/b', 'tips/tip_a'], position=[0.4, 0.1, 3.1]),
        'divergence/first': status(2, FIRST, round='7'),
        'divergence/verdict': Message(data='{"round": 6, "verdict": "agreed"}'),
        '/diagnostics': Message(status=[status(0, 'fine', '/shadow_sim'), status(1, 'late rows', '/divergence')]),
    }.items():  # fmt: skip
        pilot.take(key, message, NOW_NS)
    pilot.now_ns = NOW_NS
    return pilot


def read(pilot, glyphs=BLOCKS, **size):
    return frame(pilot, glyphs, **size).plain.splitlines()


def line(lines, start):
    return next(each for each in lines if each.strip().startswith(start))


def test_a_frame_says_everything_in_words(pilot):
    lines = read(pilot)
    assert 'round 7 open, 4.0 s, turn' in lines[0] and lines[0].rstrip().endswith('live, domain 3')
    assert '3.10 ALARM' in line(lines, 'force ') and line(lines, 'force ').endswith('tip_a')
    assert '0.40' in line(lines, 'pose') and 'ALARM' not in line(lines, 'pose')
    tip = line(lines, 'tip_a')
    assert '1.70' in tip and '0.90 to 1.10' in tip and '2.0' in tip and tip.endswith('above')
    assert 'force 50% CUT   speed 100%   failures left 2   trips 1' in line(lines, 'budgets')
    assert 'WARN: passing, budgets cut' in line(lines, 'gate')
    first = lines.index(line(lines, 'first'))
    assert ' '.join((lines[first][10:] + ' ' + lines[first + 1]).split()) == f'round 7: {FIRST}'
    assert '6 agreed' in line(lines, 'rounds')
    assert '2 report; divergence WARN: late rows' in line(lines, 'nodes')


def test_it_fits_a_small_terminal_whatever_is_long(pilot):
    long = 'very long words ' * 30
    pilot.take('gate/status', status(2, long), NOW_NS)
    pilot.take('divergence/first', status(2, long, round='7'), NOW_NS)
    pilot.verdicts |= dict.fromkeys(range(100), 'unauditable')
    lines = read(pilot)
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    assert '99 unauditable' in line(lines, 'rounds')


def test_of_many_tips_those_in_need_are_shown(pilot):
    calm, pressed = pilot.tips[0].__class__, pilot.tips[0]
    pilot.tips += [calm(f'calm_{n}', 'N', 0.3, 0.1, 0.0, 0.2) for n in range(20)]
    lines = read(pilot)
    assert len(lines) <= 24 and line(lines, pressed.name)
    shown = sum('calm_' in each for each in lines)
    assert 0 < shown < 20 and f'{shown + 1} of 21' in line(lines, 'forces')


def test_over_budget_is_said(pilot):
    pilot.take('real/tips', Message(data=[2.5]), NOW_NS)
    assert line(read(pilot), 'tip_a').endswith('OVER')


def test_silence_is_said(pilot):
    pilot.now_ns = NOW_NS + 6_000_000_000
    lines = read(pilot)
    assert 'silent for 6 s' in line(lines, 'scores')
    assert 'SILENT for 6 s' in line(lines, 'gate') and 'SILENT for 6 s' in line(lines, 'forces')
    assert 'SILENT: shadow_sim, divergence' in line(lines, 'nodes')


def test_before_anything_is_heard_nothing_is_claimed():
    lines = read(Pilot(None, 'live'))
    assert 'no round heard of' in lines[0] and 'no score yet' in line(lines, 'scores')
    assert all('not heard' in line(lines, word) for word in ('budgets', 'gate'))
    assert not any('forces' in each for each in lines)


def test_a_divergence_that_was_taken_back_is_gone(pilot):
    pilot.take('divergence/first', status(1, 'agreed: 3 of 3 elements stayed within the family', round='7'), NOW_NS)
    assert 'first    agreed: 3 of 3' in '\n'.join(read(pilot))


def test_what_a_driver_does_not_say_is_not_shown(pilot):
    pilot.take('real/tips', Message(other=[5.0]), NOW_NS)
    assert '1.70' in line(read(pilot), 'tip_a')
    pilot.take('real/tips', Message(data=[]), NOW_NS)
    assert line(read(pilot), 'tip_a').split()[1] == '-'


def test_one_line_for_logs(pilot):
    assert plain(pilot) == (
        'round 7 open | pose 0.40 | force 3.10 ALARM | slip - | timing - | gate warn: passing, budgets cut | '
        f'first: {FIRST}'
    )


@pytest.mark.parametrize('glyphs', [BLOCKS, PLAIN])
def test_bars_have_one_length_and_the_alarm_in_the_middle(glyphs):
    for score in (NAN, -1.0, 0.0, 0.01, 0.5, 0.99, 1.0, 1.99, 2.0, 500.0):
        bar = score_bar(score, 24, glyphs)
        assert len(bar) == 25 and bar[12] == glyphs.alarm
        assert (bar[11] == glyphs.eighths[8]) == (score >= 1.0)
    for real in (NAN, -5.0, 0.0, 1.99, 2.0, 90.0):
        bar = force_bar(real, 0.5, 1.0, 2.0, 20, glyphs)
        assert len(bar) == 21 and bar.count(glyphs.real) == (real == real)


def test_a_history_shows_every_alarm():
    assert history([NAN, 0.0, 0.99, 1.0, 80.0], PLAIN) == ' _*!!'


def test_a_score_keeps_the_worst_of_each_second(pilot):
    for at_ns, value in ((0, 0.2), (0.5, 2.0), (0.9, 0.1), (2.0, 0.3)):
        pilot.take('divergence/slip', number(value), NOW_NS + round(at_ns * 1e9))
    kept = pilot.scores['slip'].history(NOW_NS // 10**9 + 2)
    assert (kept[-3], kept[-1]) == (2.0, 0.3) and kept[-2] != kept[-2]


def test_plain_characters_where_the_terminal_has_no_others():
    assert glyphs_for('utf-8') is BLOCKS
    assert glyphs_for('ascii') is glyphs_for('latin-1') is glyphs_for(None) is PLAIN
