"""Unaudited is not agreed, and the table says why."""

import re

from transfer_audit.report.elements import listing, told

AGREED = {
    'verdict': 'agreed', 'why': '', 'kind': None, 'onset_s': None, 'phase': None, 'rms': 0.0021, 'score': 0.4,
    'coverage': 1.0, 'smallest_visible': 0.0143571, 'rows': None,
}  # fmt: skip
PARTED = AGREED | {'verdict': 'diverged', 'kind': 'force', 'onset_s': 1.25, 'phase': 'making contact'}
UNTOUCHED = AGREED | {'verdict': 'unaudited', 'why': 'never touched', 'smallest_visible': None, 'rms': None}
ROWS = {'free': 212, 'making contact': 11, 'in contact': 329}


def cells(text, tag):
    return [re.sub('<[^>]*>', '', cell) for cell in re.findall(f'<{tag}[^>]*>(.*?)</{tag}>', text)]


def test_a_row_says_what_was_found_when_and_how_little_would_have_been_seen():
    text = listing([('tips', 'tip', 'N', PARTED | {'rows': ROWS})])
    told_of = dict(zip(cells(text, 'th'), cells(text, 'td'), strict=True))
    assert told_of == {
        'element': 'tip', 'channel': 'tips', 'verdict': '▲ diverged force', 'onset s': '1.250',
        'phase': 'making contact', 'smallest visible': '0.0144 N', 'RMS': '0.0021 N', 'peak score': '0.4',
        'covered': '100.0%', 'rows free / making contact / in contact': '212 / 11 / 329',
    }  # fmt: skip


def test_an_unaudited_element_says_why_and_invents_no_number():
    text = listing([('tips', 'tip', 'N', UNTOUCHED), ('tips', 'other', 'N', AGREED)])
    told_of = dict(zip(cells(text, 'th'), cells(text, 'td'), strict=False))
    assert told_of['verdict'] == '○ unaudited never touched' and told_of['smallest visible'] == '–'


def test_columns_that_nobody_fills_are_left_out():
    heads = cells(listing([('joints', 'hinge', 'rad', AGREED)]), 'th')
    assert 'onset s' not in heads and 'phase' not in heads and not any('rows' in head for head in heads)


def test_names_and_units_are_escaped():
    assert '<b>' not in listing([('<b>', '<b>', '<b>', AGREED)]) + told(AGREED, '<b>')


def test_the_line_under_a_picture():
    assert told(PARTED, 'N') == (
        'force from 1.250 s on · making contact · peak score 0.4 · smallest visible 0.0144 N'
    )
    assert told(UNTOUCHED, 'N').startswith('never touched · ')
