"""Clocks, and rounds side by side."""

from transfer_audit.report.tables import known, overview, timing

REGULAR = {
    'delay_ms': {'hinge': [35.0, 34.8, 35.2]}, 'rate_hz': 100.0, 'drops': 0, 'longest_gap_ms': 10.0, 'jitter_ms': 0.1,
    'late': 0, 'out_of_order': 0, 'duplicates': 0, 'clock_steps': [], 'clock_drift_ppm': None,
}  # fmt: skip
COMMANDS = {key: value for key, value in REGULAR.items() if key != 'delay_ms'}
METRICS = {'real': {'slip_rate': None}, 'shadow': {'slip_rate': None}}


def verdict(joints, command=COMMANDS):
    return {'timing': {'joints': joints}, 'command': command}


def test_commands_have_a_row_and_no_delay():
    text = timing(verdict(REGULAR, COMMANDS | {'clock_steps': [{'at_s': 2.0, 'step_s': -0.04}]}))
    assert text.index('<td>command</td>') < text.index('-0.040 s at 2.00 s') < text.index('<td>joints</td>')


def test_the_drift_of_a_clock_stands_with_its_interval():
    text = timing(verdict(REGULAR | {'clock_drift_ppm': [612.34, 580.0, 640.06]}))
    assert '<th scope="col" class="n">clock drift ppm</th>' in text and '612.3 (580.0 to 640.1)' in text


def test_an_unknown_drift_is_a_dash():
    assert timing(verdict(REGULAR)).endswith('<td class="n">–</td></tr></table></div>')


def test_steps_are_told_one_by_one_but_not_all():
    steps = [{'at_s': 1.0 + at, 'step_s': 0.5} for at in range(5)]
    text = timing(verdict(REGULAR | {'clock_steps': steps}))
    assert '+0.500 s at 1.00 s<br>' in text and text.count('+0.500 s') == 3 and 'and 2 more' in text


def test_a_fault_of_a_whole_channel_names_no_element_and_the_interval_its_level():
    first = {
        'channel': 'joints', 'kind': 'timing', 'element': 'joints', 'onset_s': 0.99, 'onset_interval_s': [0.98, 1.0],
        'onset_interval_level': 0.9, 'flagged_s': 1.09, 'phase': None, 'motion': None,
    }  # fmt: skip
    channels = {'joints': {'hinge': {}}}
    round_ = {'round': 1, 'task': '', 'verdict': 'diverged', 'channels': channels, 'metrics': METRICS}
    text = overview([round_ | {'first_divergence': first}, round_ | {'first_divergence': None}])
    assert '<td>joints</td><td>timing</td><td>all</td>' in text
    assert 'interval s (90 %)' in text and '0.980 to 1.000' in text


def test_a_column_keeps_its_side_when_others_go():
    assert known(['a', 'b', 'c'], [['1', '–', '3'], ['2', '', '–']], {2}) == (
        '<div class="scroll"><table><tr><th scope="col">a</th><th scope="col" class="n">c</th></tr>'
        '<tr><td>1</td><td class="n">3</td></tr><tr><td>2</td><td class="n">–</td></tr></table></div>'
    )
