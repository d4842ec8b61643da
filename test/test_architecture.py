"""The house stands as it was drawn: who may import whom, and what every executable starts."""

import ast
import os
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import transfer_audit

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / 'transfer_audit'
CORE = sorted((PACKAGE / 'core').rglob('*.py'))
LAUNCHERS = sorted(path for path in (ROOT / 'scripts').iterdir() if not path.name.startswith('_'))

MAY_IMPORT = {
    'core': {'core'},
    'ledger': {'core', 'ledger'},
    'bags': {'core', 'ledger', 'bags'},
    'report': {'core', 'ledger', 'bags', 'report'},
    'lab': {'core', 'ledger', 'bags', 'report', 'lab'},
    'nodes': {'core', 'ledger', 'bags', 'nodes'},
}
THIRD_PARTY_OF_CORE = {'numpy', 'scipy', 'mujoco', 'pydantic', 'pydantic_core', 'yaml'}
CLOCKS = {'time', 'datetime', 'sched', 'timeit', 'asyncio', 'threading', 'signal'}
NOT_IN_CORE = CLOCKS | {'argparse', 'sqlite3', 'logging', 'socket', 'subprocess', 'multiprocessing', 'random'}


def imports(path):
    """Every module a file imports, dotted, wherever in the file; names of `from` imports are added to their module."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: relative import'
            found |= {f'{node.module}.{alias.name}' for alias in node.names}
    return found


def tops(path):
    return {name.partition('.')[0] for name in imports(path)}


def parts(path):
    """The folders of this package that a file imports from."""
    own = (name.split('.') for name in imports(path))
    return {name[1] for name in own if name[0] == 'transfer_audit' and len(name) > 1 and (PACKAGE / name[1]).is_dir()}


def test_the_walk_sees_the_package():
    assert len(CORE) > 15 and len(LAUNCHERS) >= 6
    assert 'mujoco' in tops(PACKAGE / 'core' / 'family.py') and parts(PACKAGE / 'bags' / 'audit.py') == {'core', 'bags'}


@pytest.mark.parametrize('path', CORE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_core_imports_only_numbers_models_and_the_standard_library(path):
    for name in tops(path) - {'transfer_audit'}:
        assert name in THIRD_PARTY_OF_CORE or name in sys.stdlib_module_names, name
        assert name not in NOT_IN_CORE, f'{name} has no place in core'
    assert parts(path) <= {'core'}


@pytest.mark.parametrize('path', CORE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_core_asks_no_clock_starts_no_thread_and_prints_nothing(path):
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {'print', 'input', 'exit', 'sys.exit', 'exec', 'eval'}, called
            assert not re.search(r'\b(now|today|time_ns|monotonic|perf_counter|sleep)$', called) or '.' not in called


@pytest.mark.parametrize('folder', MAY_IMPORT)
def test_imports_point_one_way(folder):
    for path in (PACKAGE / folder).rglob('*.py'):
        assert parts(path) <= MAY_IMPORT[folder], path


def test_nothing_but_the_nodes_and_what_starts_them_knows_ros():
    for path in PACKAGE.rglob('*.py'):
        folder = path.relative_to(PACKAGE).parts[0]
        if folder in ('core', 'ledger', 'bags', 'report', 'lab'):
            assert not tops(path) & {'rclpy', 'launch', 'launch_ros', 'sensor_msgs', 'std_msgs'}, path


def test_every_import_of_the_package_exists():
    for path in PACKAGE.rglob('*.py'):
        for name in imports(path):
            if name.startswith('transfer_audit.'):
                steps = name.split('.')[1:]
                found = any(
                    (PACKAGE.joinpath(*steps[:n]).with_suffix('.py')).is_file() or PACKAGE.joinpath(*steps[:n]).is_dir()
                    for n in (len(steps), len(steps) - 1)
                    if n
                )
                assert found or steps == ['__version__'], f'{path}: {name}'


@pytest.mark.parametrize('launcher', LAUNCHERS, ids=lambda path: path.name)
def test_every_launcher_starts_a_module_with_a_main(launcher):
    assert launcher.is_symlink() and launcher.resolve() == (ROOT / 'scripts' / '_start').resolve()
    module = (
        PACKAGE / 'cli' / 'main.py' if launcher.name == 'transfer-audit' else PACKAGE / 'nodes' / f'{launcher.name}.py'
    )
    functions = [node.name for node in ast.parse(module.read_text()).body if isinstance(node, ast.FunctionDef)]
    assert 'main' in functions


@pytest.mark.parametrize('launcher', LAUNCHERS, ids=lambda path: path.name)
def test_every_launcher_is_executable(launcher):
    assert os.access(launcher, os.X_OK) and launcher.stat().st_mode & 0o111 == 0o111
    assert launcher.read_text().startswith('#!')


def test_every_node_with_a_main_has_a_launcher():
    names = {path.name for path in LAUNCHERS}
    for path in (PACKAGE / 'nodes').glob('*.py'):
        body = ast.parse(path.read_text()).body
        if any(isinstance(node, ast.FunctionDef) and node.name == 'main' for node in body):
            assert path.stem in names, f'{path.name} cannot be started'


def test_the_version_is_the_same_everywhere():
    manifest = ElementTree.parse(ROOT / 'package.xml').getroot()
    assert transfer_audit.__version__ == manifest.findtext('version')
    assert manifest.findtext('name') == 'transfer_audit'


def test_the_resource_index_marks_the_package():
    assert (ROOT / 'resource' / 'transfer_audit').is_file()
