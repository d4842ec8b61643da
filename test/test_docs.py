"""The documentation can be followed: links lead somewhere, command lines parse, profiles are read, the site builds."""

import ast
import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from transfer_audit.cli.main import parser
from transfer_audit.core.binding import open_hand
from transfer_audit.core.profile import read_profile, schema
from transfer_audit.core.profile.meanings import MEANINGS
from transfer_audit.core.profile.schema import OWN, Part
from transfer_audit.core.verdict import SCHEMA

ROOT = Path(__file__).parents[1]
DOCS = ROOT / 'docs'
PAGES = [ROOT / 'README.md', *sorted(DOCS.rglob('*.md'))]
SITE = ROOT / 'tools' / 'site'
NOT_TYPED = re.compile(r'^(<|\||>|&&|&|2>|#|\))')
"""Where a command of ours ends in a longer line of the shell."""


def page_name(path):
    return str(path.relative_to(ROOT))


def site(name):
    """A module of the site's generator, which imports its neighbours."""
    sys.path.insert(0, str(SITE))
    try:
        spec = importlib.util.spec_from_file_location(name, SITE / f'{name}.py')
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SITE))
    return module


def blocks(path, *languages):
    """The fenced blocks of a page in one of some languages."""
    found = re.findall(r'^```(\w*)\n(.*?)^```$', path.read_text(encoding='utf-8'), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


def anchors(path):
    """The headings of a page as links name them."""
    text = re.sub(r'^```.*?^```$', '', path.read_text(encoding='utf-8'), flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r'^#+ (.*)$', text, re.MULTILINE)
    return {re.sub(r'[\s-]+', '-', re.sub(r'[^\w\s-]', '', head.replace('`', '')).strip().lower()) for head in heads}


@pytest.mark.parametrize('path', PAGES, ids=page_name)
def test_every_relative_link_and_image_leads_somewhere(path):
    text = re.sub(r'```.*?```|`[^`\n]*`', '', path.read_text(encoding='utf-8'), flags=re.DOTALL)
    for link in re.findall(r'\]\(([^)\s]+)\)', text):
        if re.match(r'[a-z]+:', link):
            continue
        target, _, anchor = link.partition('#')
        place = (path.parent / target).resolve() if target else path
        assert place.is_file(), f'{path.name}: {link}'
        if anchor:
            assert anchor in anchors(place), f'{path.name}: no heading {anchor} in {place.name}'


def commands(text):
    """The arguments of each call of transfer-audit in a text of the shell, or in a line of prose."""
    for line in text.replace('\\\n', ' ').splitlines():
        for start in re.finditer(r'(?:^|[\s`/])transfer-audit ', line):
            words = []
            for word in shlex.split(line[start.end() :], comments=True):
                if NOT_TYPED.match(word):
                    break
                words.append(word.rstrip(';'))
            yield words


def told(path):
    """The command lines of a page: those of its blocks, and those in its text that are more than the name of a verb."""
    text = path.read_text(encoding='utf-8')
    for block in blocks(path, 'bash', 'sh'):
        yield from commands(block)
    for code in re.findall(r'`(transfer-audit [^`\n]+)`', re.sub(r'^```.*?^```$', '', text, flags=re.M | re.S)):
        words = shlex.split(code)[1:]
        if any(word.startswith('-') for word in words) and not any(word in ('…', '…]') for word in words):
            yield words


@pytest.mark.parametrize('path', PAGES, ids=page_name)
def test_every_command_line_parses(path, capsys):
    for words in told(path):
        try:
            parser().parse_args(words)
        except SystemExit as error:
            assert not error.code, f'{path.name}: transfer-audit {" ".join(words)}: {capsys.readouterr().err}'


def test_the_pages_do_tell_command_lines():
    assert sum(len(list(told(path))) for path in PAGES) > 40


def whole(raw):
    """A profile out of a piece of one: what is missing stands in."""
    command = {'topic': 'c', 'type': 'std_msgs/msg/Float64MultiArray', 'field': 'data', 'elements': {0: 'a'}}
    return {'hand': 'some', 'model': 'some.xml', 'command': command, **raw}


@pytest.mark.parametrize('path', [page for page in PAGES if page.parent.name == 'hands'], ids=page_name)
def test_every_profile_of_a_hand_is_read_without_a_problem(path, tmp_path):
    for number, text in enumerate(blocks(path, 'yaml')):
        file = tmp_path / f'{number}.yaml'
        raw = yaml.safe_load(text)
        file.write_text(text if 'hand' in raw else yaml.safe_dump(whole(raw)), encoding='utf-8')
        profile, problems = read_profile(file)
        assert profile is not None and not problems, '\n'.join(problems)


@pytest.mark.parametrize('path', PAGES, ids=page_name)
def test_python_is_python(path):
    for text in blocks(path, 'python'):
        ast.parse(text)


def said():
    """Every text in the package; what is put into an f-string is `…`."""
    for path in (ROOT / 'transfer_audit').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.JoinedStr):
                yield ''.join(part.value if isinstance(part, ast.Constant) else '…' for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_troubleshooting_quotes_what_the_program_says():
    ours = '\n'.join(said())
    table = re.split(r'^## Installation', (DOCS / 'troubleshooting.md').read_text(encoding='utf-8'), flags=re.M)[0]
    quoted = [code for row in re.findall(r'^\| (.*?) \|', table, re.M) for code in re.findall(r'`([^`]+)`', row)]
    pieces = [piece.strip(' :;()') for code in quoted for piece in code.split('…')]
    strange = [piece for piece in pieces if ' ' in piece and piece not in ours]
    assert strange == ['CDR message size mismatch'] and len(pieces) > 40


PARTS = [part for part in vars(schema).values() if isinstance(part, type) and issubclass(part, Part) and part != Part]


@pytest.mark.parametrize('part', [part for part in PARTS if part.__name__ != 'Source'])
def test_every_key_of_a_profile_has_a_meaning(part):
    assert set(MEANINGS[part.__name__]) == set(part.model_fields) - set(OWN)
    assert all(meaning for _, meaning in MEANINGS[part.__name__].values())


def test_the_generated_pages_say_what_the_code_has():
    verbs = site('cli_page').pages()
    assert 'usage: transfer-audit audit' in verbs['audit'] and '--report' in verbs['audit']
    assert '| `rate_hz` | number > 0 | Hz | `100.0` |' in site('profile_page').page()
    topics = site('topics_page')
    assert 'diagnostic_msgs/msg/DiagnosticStatus' in topics.page()
    offered = set()
    for node in ('ledger_writer', 'safety_gate'):
        source = (ROOT / 'transfer_audit' / 'nodes' / f'{node}.py').read_text()
        offered |= topics.services_in(source)
        assert all(name.rpartition('/')[2] in source for name, _, by, _ in topics.SERVICES if by == node)
    assert offered <= {name for name, *_ in topics.SERVICES}
    assert 'audit_recording' in site('python_page').page()
    ast.parse(site('python_page').EXAMPLE)


def test_the_example_of_a_verdict_is_one_and_every_key_of_it_is_explained():
    page = site('verdict_page')
    example = json.loads(page.EXAMPLE.read_text(encoding='utf-8'))
    assert example['schema'] == SCHEMA and example['rounds'][0]['verdict'] == 'diverged'
    assert set(page.keys(example)) == page.KEYS.keys() and '"first_divergence"' in page.page()


def test_the_site_builds_without_a_warning_and_asks_no_network(tmp_path):
    pytest.importorskip('mkdocs', reason='mkdocs is not installed (pip install transfer_audit[docs])')
    pytest.importorskip('material', reason='mkdocs-material is not installed (pip install transfer_audit[docs])')
    done = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--quiet', '--site-dir', str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for file in tmp_path.rglob('*.html'):
        asked = re.findall(r'<(?:script|link|img|iframe)\b[^>]*(?:src|href)="(https?://[^"]+)"', file.read_text())
        assert not asked, f'{file.name}: {asked}'


INSPIRE = ROOT.parent / 'shared' / 'data' / 'rh56' / 'model' / 'inspire_right.xml'


@pytest.mark.skipif(not INSPIRE.is_file(), reason='the model of the Inspire hand is not here')
def test_the_profiles_of_the_inspire_hand_fit_its_model(tmp_path):
    for number, text in enumerate(blocks(DOCS / 'hands' / 'inspire.md', 'yaml')):
        if 'hand:' in text:
            (tmp_path / f'{number}.yaml').write_text(text, encoding='utf-8')
            binding = open_hand(tmp_path / f'{number}.yaml', INSPIRE)
            assert len(binding.command.actuators) == 6
