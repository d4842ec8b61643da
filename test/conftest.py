"""What all tests share: nothing of them is heard outside of this machine."""

import os

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
