"""The linter, the formatter and the type checker have nothing to say."""

import subprocess
import sys
from pathlib import Path

import numpy
import pytest

CHECKED_WITH = '2.4'
"""The numpy whose type stubs the code is checked against; they differ from release to release."""
ROOT = Path(__file__).parents[1]
CHECKS = {
    'lint': ('ruff', ['check', '--no-cache', '.']),
    'format': ('ruff', ['format', '--no-cache', '--check', 'transfer_audit', 'launch', 'setup.py']),
    'types': ('mypy', ['--cache-dir=/dev/null', 'transfer_audit']),
}


@pytest.mark.parametrize('name', CHECKS)
def test_nothing_to_say(name):
    module, arguments = CHECKS[name]
    pytest.importorskip(module, reason=f'{module} is not installed')
    if name == 'types' and not numpy.__version__.startswith(f'{CHECKED_WITH}.'):
        pytest.skip(f'types are checked with numpy {CHECKED_WITH}, here is {numpy.__version__}')
    done = subprocess.run([sys.executable, '-m', module, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
