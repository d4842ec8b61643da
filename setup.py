import re
from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

name = 'transfer_audit'
share = Path('share', name)
version = re.search(r"^__version__ = '(.+)'", Path(name, '__init__.py').read_text(), re.MULTILINE).group(1)

configs: dict[str, list[str]] = {}
for path in sorted(Path('config').rglob('*')):
    if path.is_file():
        configs.setdefault(str(share / path.parent), []).append(str(path))

setup(
    name=name,
    version=version,
    maintainer='transfer_audit maintainers',
    maintainer_email='maintainers@transfer-audit.example',
    packages=find_packages(exclude=['test*']),
    python_requires='>=3.10',
    install_requires=[
        'mujoco>=3.17',
        'numpy',
        'pydantic>=2',
        'pyyaml',
        'rich',
        'scipy',
        'shtab',
        'sqlalchemy>=2',
        # Bags; all but the first come with recent rosbags, and are imported here too.
        'rosbags>=0.11',
        'apsw',
        'backports.zstd; python_version < "3.14"',
        'lz4',
        'ruamel.yaml',
    ],
    extras_require={
        # For machines without ROS; a sourced ROS 2 installation brings these itself.
        'ros': [
            'ros-rclpy[fastrtps]',
            'ros-diagnostic-msgs',
            'ros-geometry-msgs',
            'ros-sensor-msgs',
            'ros-std-msgs',
            'ros-std-srvs',
            'ros-trajectory-msgs',
        ],
        # `transfer-audit bench divergence`: the peer it is held against, and the curves.
        'bench': ['matplotlib', 'river'],
        # `transfer-audit lab`: the training.
        'lab': ['cma'],
        # Ledgers on a PostgreSQL server.
        'postgres': ['psycopg[binary]'],
        # `transfer-audit ledger export --format parquet`, and `import-sim` of such a file.
        'parquet': ['pyarrow'],
        # `transfer-audit ledger export --format mlflow`; alembic for a tracking database without a server.
        'mlflow': ['alembic', 'mlflow-skinny'],
        # `transfer-audit ledger sign`.
        'sign': ['cryptography'],
        # Joint parameters are fitted by mujoco.sysid, which is silently empty without its own needs.
        'calibrate': ['mujoco[sysid]'],
        # `mkdocs build --strict`: the documentation as a site.
        'docs': ['mkdocs<2', 'mkdocs-material>=9.5,<10'],
        # launch_pytest does not start under pytest 8.4 and later; what linters say changes with their versions.
        'test': [
            'alembic',
            'cma',
            'cryptography',
            'hypothesis',
            'mcap',
            'mkdocs<2',
            'mkdocs-material>=9.5,<10',
            'mlflow-skinny',
            'mujoco[sysid]',
            'mypy==2.4.*',
            'psycopg[binary]',
            'pyarrow',
            'pytest>=7.4,<8.4',
            'ruff==0.17.*',
            'types-PyYAML',
        ],
    },
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{name}']),
        (str(share), ['package.xml']),
        (str(share / 'launch'), sorted(glob('launch/*.launch.py'))),
        *configs.items(),
        # `ros2 run` and launch_ros look here. pip would put console scripts into bin/ only, under names as common
        # as `divergence`, and colcon would tie them to the Python that built them.
        (f'lib/{name}', sorted(glob('scripts/[!_]*'))),
    ],
    entry_points={'console_scripts': ['transfer-audit = transfer_audit.cli.main:main']},
    zip_safe=True,
)
