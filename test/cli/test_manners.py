"""Manners of every verb: help with examples, one sentence for a mistake, silence when asked, no colour in a pipe."""

import re
import subprocess
import sys

import pytest

from transfer_audit.cli.main import ALOUD, VERBS, main, parser
from transfer_audit.cli.manners import inner
from transfer_audit.cli.progress import Eta

TOP = parser()


def walk(part, words=()):
    yield words, part
    for name, sub in inner(part).items():
        yield from walk(sub, (*words, name))


EVERY = dict(walk(TOP))
MISTAKES = {
    ('audit',): ('{bag}', '--profile', '{none}.yaml'),
    ('calibrate',): ('{none}', '--profile', '{profile}'),
    ('demo',): ('--rounds', '0'),
    ('watch',): ('--bag', '{none}', '--profile', '{profile}'),
    ('profile', 'new'): ('--model', '{none}.xml'),
    ('profile', 'check'): ('{none}.yaml',),
    ('family', 'coverage'): ('{none}', '--profile', '{profile}'),
    ('family', 'propose'): ('{none}', '--profile', '{profile}'),
    ('ledger', 'list'): ('--ledger', '{none}.db'),
    ('ledger', 'show'): ('1', '--ledger', '{none}.db'),
    ('ledger', 'template'): ('--profile', '{none}.yaml'),
    ('ledger', 'add'): ('{none}.yaml', '--ledger', '{folder}/new.db'),
    ('ledger', 'case'): ('1', '--ledger', '{none}.db'),
    ('ledger', 'gaps'): ('--ledger', '{none}.db'),
    ('ledger', 'import-sim'): ('{none}.csv', '--ledger', '{folder}/new.db'),
    ('ledger', 'bags'): ('--ledger', '{none}.db'),
    ('ledger', 'verify'): ('--ledger', '{none}.db'),
    ('ledger', 'recover'): ('--ledger', '{none}.db'),
    ('ledger', 'sign'): ('--key', '{none}.pem', '--ledger', '{none}.db'),
    ('ledger', 'sync'): ('--to', '{folder}/new.db', '--ledger', '{none}.db'),
    ('ledger', 'export'): ('--ledger', '{none}.db'),
    ('regress',): ('{none}', '--profile', '{profile}'),
    ('lab',): ('--out', '{folder}'),
}


@pytest.mark.parametrize('words', EVERY, ids=' '.join)
def test_help_shows_examples_that_the_parser_takes(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*words, '--help'])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    lines = [line.strip() for line in shown.partition('examples:')[2].splitlines()]
    examples = [line.partition('  #')[0] for line in lines if line.startswith(' '.join(['transfer-audit', *words[:1]]))]
    assert examples, shown
    for example in examples:
        if not words or example.split()[1] == 'VERB':
            continue
        verb = re.split(r'[>|)]', example)[0].split()[1:]
        TOP.parse_args(verb)


def test_every_verb_has_a_mistake_in_this_test():
    missing = {words for words, part in EVERY.items() if not inner(part)} - set(MISTAKES)
    assert all(words[0] in ('bench', 'completion') for words in missing if words), missing


@pytest.mark.parametrize('words', MISTAKES, ids=' '.join)
def test_a_mistake_is_a_sentence_and_exit_code_2(words, refuses, fingers, recorder, tmp_path):
    places = {'none': tmp_path / 'nowhere', 'profile': fingers.path, 'folder': tmp_path, 'bag': tmp_path / 'no_bag'}
    complaint = refuses(*words, *(word.format(**places) for word in MISTAKES[words]))
    assert 'Traceback' not in complaint and len(complaint.splitlines()[0]) < 400


def test_what_cannot_be_read_comes_with_a_next_step(refuses, fingers, tmp_path):
    assert '; next: ' in refuses('audit', tmp_path / 'nowhere', '--profile', fingers.path)
    assert 'profile check' in refuses('profile', 'check', fingers.write(clock={'rate': 100}))


def test_every_verb_that_prints_findings_can_be_quiet():
    for words, part in EVERY.items():
        if words and words[0] not in ALOUD and not inner(part):
            assert '--quiet' in part._option_string_actions, words


def test_quiet_prints_nothing_but_keeps_the_exit_code_and_the_json(call, fingers, recorder):
    assert call('profile', 'check', fingers.path, '--quiet') == (0, '', '')
    code, out, _ = call('audit', recorder.bag(), '--profile', fingers.path, '--json', '-', '--quiet', '--jobs', 1)
    assert code in (0, 1) and out.startswith('{')


@pytest.mark.parametrize('shell', ['bash', 'zsh', 'fish'])
def test_completion_knows_every_verb(call, shell):
    pytest.importorskip('shtab')
    code, out, _ = call('completion', shell)
    assert code == 0 and all(verb in out for verb in VERBS) and '--profile' in out


def test_the_completion_of_bash_is_bash(call, tmp_path):
    pytest.importorskip('shtab')
    script = tmp_path / 'completion.sh'
    script.write_text(call('completion', 'bash')[1])
    assert subprocess.run(['bash', '-n', script]).returncode == 0


@pytest.mark.parametrize('more', [{}, {'NO_COLOR': '1', 'FORCE_COLOR': ''}])
def test_a_pipe_gets_no_colour(fingers, more, monkeypatch):
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    words = [sys.executable, '-m', 'transfer_audit.cli.main', 'profile', 'new', '--model', fingers.model, '--to', '-']
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0 and '\x1b' not in done.stdout + done.stderr


def test_a_reader_that_goes_away_is_no_error(fingers):
    words = f'{sys.executable} -m transfer_audit.cli.main completion zsh | head -n 1'
    done = subprocess.run(['bash', '-c', words], capture_output=True, text=True)
    assert 'Traceback' not in done.stderr and 'BrokenPipe' not in done.stderr


def test_the_time_left_follows_from_the_parts_done():
    now = iter([0.0, 10.0, 20.0])
    eta = Eta(lambda: next(now))
    assert eta.left('reading') == '' and eta.left('round 1 of 4') == ''
    assert eta.left('round 2 of 4') == ', about 20 s left'
    assert eta.left('round 4 of 4') == ''
