"""What each key of a profile means, for people: `MEANINGS[part][key]` is its unit ('' if none) and one sentence."""

from __future__ import annotations

from collections.abc import Mapping

Meanings = Mapping[str, tuple[str, str]]

_SOURCE: Meanings = {
    'topic': ('', 'a relative name means, in a bag, the one topic that ends with it'),
    'type': ('', 'any message type, as `package/msg/Name`'),
    'field': ('', 'path into the message; `[*]` walks an array, `[0]` takes one entry: `sensors[*].forces[*].z`'),
    'stamp': ('', '`header`, `receive`, or the path to a time field (a Time, float seconds or integer nanoseconds)'),
    'elements': ('', 'name, or position, of each entry in the message, and what of the model it is'),
    'scale': ('', 'value = raw × scale + offset, in model units; one number for all or one for each element'),
    'offset': ('', 'see scale; in model units'),
}

MEANINGS: Mapping[str, Meanings] = {
    'Profile': {
        'hand': ('', 'a name, for reports and the ledger'),
        'model': ('', 'MJCF or URDF, relative to this file'),
        'clock': ('', 'the clock on which both sides are compared'),
        'command': ('', 'what really reaches the hand'),
        'channels': ('', 'what is measured, by names of your choice; `kind` decides how each is compared'),
        'family': ('', 'what could plausibly vary in the real system, and only that'),
        'resync': ('', 'when the shadow is put on the real joints'),
        'false_alarms_per_hour': ('1/h', 'over all elements together; all thresholds follow from it'),
        'gate': ('', 'budgets of the safety gate'),
        'round': ('', 'where rounds come from'),
        'ledger': ('', 'the ledger of a live pilot: a file or the URL of a server'),
        'provenance': ('', 'where the numbers are from, in any form; written by `calibrate`, read by no stage'),
    },
    'Clock': {
        'rate_hz': ('Hz', 'rows that are compared in a second; a whole number of physics steps each'),
        'hold_back_s': ('s', 'how long after its stamp a message may arrive; later ones are counted, not used'),
        'max_gap_s': ('s', 'a longer silence is a finding of timing and is not interpolated'),
    },
    'Command': {
        **_SOURCE,
        'elements': ('', 'name, or position, of each entry in the message, and its actuator in the model'),
        'speed': ('', 'for hands that move at a commanded speed'),
    },
    'Speed': {
        'field': ('', 'path to the commanded speeds, in the order of the positions'),
        'scale': ('', 'message units per second and unit of commanded speed'),
        'limit': ('', 'the commanded speed above which the hand gets no faster'),
    },
    'Channel': {
        **_SOURCE,
        'elements': ('', 'name, or position, of each entry, and its joint, body, geom, site or sensor in the model'),
        'kind': ('', 'how it is compared'),
        'unit': ('', 'pose: rad or m; force: N or N*m; slip: m/s'),
        'noise': ('unit', 'standard deviation of the measurement, above 0'),
        'tolerance': ('unit', 'a difference that does not matter; also what counts as a touch, or as slip'),
        'component': ('', 'of forces with three components: the norm, or one of them'),
        'interpolation': ('', '`hold` for flags and registers that stand between two updates'),
        'floor': ('N', 'slip only: below this normal force two bodies slide past each other without bearing a load'),
        'required': ('', 'false: may be missing; its elements are then unaudited and its silence is no finding'),
        'noise_correlation_s': ('s', 'the time over which the noise stays alike (filtered sensors); 0: white'),
        'source': ('', '`commanded`: an effort that nobody measures; it guards nothing'),
        'angle_noise': ('rad', 'the noise of the turning angle of a body'),
        'angle_tolerance': ('rad', 'the tolerance of the turning angle of a body'),
    },
    'FamilySpec': {
        'members': ('', 'simulations that run side by side'),
        'seed': ('', 'the same seed draws the same members'),
        'parameters': ('', 'what varies, by names of your choice'),
    },
    'Parameter': {
        'field': ('', 'a field that MuJoCo can vary per simulation, or `actuator_kp`, `actuator_kv`'),
        'channel': ('', 'instead of a field: the channel whose noise varies'),
        'select': ('', 'names of the objects that it applies to, with `*`'),
        'columns': ('', 'which columns of the field, as `geom_friction` has three'),
        'range': ('', 'the lowest and the highest value'),
        'scale': ('', '`relative`: factors on what the model says, drawn on a logarithmic scale'),
    },
    'Resync': {
        'on_round_start': ('', 'at the start of each round'),
        'horizon_s': ('s', 'and every so often; null: never within a round'),
    },
    'GateSpec': {
        'position_limits': ('model', 'lowest and highest command of an actuator, inside the range of the model'),
        'speed_budget': ('model/s', 'the fastest change of a command; one number, or one for each actuator'),
        'acceleration_budget': ('model/s²', 'how fast speed may build up; stopping is never limited'),
        'ease_in_s': ('s', 'after a hold, the time of the smooth course back to what the policy asks for'),
        'force_budget': ('N', 'the highest force of an element of a force channel'),
        'force_rate_budget': ('N/s', 'the steepest rise of a force in contact'),
        'latency_s': ('s', 'from a command to the motion it causes; null: estimated from the joints that follow'),
        'failure_budget': ('', 'failed rounds in a row before a latched stop'),
        'trip_budget': ('', 'trips in one round before a latched stop; null: not counted'),
        'stale_s': ('s', 'a side that is silent for longer is held'),
        'age_limits': ('', 'the same for one side each'),
        'clock_step_s': ('s', 'a larger step or standstill of ROS time is held; null: `stale_s`'),
        'keep_alive_hz': ('Hz', 'how often a held command is sent again, for drivers that need it; 0: not'),
        'hold': ('', 'what a hold sends; null: servos keep their target, velocity and torque actuators go to zero'),
        'damping': ('', 'control per joint speed, of actuators that are held by `damping`'),
        'back_off': ('', 'opens the hand while a measured force stays over its budget'),
        'cut': ('', 'what is left of the budgets after a divergence'),
        'unrecorded': ('', 'what happens to commands while rounds cannot be recorded'),
    },
    'AgeLimits': {
        'policy': ('s', 'commands'),
        'joints': ('s', 'pose channels that the gate needs'),
        'force': ('s', 'forces that have a budget'),
        'divergence': ('s', 'the comparison; only waited for if it has a limit'),
    },
    'BackOff': {
        'after_s': ('s', 'how long a force may be measured over its budget'),
        'speed': ('model/s', 'how fast the hand is opened'),
    },
    'Cut': {
        'force': ('', 'after a divergence of force'),
        'pose': ('', 'after a divergence of pose'),
        'slip': ('', 'after a divergence of slip'),
        'timing': ('', 'after a divergence of timing'),
        'restore_after_rounds': ('', 'rounds in a row that agree before the budgets come back'),
    },
    'Shares': {
        'force': ('', 'share of the force budgets that is left'),
        'speed': ('', 'share of the speed budgets that is left'),
    },
    'RoundSpec': {
        'topic': ('', 'a new value starts a round, an empty one ends it; null: services, or the whole bag'),
        'type': ('', 'its message type'),
        'field': ('', 'path to the text'),
        'required': ('', 'false: a bag without the topic is one round'),
    },
}
