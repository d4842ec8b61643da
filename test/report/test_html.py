"""What a person sees is what the verdict says."""

import re
from html.parser import HTMLParser

import pytest

from transfer_audit.core.errors import AuditError
from transfer_audit.report import html
from transfer_audit.report.figures import Figures
from transfer_audit.report.html import write_report

PARTED_S = 2.0
VOID = {'meta', 'br'}


class Tags(HTMLParser):
    """Checks that every element is closed in order; collects them."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def curves(text, name):
    """Paths of the figures, without the legend's."""
    return re.findall(f'<path class="{name}" d="(M[^"]*)"', text)[1:]


@pytest.fixture
def report(audited, tmp_path):
    def write(**options):
        document, collector = audited(**options)
        write_report(tmp_path / 'r.html', document, collector)
        return document, (tmp_path / 'r.html').read_text(encoding='utf-8')

    return write


def test_it_opens_on_the_verdict_in_a_sentence(report):
    document, text = report()
    assert document['rounds'][0]['verdict'] == 'diverged'
    sentence = 'pose at hinge (joints) parts first, at 2.000 s'
    assert text.index('1 round: 1 diverged') < text.index(sentence) < text.index('<svg viewBox')
    assert document['rounds'][0]['reason'] in text


def test_it_opens_on_phase_and_explanation(audited, tmp_path):
    document, collector = audited()
    changed = {'phase': 'in contact', 'motion': 'reversing', 'explanation': 'it looks <mirrored>'}
    document['rounds'][0]['first_divergence'] |= changed
    write_report(tmp_path / 'r.html', document, collector)
    opened = (tmp_path / 'r.html').read_text(encoding='utf-8').partition('<svg')[0]
    assert ', in contact, reversing: real' in opened and '; it looks &lt;mirrored&gt;' in opened


def test_the_onset_stands_at_its_time(report):
    document, text = report()
    first = document['rounds'][0]['first_divergence']
    assert first['onset_s'] == pytest.approx(PARTED_S, abs=0.02)
    drawn = [float(x) for x in re.findall(r'<line class="onset" x1="([\d.]+)"', text)]
    begin, end = first['onset_interval_s'][0] - 0.4, first['flagged_s'] + 0.4
    near, whole = 70 + 915 * (first['onset_s'] - begin) / (end - begin), 70 + 915 * first['onset_s'] / 4.0
    assert drawn == pytest.approx([near, near, whole], abs=0.1)


def test_the_step_is_drawn_where_the_onset_is(report):
    _, text = report()
    whole = curves(text, 'real')[1].split('L')
    before, after = ([float(value) for value in point.split(',')] for point in whole[199:201])
    assert [before[0], after[0]] == pytest.approx([70 + 915 * at / 4.0 for at in (1.99, 2.0)], abs=0.1)
    assert before[1] - after[1] > 5


@pytest.mark.parametrize('options', [{}, {'parts': False}, {'gap': True}, {'gap': True, 'parts': False}])
def test_every_document_is_well_formed_and_holds_no_nan(report, options):
    _, text = report(**options)
    tags = Tags(text).seen
    for tag, attributes in tags:
        if tag in ('path', 'line', 'rect', 'text'):
            assert not re.search('nan|inf', ' '.join(str(value) for value in attributes.values()))
    assert (
        sum(tag == 'svg' and attributes.get('role') == 'img' for tag, attributes in tags) == text.count('<title>') - 1
    )


def test_a_gap_breaks_the_line_of_the_real_hand(report):
    _, text = report(gap=True, parts=False)
    assert 'First divergence: timing in all of joints, shown at hinge' in text
    pieces = {name: [path.count('M') for path in curves(text, name)] for name in ('real', 'median')}
    assert pieces == {'real': [1, 2, 2], 'median': [1, 1, 1]}  # around the gap's begin; the round; the other joint


