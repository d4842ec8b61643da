"""Types come from the bag, and what a path leads to is known before the first message."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from transfer_audit.bags.blocks import Topic
from transfer_audit.bags.types import field_width, typestore_of
from transfer_audit.core.errors import BagError, FieldError, UnknownElement

RULE = '=' * 80
TACTILE = f"""float64 t
lab_msgs/Sensor[] sensors
{RULE}
MSG: lab_msgs/Sensor
geometry_msgs/Vector3[2] forces
{RULE}
MSG: geometry_msgs/Vector3
float64 x
float64 y
float64 z
"""


def bag(*topics):
    return SimpleNamespace(path=Path('bag'), topics={topic.name: topic for topic in topics})


def test_a_type_that_is_installed_nowhere():
    store = typestore_of(bag(Topic('/tactile', 'lab_msgs/msg/Tactile', 1, TACTILE)))
    assert field_width('lab_msgs/msg/Tactile', 'sensors[*].forces[*]', store, 'bag') == 3
    assert field_width('lab_msgs/msg/Tactile', 'sensors[*].forces[*].z', store, 'bag') == 1


def test_idl_definitions():
    text = f"""{RULE}
IDL: lab_msgs/msg/Tip
module lab_msgs {{
  module msg {{
    struct Tip {{
      double force;
      sequence<float> taxels;
    }};
  }};
}};
"""
    store = typestore_of(bag(Topic('/tip', 'lab_msgs/msg/Tip', 1, text)))
    assert field_width('lab_msgs/msg/Tip', 'taxels', store, 'bag') == 1


def test_a_type_that_is_declared_nowhere():
    with pytest.raises(BagError, match=r'lab_msgs/msg/Tip of /tip is declared neither in the bag nor in ROS 2'):
        typestore_of(bag(Topic('/tip', 'lab_msgs/msg/Tip', 1, '')))


def test_only_the_asked_topics_need_types():
    topics = Topic('/tip', 'lab_msgs/msg/Tip', 1, ''), Topic('/slip', 'std_msgs/msg/Float64', 1, '')
    store = typestore_of(bag(*topics), ['/slip'])
    assert 'std_msgs/msg/Float64' in store.fielddefs and 'std_msgs/msg/String' not in store.fielddefs
    with pytest.raises(UnknownElement, match='/slip'):
        typestore_of(bag(*topics), ['/slop'])


def test_a_definition_without_its_parts():
    with pytest.raises(BagError, match=r'\(/tip\) lacks lab_msgs/msg/Sensor'):
        typestore_of(bag(Topic('/tip', 'lab_msgs/msg/Tip', 1, 'lab_msgs/Sensor sensor\n')))


def test_a_definition_that_is_none():
    with pytest.raises(BagError, match=r'the definition of lab_msgs/msg/Tip \(/tip\) cannot be read'):
        typestore_of(bag(Topic('/tip', 'lab_msgs/msg/Tip', 1, 'float64[ 3\n')))


def test_two_definitions_of_one_type():
    one, two = (Topic(name, 'lab_msgs/msg/Tip', 1, f'{kind} x\n') for name, kind in (('/a', 'int8'), ('/b', 'int16')))
    with pytest.raises(BagError, match='/b declares lab_msgs/msg/Tip differently'):
        typestore_of(bag(one, two))


@pytest.mark.parametrize(
    ('kind', 'field', 'width'),
    [
        ('sensor_msgs/msg/JointState', 'position', 1),
        ('geometry_msgs/msg/WrenchStamped', 'wrench.force', 3),
        ('geometry_msgs/msg/WrenchStamped', 'wrench', 6),
        ('geometry_msgs/msg/PoseStamped', 'pose', 7),
        ('trajectory_msgs/msg/JointTrajectory', 'points[0].positions', 1),
        ('geometry_msgs/msg/PoseArray', 'poses', 7),
        ('geometry_msgs/msg/PoseArray', 'poses[*].position', 3),
        ('std_msgs/msg/Bool', 'data', 1),
    ],
)
def test_width_of_an_entry(ros, kind, field, width):
    assert field_width(kind, field, ros.store, 'bag') == width


@pytest.mark.parametrize(
    ('field', 'sentence'),
    [
        ('positon', "no field 'positon' in sensor_msgs/msg/JointState; did you mean 'position'"),
        ('name', 'leads to text'),
        ('header', 'leads to text'),
        ('header[0]', "'header' in 'header\\[0\\]' is no array"),
        ('position.x', "no field 'x' in what is not a message"),
    ],
)
def test_a_path_to_nowhere(ros, field, sentence):
    with pytest.raises(FieldError, match=sentence):
        field_width('sensor_msgs/msg/JointState', field, ros.store, 'bag /joints')