@pytest.mark.parametrize(('unit', 'size'), [('s', 7000.0), ('of the messages', 0.7), ('ppm', 7000.0)])
def test_sizes_of_timing_stand_on_no_axis(audited, tmp_path, unit, size):
    pictures = []
    for real in (size, 0.0):
        document, collector = audited()
        found = {'kind': 'timing', 'element': 'joints', 'unit': unit, 'real': real, 'shadow': [0.0, size / 2]}
        document['rounds'][0]['first_divergence'] |= found
        write_report(tmp_path / 'r.html', document, collector)
        text = (tmp_path / 'r.html').read_text(encoding='utf-8')
        pictures.append(re.findall('<svg.*?</svg>', text))
    assert pictures[0] == pictures[1] and not any('7000' in picture for picture in pictures[0])


def test_a_fault_of_the_commands_is_drawn_at_an_element_as_well(audited, tmp_path):
    document, collector = audited()
    found = {'kind': 'timing', 'channel': 'command', 'element': 'command', 'unit': 's', 'shadow': [0.0, 0.025]}
    document['rounds'][0]['first_divergence'] |= found
    write_report(tmp_path / 'r.html', document, collector)
    text = (tmp_path / 'r.html').read_text(encoding='utf-8')
    assert 'First divergence: timing in all commands, shown at hinge' in text


def test_what_shows_only_over_the_round_is_drawn_over_the_round(audited):
    document, collector = audited()
    verdict = document['rounds'][0]
    verdict['first_divergence'] |= {'kind': 'timing', 'element': 'joints', 'unit': 'ppm'}
    large = Figures(collector, verdict).large(0)
    assert large.count('<svg') == 2
    assert '>onset 2.000 s<' in large and '>4<' in large


@pytest.mark.parametrize('onset_s', [0.0, 3.98])
def test_what_lies_around_the_onset_ends_with_the_round(audited, onset_s):
    document, collector = audited()
    verdict = document['rounds'][0]
    verdict['first_divergence'] |= {'onset_s': onset_s, 'onset_interval_s': [onset_s] * 2, 'flagged_s': onset_s + 0.02}
    shown = re.findall(r'text-anchor="middle">([-\d.]+)<', Figures(collector, verdict).large(0))
    assert min(map(float, shown)) >= 0.0 and max(map(float, shown)) <= 4.0


def test_a_round_that_agreed_says_so_and_marks_no_onset(report):
    _, text = report(parts=False)
    assert '1 round: 1 agreed' in text and '<line class="onset"' not in text and 'Nearest to its alarm level' in text


def test_names_are_escaped(report):
    document, text = report(name='<script>alert(1)</script>', task='<img src=x>')
    assert document['rounds'][0]['task'] == '<img src=x>'
    tags = {tag for tag, _ in Tags(text).seen}
    assert not tags & {'script', 'img', 'i'} and '&lt;script&gt;' in text and '&lt;i&gt;hand' in text


def test_it_needs_no_network(report):
    _, text = report()
    assert not re.search(r'(src|href)="(?!#)|url\(|@import|https?:', text)
    assert "default-src 'none'" in text


def test_it_says_what_it_rests_on(audited, report):
    _, collector = audited()
    _, text = report()
    assert collector.binding.model_digest in text and collector.binding.profile.digest in text


def test_rounds_beyond_the_limit_are_told_but_not_drawn(report, monkeypatch):
    monkeypatch.setattr(html, 'MOST_DRAWN', 0)
    document, text = report()
    assert 'role="img"' not in text and 'Not drawn' in text and document['rounds'][0]['reason'] in text


def test_a_bag_without_rounds_still_makes_a_report(audited, tmp_path):
    document, collector = audited()
    write_report(tmp_path / 'r.html', {**document, 'rounds': []}, collector)
    assert 'No round in this bag' in (tmp_path / 'r.html').read_text(encoding='utf-8')


def test_a_place_that_cannot_be_written_is_a_sentence(audited, tmp_path):
    with pytest.raises(AuditError, match=r'missing/r\.html: cannot write the report: No such file'):
        write_report(tmp_path / 'missing' / 'r.html', *audited())
